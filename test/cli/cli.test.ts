import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import * as checks from '../../ts/cli/checks.js'
import { traps, type Host } from '../../ts/cli/traps.js'
import { mergePages } from '../../ts/cli/pages.js'
import { bytes, human, oneOf, ranges, whole } from '../../ts/cli/parse.js'
import { table } from '../../ts/cli/table.js'
import { compiled } from '../../ts/launch/paths.js'
import { projectRoot } from '../../ts/project/index.js'
import { runProgram } from '../support/program.js'

const COMMANDS = [
  'node',
  'up',
  'down',
  'run',
  'status',
  'ls',
  'pages',
  'rm',
  'locks',
  'trace',
  'testbed',
  'litmus',
  'episodes',
  'histories',
  'check',
  'flags',
  'doctor',
]

/** The command as a user runs it, in a runtime directory of its own. */
const gshm = (dir: string, ...args: string[]) =>
  runProgram(undefined, compiled('ts/cli/main.js'), args, { env: { GSHM_RUNTIME_DIR: dir, GSHM_SOCKET: '' } })
const lastLine = (text: string) => JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')

t.test('numbers and words of options are understood, or refused by the name of the option', async (t) => {
  const memory = bytes('--memory')
  for (const [text, value] of [
    ['4096', 4096],
    ['64K', 65536],
    ['1.5M', 1572864],
    ['2G', 2 ** 31],
    ['1TiB', 2 ** 40],
    ['1gb', 2 ** 30],
  ] as const) {
    t.equal(memory(text), value)
  }
  for (const text of ['', '0', '-1', '1X', '1e9', 'much', '1.0001K', '99999999T']) {
    t.throws(() => memory(text), { code: 'ERR_GSHM_INVALID', message: /--memory/ })
  }
  t.throws(() => bytes('--max-size', 32, 64)('16'), { message: /--max-size '16': from 32 to 64/ })
  t.equal(whole('--nodes', 1, 64)('3'), 3)
  for (const text of ['0', '65', '3.5', '-1', 'three', '']) {
    t.throws(() => whole('--nodes', 1, 64)(text), { code: 'ERR_GSHM_INVALID', message: /--nodes .*1 to 64/ })
  }
  t.equal(oneOf('--inject', ['wrong', 'leak'])('leak'), 'leak')
  t.throws(() => oneOf('--inject', ['wrong', 'leak'])('x'), { message: /--inject 'x': one of wrong, leak/ })
  t.same([[], [3], [0, 1, 2], [0, 2, 3]].map(ranges), ['', '3', '0-2', '0, 2-3'])
  t.same([0, 4096, 2 ** 20 * 1.5, 2 ** 33].map(human), ['0 B', '4.0 KiB', '1.5 MiB', '8.0 GiB'])
})

t.test('tables have aligned columns and no frame', async (t) => {
  t.equal(
    table(
      ['name', 'n'],
      [
        ['a', 1],
        ['bcd', 20],
      ],
    ),
    ['name   n', 'a      1', 'bcd   20'].join('\n'),
  )
  t.equal(table(['name', 'x'], []), 'name  x')
})

t.test('pages: what several nodes know of a page becomes one row', async (t) => {
  const rows = mergePages([
    { node: 0, pages: [{ page: 2, home: 1, access: 'read', state: 'S' }] },
    {
      node: 1,
      pages: [
        { page: 2, home: 1, access: 'none', state: 'I' },
        { page: 0, home: 0, access: 'write', state: 'M' },
      ],
    },
  ])
  t.same(rows, [
    { page: 0, home: 0, nodes: { 1: { access: 'write', state: 'M' } } },
    { page: 2, home: 1, nodes: { 0: { access: 'read', state: 'S' }, 1: { access: 'none', state: 'I' } } },
  ])
})

t.test('doctor: each check says what to change exactly when it is not ok', async (t) => {
  const all = [
    [checks.kernel('6.6.1-amd64'), checks.kernel('7.0'), true],
    [checks.kernel('6.5.0'), checks.kernel('5.19'), false],
    [checks.privilege(0, '0', true), checks.architecture('x64'), true],
    [checks.privilege(1000, '0', false), checks.architecture('ia32'), false],
    [checks.nodeVersion('20.19.0'), checks.nodeVersion('24.0.0'), true],
    [checks.nodeVersion('20.18.0'), checks.nodeVersion('18.20.0'), false],
    [checks.descriptors('Max open files            65536  65536 files'), checks.runtimeDirectory(t.testdir()), true],
    [
      checks.descriptors('Max open files            1024   65536 files'),
      checks.runtimeDirectory('/proc/none/such'),
      false,
    ],
    [checks.headers([join(t.testdir({ include: { node: { 'node_api.h': '' } } }))]), checks.hugePages('/none'), true],
    [checks.headers(['/none']), checks.hugePages(join(t.testdir({ f: 'always advise [force]' }), 'f')), false],
    [...checks.userfaultfd({ userfaultfd: true, features: ['wp'], missing: [], error: '' }), true],
    [...checks.userfaultfd({ userfaultfd: false, features: [], missing: ['wp'], error: 'EPERM' }), false],
  ] as const
  for (const row of all) {
    for (const check of row.slice(0, -1) as checks.Check[]) {
      t.equal(check.ok, row.at(-1), `${check.name}: ${check.found}`)
      t.equal(check.change === '', check.ok)
    }
  }
})

t.test('doctor: which trap is used for whom, and why', async (t) => {
  const host: Host = { uid: 0, refused: '', sysctl: '0', device: '', wanted: '' }
  const of = (over: Partial<Host>) => traps({ ...host, ...over }).map(({ trap, why }) => `${trap}: ${why}`)
  t.match(of({}), [/^userfaultfd: they may make one$/, /^userfaultfd: the daemon hands over .*--no-hand-over/])
  t.match(of({ sysctl: '1', device: 'ENOENT' }), [/^userfaultfd/, /^userfaultfd: .*vm.unprivileged_userfaultfd=1/])
  t.match(of({ device: 'EACCES', uid: 990 }), [/^userfaultfd/, /^mprotect: .*=0, and a daemon of uid 990 .*: EACCES$/])
  t.match(of({ device: 'ENOENT', sysctl: '' }), [/^userfaultfd/, /^mprotect: .*=absent/])
  const refused = 'UFFDIO_API refuses fork events: CAP_SYS_PTRACE is needed'
  t.match(of({ refused, sysctl: '1' }), [/^mprotect: .*could not serve.*SYS_PTRACE/, /^mprotect: .*SYS_PTRACE/])
  t.match(of({ wanted: 'mprotect' }).at(-1), /^mprotect: GSHM_TRAP=mprotect/)
  t.match(of({ wanted: 'userfaultfd', refused }).at(-1), /^userfaultfd: GSHM_TRAP=userfaultfd/)
})

t.test('--help and --version are no failure, and every command has --help and --json', async (t) => {
  const dir = t.testdir()
  const help = await gshm(dir, '--help')
  t.equal(help.status, 0)
  for (const command of COMMANDS) {
    t.match(help.stdout, new RegExp(`^  ${command} `, 'm'))
    const { status, stdout, stderr } = await gshm(dir, command, '--help')
    t.equal(status, 0, `${command} --help`)
    t.match(stdout, /--json/)
    t.equal(stderr, '')
  }
  t.match(await gshm(dir, '--version'), { status: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
  t.match(await gshm(dir), { status: 1 })
})

t.test('a wrong command line is one line that names what is wrong, and with --json an object', async (t) => {
  const dir = t.testdir()
  for (const [args, text] of [
    [['up', '--nodes', '0'], /--nodes '0'/],
    [['up', '--colour'], /--colour/],
    [['pages'], /segment/],
    [['nonsense'], /nonsense/],
    [['status'], /npx gshm up.*--cluster/],
    [['testbed', '--memory', '4M'], /--memory 4194304: .*16777216/],
    [['status', '--cluster', '../x'], /--cluster/],
    [['down'], /not up/],
    [['testbed', '--inject', 'doubt'], /wrong, overlap, leak/],
    [['testbed', '--consistency', 'none'], /--consistency 'none'.*srsw, mrsw, lrc/],
    [['testbed', '--manager', 'dynamic', '--consistency', 'srsw'], /--manager dynamic with --consistency srsw: only/],
    [['episodes', '--manager', 'dynamic', '--consistency', 'lrc'], /--manager dynamic with --consistency lrc: only/],
    [['histories', '--manager', 'dynamic', '--consistency', 'srsw'], /--manager dynamic with --consistency srsw/],
    [['litmus', 'x', '--manager', 'dynamic', '--consistency', 'lrc'], /--manager dynamic with --consistency lrc/],
    [['litmus', 'x', '--guard', 'foo'], /--guard 'foo': 'lock' is wanted/],
    [['testbed', '--manager', 'none'], /--manager 'none'.*central, fixed, dynamic/],
  ] as const) {
    const { status, stdout, stderr } = await gshm(dir, ...args, '--json')
    t.equal(status, 1, args.join(' '))
    t.match(stderr, /^gshm: ERR_GSHM_[A-Z_]+: [^\n]+\n$/)
    t.match(stderr, text)
    t.match(lastLine(stdout), { ok: false, error: { code: /^ERR_GSHM_/, message: text } })
  }
})

t.test('flags: absolute paths of headers and library', async (t) => {
  const { status, stdout } = await gshm(t.testdir(), 'flags')
  t.equal(status, 0)
  t.match(stdout, new RegExp(`^-I${projectRoot()}/native/client -L\\S+ -lgshm -Wl,-rpath,/\\S+\n$`))
  t.match((await gshm(t.testdir(), 'flags', '--cflags')).stdout, /^-I\S+\n$/)
  t.match(lastLine((await gshm(t.testdir(), 'flags', '--json')).stdout), { ok: true, libs: [/^-L/, '-lgshm', /rpath/] })
})

t.test('flags --parmacs: a library of its own; --m4: the macros that are there', async (t) => {
  const { libs, m4 } = lastLine((await gshm(t.testdir(), 'flags', '--parmacs', '--json')).stdout)
  t.ok(libs.includes('-lgshm_parmacs'))
  t.equal((await gshm(t.testdir(), 'flags', '--m4')).stdout, `${m4}\n`)
  t.match(readFileSync(m4, 'utf8'), /define\(`MAIN_ENV'/)
})

t.test('doctor: the report and its exit status agree', async (t) => {
  const { status, stdout } = await gshm(t.testdir(), 'doctor', '--json')
  const report = lastLine(stdout)
  t.equal(report.ok, status === 0)
  t.ok(report.checks.length >= 8)
})

t.test('down --force: what a killed cluster left behind is removed, even an unreadable state', async (t) => {
  const dir = t.testdir()
  mkdirSync(join(dir, 'default'))
  writeFileSync(join(dir, 'default', 'cluster.json'), 'half of')
  writeFileSync(join(dir, 'default', 'node0.sock'), '')
  t.match(await gshm(dir, 'down'), { status: 1, stderr: /--force/ })
  t.match(await gshm(dir, 'down', '--force'), { status: 0, stdout: /is down/ })
})
