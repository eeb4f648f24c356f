import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { buildDir, projectRoot } from '../../ts/project/index.js'
import { hasCommand, skipUnless } from '../support/skip.js'

interface BuildList {
  include: string[]
  addon: string[]
  libgshm: string[]
  compat: string[]
  parmacs: string[]
  parmacs_static: string[]
  keeper: string[]
  testbed: string[]
  programs: Record<string, string[]>
}

const list = JSON.parse(readFileSync(join(projectRoot(), 'native/build.json'), 'utf8')) as BuildList
const listed = [
  ...list.addon,
  ...list.libgshm,
  ...list.compat,
  ...list.parmacs,
  ...list.parmacs_static,
  ...list.keeper,
  ...list.testbed,
  ...Object.values(list.programs).flat(),
]

/** C and C++ sources below a folder, relative to the project. */
function sourcesUnder(folder: string): string[] {
  return readdirSync(join(projectRoot(), folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(c|cc|cpp)$/.test(name))
    .map((name) => join(folder, name))
}

function run(command: string, args: string[], env: Record<string, string> = {}) {
  const options = { cwd: projectRoot(), encoding: 'utf8', env: { ...process.env, ...env } } as const
  return spawnSync(command, args, options)
}

/** Asked of a process of its own: one process loads one addon. */
function abiVersion(dir: string): string {
  const script = `console.log(require(${JSON.stringify(join(dir, 'gshm.node'))}).abiVersion)`
  return run(process.execPath, ['-e', script]).stdout.trim()
}

t.test('build list: it names the sources there are, all of them', async (t) => {
  const present = [...sourcesUnder('native'), ...sourcesUnder('test/programs')]
  const absent = listed.filter((source) => !existsSync(join(projectRoot(), source)))
  t.strictSame(absent, [], 'every listed source exists')
  const unlisted = present.filter((source) => !listed.includes(source))
  t.strictSame(unlisted, [], 'every source below native/ and test/programs/ is listed')
  for (const [name, [first = '']] of Object.entries(list.programs)) {
    t.equal(basename(first).replace(/\.\w+$/, ''), name, 'a program is named as its first source is')
  }
})

t.test('build list: binding.gyp and CMakeLists.txt name no source themselves', async (t) => {
  for (const file of ['binding.gyp', 'CMakeLists.txt']) {
    t.notMatch(readFileSync(join(projectRoot(), file), 'utf8'), /\w\.(c|cc|cpp)\b/, file)
  }
})

t.test('package-lock.json says of this package what package.json says: npm install leaves it as it is', async (t) => {
  const read = (file: string) => JSON.parse(readFileSync(join(projectRoot(), file), 'utf8'))
  const { name, version, license, os, engines, dependencies, devDependencies, bin } = read('package.json')
  const locked = read('package-lock.json').packages['']
  t.match(locked, { name, version, license, os, engines, dependencies, devDependencies })
  t.same(Object.keys(locked.bin), Object.keys(bin))
})

const products = [
  'gshm.node',
  'libgshm.so',
  'libgshm_compat.so',
  'libgshm_parmacs.so',
  'libgshm_parmacs.a',
  'gshm-keeper',
  'gshm-testbed-worker',
  ...Object.keys(list.programs),
]

t.test('node-gyp: it has built every product, and programs find libgshm beside them', async (t) => {
  for (const product of products) t.ok(existsSync(join(buildDir(), product)), product)
  const program = run(join(buildDir(), 'abi_version'), [])
  t.equal(program.stdout.trim(), abiVersion(buildDir()))
  t.match(abiVersion(buildDir()), /^\d+$/)
})

t.test('a build leaves the programs of package.json executable, for npx runs them as they are', async (t) => {
  const { bin } = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as {
    bin: Record<string, string>
  }
  for (const program of Object.values(bin)) t.equal(statSync(join(projectRoot(), program)).mode & 0o111, 0o111, program)
})

t.test('cmake-js: it builds the same products, and its addon has the same ABI', async (t) => {
  if (skipUnless(t, hasCommand('cmake'), 'cmake')) return
  const build = run(process.execPath, ['node_modules/cmake-js/bin/cmake-js', 'compile', '--out', 'build-cmake'])
  t.equal(build.status, 0, build.status === 0 ? 'cmake-js compile' : build.stdout + build.stderr)
  const dir = join(projectRoot(), 'build-cmake/Release')
  for (const product of products) t.ok(existsSync(join(dir, product)), product)
  t.equal(abiVersion(dir), abiVersion(buildDir()))
  t.equal(run(join(dir, 'abi_version'), []).stdout.trim(), abiVersion(buildDir()))
  t.ok(existsSync(join(projectRoot(), 'build-cmake/compile_commands.json')), 'compile_commands.json')
})

t.test('build: what is missing is told in one line, with what to do', async (t) => {
  const { status, stdout, stderr } = run(process.execPath, ['scripts/build.mjs'], { PATH: '/nonexistent' })
  t.equal(status, 1)
  t.equal(stdout, '')
  t.match(stderr, /^globalshm: missing: gcc, g\+\+, make, python3.*apt-get install gcc g\+\+ make python3.*\n$/)
  const script =
    "import { missing } from './scripts/prerequisites.mjs'; console.log(missing(process.env, '6.1.0-18-amd64'))"
  t.match(run(process.execPath, ['--input-type=module', '-e', script]).stdout, /^Linux 6\.6 or later .*6\.1\.0.*\n$/)
})
