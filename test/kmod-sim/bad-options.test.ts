/** gshmd with options that cannot be: status 1 and one line that names the option; running daemons notice nothing. */
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { daemonArguments } from '../../ts/launch/daemon.js'
import { compiled } from '../../ts/launch/paths.js'
import { status } from '../../ts/client/inspect.js'
import { startNode } from '../support/cluster.js'
import { freePort } from '../support/cluster-node.js'
import { runProgram } from '../support/program.js'

const dir = mkdtempSync(join(tmpdir(), 'gshm-options-'))
t.teardown(() => rmSync(dir, { recursive: true }))
const socket = join(dir, 'node.sock')

/** What gshmd says before it gives up. */
async function refusal(
  options: readonly string[],
): Promise<{ status: number | null; stdout: string; lines: string[] }> {
  const { status, stdout, stderr } = await runProgram(undefined, compiled('kmod-sim/gshmd.js'), options)
  return { status, stdout, lines: stderr.split('\n').filter((line) => line !== '') }
}

const secret = (name: string, bytes: number, mode: number): string => {
  const file = join(dir, name)
  writeFileSync(file, 'x'.repeat(bytes))
  chmodSync(file, mode)
  return file
}

const cases: [string, string[], RegExp][] = [
  ['no bytes of memory', ['--memory', '0'], /^gshmd: ERR_GSHM_INVALID: --memory: '0'/],
  ['less than a page', ['--memory', '4095'], /^gshmd: ERR_GSHM_INVALID: --memory: '4095'/],
  ['memory in words', ['--memory', 'much'], /^gshmd: ERR_GSHM_INVALID: --memory: 'much'.*suffixes K, M, G, T/],
  ['memory beyond reason', ['--memory', '99999999T'], /^gshmd: ERR_GSHM_INVALID: --memory/],
  ['no address', ['--listen', 'nonsense'], /^gshmd: ERR_GSHM_INVALID: --listen: 'nonsense' is not HOST:PORT/],
  ['no port', ['--listen', '127.0.0.1:99999'], /^gshmd: ERR_GSHM_INVALID: --listen/],
  ['not this machine’s address', ['--listen', '192.0.2.1:0', '--secret-file', secret('ok', 16, 0o600)], /--listen/],
  ['all the world without a secret', ['--listen', '0.0.0.0:0'], /^gshmd: ERR_GSHM_\w+: .*--listen.*--secret-file/],
  ['nobody to join', ['--join', 'x'], /^gshmd: ERR_GSHM_INVALID: --join: 'x' is not HOST:PORT/],
  ['an address to tell', ['--advertise', ':7'], /^gshmd: ERR_GSHM_INVALID: --advertise/],
  ['no secret', ['--secret-file', join(dir, 'none')], /^gshmd: ERR_GSHM_INVALID: --secret-file: ENOENT/],
  [
    'a secret that all can read',
    ['--secret-file', secret('open', 16, 0o644)],
    /--secret-file .* mode 0644.*chmod 0600/,
  ],
  ['a secret that is too short', ['--secret-file', secret('short', 5, 0o600)], /--secret-file .* has 5 bytes/],
  ['a name with a space', ['--name', 'a b'], /^gshmd: ERR_GSHM_INVALID: --name: 'a b'/],
  ['a name of 64 bytes', ['--name', 'x'.repeat(64)], /^gshmd: ERR_GSHM_INVALID: --name/],
  ['a cluster without a name', ['--cluster', ''], /^gshmd: ERR_GSHM_INVALID: --cluster: ''/],
  ['a level that is none', ['--log-level', 'loud'], /--log-level/],
  ['no hand-over', ['--lock-burst', '0'], /^gshmd: ERR_GSHM_INVALID: --lock-burst: '0' is no whole number from 1/],
  ['too many hand-overs', ['--lock-burst', '65537'], /^gshmd: ERR_GSHM_INVALID: --lock-burst: '65537'/],
  [
    'a tree of less than no nodes',
    ['--barrier-tree', '-1'],
    /^gshmd: ERR_GSHM_INVALID: --barrier-tree: '-1' is no whole number from 0/,
  ],
  ['a tree of too many nodes', ['--barrier-tree', '1025'], /^gshmd: ERR_GSHM_INVALID: --barrier-tree: '1025'/],
  ['direct after too many', ['--barrier-direct', '65537'], /^gshmd: ERR_GSHM_INVALID: --barrier-direct: '65537'/],
  ['too much ahead', ['--fetch-ahead', '65537'], /^gshmd: ERR_GSHM_INVALID: --fetch-ahead: '65537'/],
  ['a line after too many', ['--lock-direct', '65537'], /^gshmd: ERR_GSHM_INVALID: --lock-direct: '65537'/],
  ['hand-overs in words', ['--lock-burst', 'few'], /^gshmd: ERR_GSHM_INVALID: --lock-burst: 'few'/],
  ['an option that is none', ['--wings'], /--wings/],
  ['a socket nowhere', ['--socket', join(dir, 'no', 'x.sock')], /^gshmd: ERR_GSHM_\w+: --socket: .*\/no: No such file/],
  [
    'a socket’s path that is too long',
    ['--name', 'x', '--socket', join(dir, 'x'.repeat(200))],
    /^gshmd: ERR_GSHM_INVALID: .*--socket/,
  ],
]

for (const [what, options, says] of cases) {
  t.test(`options: ${what}`, async (t) => {
    const { status, stdout, lines } = await refusal(['--socket', socket, ...options])
    t.equal(status, 1)
    t.equal(stdout, '', 'it is not ready')
    t.equal(lines.length, 1, lines.join('\n'))
    t.match(lines[0], says)
    t.notOk(existsSync(socket), 'and leaves no socket')
  })
}

t.test('options: a socket must be given', async (t) => {
  const { status, lines } = await refusal([])
  t.equal(status, 1)
  t.match(lines, [/--socket/])
  t.equal(lines.length, 1)
})

t.test('join: what does not fit a running cluster is refused, and the cluster goes on', async (t) => {
  const node = await startNode(t)
  const { listen, name } = node.daemon(0)
  const base = { cluster: node.cluster, name: 'other', socket, join: listen }
  const cases: [string, string[], RegExp][] = [
    ['a name that is taken', daemonArguments({ ...base, name }), /^gshmd: ERR_GSHM_\w+: .*--name.*node0/],
    ['another cluster', daemonArguments({ ...base, cluster: 'wrong' }), /^gshmd: ERR_GSHM_\w+: .*--cluster/],
    ['a secret where none is', [...daemonArguments(base), '--secret-file', secret('s', 16, 0o600)], /--secret-file/],
    ['a socket where a daemon listens', daemonArguments({ ...base, socket: node.socket(0) }), /--socket.*in use/],
    [
      'nobody there',
      daemonArguments({ ...base, join: await freePort().then((at) => `${at.host}:${at.port}`) }),
      /--join/,
    ],
    ['a port that is taken', daemonArguments({ ...base, listen }), /--listen/],
  ]
  for (const [what, options, says] of cases) {
    const { status, lines } = await refusal(options)
    t.equal(status, 1, what)
    const errors = lines.filter((line) => line.startsWith('gshmd: '))
    t.equal(errors.length, 1, `${what}: one error: ${lines.join('\n')}`)
    t.match(errors[0], says)
  }
  t.same(
    status(node.socket(0)).nodes.map((one) => one.name),
    ['node0'],
  )
  const second = await node.add()
  t.equal(status(second.socket).nodes.length, 2, 'a good one joins')
})
