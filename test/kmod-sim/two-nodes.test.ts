/** Several real nodes: frames of their own, pages travelling over TCP, processes that fault. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { pages, segments, status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe, type Reply } from '../support/probe.js'
import { except } from '../support/trap.js'

const P = 4096
const PAGES = 64

interface Shared {
  cluster: TestCluster
  /** A process on each node, and where it has mapped the segment 'shared'. */
  probes: Probe[]
  at: bigint[]
}

async function shared(t: Test, nodes: number, bytes = PAGES * P): Promise<Shared> {
  const cluster = await startCluster(t, nodes)
  const probes: Probe[] = []
  const at: bigint[] = []
  for (let node = 0; node < nodes; node++) {
    const probe = await Probe.start(cluster.socket(node))
    t.teardown(() => probe.kill())
    const segment = await (node === 0 ? probe.ok('create', 'shared', bytes, 0) : probe.ok('open', 'shared', 0))
    probes.push(probe)
    at.push(await probe.ok('map', segment, 0, 0, 0))
  }
  return { cluster, probes, at }
}

/** The first page whose home is the given node. */
function homedAt(cluster: TestCluster, node: number): number {
  const homes = segments(cluster.socket(0)).find((one) => one.name === 'shared')!.homes
  return homes.indexOf(node)
}

t.test('sharing: what one node writes, the others read, whichever is home', async (t) => {
  const { probes, at } = await shared(t, 3)
  for (let page = 0; page < 9; page++) {
    const offset = BigInt(page * P + 8)
    for (let writer = 0; writer < 3; writer++) {
      await probes[writer]!.ok('put', at[writer]! + offset, 100 * page + writer)
      for (let reader = 0; reader < 3; reader++) {
        t.equal(await probes[reader]!.ok('get', at[reader]! + offset), BigInt(100 * page + writer))
      }
    }
  }
})

t.test('sharing: whole pages arrive as they were written, and an upgrade moves none', async (t) => {
  const { cluster, probes, at } = await shared(t, 2)
  const [a, b] = probes as [Probe, Probe]
  for (const [page, byte] of [0x11, 0x22, 0x33, 0x44].entries()) {
    await a.ok('fill', at[0]! + BigInt(page * P), P, byte)
    t.equal(await b.ok('wrong', at[1]! + BigInt(page * P), P, byte), 0n)
  }
  const before = status(cluster.socket(1)).faults.upgrade
  await b.ok('put', at[1]!, 0x1111111111111111n)
  t.equal(status(cluster.socket(1)).faults.upgrade, before + 1)
  t.equal(await a.ok('wrong', at[0]!, P, 0x11), 0n)
})

t.test('sharing: the directory says who has what', async (t) => {
  const { cluster, probes, at } = await shared(t, 2)
  const page = homedAt(cluster, 0)
  const offset = BigInt(page * P)
  await probes[1]!.ok('put', at[1]! + offset, 1)
  const entry = (node: number) => pages(cluster.socket(node), 'shared').pages.find((one) => one.page === page)
  t.equal(await becomes(1, () => entry(0)?.owner), 1, 'the home hears that the page is installed')
  t.match(entry(0), { access: 'none', home: 0 })
  t.match(entry(1), { access: 'write', home: 0 })
})

t.test('law 11: two threads increment one word, one on its home; neither starves, none is lost', async (t) => {
  const { cluster, probes, at } = await shared(t, 2)
  const held = () => [0, 1].map((node) => status(cluster.socket(node)).messages.held)
  for (const home of [0, 1]) {
    const word = BigInt(homedAt(cluster, home) * P)
    const before = held()
    const counts = await Promise.all([
      probes[0]!.ok('increment', at[0]! + word, 5),
      probes[1]!.ok('increment', at[1]! + word, 5),
    ])
    t.equal(await probes[0]!.ok('get', at[0]! + word), counts[0] + counts[1], 'every increment counts')
    const [less, more] = counts[0] < counts[1] ? counts : [counts[1], counts[0]]
    t.ok(less * 10n >= more, `home ${home}: ${counts[0]} on node 0, ${counts[1]} on node 1`)
    for (const [node, now] of held().entries()) {
      t.ok(now > before[node]!, `home ${home}: node ${node} has held what would have taken the page away`)
    }
  }
})

t.test('threads: several fault at once, on the same page too', async (t) => {
  const { probes, at } = await shared(t, 2)
  const threads: Promise<Reply>[] = []
  for (let thread = 0; thread < 8; thread++) {
    for (const node of [0, 1]) {
      for (let page = 0; page < 4; page++) {
        threads.push(probes[node]!.thread('add', at[node]! + BigInt(page * P), 1))
      }
    }
  }
  t.same(
    (await Promise.all(threads)).filter((reply) => reply.is !== 'ok'),
    [],
  )
  for (let page = 0; page < 4; page++) t.equal(await probes[1]!.ok('get', at[1]! + BigInt(page * P)), 16n)
})

t.test('read(2) from a file straight into pages that are on another node', except('syscalls'), async (t) => {
  const { cluster, probes, at } = await shared(t, 2)
  await probes[1]!.ok('fill', at[1]!, 4 * P, 1)
  const file = join(cluster.dir, 'file')
  writeFileSync(file, Buffer.alloc(4 * P - 200, 0x5a))
  t.equal(await probes[0]!.ok('readfile', file, at[0]! + 100n, 4 * P - 200), BigInt(4 * P - 200))
  t.equal(await probes[1]!.ok('wrong', at[1]! + 100n, 4 * P - 200, 0x5a), 0n)
  t.equal(await probes[1]!.ok('wrong', at[1]!, 100, 1), 0n)
})

t.test('fork: a child shares with other nodes what its parent shares', async (t) => {
  const { probes, at } = await shared(t, 2)
  await probes[0]!.ok('put', at[0]!, 1)
  const child = await probes[0]!.fork()
  t.teardown(() => child.kill())
  await probes[1]!.ok('put', at[1]!, 2)
  t.equal(await child.ok('get', at[0]!), 2n)
  await child.ok('put', at[0]!, 3)
  t.equal(await probes[1]!.ok('get', at[1]!), 3n)
  t.equal(await probes[0]!.ok('get', at[0]!), 3n)
})

t.test('names: create is exclusive over the cluster; unlink waits for the last view anywhere', async (t) => {
  const { cluster, probes, at } = await shared(t, 2)
  const [a, b] = probes as [Probe, Probe]
  t.match(await b.send('create', 'shared', PAGES * P, 0), { is: 'err', text: /EXISTS/ })
  t.match(await b.send('create', 'shared', P, 1), { is: 'err', text: /SIZE_MISMATCH/ })
  await b.ok('put', at[1]!, 4)
  await a.ok('unlink', 'shared')
  t.match(await b.send('open', 'shared', 0), { is: 'err', text: /NOT_FOUND/ })
  t.equal(await a.ok('get', at[0]!), 4n)
  await a.kill()
  t.equal(await b.ok('get', at[1]!), 4n, 'the last view is on the other node')
  await b.ok('unmap', at[1]!)
  const frames = () => [0, 1].map((node) => status(cluster.socket(node)).frameBytes)
  t.same(await becomes([0, 0], frames), [0, 0])
})

t.test('heap: blocks allocated here, resized there, freed by a third', async (t) => {
  const { cluster, probes, at } = await shared(t, 3)
  const [a, b, c] = probes as [Probe, Probe, Probe]
  const block = await a.ok('alloc', 0, 100)
  await a.ok('fill', await a.ok('pointer', block), 100, 7)
  const behind = await a.ok('alloc', 0, 100) // in the way of growing in place
  const moved = await b.ok('realloc', 0, block, 5000)
  t.not(moved, block)
  t.equal(await c.ok('wrong', await c.ok('pointer', moved), 100, 7), 0n)
  t.match(await c.send('free', 0, block), { is: 'err', text: /NOT_ALLOCATED/ }, 'realloc has freed it')
  t.match(await c.send('free', 0, moved + 16n), { is: 'err', text: /NOT_ALLOCATED/ }, 'interior')
  await c.ok('free', 0, moved)
  t.match(await a.send('free', 0, moved), { is: 'err', text: /NOT_ALLOCATED/ }, 'twice')
  await c.ok('free', 0, behind)
  t.match(await a.send('alloc', 0, PAGES * P + 1), { is: 'err', text: /HEAP_FULL/ })
  t.equal(segments(cluster.socket(1)).find((one) => one.name === 'shared')?.heapBytes, 0)
  t.ok(at.length === 3)
})

t.test('locks: one holder over the cluster; a dead one passes it on with EOWNERDEAD', async (t) => {
  const { probes } = await shared(t, 2)
  const [a, b] = probes as [Probe, Probe]
  await a.ok('lock', 'l')
  t.match(await a.send('lock', 'l'), { is: 'err', text: /DEADLOCK/ })
  t.match(await b.send('unlock', 'l'), { is: 'err', text: /NOT_HOLDER/ })
  const waits = b.thread('lock', 'l')
  await b.ok('lockn', 7)
  await a.kill()
  t.match(await waits, { is: 'err', errno: 130, text: /OWNER_DEAD/ })
})

t.test('barriers: all arrive, on every node; another count is refused', async (t) => {
  const { probes } = await shared(t, 2)
  const [a, b] = probes as [Probe, Probe]
  const first = a.thread('barrier', 'b', 3)
  const second = a.thread('barrier', 'b', 3)
  t.match(await b.send('barrier', 'b', 3), { is: 'ok' })
  t.match(await Promise.all([first, second]), [{ is: 'ok' }, { is: 'ok' }])
})

t.test(
  'loss: what needs a lost node ends with SIGBUS or NODE_LOST within five seconds; the rest goes on',
  async (t) => {
    const { cluster, probes, at } = await shared(t, 3)
    const [a, b, c] = probes as [Probe, Probe, Probe]
    const homed = (node: number) => BigInt(homedAt(cluster, node) * P)
    await c.ok('put', at[2]! + homed(0), 5) // node 2 is the owner, node 0 the home
    await a.ok('put', at[0]! + homed(2), 6) // node 2 is the home, node 0 the owner
    await b.ok('put', at[1]! + homed(1), 7) // nothing of node 2
    await c.ok('lock', 'held')
    const waits = a.thread('lock', 'held')
    const barrier = b.thread('barrier', 'three', 2)
    t.match(await c.send('node'), { is: 'ok' })
    process.kill(cluster.daemon(2).pid, 'SIGSTOP')
    const blocked = b.thread('get', at[1]! + homed(0)) // the home asks node 2, which says nothing
    const started = performance.now()
    t.match(await blocked, { is: 'sigbus' })
    t.ok(performance.now() - started < 5500, `lost after ${Math.round(performance.now() - started)} ms`)
    t.match(await waits, { is: 'err', text: /OWNER_DEAD/ })
    t.match(await a.send('put', at[0]! + homed(2), 1), { is: 'ok' }, 'a page that is here needs nobody')
    t.match(await b.send('get', at[1]! + homed(2)), { is: 'sigbus' }, 'its home is lost')
    t.equal(await a.ok('get', at[0]! + homed(1)), 7n)
    t.match(await a.send('barrier', 'three', 2), { is: 'ok' })
    t.match(await barrier, { is: 'ok' })
    await cluster.kill(2)
  },
)
