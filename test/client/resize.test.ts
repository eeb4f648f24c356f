/** Segments that grow and shrink: the heap, forks, ends of processes and nodes, TypeScript. */
import t from 'tap'
import { attach } from '../../ts/client/index.js'
import { status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startNode } from '../support/cluster.js'
import type { Probe } from '../support/probe.js'
import { P, page, probeOn, sharing } from '../support/sharing.js'

t.test('units of 16 KiB: the size is whole units, but for a max_size that is none', async (t) => {
  const { probes, at, healthy } = await sharing(t, 2, 1, 10, 'unit=16384')
  const [a, b] = probes as [Probe, Probe]
  t.equal(await a.ok('size', 0), BigInt(4 * P))
  await b.ok('put', page(at[1], 3), 3)
  t.same(await b.send('get', page(at[1], 4)), { is: 'sigbus' })
  await a.ok('resize', 0, 5 * P)
  t.equal(await b.ok('size', 0), BigInt(8 * P))
  await b.ok('put', page(at[1], 7), 7)
  t.same(await b.send('get', page(at[1], 8)), { is: 'sigbus' })
  await b.ok('resize', 0, 9 * P)
  t.equal(await a.ok('size', 0), BigInt(10 * P))
  await a.ok('put', page(at[0], 9), 9)
  t.equal(await b.ok('get', page(at[1], 9)), 9n)
  t.equal(await a.ok('get', page(at[0], 7)), 7n)
  await a.ok('resize', 0, 1)
  t.equal(await b.ok('size', 0), BigInt(4 * P))
  await a.ok('resize', 0, 10 * P)
  t.same(
    [await b.ok('get', page(at[1], 9)), await b.ok('get', page(at[1], 7)), await b.ok('get', page(at[1], 3))],
    [0n, 0n, 3n],
  )
  healthy()
})

t.test('the heap has what the segment has; it does not shrink below a block', async (t) => {
  const { probes } = await sharing(t, 2, 2, 64)
  const [a, b] = probes as [Probe, Probe]
  t.match(await a.send('alloc', 0, 3 * P), { is: 'err', text: /^ERR_GSHM_HEAP_FULL.*resize it, up to/ })
  await b.ok('resize', 0, 32 * P)
  const low = await a.ok('alloc', 0, 3 * P)
  const high = await b.ok('alloc', 0, 20 * P)
  await b.ok('put', await b.ok('pointer', high), 1)
  const busy = {
    is: 'err',
    text: /^ERR_GSHM_BUSY: resize: the heap of 's' is in use up to byte 94208, not only to 8192/,
  }
  t.match(await a.send('resize', 0, 2 * P), busy)
  t.equal(await b.ok('size', 0), BigInt(32 * P), 'as it was')
  await a.ok('free', 0, high)
  t.match(await b.send('resize', 0, 2 * P), { is: 'err', text: /^ERR_GSHM_BUSY/ })
  await b.ok('resize', 0, 3 * P)
  t.match(await a.send('alloc', 0, 1), { is: 'err', text: /^ERR_GSHM_HEAP_FULL/ })
  await b.ok('free', 0, low)
  await a.ok('resize', 0, 1)
  await a.ok('resize', 0, 64 * P)
  const small = await Promise.all(probes.flatMap((p) => Array.from({ length: 100 }, () => p.ok('alloc', 0, 1024))))
  t.match(await b.send('resize', 0, 2 * P), { is: 'err', text: /^ERR_GSHM_BUSY/ }, 'spans of both nodes')
  for (const [i, block] of small.entries()) await probes[i % 2]!.ok('free', 0, block)
  await b.ok('resize', 0, P)
  await a.ok('resize', 0, 64 * P)
  await a.ok('alloc', 0, 64 * P)
})

t.test('fork: a child has its parent’s views, and its poison goes too', async (t) => {
  const { probes, at } = await sharing(t, 2, 1, 8)
  const [a, b] = probes as [Probe, Probe]
  t.same(await a.send('get', page(at[0], 3)), { is: 'sigbus' })
  const child = await a.fork()
  t.teardown(() => child.kill())
  t.same(await child.send('get', page(at[0], 3)), { is: 'sigbus' })
  await b.ok('resize', 0, 4 * P)
  t.equal(await child.ok('size', 0), BigInt(4 * P))
  await child.ok('put', page(at[0], 3), 33)
  t.equal(await a.ok('get', page(at[0], 3)), 33n)
  t.equal(await b.ok('get', page(at[1], 3)), 33n)
  await child.ok('resize', 0, 1)
  for (const p of [a, child]) t.same(await p.send('get', page(at[0], 3)), { is: 'sigbus' })
  await a.ok('resize', 0, 8 * P)
  for (const p of [a, child]) t.equal(await p.ok('get', page(at[0], 3)), 0n)
})

t.test('more pages beyond the end were touched than are remembered: all of them come', async (t) => {
  const { probes, at } = await sharing(t, 1, 1, 5000)
  const [p] = probes as [Probe]
  for (let i = 1; i < 5000; i++) t.equal((await p.send('get', page(at[0], i))).is, 'sigbus')
  await p.ok('resize', 0, 5000 * P)
  t.equal(await p.ok('wrong', at[0]!, 5000 * P, 0), 0n)
})

t.test('kill -9 of a process in a resize: it has happened or not, on all nodes', async (t) => {
  const { cluster, probes, at, healthy } = await sharing(t, 2, 4, 64)
  const [a, b] = probes as [Probe, Probe]
  for (let round = 0; round < 20; round++) {
    const doomed = await probeOn(t, cluster, round % 2)
    const segment = await doomed.ok('open', 's', 0)
    const resized = doomed.send('resize', segment, (round % 3 === 0 ? 4 : 8 + round) * P)
    await doomed.kill()
    await resized
  }
  for (const node of [0, 1]) t.equal(await becomes(1, () => status(cluster.socket(node)).processes), 1)
  await b.ok('resize', 0, 63 * P) // behind all that node 1 has sent
  await a.ok('resize', 0, 64 * P)
  await b.ok('put', page(at[1], 63), 5)
  t.equal(await a.ok('get', page(at[0], 63)), 5n)
  t.equal(await a.ok('size', 0), await b.ok('size', 0))
  healthy()
})

t.test('many resizes at once, from two nodes: one after the other, all answered', async (t) => {
  const { probes, at, healthy } = await sharing(t, 2, 1, 32, 'consistency=lrc')
  const asked = Array.from({ length: 40 }, (_, i) => probes[i % 2]!.thread('resize', 0, (1 + ((i * 7) % 32)) * P))
  for (const one of asked) t.match(await one, { is: 'ok' })
  await probes[0]!.ok('resize', 0, 32 * P)
  await probes[1]!.ok('put', page(at[1], 31), 9)
  await probes[1]!.ok('release', 0, 0, 0)
  await probes[0]!.ok('acquire', 0, 0, 0)
  t.equal(await probes[0]!.ok('get', page(at[0], 31)), 9n)
  healthy()
})

t.test('a node is lost in a resize: it ends without it', async (t) => {
  const { cluster, probes, at } = await sharing(t, 3, 2, 64, 'home=1')
  const [a, b, c] = probes as [Probe, Probe, Probe]
  process.kill(cluster.daemon(2).pid, 'SIGSTOP')
  const grows = a.send('resize', 0, 64 * P)
  const shrinks = b.thread('resize', 0, 8 * P)
  await cluster.kill(2)
  t.match(await grows, { is: 'ok' })
  t.match(await shrinks, { is: 'ok' })
  await a.ok('put', page(at[0], 7), 1)
  t.equal(await b.ok('get', page(at[1], 7)), 1n)
  await c.kill()
})

t.test('node 0 is lost in a shrinking: NODE_LOST, and no thread waits for ever', async (t) => {
  const { cluster, probes, at } = await sharing(t, 3, 16, 16, 'home=1')
  const [a, b, c] = probes as [Probe, Probe, Probe]
  for (const [n, p] of [b, c].entries()) await p.ok('put', page(at[n + 1], 9 + n), 1)
  const busy = [b, c].map((p, n) => p.thread('increment', page(at[n + 1], 9), 1))
  const shrinks = b.thread('resize', 0, 4 * P)
  await cluster.kill(0)
  const answer = await shrinks
  if (answer.is === 'err') t.match(answer.text, /^ERR_GSHM_NODE_LOST/)
  for (const one of busy) t.match((await one).is, /^(ok|sigbus)$/)
  t.match(await c.send('resize', 0, 8 * P), { is: 'err', text: /^ERR_GSHM_NODE_LOST/ })
  t.equal(await c.ok('get', page(at[2], 1)), 0n, 'what lives goes on')
  await a.kill()
})

t.test('the heap’s node is lost: the segment grows, and shrinks no more', async (t) => {
  const { cluster, probes } = await sharing(t, 3, 2, 64, 'home=2')
  const [a, b, c] = probes as [Probe, Probe, Probe]
  await cluster.kill(2)
  t.equal(await becomes(2, () => status(cluster.socket(0)).nodes.length), 2)
  await b.ok('resize', 0, 8 * P)
  t.equal(await a.ok('size', 0), BigInt(8 * P))
  t.match(await b.send('resize', 0, P), { is: 'err', text: /^ERR_GSHM_NODE_LOST: .* has the heap of 's'/ })
  await c.kill()
})

t.test('a node that joins knows the size, and takes part', async (t) => {
  const { cluster, probes, at } = await sharing(t, 1, 2, 8)
  await probes[0]!.ok('resize', 0, 4 * P)
  await cluster.add()
  const b = await probeOn(t, cluster, 1)
  const there = await b.ok('open', 's', 0)
  const view = await b.ok('map', there, 0, 0, 0)
  t.equal(await b.ok('size', there), BigInt(4 * P))
  t.same(await b.send('get', page(view, 4)), { is: 'sigbus' })
  await b.ok('put', page(view, 3), 3)
  await b.ok('resize', there, 2 * P)
  t.same(await probes[0]!.send('get', page(at[0], 3)), { is: 'sigbus' })
  await b.ok('resize', there, 8 * P)
  t.equal(await probes[0]!.ok('get', page(at[0], 3)), 0n)
})

t.test('TypeScript: buffers are over the size that it has; views over maxSize', async (t) => {
  const cluster = await startNode(t)
  const g = attach({ socket: cluster.socket(0) })
  t.teardown(() => g.detach())
  const segment = g.create('s', P, { maxSize: 4 * P })
  t.same([segment.size, segment.maxSize], [P, 4 * P])
  const view = segment.map()
  t.equal(view.length, 4 * P)
  const before = view.buffer()
  t.equal(before.byteLength, P)
  t.throws(() => view.buffer(0, P + 1), { code: 'ERR_GSHM_BEYOND_END', message: /segment's 4096 bytes/ })
  t.throws(() => view.buffer(0, 4 * P + 1), { code: 'ERR_GSHM_INVALID' })
  new Uint8Array(before)[0] = 5
  await segment.resize(3 * P)
  t.equal(segment.size, 3 * P)
  const bytes = new Uint8Array(view.buffer())
  t.equal(bytes.length, 3 * P)
  t.equal(bytes[0], 5)
  bytes[3 * P - 1] = 6
  segment.resizeSync(1)
  t.equal(view.buffer().byteLength, P)
  segment.close()
  t.equal(segment.size, P, 'what it had last')
  t.equal(view.buffer().byteLength, P)
  await t.rejects(segment.resize(P), { code: 'ERR_GSHM_INVALID' })
})
