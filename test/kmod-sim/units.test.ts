/** Coherence units of every size on real nodes, in every model: what the protocol keeps together, and what it costs. */
import t, { type Test } from 'tap'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

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
