/** Small blocks, from spans: processes of one node and of several, ends of processes and nodes, misuse. */
import t, { type Test } from 'tap'
import { segments, status } from '../../ts/client/inspect.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096
/** Spans of 4 KiB: 64 of them. */
const BYTES = 64 * P

interface Heap {
  cluster: TestCluster
  probes: Probe[]
  at: bigint[]
  /** Bytes and blocks allocated, as a node says. */
  held: (node?: number) => { bytes: number; blocks: number }
  sent: () => number
}

/** One process a node, `processes` on the last one. */
async function start(t: Test, nodes: number, processes = 1, ...options: string[]): Promise<Heap> {
  const cluster = await startCluster(t, nodes)
  const probes: Probe[] = []
  t.teardown(() => Promise.all(probes.map((probe) => probe.kill())))
  for (let i = 0; i < nodes + processes - 1; i++) {
    const probe = await Probe.start(cluster.socket(Math.min(i, nodes - 1)))
    probes.push(probe)
    await probe.ok('createWith', 'heap', BYTES, 1, ...options)
  }
  const at = await Promise.all(probes.map((probe) => probe.ok('map', 0, 0, 0, 0)))
  const held = (node = 0) => {
    const { heapBytes, heapBlocks } = segments(cluster.socket(node))[0]!
    return { bytes: heapBytes, blocks: heapBlocks }
  }
  const sent = () => cluster.daemons.reduce((sum, { socket }) => sum + status(socket).messages.sent, 0)
  return { cluster, probes, at, held, sent }
}

t.test('spans: a small block is allocated and freed without a message, by two processes of a node', async (t) => {
  const { probes, held, sent } = await start(t, 2, 2)
  const [, a, b] = probes as [Probe, Probe, Probe]
  const first = await a.ok('alloc', 0, 60)
  const second = await b.ok('alloc', 0, 60)
  const before = sent()
  const third = await a.ok('alloc', 0, 64)
  t.equal(third, first + 64n, 'beside the first: of one size')
  t.not(second / BigInt(P), first / BigInt(P), 'each process has its own span')
  await b.ok('free', 0, first)
  await b.ok('free', 0, third)
  await a.ok('free', 0, second)
  t.equal(await a.ok('alloc', 0, 64), first, 'a block that another process has freed is used again')
  t.equal(sent(), before)
  t.same(held(), { bytes: 64, blocks: 1 })
  t.same(held(1), { bytes: 64, blocks: 1 })
})
