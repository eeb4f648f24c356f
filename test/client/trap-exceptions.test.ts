/** What works otherwise in a process that traps its own faults: the list (test/support/trap.ts, docs/TRAPS.md) against reality. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { status } from '../../ts/client/inspect.js'
import { projectRoot } from '../../ts/project/index.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'
import { EXCEPTIONS, type Exception } from '../support/trap.js'

const P = 4096

interface Two {
  readonly t: Test
  readonly cluster: TestCluster
  /** With a segment of 8 pages at `at`, of which it has written none. */
  readonly p: Probe
  readonly at: bigint
  /** On the other node, the same segment, whose first page it has written. */
  readonly other: Probe
  readonly there: bigint
}

const reality: Record<Exception, (two: Two) => Promise<void>> = {
  async syscalls({ t, p, at, other, there }) {
    const file = join(projectRoot(), 'package.json')
    t.match(await p.send('readfile', file, at, 100), { is: 'err', errno: 14 }, 'EFAULT')
    await p.ok('put', at, 1)
    t.equal(await p.ok('readfile', file, at, 100), 100n, 'one that may be written is as any memory')
    await other.ok('put', there, 2)
    t.match(await p.send('readfile', file, at, 100), { is: 'err', errno: 14 }, 'not when it has left')
  },
  async unmap({ t, cluster, p, at }) {
    await p.ok('munmap', at, P)
    t.equal(status(cluster.socket(0)).views, 1)
    t.match(await p.send('get', at), { is: 'ended' }, 'SIGSEGV')
  },
  async protection({ t, p, at, other, there }) {
    await p.ok('put', at, 5)
    t.equal(await other.ok('get', there), 5n)
    await p.ok('mprotect', at, P, 3)
    await p.ok('put', at, 6)
    t.equal(await other.ok('get', there), 5n, 'it has made itself writable what the other node has a copy of')
  },
  async clones({ t, p, at }) {
    await p.ok('put', at, 1)
    const child = await p.fork('rawfork')
    t.match(await child.send('get', at), { is: 'ended' }, 'SIGSEGV')
    t.equal(await p.ok('get', at), 1n)
  },
  async holes({ t, p, at, other, there }) {
    await p.ok('put', at, 7)
    await p.ok('remove', at, P)
    t.equal(await p.ok('get', at), 0n)
    await p.ok('put', at + BigInt(P), 8)
    t.equal(await other.ok('get', there + BigInt(P)), 8n, 'other pages are as they were')
  },
  async stopped({ t, cluster, p, at, other, there }) {
    await p.ok('put', at, 7)
    process.kill(p.pid, 'SIGSTOP')
    const ended = new Promise((resolve) => p.child!.once('exit', (_, signal) => resolve(signal)))
    t.equal(await other.ok('get', there), 7n, 'what it had written stays')
    t.equal(await ended, 'SIGKILL')
    t.match(cluster.log(0), /its memory could not be protected within 1000 ms/)
  },
  async descriptors({ t, p }) {
    const links = readdirSync(`/proc/${p.pid}/fd`).map((fd) => readlinkSync(`/proc/${p.pid}/fd/${fd}`))
    t.notOk(links.includes('anon_inode:[userfaultfd]'))
    t.ok(links.includes('anon_inode:[eventfd]'))
  },
}

for (const [exception, what] of Object.entries(EXCEPTIONS)) {
  t.test(`${exception}: ${what}`, async (t) => {
    const cluster = await startCluster(t, 2)
    const p = await Probe.start(cluster.socket(0), { GSHM_TRAP: 'mprotect' })
    const other = await Probe.start(cluster.socket(1))
    t.teardown(() => Promise.all([p.kill(), other.kill()]))
    const at = await p.ok('map', await p.ok('create', 'here', 8 * P, 0), 0, 0, 0)
    const there = await other.ok('map', await other.ok('open', 'here'), 0, 0, 0)
    await other.ok('put', there, 1)
    await reality[exception as Exception]({ t, cluster, p, at, other, there })
  })
}

t.test('docs/TRAPS.md has every one of them', (t) => {
  const text = readFileSync(join(projectRoot(), 'docs/TRAPS.md'), 'utf8')
  for (const what of Object.values(EXCEPTIONS)) t.ok(text.includes(what), what)
  t.end()
})
