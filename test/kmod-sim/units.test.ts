/** Coherence units of every size on real nodes, in every model: what the protocol keeps together, and what it costs. */
import t, { type Test } from 'tap'
import { pages, status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { endpoint, Local } from '../support/cluster-node.js'
import { Probe, type Reply } from '../support/probe.js'
import { except } from '../support/trap.js'
import { version } from '../../kmod-sim/options.js'

const P = 4096
const UNITS = [2 * P, 4 * P, 8 * P, 16 * P]
const MODELS = {
  srsw: ['consistency=srsw'],
  'mrsw/central': ['manager=central'],
  'mrsw/fixed': [],
  'mrsw/dynamic': ['manager=dynamic'],
  lrc: ['consistency=lrc'],
}
type ModelName = keyof typeof MODELS

/** A process on each node. */
class Nodes {
  private constructor(
    readonly cluster: TestCluster,
    readonly probes: readonly Probe[],
  ) {}

  static async start(t: Test, nodes: number, options = {}): Promise<Nodes> {
    const cluster = await startCluster(t, nodes, options)
    const probes: Probe[] = []
    for (let node = 0; node < nodes; node++) probes.push(await Probe.start(cluster.socket(node)))
    t.teardown(async () => void (await Promise.all(probes.map((probe) => probe.kill()))))
    return new Nodes(cluster, probes)
  }

  /** A new segment, open in all processes as the same number. */
  async make(name: string, bytes: number, unit: number, model: ModelName): Promise<Segment> {
    const which: bigint[] = []
    for (const [node, probe] of this.probes.entries()) {
      const create = ['createWith', name, bytes, 0, `unit=${unit}`, ...MODELS[model]]
      which.push(node === 0 ? await probe.ok(...create) : await probe.ok('open', name, 0))
    }
    return new Segment(this, name, which, model)
  }
}

class Segment {
  constructor(
    readonly nodes: Nodes,
    readonly name: string,
    readonly which: readonly bigint[],
    readonly model: ModelName,
  ) {}

  /** Maps it in each process; length 0: to the end. */
  map(offset = 0, length = 0): Promise<bigint[]> {
    return Promise.all(this.nodes.probes.map((probe, node) => probe.ok('map', this.which[node]!, 0, offset, length)))
  }

  /** What node `from` has written is seen on `to` from here on: nothing to do, but under lrc. */
  async handOver(from: number, to: number): Promise<void> {
    if (this.model !== 'lrc') return
    await this.nodes.probes[from]!.ok('release', this.which[from]!, 0, 0)
    await this.nodes.probes[to]!.ok('acquire', this.which[to]!, 0, 0)
  }
}

t.test('two nodes: what one writes anywhere in a unit, the other reads', async (t) => {
  const nodes = await Nodes.start(t, 2)
  const [a, b] = nodes.probes as [Probe, Probe]
  for (const unit of UNITS) {
    for (const model of Object.keys(MODELS) as ModelName[]) {
      const segment = await nodes.make(`${model}-${unit}`.replace('/', '-'), 4 * unit, unit, model)
      const at = await segment.map()
      const places = [0, 8, P - 8, P, unit / 2 + 16, unit - 8, unit, 2 * unit - 8, 3 * unit, 4 * unit - 8]
      for (const [n, place] of places.entries()) await a.ok('put', at[0]! + BigInt(place), 100 + n)
      await segment.handOver(0, 1)
      const there = await Promise.all(places.map((place) => b.ok('get', at[1]! + BigInt(place))))
      t.same(
        there,
        places.map((_, n) => BigInt(100 + n)),
        `${model}, unit ${unit}`,
      )
      for (const [n, place] of places.entries()) await b.ok('put', at[1]! + BigInt(place), 200 + n)
      await segment.handOver(1, 0)
      const back = await Promise.all(places.map((place) => a.ok('get', at[0]! + BigInt(place))))
      t.same(
        back,
        places.map((_, n) => BigInt(200 + n)),
        `${model}, unit ${unit}, and back`,
      )
    }
  }
})

t.test('false sharing: two nodes write their own words of one unit, and no store is lost', async (t) => {
  const nodes = await Nodes.start(t, 2)
  const [a, b] = nodes.probes as [Probe, Probe]
  for (const unit of [2 * P, 16 * P]) {
    for (const model of Object.keys(MODELS) as ModelName[]) {
      const segment = await nodes.make(`${model}-${unit}`.replace('/', '-'), unit, unit, model)
      const at = await segment.map()
      const mine = [at[0]! + 8n, at[1]! + BigInt(unit - 8)]
      const adds: Promise<Reply>[] = []
      for (let n = 0; n < 20; n++) {
        adds.push(a.thread('add', mine[0]!, 1), b.thread('add', mine[1]!, 1))
        if (n % 5 === 0) adds.push(a.thread('add', mine[0]! + BigInt(unit / 2), 1))
      }
      t.same(
        (await Promise.all(adds)).filter(({ is }) => is !== 'ok'),
        [],
      )
      await segment.handOver(0, 1)
      await segment.handOver(1, 0)
      for (const [node, probe] of [a, b].entries()) {
        const words = [8, 8 + unit / 2, unit - 8].map((place) => probe.ok('get', at[node]! + BigInt(place)))
        t.same(await Promise.all(words), [20n, 4n, 20n], `${model}, unit ${unit}, node ${node}`)
      }
    }
  }
})

t.test(
  'views: each shows its part of a unit, wherever it begins, ends, is cut or protected',
  except('unmap'),
  async (t) => {
    const nodes = await Nodes.start(t, 2)
    const [a, b] = nodes.probes as [Probe, Probe]
    const unit = 8 * P
    for (const model of Object.keys(MODELS) as ModelName[]) {
      const segment = await nodes.make(model.replace('/', '-'), 3 * unit, unit, model)
      const at = await segment.map()
      await segment.map(3 * P, 7 * P) // two more that begin and end in the middle of one
      const [, middle] = await segment.map(3 * P, 7 * P)
      const write = async (value: number) => {
        for (let page = 0; page < 24; page++) await a.ok('put', at[0]! + BigInt(page * P), value + page)
        await segment.handOver(0, 1)
      }
      const seen = async (start: bigint, first: number, count: number) => {
        const all: bigint[] = []
        for (let n = 0; n < count; n++) all.push(await b.ok('get', start + BigInt(n * P)))
        return all.map((value) => Number(value) - first)
      }
      const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n)
      await write(100)
      t.same(await seen(middle!, 103, 7), upTo(7), `${model}: a view from the middle of a unit`)
      t.same(await seen(at[1]!, 100, 24), upTo(24), 'and the whole beside it')

      await write(200)
      await b.ok('munmap', at[1]! + BigInt(2 * P), 3 * P)
      t.same(await seen(at[1]!, 200, 2), upTo(2), 'before what is unmapped')
      t.same(await seen(at[1]! + BigInt(5 * P), 205, 3), upTo(3), 'behind it, in the same unit')
      t.same(await seen(middle!, 203, 7), upTo(7), 'another view of the same bytes')

      await write(300)
      await b.ok('mprotect', at[1]! + BigInt(10 * P), 2 * P, 1) // the kernel has three mappings from here on
      t.same(await seen(at[1]! + BigInt(8 * P), 308, 8), upTo(8), 'a view in pieces that mprotect has made')
      await b.ok('mprotect', at[1]! + BigInt(10 * P), 2 * P, 3)

      await write(400)
      const moved = await b.ok('mremap', at[1]! + BigInt(17 * P), 4 * P, 4 * P, await b.ok('mmap', 0, 4 * P))
      t.same(await seen(moved, 417, 4), upTo(4), 'a part of a unit that mremap has moved')
      t.same(await seen(at[1]! + BigInt(16 * P), 416, 1), [0])
      await b.ok('put', moved + 8n, 1)
      await b.ok('put', at[1]! + BigInt(16 * P) + 8n, 2)
      await segment.handOver(1, 0)
      t.equal(await a.ok('get', at[0]! + BigInt(17 * P) + 8n), 1n)
      t.equal(await a.ok('get', at[0]! + BigInt(16 * P) + 8n), 2n)
    }
  },
)

t.test('fork and MADV_DONTNEED: a child, and a view without page tables, see the unit as it is', async (t) => {
  const nodes = await Nodes.start(t, 2)
  const [a, b] = nodes.probes as [Probe, Probe]
  const unit = 16 * P
  for (const model of Object.keys(MODELS) as ModelName[]) {
    const segment = await nodes.make(model.replace('/', '-'), 2 * unit, unit, model)
    const at = await segment.map()
    for (let page = 0; page < 32; page++) await b.ok('put', at[1]! + BigInt(page * P), 50 + page)
    const child = await b.fork()
    t.teardown(() => child.kill())
    await segment.handOver(1, 0)
    await a.ok('put', at[0]! + 16n, 7)
    await segment.handOver(0, 1)
    t.equal(await child.ok('get', at[1]! + 16n), 7n, model)
    t.equal(await child.ok('get', at[1]! + BigInt(31 * P)), 81n)
    await child.ok('put', at[1]! + BigInt(15 * P) + 8n, 8)
    await b.ok('dontneed', at[1]! + BigInt(P), 3 * P)
    t.equal(await b.ok('get', at[1]! + BigInt(2 * P)), 52n)
    await b.ok('put', at[1]! + BigInt(3 * P), 9)
    t.equal(await b.ok('get', at[1]! + BigInt(15 * P) + 8n), 8n, 'what the child wrote')
    await segment.handOver(1, 0)
    t.equal(await a.ok('get', at[0]! + BigInt(3 * P)), 9n)
    t.equal(await a.ok('get', at[0]! + BigInt(15 * P) + 8n), 8n)
  }
})

t.test(
  'a page of a unit that a process has freed: all of the unit is lost, never zeros, on every node',
  except('holes'),
  async (t) => {
    const nodes = await Nodes.start(t, 2)
    const [a, b] = nodes.probes as [Probe, Probe]
    const unit = 4 * P
    for (const model of Object.keys(MODELS) as ModelName[]) {
      const segment = await nodes.make(model.replace('/', '-'), 4 * unit, unit, model)
      const at = await segment.map()
      for (let page = 0; page < 16; page++) await b.ok('put', at[1]! + BigInt(page * P), 50 + page)
      // Noticed by whoever touches the hole, by a copy to another node, or by a diff.
      await b.ok('remove', at[1]! + BigInt(1 * P), P)
      t.match(await b.send('get', at[1]! + BigInt(1 * P)), { is: 'sigbus' }, model)
      t.match(await b.send('get', at[1]! + BigInt(2 * P)), { is: 'sigbus' }, 'the rest of the unit')
      const another = await b.ok('map', segment.which[1]!, 0, 0, 0)
      t.match(await b.send('get', another), { is: 'sigbus' }, 'in a view that is made later, too')
      await b.ok('remove', at[1]! + BigInt(7 * P), P)
      await segment.handOver(1, 0)
      if (model !== 'lrc') {
        t.match(await a.send('get', at[0]! + BigInt(4 * P)), { is: 'sigbus' }, 'read on another node')
        t.match(await a.send('get', at[0]! + BigInt(7 * P)), { is: 'sigbus' })
        t.match(await a.send('put', at[0]! + BigInt(1 * P), 1), { is: 'sigbus' }, 'written on another node')
        t.match(await b.send('get', at[1]! + BigInt(6 * P)), { is: 'sigbus' }, 'and where it was lost')
      } else {
        for (const page of [1, 4, 7]) {
          const reply = await a.send('get', at[0]! + BigInt(page * P))
          const sound = reply.is === 'sigbus' || (reply.is === 'ok' && Number(reply.text) === 50 + page)
          t.ok(sound, `lrc: page ${page} on another node: ${JSON.stringify(reply)}`)
        }
      }
      for (let page = 8; page < 16; page++) t.equal(await a.ok('get', at[0]! + BigInt(page * P)), BigInt(50 + page))
      t.match(nodes.cluster.log(1), /page 0 of segment \d+ is lost.*MADV_REMOVE/)
    }
  },
)

t.test('a segment that is no multiple of its unit ends with a shorter one', async (t) => {
  const nodes = await Nodes.start(t, 2)
  const [a, b] = nodes.probes as [Probe, Probe]
  const unit = 16 * P
  for (const model of Object.keys(MODELS) as ModelName[]) {
    for (const bytes of [P, unit + 3 * P]) {
      const before = [0, 1].map((node) => status(nodes.cluster.socket(node)).frameBytes)
      const segment = await nodes.make(`${model}-${bytes}`.replace('/', '-'), bytes, unit, model)
      const at = await segment.map()
      const last = BigInt(bytes - 8)
      await a.ok('put', at[0]! + last, 5)
      await segment.handOver(0, 1)
      t.equal(await b.ok('get', at[1]! + last), 5n, `${model}, ${bytes} bytes`)
      await b.ok('put', at[1]! + last, 6)
      await segment.handOver(1, 0)
      t.equal(await a.ok('get', at[0]! + last), 6n)
      const frames = [0, 1].map((node) => status(nodes.cluster.socket(node)).frameBytes - before[node]!)
      t.ok(Math.max(...frames) === (bytes === P ? P : 3 * P), `${model}: frames of ${frames.join(', ')} bytes`)
      t.match(await a.send('map', segment.which[0]!, 0, 0, bytes + P), { is: 'err', text: /BEYOND_END/ })
    }
  }
})

t.test('budget: a unit of 64 KiB is read by one fault and two messages, and upgraded by one fault', async (t) => {
  const nodes = await Nodes.start(t, 2)
  const [a, b] = nodes.probes as [Probe, Probe]
  const unit = 16 * P
  for (const model of ['srsw', 'mrsw/fixed', 'mrsw/dynamic', 'lrc'] as const) {
    const segment = await nodes.make(model.replace('/', '-'), 2 * unit, unit, model)
    const at = await segment.map()
    const entry = pages(nodes.cluster.socket(0), segment.name)
    t.same([entry.unit, entry.pages], [unit, []], 'no page is known before it is touched')
    await a.ok('fill', at[0]!, 2 * unit, 0x5a)
    await segment.handOver(0, 1)
    const homed = pages(nodes.cluster.socket(0), segment.name).pages.find(({ home }) => home === 0)?.page ?? 0
    const counts = () => {
      const { faults, messages } = status(nodes.cluster.socket(1))
      return [faults.read + faults.write, faults.upgrade, messages.sent, messages.received]
    }
    const place = at[1]! + BigInt(homed * unit)
    const before = counts()
    t.equal(await b.ok('wrong', place, unit, 0x5a), 0n)
    const after = counts()
    t.same(
      after.map((count, n) => count - before[n]!),
      [1, 0, 1, 1],
      `${model}: a fault, no upgrade, sent, received`,
    )
    await b.ok('fill', place, unit, 0x11)
    const upgraded = counts()
    t.ok(upgraded[1]! - after[1]! <= 1 && upgraded[0] === after[0], `${model}: one upgrade at most`)
  }
})

t.test('threads that fault at once, all over one unit, are all served', async (t) => {
  const nodes = await Nodes.start(t, 2)
  const unit = 16 * P
  const segment = await nodes.make('s', unit, unit, 'mrsw/fixed')
  const at = await segment.map()
  for (let round = 0; round < 5; round++) {
    const threads = Array.from({ length: 48 }, (_, n) =>
      nodes.probes[n % 2]!.thread('add', at[n % 2]! + BigInt((n % 16) * P), 1),
    )
    t.same(
      (await Promise.all(threads)).filter(({ is }) => is !== 'ok'),
      [],
    )
  }
  for (let page = 0; page < 16; page++) {
    t.equal(await nodes.probes[0]!.ok('get', at[0]! + BigInt(page * P)), 15n)
  }
})

t.test('--memory is bytes: a unit takes all of its own', async (t) => {
  const nodes = await Nodes.start(t, 1, { memory: 40 * P })
  const [a] = nodes.probes as [Probe]
  const segment = await nodes.make('s', 40 * P, 16 * P, 'mrsw/fixed')
  const [at] = await segment.map()
  const frames = () => status(nodes.cluster.socket(0)).frameBytes
  await a.ok('put', at! + BigInt(P), 1)
  t.equal(frames(), 16 * P)
  await a.ok('put', at! + BigInt(39 * P), 1)
  t.equal(frames(), 24 * P, 'the last unit is short')
  const other = await nodes.make('t', 40 * P, 16 * P, 'mrsw/fixed')
  const [there] = await other.map()
  await a.ok('put', there!, 1)
  t.equal(frames(), 40 * P)
  t.match(await a.send('put', there! + BigInt(20 * P), 1), { is: 'sigbus' }, 'and there is no other node')
  t.equal(await a.ok('get', at! + BigInt(39 * P)), 1n)
})

t.test('a segment of more units than a node has memory for: they leave and come back as a whole', async (t) => {
  const nodes = await Nodes.start(t, 3, { memory: 64 * P })
  const [a, b] = nodes.probes as [Probe, Probe]
  for (const model of ['srsw', 'mrsw/fixed'] as const) {
    const segment = await nodes.make(model.replace('/', '-'), 100 * P, 8 * P, model)
    const at = await segment.map()
    for (let page = 0; page < 100; page++) await a.ok('put', at[0]! + BigInt(page * P), 1000 + page)
    for (let page = 0; page < 100; page++) {
      t.equal(await b.ok('get', at[1]! + BigInt(page * P)), BigInt(1000 + page), `${model}: page ${page}`)
    }
    for (const probe of nodes.probes) {
      const { frameBytes, memoryBytes } = status(nodes.cluster.socket(nodes.probes.indexOf(probe)))
      t.ok(frameBytes <= memoryBytes)
    }
    for (const [node, probe] of nodes.probes.entries()) await probe.ok('unmap', at[node]!)
    await a.ok('unlink', segment.name)
    const frames = () => nodes.probes.map((_, node) => status(nodes.cluster.socket(node)).frameBytes)
    t.same(await becomes([0, 0, 0], () => frames()), [0, 0, 0], 'and all memory is given back')
  }
})

t.test('lrc: a range is acquired and released by whole units', async (t) => {
  const nodes = await Nodes.start(t, 2)
  const [a, b] = nodes.probes as [Probe, Probe]
  const unit = 8 * P
  const segment = await nodes.make('s', 4 * unit, unit, 'lrc')
  const at = await segment.map()
  for (const [node, probe] of [a, b].entries()) {
    for (let n = 0; n < 4; n++) await probe.ok('get', at[node]! + BigInt(n * unit))
  }
  for (let n = 0; n < 4; n++) await a.ok('put', at[0]! + BigInt(n * unit + n * P), 10 + n)
  await a.ok('release', segment.which[0]!, unit + 5 * P, unit) // some of units 1 and 2
  await b.ok('acquire', segment.which[1]!, unit, 2 * unit)
  t.equal(await b.ok('get', at[1]! + BigInt(unit + P)), 11n)
  t.equal(await b.ok('get', at[1]! + BigInt(2 * unit + 2 * P)), 12n)
  t.equal(await b.ok('get', at[1]! + BigInt(3 * unit + 3 * P)), 0n, 'another unit is as it was')
  await segment.handOver(0, 1)
  t.equal(await b.ok('get', at[1]! + BigInt(3 * unit + 3 * P)), 13n)
})

t.test('a peer that sends a page of another length than its unit is fenced, and no byte of it is used', async (t) => {
  for (const length of [P, 4 * P, 16 * P]) {
    const nodes = await Nodes.start(t, 1)
    const [a] = nodes.probes as [Probe]
    const { cluster } = nodes
    const liar = new Local(
      { nodeName: 'liar', clusterName: cluster.cluster, version, join: endpoint(cluster.daemon(0).listen) },
      {
        message: (_, message) => {
          if (message.type === 'SegmentNew') {
            liar.cluster.send(0, { type: 'SegmentKnown', segment: message.segment })
          } else if (message.type === 'GetRead') {
            const { segment, page, serial } = message
            const answer = {
              type: 'PageRead',
              segment,
              page,
              requester: 0,
              serial,
              bytes: 'page',
              confirm: false,
            } as const
            liar.cluster.send(0, answer, new Uint8Array(length).fill(1))
          }
        },
      },
    )
    t.teardown(() => liar.cluster.stop())
    await liar.start()
    const segment = await a.ok('createWith', 's', 8 * P, 0, `unit=${2 * P}`, 'home=1')
    const at = await a.ok('map', segment, 0, 0, 0)
    t.match(await a.send('get', at), { is: 'sigbus' })
    t.ok(await liar.until(/^fenced/), 'it hears so')
    t.equal(await becomes(1, () => status(cluster.socket(0)).nodes.length), 1)
    t.match(cluster.log(0), new RegExp(`node 1 is lost: PageRead with ${length} bytes of a page of ${2 * P}`))
  }
})
