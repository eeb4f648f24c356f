/** The TypeScript API here, a C process on another node: one memory, one heap, the same locks. */
import t from 'tap'
import { attach } from '../../ts/client/index.js'
import { pages as inspectPages } from '../../ts/client/inspect.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096

t.test('two nodes: TypeScript and C share memory, blocks, locks and barriers', async (t) => {
  const cluster = await startCluster(t, 2)
  const g = attach({ socket: cluster.socket(0) })
  t.teardown(() => g.detach())
  const probe = await Probe.start(cluster.socket(1))
  t.teardown(() => probe.kill())
  const segment = g.create('s', 16 * P)
  const there = await probe.ok('open', 's', 0)
  const at = await probe.ok('map', there, 0, 0, 0)
  const words = new BigUint64Array(segment.map().buffer())

  for (let page = 0; page < 16; page++) {
    words[(page * P) / 8] = BigInt(page + 1)
    t.equal(await probe.ok('get', at + BigInt(page * P)), BigInt(page + 1))
    await probe.ok('put', at + BigInt(page * P + 8), page + 100)
    t.equal(words[(page * P) / 8 + 1], BigInt(page + 100))
  }

  const block = await probe.ok('alloc', there, 5000)
  await probe.ok('fill', await probe.ok('pointer', block), 5000, 0x5a)
  t.ok(
    new Uint8Array(g.buffer(block, 5000)).every((byte) => byte === 0x5a),
    'a block allocated there is read here',
  )
  segment.free(block)
  t.match(await probe.send('free', there, block), { is: 'err', text: /^ERR_GSHM_NOT_ALLOCATED/ })

  await g.lock('l')
  const waits = probe.thread('lock', 'l')
  const barrier = probe.thread('barrier', 'b', 2)
  await g.barrier('b', 2)
  t.match(await barrier, { is: 'ok' })
  await g.unlock('l')
  t.match(await waits, { is: 'ok' })

  words[2] = 0n
  for (let i = 0; i < 200; i++) {
    Atomics.add(words, 2, 1n)
    if (i % 10 === 0) await probe.ok('add', at + 16n, 1)
  }
  t.equal(words[2], 220n, 'atomic additions of both are all there')
})

t.test('two nodes: where the homes are is chosen at creation, and told everywhere', async (t) => {
  const cluster = await startCluster(t, 2)
  const g = attach({ socket: cluster.socket(0) })
  t.teardown(() => g.detach())
  const probe = await Probe.start(cluster.socket(1))
  t.teardown(() => probe.kill())
  g.create('default', P)
  t.match(await probe.send('model', 'default'), { is: 'ok', text: /^mrsw fixed 4096 2 [01]$/ })
  g.create('central', P, { consistency: 'mrsw', manager: 'central' })
  t.match(await probe.send('model', 'central'), { is: 'ok', text: 'mrsw central 4096 1 0' })
  const there = await probe.ok('createWith', 'there', 4 * P, 0, 'home=1')
  t.match(g.stat('there'), { consistency: 'mrsw', manager: 'fixed', unit: P, homes: 1, home: 1 })

  const at = await probe.ok('map', there, 0, 0, 0)
  const words = new BigUint64Array(g.open('there').map().buffer())
  for (let page = 0; page < 4; page++) {
    await probe.ok('put', at + BigInt(page * P), page + 1)
    t.equal(words[(page * P) / 8], BigInt(page + 1))
  }
  const { pages } = inspectPages(cluster.socket(0), 'there')
  t.same([...new Set(pages.map(({ home }) => home))], [1], 'every page has that home')
})
