/** docs/API.md: what its tables say in C, C++ and TypeScript compiles against what there is, and all that there is is told. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { projectRoot } from '../../ts/project/index.js'

type Language = 'C' | 'C++' | 'TypeScript'

interface Said {
  readonly section: string
  readonly code: string
}

const text = readFileSync(join(projectRoot(), 'docs/API.md'), 'utf8')
const header = readFileSync(join(projectRoot(), 'native/client/gshm.h'), 'utf8')

/** The code in the columns of that language. */
function said(language: Language): Said[] {
  const found: Said[] = []
  let section = ''
  let column: number | undefined // -1: not in this table
  for (const line of text.split('\n')) {
    if (line.startsWith('## ')) section = line.slice(3)
    const cells = line.split('|').map((cell) => cell.trim())
    if (!line.startsWith('|')) column = undefined
    else if (column === undefined) column = cells.indexOf(language)
    else if (column >= 0)
      for (const [, code] of cells[column]!.matchAll(/`([^`]+)`/g)) found.push({ section, code: code! })
  }
  return found
}

/** `x = f()` has an x of its own. */
const ASSIGNED = /^(\w+) = (.*)$/

const C = {
  names: `
    static gshm *g; static gshm_segment *s; static gshm_mutex *m; static gshm_key key, condition, mutex;
    static gshm_addr address, block; static void *at, *view, *pointer; static const char *name, *socket;
    static uint64_t size, offset, length, number, most; static int64_t timeout, nanoseconds, delta, before;
    static uint32_t *word, expected, count, units; static gshm_stat_t out;`,
  options: (section: string) => (section === 'Heap' ? 'gshm_alloc_options options;' : 'gshm_options options;'),
  declare: '__auto_type',
  command: ['gcc', '-std=gnu17', '-x', 'c', '-Werror'],
  include: '#include <errno.h>\n#include <gshm.h>',
}
const CXX = {
  names: `
    using T = int; gshm::process p; gshm::segment &s = *(gshm::segment *)0; gshm::view &v = *(gshm::view *)0;
    gshm::mutex &m = *(gshm::mutex *)0, &n_ = m; gshm::shared_mutex &rw = *(gshm::shared_mutex *)0;
    gshm::condition_variable &c = *(gshm::condition_variable *)0; gshm::semaphore &u = *(gshm::semaphore *)0;
    gshm::barrier &b = *(gshm::barrier *)0; gshm::word &w = *(gshm::word *)0; gshm::key key(1); gshm::error e;
    std::unique_lock<gshm::mutex> lock; auto predicate = [] { return true; }; auto time = std::chrono::seconds(1);
    auto end = std::chrono::steady_clock::now(); gshm_addr address, block; void *at, *pointer; std::string name, socket;
    std::uint64_t size, offset, length, most; std::int64_t delta; std::uint32_t expected, count, units, *word; T *t, argument;`,
  options: (section: string) =>
    (section === 'Heap' ? 'gshm_alloc_options options;' : 'gshm_options options;') +
    (section === 'Mutexes' ? 'gshm::mutex &n = n_;' : 'gshm::counter &n = *(gshm::counter *)0;'),
  declare: 'auto',
  command: ['g++', '-std=c++17', '-x', 'c++'],
  include: '#include <gshm.hpp>\n#include <shared_mutex>',
}

/** What the compiler has against it, by what was said. */
function complaints(language: 'C' | 'C++'): string[] {
  const { names, options, declare, command, include } = language === 'C' ? C : CXX
  const spans = said(language)
  const statements = spans.map(({ section, code }) => {
    const statement = code.replace(ASSIGNED, `${declare} $1 = $2`)
    return `{ ${options(section)} { ${statement}; } }`
  })
  const before = `${include}\nvoid all(void) {${names.replaceAll('\n', ' ')}`
  const source = `${before}\n${statements.join('\n')}\n}\n`
  const first = before.split('\n').length + 1
  const include_ = `-I${join(projectRoot(), 'native/client')}`
  const args = [...command.slice(1), '-fsyntax-only', '-fno-diagnostics-show-caret', '-w', include_, '-']
  const { status, stderr } = spawnSync(command[0]!, args, { input: source, encoding: 'utf8' })
  const found = [...stderr.matchAll(/^<stdin>:(\d+):\d+: error: (.*)$/gm)].map(([, line, what]) => {
    const of = spans[Number(line) - first]
    return of === undefined ? `${what}` : `${of.section}: ${of.code}: ${what}`
  })
  return status !== 0 && found.length === 0 ? [stderr] : found
}

for (const language of ['C', 'C++'] as const) {
  t.test(`${language}: every call in the tables of API.md compiles`, async (t) => {
    t.ok(said(language).length > 50, 'there are many')
    t.same(complaints(language), [])
  })
}

t.test('C: every function of gshm.h is in API.md', async (t) => {
  const functions = [...header.matchAll(/^GSHM_API [^;(]*?(\w+)\(/gm)].map(([, name]) => name!)
  t.ok(functions.length > 40, 'there are many')
  t.same(
    functions.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)),
    [],
  )
})

const FILE = join(projectRoot(), 'test/house/api-md.ts')
const NAMES = `import {
  type AllocOptions, type AttachOptions, attach, type Condition, type Counter, type CreateOptions, type Gshm, type GshmError,
  type Held, type HeldRwLock, type Key, type MapOptions, type Mutex, type RwLock, type Segment, type Semaphore, type View,
  type WaitOptions } from '../../ts/index.js'
declare const g: Gshm, s: Segment, v: View, m: Mutex, rw: RwLock, u: Semaphore, c: Condition, n: Counter, error: GshmError
declare const held: Held & HeldRwLock, key: Key, name: string, socket: string, signal: AbortSignal
declare const address: bigint, place: bigint, block: bigint
declare const size: number, offset: number, length: number, most: number, timeoutMs: number
declare const units: number, delta: number, expected: number, count: number
declare const options: WaitOptions & CreateOptions & AllocOptions
type Literal = Partial<WaitOptions & CreateOptions & AllocOptions & MapOptions & AttachOptions & { at: bigint }>
`

function statement(code: string): string {
  if (/^(await )?using /.test(code)) return code
  if (code.startsWith('{')) return `const o: Literal = ${code}`
  return ASSIGNED.test(code) ? code.replace(ASSIGNED, 'const $1 = $2') : `;(${code})`
}

const spans = said('TypeScript')
const source = [NAMES, ...spans.map(({ code }) => `async () => { ${statement(code)} }`), 'void attach'].join('\n')
const config = ts.readConfigFile(join(projectRoot(), 'tsconfig.json'), (file) => ts.sys.readFile(file))
const parsed = ts.parseJsonConfigFileContent({ ...config.config, include: [], files: [FILE] }, ts.sys, projectRoot())
const settings: ts.CompilerOptions = { ...parsed.options, noEmit: true }
delete settings.incremental
delete settings.tsBuildInfoFile
const host = ts.createCompilerHost(settings)
const program = ts.createProgram([FILE], settings, {
  ...host,
  fileExists: (file) => file === FILE || host.fileExists(file),
  readFile: (file) => (file === FILE ? source : host.readFile(file)),
  getSourceFile: (file, version) =>
    file === FILE ? ts.createSourceFile(file, source, version, true) : host.getSourceFile(file, version),
})

t.test('TypeScript: every call in the tables of API.md compiles', async (t) => {
  t.ok(spans.length > 50, 'there are many')
  const file = program.getSourceFile(FILE)!
  const wrong = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
  t.same(
    wrong.map(({ start, messageText }) => {
      const span = spans[file.getLineAndCharacterOfPosition(start!).line + 1 - NAMES.split('\n').length]
      return `${span?.section}: ${span?.code}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    }),
    [],
  )
})

t.test('TypeScript: every public member of the classes that ts/index.ts exports is in API.md', async (t) => {
  const checker = program.getTypeChecker()
  const index = program.getSourceFile(join(projectRoot(), 'ts/index.ts'))!
  const untold: string[] = []
  for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(index)!)) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    if (!(symbol.flags & ts.SymbolFlags.Class) || symbol.name === 'GshmError') continue
    for (const { name, valueDeclaration } of checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
      const flags = valueDeclaration === undefined ? 0 : ts.getCombinedModifierFlags(valueDeclaration)
      if (
        name.startsWith('#') ||
        name.startsWith('__') ||
        flags & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)
      )
        continue
      if (!new RegExp(`\\b${name}\\b`).test(text)) untold.push(`${symbol.name}.${name}`)
    }
  }
  t.same(untold, [])
})
