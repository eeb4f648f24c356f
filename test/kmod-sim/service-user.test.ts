/** A daemon that is not root: which capabilities it needs for what, and what is missing without them. */
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { processes, status } from '../../ts/client/inspect.js'
import { projectRoot } from '../../ts/project/index.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { hasCommand, skipUnless } from '../support/skip.js'
import { GROUP, probeOf } from '../support/users.js'

const P = 4096
const SERVICE = 54_310
const USER = { uid: 54_321, gid: GROUP }
const mayAll = readFileSync('/proc/sys/vm/unprivileged_userfaultfd', 'utf8').trim() === '1'

/** Words that become the service's user, with those capabilities and no others, and end by exec. */
function service(...capabilities: string[]): string[] {
  const held = capabilities.map((one) => `+${one}`).join(',')
  const user = ['--reuid', String(SERVICE), '--regid', String(SERVICE), '--groups', String(GROUP)]
  const given = held === '' ? [] : ['--inh-caps', held, '--ambient-caps', held]
  return ['setpriv', ...user, ...given, '--no-new-privs']
}

/** Words that give the service's user /dev/userfaultfd first, in a mount namespace of their own. */
function withDevice(words: readonly string[]): string[] {
  const mount = `
    set -e
    dir=$(mktemp -d)
    mount -t tmpfs none $dir
    mknod $dir/u c 10 $(awk '$2 == "userfaultfd" { print $1 }' /proc/misc)
    chown ${SERVICE} $dir/u
    chmod 0600 $dir/u
    mount --bind $dir/u /dev/userfaultfd
    umount -l $dir
    rmdir $dir
    exec "$@"`
  return ['unshare', '--mount', 'sh', '-c', mount, 'sh', ...words]
}

/** Undefined: skipped, and why has been said. */
async function cluster(t: Test, through: readonly string[]): Promise<TestCluster | undefined> {
  if (skipUnless(t, hasCommand('setpriv') && hasCommand('unshare'), 'util-linux')) return undefined
  const reads = spawnSync('setpriv', ['--reuid', String(SERVICE), '--clear-groups', 'ls', join(projectRoot(), 'dist')])
  if (reads.status !== 0) {
    t.pass('a user cannot read this folder', { skip: `${projectRoot()} is not for others to read` })
    return undefined
  }
  const made = await startCluster(t, 0)
  chownSync(made.dir, SERVICE, SERVICE)
  chmodSync(made.dir, 0o755)
  await made.add({ through, group: String(GROUP) })
  return made
}

t.test('CAP_SYS_PTRACE and CAP_KILL, and /dev/userfaultfd: all is as with root', async (t) => {
  const node = await cluster(t, withDevice(service('sys_ptrace', 'kill')))
  if (node === undefined) return
  const log = () => node.log(0)
  t.notMatch(log(), /CAP_KILL|handed over/)
  const of = readFileSync(`/proc/${node.daemon(0).pid}/status`, 'utf8')
  t.match(of, new RegExp(`^Uid:\\s+${SERVICE}\\s+${SERVICE}\\s`, 'm'))
  t.match(of, /^CapEff:\s+0000000000080020$/m)
  const user = await probeOf(t, USER, node.socket(0), 'C', 'userfaultfd')
  const root = await probeOf(t, { uid: 0, gid: 0 }, node.socket(0), 'C', 'userfaultfd')
  const segment = await user.ok('createWith', 's', 8 * P, 0, 'mode=0666')
  const at = await user.ok('map', segment, 0, 0, P)
  await user.ok('put', at, 1)
  const grown = await user.ok('mremap', at, P, 4 * P)
  await user.ok('put', grown + BigInt(3 * P), 4)
  const seen = await root.ok('map', await root.ok('open', 's', 0), 0, 0, 0)
  t.equal(await root.ok('get', seen + BigInt(3 * P)), 4n, '/proc/PID/maps of another user was read')
  const child = await user.fork()
  t.teardown(() => child.kill())
  await root.ok('put', seen, 9)
  t.equal(await child.ok('get', grown), 9n)
  const raw = await user.fork('rawfork')
  t.teardown(() => raw.kill())
  await raw.ok('put', grown + BigInt(2 * P), 5) // a fault, which tells who it is
  t.equal(await root.ok('get', seen + BigInt(2 * P)), 5n)
  const sorted = (all: readonly { readonly pid: number }[]): string =>
    all
      .map(({ pid }) => pid)
      .sort()
      .join(' ')
  const all = sorted([user, root, child, raw])
  const known = (): string => sorted(processes(node.socket(0)))
  t.equal(await becomes(all, known), all, 'and of its child that libgshm did not see')
  await Promise.all([user.kill(), child.kill(), raw.kill()])
  t.equal(await becomes(1, () => status(node.socket(0)).processes), 1)
  t.equal(await root.ok('get', seen), 9n)
})

t.test('without /dev/userfaultfd: who may make a userfaultfd attaches, others are told why not', async (t) => {
  const node = await cluster(t, service('sys_ptrace', 'kill'))
  if (node === undefined) return
  t.match(node.log(0), /no userfaultfd is handed over: gshmd cannot open it: EACCES/)
  const root = await probeOf(t, { uid: 0, gid: 0 }, node.socket(0), 'C', 'userfaultfd')
  await root.ok('put', await root.ok('map', await root.ok('create', 's', P, 0), 0, 0, 0), 1)
  if (mayAll) return void t.pass('vm.unprivileged_userfaultfd=1 lets everybody', { skip: 'nobody is refused here' })
  const user = await probeOf(t, USER, undefined, 'C', 'userfaultfd')
  const text = /^ERR_GSHM_NO_USERFAULTFD: .*gshmd cannot open it: EACCES/
  t.match(await user.send('attach', node.socket(0)), { is: 'err', errno: 1, text })
})

t.test(
  'without any capability: nobody’s userfaultfd can be served; who does not insist traps its own faults',
  async (t) => {
    const node = await cluster(t, withDevice(service()))
    if (node === undefined) return
    t.match(node.log(0), /no userfaultfd is handed over: gshmd may not use it itself: .*CAP_SYS_PTRACE/)
    t.match(node.log(0), /CAP_KILL is missing/)
    for (const [at, who] of [{ uid: 0, gid: 0 }, USER, { uid: SERVICE, gid: SERVICE }].entries()) {
      const insists = await probeOf(t, who, undefined, 'C', 'userfaultfd')
      const text = /^ERR_GSHM_NO_USERFAULTFD: .*CAP_SYS_PTRACE/
      t.match(await insists.send('attach', node.socket(0)), { is: 'err', errno: 1, text })
      const p = await probeOf(t, who, node.socket(0), 'C', '')
      t.match(readFileSync(`/proc/${p.pid}/maps`, 'utf8'), /memfd:gshm-trap/)
      const segment = await p.ok('createWith', 's', P, 1, 'mode=0666')
      const page = await p.ok('map', segment, 0, 0, 0)
      t.equal(await p.ok('get', page), BigInt(at), 'what the one before has written')
      await p.ok('put', page, at + 1)
      const child = await p.fork()
      t.equal(await child.ok('get', page), BigInt(at + 1))
      await child.kill()
      t.equal(await becomes(at + 1, () => status(node.socket(0)).processes), at + 1)
    }
  },
)

t.test('a group that the daemon is not in: one error, and no socket is left', async (t) => {
  const node = await cluster(t, service('sys_ptrace', 'kill'))
  if (node === undefined) return
  const refused = node.add({ through: service('sys_ptrace', 'kill'), group: String(GROUP + 1), name: 'second' })
  const message = new RegExp(`^--group: gshmd \\(uid ${SERVICE}\\) is not in group ${GROUP + 1}: only root`)
  await t.rejects(refused, { code: 'ERR_GSHM_ACCESS', message })
  t.notOk(existsSync(join(node.dir, 'second.sock')))
  t.equal(status(node.socket(0)).nodes.length, 1, 'nor has it taken a node’s number')
})
