/** Segments larger than a node's memory: pages leave, and nothing is lost, whatever the model. */
import t, { type Test } from 'tap'
import { segments, status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096
/** Of a node, in pages; the segment has twice as many. */
const MEMORY = 32
const PAGES = 2 * MEMORY

const MODELS = {
  srsw: ['consistency=srsw'],
  mrsw: ['consistency=mrsw'],
  'mrsw/dynamic': ['consistency=mrsw', 'manager=dynamic'],
  lrc: ['consistency=lrc'],
  'units of four pages': ['unit=16384'],
}

interface Shared {
  cluster: TestCluster
  probes: Probe[]
  at: bigint[]
}

async function shared(t: Test, nodes: number, options: readonly string[]): Promise<Shared> {
  const cluster = await startCluster(t, nodes, { memory: MEMORY * P })
  const probes: Probe[] = []
  const at: bigint[] = []
  for (let node = 0; node < nodes; node++) {
    const probe = await Probe.start(cluster.socket(node))
    t.teardown(() => probe.kill())
    const made = () => probe.ok('createWith', 'large', PAGES * P, 0, ...options)
    probes.push(probe)
    at.push(await probe.ok('map', await (node === 0 ? made() : probe.ok('open', 'large', 0)), 0, 0, 0))
  }
  return { cluster, probes, at }
}

for (const [name, options] of Object.entries(MODELS)) {
  t.test(`${name}: one node writes a segment of twice its memory, and every node reads all of it`, async (t) => {
    const { cluster, probes, at } = await shared(t, 4, options)
    await probes[0]!.ok('lock', 'all') // what makes it known under lrc
    for (let page = 0; page < PAGES; page++) await probes[0]!.ok('fill', at[0]! + BigInt(page * P), P, page)
    await probes[0]!.ok('unlock', 'all')
    for (let node = 0; node < 4; node++) {
      await probes[node]!.ok('lock', 'all')
      for (let page = 0; page < PAGES; page++) {
        t.equal(await probes[node]!.ok('wrong', at[node]! + BigInt(page * P), P, page), 0n, `page ${page} at ${node}`)
      }
      await probes[node]!.ok('unlock', 'all')
    }
    for (let node = 0; node < 4; node++) {
      const now = () => status(cluster.socket(node))
      const fits = await becomes(true, () => now().frameBytes <= now().memoryBytes)
      t.ok(fits, `node ${node} keeps to its memory: ${now().frameBytes}`)
      const { evicted } = now()
      t.ok(evicted > 0, `node ${node} has evicted ${evicted} pages`)
    }
  })
}

t.test(
  'memory that no page can leave, for every node is full, is SIGBUS that names the knob; the rest goes on',
  async (t) => {
    const { cluster, probes, at } = await shared(t, 2, [])
    const all = PAGES // of both nodes' memory
    for (let page = 0; page < all; page++) await probes[0]!.ok('put', at[0]! + BigInt(page * P), page)
    const more = await probes[0]!.ok('map', await probes[0]!.ok('create', 'more', 4 * P, 0), 0, 0, 0)
    t.match(await probes[0]!.send('put', more, 1), { is: 'sigbus' })
    t.match(cluster.log(0), /no page can leave: raise --memory/)
    const homes = segments(cluster.socket(0)).find((one) => one.name === 'large')!.homes
    for (let page = 0; page < all; page++) {
      const home = homes[page % homes.length]!
      t.equal(await probes[home]!.ok('get', at[home]! + BigInt(page * P)), BigInt(page), `page ${page} at its home`)
    }
  },
)

t.test('lrc: a full home reads and writes the pages whose master copies are its memory', async (t) => {
  const { probes } = await shared(t, 2, [])
  const options = ['consistency=lrc', 'home=0']
  const at = [0n, 0n]
  for (const [node, probe] of probes.entries()) {
    const segment = await (node === 0
      ? probe.ok('createWith', 'masters', MEMORY * P, 0, ...options)
      : probe.ok('open', 'masters', 0))
    at[node] = await probe.ok('map', segment, 0, 0, 0)
  }
  const [home, other] = probes as [Probe, Probe]
  const of = (node: number, page: number) => at[node]! + BigInt(page * P)
  for (let page = 0; page < MEMORY; page++) t.equal(await other.ok('get', of(1, page)), 0n)
  for (let page = 0; page < MEMORY; page++) t.equal(await home.ok('get', of(0, page)), 0n, `page ${page} at home`)
  await home.ok('lock', 'all')
  for (let page = 0; page < MEMORY; page++) await home.ok('put', of(0, page), 7 + page)
  await home.ok('unlock', 'all')
  await other.ok('lock', 'all')
  for (let page = 0; page < MEMORY; page++) t.equal(await other.ok('get', of(1, page)), BigInt(7 + page), 'made known')
})
