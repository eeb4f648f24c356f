/** Who may not: no daemon, no privilege, no access to the socket. One clear error in either API. */
import { chmodSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { status } from '../../ts/client/inspect.js'
import { startNode, type TestCluster } from '../support/cluster.js'
import { Probe, type Api } from '../support/probe.js'

const P = 4096
/** Anybody but root; nothing here belongs to them. */
const NOBODY = 65534
const GROUP = 54321

interface Node {
  node: TestCluster
  socket: string
  /** A process that has become another user, with one group. */
  user: (uid: number, gid: number, trap?: string) => Promise<Probe>
}

/** Runs `body` for each API on a node that a process of root's uses before and after. */
function claim(name: string, body: (t: Test, node: Node, api: Api) => Promise<void>): void {
  t.test(name, async (t) => {
    for (const api of ['C', 'TypeScript'] as const) {
      await t.test(api, async (t) => {
        const node = await startNode(t)
        const socket = node.socket(0)
        chmodSync(node.dir, 0o755)
        const root = await Probe.start(socket)
        t.teardown(() => root.kill())
        const at = await root.ok('map', await root.ok('create', 'roots', 4 * P, 0), 0, 0, 0)
        await root.ok('put', at, 77)
        const user: Node['user'] = async (uid, gid, trap = '') => {
          const p = await Probe.start(undefined, { GSHM_TRAP: trap }, api)
          t.teardown(() => p.kill())
          await p.ok('become', uid, gid)
          return p
        }
        await body(t, { node, socket, user }, api)
        t.equal(await root.ok('get', at), 77n)
        t.equal(status(socket).processes, 1)
      })
    }
  })
}

claim('no daemon: the error names the socket and what to start', async (t, { node }, api) => {
  const p = await Probe.start(undefined, {}, api)
  t.teardown(() => p.kill())
  const nowhere = join(node.dir, 'nowhere.sock')
  const text = /^ERR_GSHM_NO_DAEMON: .*nowhere\.sock.*gshm up.*GSHM_SOCKET/
  t.match(await p.send('attach', nowhere), { is: 'err', errno: 111, text })
  t.match(await p.send('attach', '/etc/passwd'), { is: 'err', text: /^ERR_GSHM_NO_DAEMON: .*passwd/ })
  await p.ok('attach', node.socket(0))
  await p.kill()
})

claim(
  'another user’s socket: mode 0660, and who is neither owner nor in the group gets ACCESS',
  async (t, { socket, user }) => {
    t.equal(statSync(socket).mode & 0o777, 0o660)
    const p = await user(NOBODY, NOBODY)
    t.match(await p.send('attach', socket), { is: 'err', errno: 13, text: /^ERR_GSHM_ACCESS: .*\.sock.*user or group/ })
    await p.kill()
  },
)

claim(
  'no userfaultfd: who insists on it is told the knobs; others trap their faults themselves',
  async (t, { user }) => {
    if (readFileSync('/proc/sys/vm/unprivileged_userfaultfd', 'utf8').trim() === '1') {
      return void t.pass('vm.unprivileged_userfaultfd=1 lets everybody', { skip: 'nobody is refused here' })
    }
    const keeps = await startNode(t, { group: String(GROUP), handOver: false })
    chmodSync(keeps.dir, 0o755)
    const p = await user(NOBODY, GROUP, 'userfaultfd')
    const knobs = /run it as root.*vm\.unprivileged_userfaultfd=1.*\/dev\/userfaultfd.*--no-hand-over/
    const text = new RegExp(`^ERR_GSHM_NO_USERFAULTFD: .*${knobs.source}`)
    t.match(await p.send('attach', keeps.socket(0)), { is: 'err', errno: 1, text })
    await p.kill()
    const q = await user(NOBODY, GROUP)
    await q.ok('attach', keeps.socket(0))
    const at = await q.ok('map', await q.ok('create', 'theirs', P, 0), 0, 0, 0)
    await q.ok('put', at, 1)
    t.match(readFileSync(`/proc/${q.pid}/maps`, 'utf8'), /memfd:gshm-trap/)
    await q.kill()
  },
)
