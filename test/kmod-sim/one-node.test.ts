/** One real node: registered C processes, real page faults, frames in the daemon's memfds. */
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { processes, segments, status } from '../../ts/client/inspect.js'
import { startNode } from '../support/cluster.js'
import { becomes } from '../support/becomes.js'
import { Probe } from '../support/probe.js'

const P = 4096
const PAGES = 64

/** How many descriptors of the kinds that registration and memory need a process has. */
function descriptors(pid: number): Record<string, number> {
  const counts = { userfaultfd: 0, pidfd: 0, 'memfd:gshm': 0 }
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const target = linkOf(`/proc/${pid}/fd/${fd}`)
    for (const kind of Object.keys(counts) as (keyof typeof counts)[]) if (target.includes(kind)) counts[kind]++
  }
  return counts
}
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // closed since
  }
}

t.test('views: two processes, four addresses, one memory', async (t) => {
  const node = await startNode(t)
  const a = await Probe.start(node.socket(0))
  const b = await Probe.start(node.socket(0))
  t.teardown(() => Promise.all([a.kill(), b.kill()]))
  const sa = await a.ok('create', 'shared', PAGES * P, 0)
  const sb = await b.ok('open', 'shared', 0)
  const whole = await a.ok('map', sa, 0, 0, 0)
  const again = await a.ok('map', sa, 0x600000000000, 4 * P, 8 * P)
  const other = await b.ok('map', sb, 0x500000000000, 0, 0)
  t.equal(again, 0x600000000000n, 'at the address that was asked for')
  t.equal(await a.ok('get', whole), 0n, 'fresh memory reads as zeros')
  await a.ok('put', whole + BigInt(4 * P), 7)
  t.equal(await a.ok('get', again), 7n, 'the second view of the same process shows it')
  t.equal(await b.ok('get', other + BigInt(4 * P)), 7n, 'so does another process')
  await b.ok('put', other + BigInt(5 * P + 8), 9)
  t.equal(await a.ok('get', again + BigInt(P + 8)), 9n)
  t.equal(await a.ok('address', again + 8n), await b.ok('address', other + BigInt(4 * P + 8)), 'one global address')
  t.equal(await b.ok('pointer', await a.ok('at', sa, 3 * P)), other + BigInt(3 * P))

  const seen = processes(node.socket(0)).map((one) => one.views.length)
  t.same(seen.toSorted(), [1, 2])
})

t.test('views: what cannot be mapped is refused with its reason, and nothing is lost', async (t) => {
  const node = await startNode(t)
  const a = await Probe.start(node.socket(0))
  t.teardown(() => a.kill())
  const s = await a.ok('create', 'shared', PAGES * P, 0)
  const at = await a.ok('map', s, 0, 0, 0)
  await a.ok('put', at, 1)
  const taken = await a.ok('mmap', 0, 16 * P)
  t.match(await a.send('map', s, 0, 0, (PAGES + 1) * P), { is: 'err', text: /BEYOND_END/ })
  t.match(await a.send('map', s, 0, PAGES * P, P), { is: 'err', text: /BEYOND_END/ })
  t.match(await a.send('map', s, 0, 100, P), { is: 'err', text: /MISALIGNED/ })
  t.match(await a.send('map', s, 0x600000000123, 0, P), { is: 'err', text: /MISALIGNED/ })
  t.match(await a.send('map', s, taken, 0, P), { is: 'err', text: /OVERLAP/ })
  t.match(await a.send('map', s, at + BigInt(P), 0, P), { is: 'err', text: /OVERLAP/ })
  t.match(await a.send('create', 'shared', P, 0), { is: 'err', text: /EXISTS/ })
  t.match(await a.send('create', 'shared', P, 1), { is: 'err', text: /SIZE_MISMATCH/ })
  t.match(await a.send('create', 'x'.repeat(64), P, 0), { is: 'err', text: /NAME_TOO_LONG/ })
  t.match(await a.send('create', 'huge', 2 ** 40, 0), { is: 'err', text: /MEMORY.*--memory/ })
  t.match(await a.send('open', 'nowhere', 0), { is: 'err', text: /NOT_FOUND/ })
  t.match(await a.send('open', 'shared', 1), { is: 'err', text: /UNSUPPORTED/ })
  t.equal(await a.ok('get', at), 1n)
})

t.test('views: munmap of a part, mremap and madvise leave the rest right', async (t) => {
  const node = await startNode(t)
  const a = await Probe.start(node.socket(0))
  const b = await Probe.start(node.socket(0))
  t.teardown(() => Promise.all([a.kill(), b.kill()]))
  const s = await a.ok('create', 'shared', PAGES * P, 0)
  const at = await a.ok('map', s, 0, 0, 0)
  const bt = await b.ok('map', await b.ok('open', 'shared', 0), 0, 0, 0)
  for (let page = 0; page < PAGES; page++) await a.ok('put', at + BigInt(page * P), 1000 + page)

  await a.ok('munmap', at + BigInt(8 * P), 8 * P)
  t.equal(processes(node.socket(0)).find((one) => one.pid === a.pid)?.views.length, 2, 'a hole makes two views')
  t.equal(await a.ok('get', at + BigInt(7 * P)), 1007n)
  t.equal(await a.ok('get', at + BigInt(16 * P)), 1016n)
  t.equal(await b.ok('get', bt + BigInt(9 * P)), 1009n, 'the other process still has what was unmapped here')

  const moved = await a.ok('mremap', at + BigInt(16 * P), 8 * P, 8 * P, 0x610000000000n)
  t.equal(moved, 0x610000000000n)
  t.equal(await a.ok('get', moved + BigInt(P)), 1017n)
  await b.ok('put', bt + BigInt(17 * P), 5)
  t.equal(await a.ok('get', moved + BigInt(P)), 5n, 'a moved view is still shared')
  await a.ok('put', moved + BigInt(2 * P), 6)
  t.equal(await b.ok('get', bt + BigInt(18 * P)), 6n)

  await a.ok('dontneed', moved, 8 * P)
  t.equal(await a.ok('get', moved + BigInt(2 * P)), 6n, 'MADV_DONTNEED drops mappings, not memory')
  await a.ok('put', moved + BigInt(2 * P), 8)
  t.equal(await b.ok('get', bt + BigInt(18 * P)), 8n)

  const grown = await a.ok('mremap', moved, 8 * P, 12 * P, 0x620000000000n)
  t.equal(await a.ok('get', grown + BigInt(10 * P)), 1026n, 'a view that has grown shows what follows')
})

t.test('fork: a child is registered before fork() returns in it', async (t) => {
  const node = await startNode(t)
  const a = await Probe.start(node.socket(0))
  t.teardown(() => a.kill())
  const s = await a.ok('create', 'shared', PAGES * P, 0)
  const at = await a.ok('map', s, 0, 0, 0)
  await a.ok('put', at, 1)
  await a.ok('get', at + BigInt(P))
  const child = await a.fork()
  t.teardown(() => child.kill())
  t.same(
    processes(node.socket(0))
      .map((one) => one.pid)
      .toSorted(),
    [a.pid, child.pid].toSorted(),
  )
  await child.ok('put', at, 2)
  t.equal(await a.ok('get', at), 2n, 'the parent sees what the child writes')
  await a.ok('put', at + BigInt(P), 3)
  t.equal(await child.ok('get', at + BigInt(P)), 3n, 'and the child what the parent writes')
  const grandchild = await child.fork()
  t.teardown(() => grandchild.kill())
  await grandchild.ok('put', at + BigInt(2 * P), 4)
  t.equal(await a.ok('get', at + BigInt(2 * P)), 4n)
  const mine = await child.ok('map', s, 0, 0, 0)
  t.equal(await child.ok('get', mine), 2n, 'the child may map by itself')
  await child.ok('lock', 'one')
  await child.ok('unlock', 'one')
})

t.test('fork: a clone that libgshm does not see is served too', async (t) => {
  const node = await startNode(t)
  const a = await Probe.start(node.socket(0))
  t.teardown(() => a.kill())
  const at = await a.ok('map', await a.ok('create', 'shared', PAGES * P, 0), 0, 0, 0)
  await a.ok('put', at, 1)
  const child = await a.fork('rawfork')
  t.equal(await child.ok('get', at), 1n)
  await child.ok('put', at + BigInt(P), 2)
  t.equal(await a.ok('get', at + BigInt(P)), 2n)
  t.equal(processes(node.socket(0)).filter((one) => one.pid === child.pid).length, 1, 'its faults told who it is')
  await child.kill()
  t.equal(await becomes(1, () => status(node.socket(0)).processes), 1, 'and its end was seen')
})

t.test('end: a killed process leaves no view, no descriptor; what it wrote stays; its lock passes on', async (t) => {
  const node = await startNode(t)
  const a = await Probe.start(node.socket(0))
  t.teardown(() => a.kill())
  const at = await a.ok('map', await a.ok('create', 'shared', PAGES * P, 0), 0, 0, 0)
  const one = { userfaultfd: 1, pidfd: 1, 'memfd:gshm': 1 }
  const { pid, keeperPid } = node.daemon(0)
  const b = await Probe.start(node.socket(0))
  const bt = await b.ok('map', await b.ok('open', 'shared', 0), 0, 0, 0)
  const child = await b.fork()
  await b.ok('put', bt + BigInt(3 * P), 33)
  await child.ok('lock', 'mine')
  const waits = a.thread('lock', 'mine')
  await Promise.all([b.kill(), child.kill()])
  t.match(await waits, { is: 'err', errno: 130, text: /OWNER_DEAD/ }, 'EOWNERDEAD')
  t.same(await becomes([1, 1], () => [status(node.socket(0)).processes, status(node.socket(0)).views]), [1, 1])
  t.equal(await a.ok('get', at + BigInt(3 * P)), 33n)
  t.same(await becomes(one, () => descriptors(pid)), one, 'the daemon')
  t.same(await becomes(one, () => descriptors(keeperPid)), one, 'the keeper')
})

t.test('end: after exec nothing of the registration is left', async (t) => {
  const node = await startNode(t)
  const b = await Probe.start(node.socket(0))
  await b.ok('map', await b.ok('create', 'shared', PAGES * P, 0), 0, 0, 0)
  t.equal(status(node.socket(0)).processes, 1)
  const gone = b.send('exec')
  t.match(await gone, { is: 'ended' })
  t.equal(await becomes(0, () => status(node.socket(0)).processes), 0)
  await b.kill()
})

t.test('unlink: the name goes, the memory stays until the last view closes', async (t) => {
  const node = await startNode(t)
  const a = await Probe.start(node.socket(0))
  const b = await Probe.start(node.socket(0))
  t.teardown(() => Promise.all([a.kill(), b.kill()]))
  const at = await a.ok('map', await a.ok('create', 'shared', PAGES * P, 0), 0, 0, 0)
  const bt = await b.ok('map', await b.ok('open', 'shared', 0), 0, 0, 0)
  await a.ok('put', at, 5)
  await a.ok('unlink', 'shared')
  t.match(await a.send('open', 'shared', 0), { is: 'err', text: /NOT_FOUND/ })
  t.equal(await b.ok('get', bt), 5n)
  await a.ok('unmap', at)
  t.equal(await b.ok('get', bt), 5n)
  t.equal(status(node.socket(0)).frameBytes, P)
  await b.ok('unmap', bt)
  t.equal(await becomes(0, () => status(node.socket(0)).frameBytes), 0)
  t.same(segments(node.socket(0)), [])
  await a.ok('create', 'shared', 2 * P, 0)
})

t.test('read(2) from a file straight into global memory', async (t) => {
  const node = await startNode(t)
  const a = await Probe.start(node.socket(0))
  t.teardown(() => a.kill())
  const at = await a.ok('map', await a.ok('create', 'shared', PAGES * P, 0), 0, 0, 0)
  const file = join(node.dir, 'file')
  writeFileSync(file, Buffer.alloc(3 * P, 0x5a))
  t.equal(await a.ok('readfile', file, at + 100n, 3 * P), BigInt(3 * P))
  t.equal(await a.ok('wrong', at + 100n, 3 * P, 0x5a), 0n)
})

t.test('keeper: kill -9 of the daemon gives SIGBUS to every blocked or later access, never a zero', async (t) => {
  const node = await startNode(t)
  const a = await Probe.start(node.socket(0))
  const at = await a.ok('map', await a.ok('create', 'shared', PAGES * P, 0), 0, 0, 0)
  for (let page = 0; page < 8; page++) await a.ok('put', at + BigInt(page * P), 1)
  const child = await a.fork()
  t.teardown(() => Promise.all([a.kill(), child.kill()]))
  process.kill(node.daemon(0).pid, 'SIGSTOP')
  const blocked = a.thread('get', at + BigInt(20 * P)) // nobody can serve it any more
  await node.kill(0)
  const killed = performance.now()
  t.match(await blocked, { is: 'sigbus' })
  t.match(await child.send('get', at + BigInt(21 * P)), { is: 'sigbus' })
  t.match(await a.send('get', at), { is: 'sigbus' }, 'also where it could read before')
  t.match(await child.send('put', at + BigInt(P), 1), { is: 'sigbus' })
  t.ok(performance.now() - killed < 2000, 'within two seconds')
  const orphan = await a.fork()
  t.match(await orphan.send('get', at + BigInt(2 * P)), { is: 'sigbus' }, 'of a child that is born later, too')
  await orphan.kill()
  t.match(await a.send('lock', 'x'), { is: 'err', text: /DAEMON_LOST|NO_DAEMON/ })
})

t.test('memory: a fault beyond --memory is SIGBUS and a log line that names the knob', async (t) => {
  const node = await startNode(t, { memory: 16 * P })
  const a = await Probe.start(node.socket(0))
  t.teardown(() => a.kill())
  const at = await a.ok('map', await a.ok('create', 'one', 12 * P, 0), 0, 0, 0)
  const bt = await a.ok('map', await a.ok('create', 'two', 12 * P, 0), 0, 0, 0)
  for (let page = 0; page < 12; page++) await a.ok('put', at + BigInt(page * P), 1)
  for (let page = 0; page < 4; page++) await a.ok('put', bt + BigInt(page * P), 1)
  t.match(await a.send('put', bt + BigInt(4 * P), 1), { is: 'sigbus' })
  t.match(node.log(0), /--memory/)
  t.equal(await a.ok('get', at), 1n, 'the rest goes on')
})
