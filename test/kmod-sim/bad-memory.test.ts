/** What processes do to the memory of their views: they hurt themselves, and nobody reads zeros for data. */
import t, { type Test } from 'tap'
import { status } from '../../ts/client/inspect.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { except } from '../support/trap.js'
import { Probe } from '../support/probe.js'

const P = 4096
const PAGES = 16

interface Shared {
  cluster: TestCluster
  /** One process on each node, the last node has two; and where each has the segment. */
  probes: Probe[]
  at: bigint[]
  segment: number
}

async function shared(t: Test, nodes: number): Promise<Shared> {
  const cluster = await startCluster(t, nodes, { fetchAhead: 0 }) // which node has which page is the point
  const probes: Probe[] = []
  const at: bigint[] = []
  let segment = 0
  for (let n = 0; n <= nodes; n++) {
    const probe = await Probe.start(cluster.socket(Math.min(n, nodes - 1)))
    t.teardown(() => probe.kill())
    const opened = n === 0 ? await probe.ok('create', 'shared', PAGES * P, 0) : await probe.ok('open', 'shared', 0)
    probes.push(probe)
    at.push(await probe.ok('map', opened, 0, 0, 0))
    segment = Number((await probe.ok('at', opened, 0)) >> 44n)
  }
  return { cluster, probes, at, segment }
}

const page = (number: number): bigint => BigInt(number * P)

t.test(
  'madvise(MADV_REMOVE): the page is lost on its node, which says so; the others stay',
  except('holes'),
  async (t) => {
    const { cluster, probes, at } = await shared(t, 1)
    const [a, b] = probes as [Probe, Probe]
    for (let n = 0; n < 4; n++) await a.ok('put', at[0]! + page(n), 100 + n)
    t.equal(await b.ok('get', at[1]! + page(1)), 101n)
    await b.ok('remove', at[1]! + page(1), P)
    t.match(await a.send('get', at[0]! + page(1)), { is: 'sigbus' })
    t.match(await b.send('get', at[1]! + page(1)), { is: 'sigbus' })
    t.match(await b.send('put', at[1]! + page(1), 1), { is: 'sigbus' }, 'now and later')
    const another = await a.ok('map', 0n, 0, 0, 0)
    t.match(await a.send('get', another + page(1)), { is: 'sigbus' }, 'in a view that is made later, too')
    t.match(cluster.log(0), /page 1 of segment \d+ is lost.*MADV_REMOVE/)
    for (const n of [0, 2, 3]) t.equal(await b.ok('get', at[1]! + page(n)), BigInt(100 + n))
    await b.ok('remove', at[1]! + page(9), P)
    t.equal(await a.ok('get', at[0]! + page(9)), 0n, 'a page that nobody had written is as it was')
  },
)

t.test('a hole punched in the frames: other nodes get SIGBUS too, never zeros', except('holes'), async (t) => {
  const { probes, at, segment } = await shared(t, 2)
  const [a, b, c] = probes as [Probe, Probe, Probe]
  for (let n = 0; n < 8; n++) await b.ok('put', at[1]! + page(n), 100 + n)
  await c.ok('punch', segment, 0, 4 * P)
  for (const n of [0, 1]) t.match(await a.send('get', at[0]! + page(n)), { is: 'sigbus' }, `read page ${n}`)
  for (const n of [2, 3]) t.match(await a.send('put', at[0]! + page(n), 1), { is: 'sigbus' }, `write page ${n}`)
  for (const n of [0, 1, 2, 3]) {
    t.match(await b.send('get', at[1]! + page(n)), { is: 'sigbus' })
    t.match(await c.send('put', at[2]! + page(n), 5), { is: 'sigbus' })
  }
  for (const n of [4, 5, 6, 7]) t.equal(await a.ok('get', at[0]! + page(n)), BigInt(100 + n), 'the rest is there')
})

t.test('a hole punched in a copy: the other node has the page, and goes on', except('holes'), async (t) => {
  const { probes, at, segment } = await shared(t, 2)
  const [a, b] = probes as [Probe, Probe]
  for (let n = 0; n < 4; n++) {
    await a.ok('put', at[0]! + page(n), 100 + n)
    t.equal(await b.ok('get', at[1]! + page(n)), BigInt(100 + n))
  }
  await b.ok('punch', segment, 0, 4 * P)
  for (let n = 0; n < 4; n++) {
    t.match(await b.send('get', at[1]! + page(n)), { is: 'sigbus' })
    t.equal(await a.ok('get', at[0]! + page(n)), BigInt(100 + n))
    await a.ok('put', at[0]! + page(n), 200 + n)
    t.equal(await a.ok('get', at[0]! + page(n)), BigInt(200 + n))
  }
})

t.test(
  'mmap over a view: what was mapped there is the process’s own; the rest of the view is shared',
  except('unmap'),
  async (t) => {
    const { cluster, probes, at } = await shared(t, 1)
    const [a, b] = probes as [Probe, Probe]
    for (let n = 0; n < 8; n++) await a.ok('put', at[0]! + page(n), 100 + n)
    for (let n = 0; n < 8; n++) await b.ok('get', at[1]! + page(n))
    await b.ok('overmap', at[1]! + page(2), 2 * P)
    t.equal(await b.ok('get', at[1]! + page(2)), 0n)
    await b.ok('put', at[1]! + page(2), 5)
    await a.ok('put', at[0]! + page(2), 6)
    t.equal(await b.ok('get', at[1]! + page(2)), 5n)
    await b.ok('put', at[1]! + page(4), 7)
    t.equal(await a.ok('get', at[0]! + page(4)), 7n)
    t.equal(status(cluster.socket(0)).views, 3)
  },
)

t.test(
  'mprotect of a view: its process sees what it asked for, the others what is written',
  except('protection'),
  async (t) => {
    const { probes, at } = await shared(t, 2)
    const [a, b] = probes as [Probe, Probe]
    const READ = 1
    const BOTH = 3
    for (let n = 0; n < 6; n++) await b.ok('put', at[1]! + page(n), 100 + n)
    await b.ok('mprotect', at[1]!, 3 * P, READ)
    await a.ok('put', at[0]! + page(1), 201)
    t.equal(await b.ok('get', at[1]! + page(1)), 201n, 'a page comes into a read-only view')
    t.equal(await b.ok('get', at[1]! + page(2)), 102n)
    await b.ok('mprotect', at[1]!, 3 * P, BOTH)
    await b.ok('put', at[1]! + page(1), 301)
    t.equal(await a.ok('get', at[0]! + page(1)), 301n, 'and writes are seen again afterwards')
    await b.ok('put', at[1]! + page(2), 302)
    t.equal(await a.ok('get', at[0]! + page(2)), 302n)
    await a.ok('put', at[0]! + page(2), 402)
    t.equal(await b.ok('get', at[1]! + page(2)), 402n)
  },
)
