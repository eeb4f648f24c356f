/** One round of the fault benchmark on one model: every kind of access, on fresh pages, with what it cost. */
import { PAGE_SIZE, type NodeId } from '../ts/base/ids.js'
import { segments, unlink } from '../ts/client/inspect.js'
import type { Daemon } from '../ts/launch/daemon.js'
import { settled, sum, type Cost } from './fault-cost.js'
import { KINDS, budgetsOf, type BenchModel, type Kind } from './fault-models.js'
import { Toucher, createSegment, type PassName } from './programs.js'

export type Round = Partial<Record<Kind, Cost>>

/** Pages whose home is one node. */
interface Block {
  readonly segment: string
  readonly first: number
  readonly stride: number
}

/** An edge looks through all that is dirty or noticed in its segment: little at a time, to measure one page's. */
const EDGE_BATCH = 20

/** @param nodes a, b and c of fault-models.ts */
export async function faultRound(
  nodes: readonly Daemon[],
  model: BenchModel,
  pages: number,
  name: string,
): Promise<Round> {
  const round = await OneRound.start(nodes as readonly [Daemon, Daemon, Daemon], model, pages, name)
  const costs: Round = {}
  for (const kind of KINDS) {
    if (budgetsOf(model)[kind] !== undefined && costs[kind] === undefined) Object.assign(costs, await round[kind]())
  }
  await round.end()
  return costs
}

class OneRound {
  private constructor(
    private readonly nodes: readonly [Daemon, Daemon, Daemon],
    private readonly model: BenchModel,
    private readonly pages: number,
    /** By home: the segment, and at which of `stride` pages in turn those of that home are. */
    private readonly places: ReadonlyMap<NodeId, { segment: string; at: number; stride: number }>,
  ) {}

  /** With a central manager all pages of a segment have one home: one segment for each. */
  static async start(
    nodes: readonly [Daemon, Daemon, Daemon],
    model: BenchModel,
    pages: number,
    name: string,
  ): Promise<OneRound> {
    const bytes = pages * KINDS.length * PAGE_SIZE
    const [a, b] = nodes
    if (model.manager === 'central') {
      const places = [a, b].map(({ node }) => [node, { segment: `${name}-${node}`, at: 0, stride: 1 }] as const)
      for (const [home, { segment }] of places) await createSegment(a, segment, bytes, model, home)
      return new OneRound(nodes, model, pages, new Map(places))
    }
    await createSegment(a, name, bytes * nodes.length, model)
    const { homes } = segments(a.socket).find((one) => one.name === name)!
    const places = homes.map((home, at) => [home, { segment: name, at, stride: homes.length }] as const)
    return new OneRound(nodes, model, pages, new Map(places))
  }

  async end(): Promise<void> {
    const names = new Set([...this.places.values()].map(({ segment }) => segment))
    for (const name of names) unlink(this.nodes[0].socket, name)
  }

  async local(): Promise<Round> {
    const [a] = this.nodes
    return { local: await this.#on(a, this.#block('local', a), (toucher) => this.#pass(toucher, 'write')) }
  }

  async upgrade(): Promise<Round> {
    const [a, b] = this.nodes
    const lrc = this.model.consistency === 'lrc'
    const block = this.#block('upgrade', lrc ? b : a)
    if (lrc) await this.#settleAt(b, block)
    const upgrade = await this.#on(a, block, async (writer) => {
      await this.#pass(writer, 'read')
      return this.#pass(writer, 'write')
    })
    return { upgrade }
  }

  async upgrade2(): Promise<Round> {
    const [a, b] = this.nodes
    const block = this.#block('upgrade2', a)
    const upgrade2 = await this.#on(a, block, async (writer) => {
      await this.#pass(writer, 'write')
      return this.#on(b, block, async (reader) => {
        await this.#pass(reader, 'read')
        return this.#pass(writer, 'write')
      })
    })
    return { upgrade2 }
  }

  async remote2(): Promise<Round> {
    return { remote2: await this.#remote('remote2', this.nodes[1]) }
  }

  async remote3(): Promise<Round> {
    return { remote3: await this.#remote('remote3', this.nodes[2]) }
  }

  #remote(kind: Kind, owner: Daemon): Promise<Cost> {
    const [a, b] = this.nodes
    const block = this.#block(kind, b)
    // The owner's process lives on, so that taking the page includes taking its right to write it.
    return this.#on(owner, block, async (writer) => {
      await this.#pass(writer, 'write')
      return this.#on(a, block, (reader) => this.#pass(reader, 'read'))
    })
  }

  async release2(): Promise<Round> {
    const [a, b] = this.nodes
    const block = this.#block('release2', b)
    await this.#settleAt(b, block)
    const release2 = await this.#on(a, block, async (writer) => {
      await this.#pass(writer, 'read')
      return this.#pass(writer, 'release')
    })
    return { release2 }
  }

  async release3(): Promise<Round> {
    const [a, b, c] = this.nodes
    const block = this.#block('release3', b)
    await this.#settleAt(b, block)
    const releases: Cost[] = []
    const acquires: Cost[] = []
    await this.#on(a, block, (writer) =>
      this.#on(c, block, async (reader) => {
        await this.#pass(writer, 'read')
        await this.#pass(reader, 'read')
        for (let from = 0; from < this.pages; from += EDGE_BATCH) {
          const count = Math.min(EDGE_BATCH, this.pages - from)
          releases.push(await this.#pass(writer, 'release', from, count))
          acquires.push(await this.#pass(reader, 'acquire', from, count))
        }
      }),
    )
    return { release3: sum(releases), acquire: sum(acquires) }
  }

  /** Of the pages that release3 has made known. */
  acquire(): Promise<Round> {
    return this.release3()
  }

  /** Under lrc a page's home is the node that touches it first. */
  async #settleAt(home: Daemon, block: Block): Promise<void> {
    await this.#on(home, block, (reader) => this.#pass(reader, 'read'))
  }

  #block(kind: Kind, { node }: Daemon): Block {
    const { segment, at, stride } = this.places.get(node)!
    return { segment, first: KINDS.indexOf(kind) * this.pages * stride + at, stride }
  }

  async #on<T>(node: Daemon, block: Block, use: (toucher: BlockToucher) => Promise<T>): Promise<T> {
    const toucher = await Toucher.start(node, block.segment)
    try {
      return await use({ toucher, block })
    } finally {
      await toucher.leave()
    }
  }

  async #pass({ toucher, block }: BlockToucher, what: PassName, from = 0, count = this.pages): Promise<Cost> {
    const before = await settled(this.nodes)
    const { us, faults } = await toucher.pass(what, block.first + from * block.stride, block.stride, count)
    const after = await settled(this.nodes)
    return { us, faults, served: after.served - before.served, messages: after.sent - before.sent }
  }
}

interface BlockToucher {
  readonly toucher: Toucher
  readonly block: Block
}
