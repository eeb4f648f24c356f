/** packaging/: the unit is one that systemd takes, and a daemon under what it leaves serves other users. */
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseOptions } from '../../kmod-sim/options.js'
import { built } from '../../ts/launch/paths.js'
import { projectRoot } from '../../ts/project/index.js'
import { startCluster } from '../support/cluster.js'
import { hasCommand, skipUnless } from '../support/skip.js'
import { GROUP, probeOf } from '../support/users.js'

const P = 4096
const SERVICE = 54_310
const unit = readFileSync(join(projectRoot(), 'packaging/gshmd.service'), 'utf8')

/** What the unit says of that, the last time. */
function said(key: string): string {
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].at(-1)?.[1] ?? ''
}

function scratch(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-unit-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  return dir
}

t.test('systemd-analyze verify has nothing to say about the unit', async (t) => {
  if (skipUnless(t, hasCommand('systemd-analyze'), 'systemd')) return
  const path = join(scratch(t), 'gshmd.service')
  writeFileSync(path, unit.replaceAll('/usr/bin/node', process.execPath)) // wherever that lies here
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' })
  t.same([status, stdout, stderr], [0, '', ''])
})

t.test('gshmd knows the options that the unit gives it, and the daemon is where it looks', async (t) => {
  const secret = join(scratch(t), 'secret')
  writeFileSync(secret, 'x'.repeat(32), { mode: 0o600 })
  const [node, script, ...options] = said('ExecStart').split(' ')
  t.equal(node, '/usr/bin/node')
  t.match(script, /^\/opt\/globalshm\/dist\/kmod-sim\/gshmd\.js$/)
  const words = options
    .filter((word) => word !== '$GSHMD_OPTIONS')
    .map((word) => word.replace('%S/gshm/secret', secret))
  const given = words.map((word) => (word === 'gshm' ? String(GROUP) : word.replace('%l', 'host')))
  t.match(parseOptions(given), { socket: '/run/gshm/default/host.sock', name: 'host', group: GROUP, handOver: true })
  t.equal(said('KillMode'), 'process', 'the keeper outlives the daemon')
})

/** Numbers of the system calls that the unit's filter lets through. */
function filter(): number[] {
  const text = (command: string, ...args: string[]) => spawnSync(command, args, { encoding: 'utf8' }).stdout
  const header = text('sh', '-c', 'echo "#include <sys/syscall.h>" | gcc -E -dM -')
  const numbers = new Map(
    [...header.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].map(([, name, number]) => [name!, number!]),
  )
  const groups = new Map(
    text('systemd-analyze', 'syscall-filter')
      .split(/^(?=@)/m)
      .map((part) => {
        const [name = '', ...calls] = part.split('\n').map((line) => line.trim().replace(/\x1b\[[\d;]*m/g, ''))
        return [name, calls.filter((call) => call !== '' && !call.startsWith('#'))]
      }),
  ) // prettier-ignore
  const expanded = (name: string): string[] =>
    name.startsWith('@') ? (groups.get(name) ?? []).flatMap(expanded) : [name]
  const calls = new Set(said('SystemCallFilter').split(' ').flatMap(expanded))
  return [...calls].flatMap((call) => (numbers.has(call) ? [Number(numbers.get(call))] : []))
}

t.test('with the unit’s user, capabilities and filter of system calls a daemon serves other users', async (t) => {
  if (skipUnless(t, hasCommand('systemd-analyze'), 'systemd')) return
  if (skipUnless(t, hasCommand('setpriv'), 'util-linux')) return
  const reads = spawnSync('setpriv', ['--reuid', String(SERVICE), '--clear-groups', 'ls', join(projectRoot(), 'dist')])
  if (reads.status !== 0) return void t.pass('', { skip: `${projectRoot()} is not for others to read` })
  const calls = filter()
  t.ok(calls.length > 200, 'the filter is known')
  const held = said('AmbientCapabilities')
    .split(' ')
    .map((one) => `+${one.replace('CAP_', '').toLowerCase()}`)
    .join() // prettier-ignore
  const user = ['--reuid', String(SERVICE), '--regid', String(GROUP), '--clear-groups', '--no-new-privs']
  const through = [
    'setpriv',
    ...user,
    '--inh-caps',
    held,
    '--ambient-caps',
    held,
    built('seccomp'),
    'allow',
    calls.join(),
  ]
  const node = await startCluster(t, 0)
  chownSync(node.dir, SERVICE, GROUP)
  chmodSync(node.dir, 0o755)
  const secretFile = join(node.dir, 'secret')
  writeFileSync(secretFile, 'x'.repeat(32), { mode: 0o600 })
  chownSync(secretFile, SERVICE, GROUP)
  for (let n = 0; n < 2; n++) await node.add({ through, secretFile, group: String(GROUP) })
  t.match(readFileSync(`/proc/${node.daemon(0).pid}/status`, 'utf8'), /^Seccomp:\s+2$/m)
  for (const trap of ['userfaultfd', 'mprotect']) {
    const who = trap === 'mprotect' ? { uid: 54_321, gid: GROUP } : { uid: 0, gid: 0 }
    const a = await probeOf(t, who, node.socket(0), 'C', trap)
    const b = await probeOf(t, who, node.socket(1), 'C', trap)
    const at = await a.ok('map', await a.ok('create', trap, 4 * P, 0), 0, 0, 0)
    const there = await b.ok('map', await b.ok('open', trap, 0), 0, 0, 0)
    await a.ok('put', at, 7)
    t.equal(await b.ok('get', there), 7n)
    await b.ok('put', there, 8)
    const child = await a.fork()
    t.equal(await child.ok('get', at), 8n)
    await child.kill()
    await a.ok('lock', trap)
    await a.kill()
    t.match(await b.send('lock', trap), { is: 'err', errno: 130 }, 'its death is noticed')
    await b.kill()
  }
})
