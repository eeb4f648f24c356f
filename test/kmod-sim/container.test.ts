/** What containers take away, piece by piece: a filter that refuses userfaultfd(2), capabilities, namespaces. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { processes, status } from '../../ts/client/inspect.js'
import { built, compiled } from '../../ts/launch/paths.js'
import { becomes } from '../support/becomes.js'
import { startNode, type TestCluster } from '../support/cluster.js'
import { Probe, type Api } from '../support/probe.js'
import { runProgram, startProgram } from '../support/program.js'
import { hasCommand, skipUnless } from '../support/skip.js'
import { clusterForUsers, GROUP } from '../support/users.js'

const P = 4096
const USERFAULTFD = { x64: 323, arm64: 282 }[process.arch as 'x64' | 'arm64']
/** The filter of Docker and Podman has no userfaultfd(2); ioctl it has. */
const FILTER = [built('seccomp'), 'deny', String(USERFAULTFD)]
/** Those that Docker leaves to root in a container, and more. */
const capabilities = (...more: string[]): string[] => {
  const all =
    'chown dac_override fsetid fowner mknod net_raw setgid setuid setfcap setpcap net_bind_service sys_chroot kill audit_write' // prettier-ignore
  return ['setpriv', '--bounding-set', ['-all', ...[...all.split(' '), ...more].map((one) => `+${one}`)].join()]
}

async function client(t: Test, through: readonly string[], api: Api = 'C', trap = 'userfaultfd'): Promise<Probe> {
  const probe = await Probe.start(undefined, { GSHM_TRAP: trap }, api, through)
  t.teardown(() => probe.kill())
  return probe
}

/** It has memory with another process of the node, and its children have; in system calls too, but for mprotect's. */
async function shares(t: Test, node: TestCluster, probe: Probe, calls = true): Promise<void> {
  const name = `s${probe.pid}`
  const at = await probe.ok('map', await probe.ok('createWith', name, 4 * P, 0, 'mode=0666'), 0, 0, 0)
  const other = await Probe.start(node.socket(0))
  t.teardown(() => other.kill())
  const there = await other.ok('map', await other.ok('open', name, 0), 0, 0, 0)
  await probe.ok('put', at, 7)
  t.equal(await other.ok('get', there), 7n)
  if (calls) t.equal(await probe.ok('readfile', '/proc/sys/kernel/ostype', at + BigInt(P), 5), 5n)
  const child = await probe.fork()
  t.teardown(() => child.kill())
  await child.ok('put', at + BigInt(2 * P), 8)
  t.equal(await other.ok('get', there + BigInt(2 * P)), 8n)
  await child.kill()
  await other.kill()
}

for (const api of ['C', 'TypeScript'] as const) {
  t.test(
    `${api}: in a container with Docker’s filter, without any capability, userfaultfd comes from the daemon`,
    async (t) => {
      if (skipUnless(t, hasCommand('setpriv'), 'util-linux')) return
      const node = await clusterForUsers(t, 1)
      const nobody = [
        'setpriv',
        '--bounding-set=-all',
        '--inh-caps=-all',
        '--reuid=54321',
        '--regid',
        `${GROUP}`,
        '--clear-groups',
      ]
      const probe = await client(t, [...nobody, ...FILTER], api)
      t.match(readFileSync(`/proc/${probe.pid}/status`, 'utf8'), /^Seccomp:\s+2$/m)
      await probe.ok('attach', node.socket(0))
      if (api === 'C') await shares(t, node, probe)
      else await probe.ok('put', await probe.ok('map', await probe.ok('create', 's', P, 0), 0, 0, 0), 1)
    },
  )
}

t.test(
  'a daemon in a container: with CAP_SYS_PTRACE and /dev/userfaultfd Docker’s filter does not matter',
  async (t) => {
    if (skipUnless(t, hasCommand('setpriv'), 'util-linux')) return
    const node = await startNode(t, { through: [...capabilities('sys_ptrace'), ...FILTER] })
    t.match(readFileSync(`/proc/${node.daemon(0).pid}/status`, 'utf8'), /^Seccomp:\s+2$/m)
    t.notMatch(node.log(0), /handed over/)
    const probe = await client(t, [...capabilities(), ...FILTER])
    await probe.ok('attach', node.socket(0))
    await shares(t, node, probe)
  },
)

t.test('a daemon in a container without CAP_SYS_PTRACE, or in a user namespace: it serves by mprotect', async (t) => {
  if (skipUnless(t, hasCommand('setpriv') && hasCommand('unshare'), 'util-linux')) return
  for (const through of [
    [...capabilities(), ...FILTER],
    ['unshare', '--user', '--map-root-user'],
  ]) {
    const node = await startNode(t, { through })
    t.match(node.log(0), /no userfaultfd is handed over: gshmd may not use it itself: .*CAP_SYS_PTRACE/)
    const probe = await client(t, [])
    t.match(await probe.send('attach', node.socket(0)), {
      is: 'err',
      text: /^ERR_GSHM_NO_USERFAULTFD: .*CAP_SYS_PTRACE/,
    })
  }
})

t.test('root of a user namespace is whoever made it, outside', async (t) => {
  if (skipUnless(t, hasCommand('unshare'), 'util-linux')) return
  const node = await clusterForUsers(t, 1)
  const user = ['setpriv', '--reuid=54321', '--regid', `${GROUP}`, '--clear-groups']
  const probe = await client(t, [...user, 'unshare', '--user', '--map-root-user', '--mount', '--ipc', '--uts'])
  await probe.ok('attach', node.socket(0))
  t.match(processes(node.socket(0)), [{ pid: probe.pid, uid: 54_321 }])
  await shares(t, node, probe)
  const root = await Probe.start(node.socket(0))
  t.teardown(() => root.kill())
  await root.ok('create', 'roots', P, 0)
  t.match(await probe.send('open', 'roots', 0), { is: 'err', text: /^ERR_GSHM_ACCESS: .*does not let uid 54321/ })
  t.match(await probe.send('unlink', 'roots'), { is: 'err', text: /^ERR_GSHM_ACCESS: / })
})

t.test('in a PID namespace: forks are followed, and no thread’s number is taken for another process’s', async (t) => {
  if (skipUnless(t, hasCommand('unshare'), 'util-linux')) return
  const node = await startNode(t)
  const reader = await Probe.start(node.socket(0))
  t.teardown(() => reader.kill())
  const at = await reader.ok('map', await reader.ok('create', 'forks', 8 * P, 0), 0, 0, 0)
  const program = startProgram(node.socket(0), '/usr/bin/unshare', [
    '--pid',
    '--fork',
    '--kill-child',
    built('forks'),
    'forks',
  ])
  t.teardown(() => program.stop())
  t.equal(await program.line(), 'ready')
  program.say('stress 2 500 10 300')
  t.match(await program.line(), /^added \d+$/)
  t.ok((await reader.ok('get', at)) >= 0n)
  t.equal(await becomes(2, () => status(node.socket(0)).processes), 2)
  t.notOk(
    processes(node.socket(0)).some(({ pid }) => pid === 1),
    'its pid 1 is not ours',
  )
})

t.test('doctor foretells in each of them what comes of it', async (t) => {
  if (skipUnless(t, hasCommand('setpriv') && hasCommand('unshare'), 'util-linux')) return
  const doctor = async (...through: string[]): Promise<string> => {
    const [command = '', ...words] = [...through, process.execPath, compiled('ts/cli/main.js'), 'doctor', '--json']
    const path = spawnSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).stdout.trim()
    const { stdout } = await runProgram(undefined, path, words, { env: { GSHM_TRAP: '' } })
    const { traps } = JSON.parse(stdout) as { traps: { trap: string }[] }
    return traps.map(({ trap }) => trap).join()
  }
  t.equal(await doctor('env'), 'userfaultfd,userfaultfd')
  t.equal(await doctor(...capabilities('sys_ptrace'), ...FILTER), 'userfaultfd,userfaultfd')
  t.equal(await doctor(...capabilities(), ...FILTER), 'mprotect,mprotect')
  t.equal(await doctor('unshare', '--user', '--map-root-user'), 'mprotect,mprotect')
})
