/** lrc on real nodes: what is written is seen by who is told so by other means, after release and acquire. */
import t from 'tap'
import { attach } from '../../ts/client/index.js'
import { startCluster } from '../support/cluster.js'
import { Probe, type Api } from '../support/probe.js'

const P = 4096
const PAGES = 8

/** The words at the beginning of the pages. */
async function words(reader: Probe, at: bigint, first = 0, last = PAGES - 1): Promise<number[]> {
  const found: number[] = []
  for (let page = first; page <= last; page++) found.push(Number(await reader.ok('get', at + BigInt(page * P))))
  return found
}

for (const [writes, reads] of [
  ['C', 'TypeScript'],
  ['TypeScript', 'C'],
] satisfies [Api, Api][]) {
  t.test(`${writes} releases a range, ${reads} on another node acquires it and reads it`, async (t) => {
    const cluster = await startCluster(t, 2)
    const writer = await Probe.start(cluster.socket(0), {}, writes)
    const reader = await Probe.start(cluster.socket(1), {}, reads)
    t.teardown(() => Promise.all([writer.kill(), reader.kill()]))
    const ours = await writer.ok('createWith', 's', PAGES * P, 0, 'consistency=lrc')
    const theirs = await reader.ok('open', 's', 0)
    const at = await writer.ok('map', ours, 0, 0, 0)
    const there = await reader.ok('map', theirs, 0, 0, 0)
    const write = async (value: number) => {
      for (let page = 0; page < PAGES; page++) await writer.ok('put', at + BigInt(page * P), value)
    }
    await write(1)
    await writer.ok('release', ours, 0, 0)
    await reader.ok('acquire', theirs, 0, 0)
    t.same(await words(reader, there), Array(PAGES).fill(1))

    for (let value = 2; value < 20; value++) {
      await write(value)
      await writer.ok('release', ours, 100, 3 * P)
      await reader.ok('acquire', theirs, 0, 4 * P)
      t.same(await words(reader, there, 0, 3), Array(4).fill(value), 'the whole pages in which the range lies')
      for (const word of await words(reader, there, 4)) t.ok(word >= 1 && word <= value, 'elsewhere: old or new')
    }
    await writer.ok('release', ours, 4 * P, 0)
    await reader.ok('acquire', theirs, 4 * P, 0)
    t.same(await words(reader, there, 4), Array(4).fill(19), 'to the end')

    // Neither loses what it wrote in a page that both write.
    await reader.ok('put', there + 8n, 5)
    await writer.ok('put', at, 21)
    await reader.ok('release', theirs, 0, P)
    await writer.ok('release', ours, 0, P)
    await reader.ok('acquire', theirs, 0, P)
    await writer.ok('acquire', ours, 0, P)
    for (const [probe, view] of [
      [reader, there],
      [writer, at],
    ] as const) {
      t.same([await probe.ok('get', view), await probe.ok('get', view + 8n)], [21n, 5n])
    }

    await write(30)
    await writer.ok('detach')
    await reader.ok('acquire', theirs, 0, 0)
    t.same(await words(reader, there), Array(PAGES).fill(30), 'a process that has detached has released')
  })
}

t.test('a release is for all processes of its node; other segments need none', async (t) => {
  const cluster = await startCluster(t, 2)
  const g = attach({ socket: cluster.socket(0) })
  t.teardown(() => g.detach())
  const other = await Probe.start(cluster.socket(0))
  const reader = await Probe.start(cluster.socket(1))
  t.teardown(() => Promise.all([other.kill(), reader.kill()]))
  const segment = g.create('lazy', PAGES * P, { consistency: 'lrc' })
  const at = await other.ok('map', await other.ok('open', 'lazy', 0), 0, 0, 0)
  const theirs = await reader.ok('open', 'lazy', 0)
  const there = await reader.ok('map', theirs, 0, 0, 0)
  await words(reader, there)
  for (let page = 0; page < PAGES; page++) await other.ok('put', at + BigInt(page * P), 7)
  segment.releaseSync(0, PAGES * P)
  await reader.ok('acquire', theirs, 0, 0)
  t.same(await words(reader, there), Array(PAGES).fill(7))
  segment.acquireSync()
  segment.close()
  await t.rejects(segment.release(), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => segment.acquireSync(), { code: 'ERR_GSHM_INVALID' })

  for (const consistency of ['srsw', 'mrsw'] as const) {
    const plain = g.create(consistency, P, { consistency })
    await plain.acquire()
    await plain.release(1, 1)
    await t.rejects(plain.release(0, P + 1), { code: 'ERR_GSHM_BEYOND_END' })
  }
})
