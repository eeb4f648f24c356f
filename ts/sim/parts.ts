/**
 * Worlds as rows of whole numbers. Every distinct node and link that was met is kept once and has a
 * number, and a state is a few of these numbers (the collapse compression of SPIN, Holzmann 1997). Exact:
 * parts have one number when their texts (canonical.ts) are equal.
 *
 * Between parts with equal texts the first that was met stands for all.
 */
import { canonicalLink, canonicalNode } from './canonical.js'
import { Oracle, type Judge } from './oracle.js'
import { judged, operationsOf, type Setup } from './setup.js'
import type { InFlight, SimNode } from './sim-node.js'
import { World } from './world.js'

export type Row = Int32Array
type Link = readonly InFlight[]

/** Where in a row what is. */
export class Places {
  readonly duplicates = 0
  readonly losses = 1
  readonly evictions = 2
  readonly cancels = 3
  readonly deaths = 4
  readonly untold = 5
  readonly memory = 6
  readonly oracle = 7
  /** One for each page. */
  readonly latest = 8
  readonly nodes: number
  readonly links: number
  readonly width: number

  constructor({ nodes, pages }: Pick<Setup, 'nodes' | 'pages'>) {
    this.nodes = this.latest + pages
    this.links = this.nodes + nodes
    this.width = this.links + nodes * nodes
  }
}

/** Numbers from 0 for things, by their texts. */
class Numbered<T> {
  readonly things: T[] = []
  readonly #numbers = new Map<string, number>()

  number(text: string, thing: T): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.things.length)
    return this.things.push(thing) - 1
  }
}

export class Parts {
  readonly places: Places
  readonly #nodes = new Numbered<SimNode>()
  readonly #links = new Numbered<Link>()
  readonly #oracles = new Numbered<Oracle>()
  readonly #memories = new Numbered<Map<string, number>>()

  /** @param plain nothing is renamed in the rows, and what happens is not remembered */
  constructor(
    readonly setup: Setup,
    readonly plain = false,
  ) {
    this.places = new Places(setup)
    this.linkNumber([]) // 0
  }

  node(number: number): SimNode {
    return this.#nodes.things[number]!
  }

  link(number: number): Link {
    return this.#links.things[number]!
  }

  nodeNumber(node: SimNode, at: number): number {
    return this.#nodes.number(`${at} ${canonicalNode(node, judged(this.setup))}`, node)
  }

  linkNumber(link: Link): number {
    return this.#links.number(canonicalLink(link), link)
  }

  oracle(number: number): Oracle {
    return this.#oracles.things[number]!
  }

  oracleNumber(oracle: Oracle): number {
    return this.#oracles.number(oracle.canonical(), oracle)
  }

  /** @param judge in place of the row's oracle */
  world(row: Row, judge?: Judge): World {
    const { memory, oracle, latest, nodes, links, width } = this.places
    const { duplicates, losses, evictions, cancels, deaths, untold } = this.places
    return World.of(this.setup, {
      duplicatesLeft: row[duplicates]!,
      lossesLeft: row[losses]!,
      evictionsLeft: row[evictions]!,
      cancelsLeft: row[cancels]!,
      deathsLeft: row[deaths]!,
      untold: row[untold]!,
      memory: this.#memories.things[row[memory]!]!,
      nextWrite: this.plain ? undefined : 1 + operationsOf(this.setup),
      oracle: judge ?? this.#oracles.things[row[oracle]!],
      latest: [...row.subarray(latest, nodes)],
      nodes: Array.from(row.subarray(nodes, links), (number) => this.node(number)),
      links: Array.from(row.subarray(links, width), (number) => this.link(number)),
    })
  }

  /** @param before the row that the World was made of: most of its parts are still the same */
  row(world: World, before?: Row): Row {
    const { memory, oracle, latest, nodes, links, width } = this.places
    const { duplicates, losses, evictions, cancels, deaths, untold } = this.places
    const row = new Int32Array(width)
    row[duplicates] = world.duplicatesLeft
    row[losses] = world.lossesLeft
    row[evictions] = world.evictionsLeft
    row[cancels] = world.cancelsLeft
    row[deaths] = world.deathsLeft
    row[untold] = world.untold
    const { program } = this.setup
    row[memory] = this.#memories.number(program ? [...world.memory].sort().join(' ') : '', world.memory)
    if (world.oracle instanceof Oracle) row[oracle] = this.oracleNumber(world.oracle)
    row.set(world.latest, latest)
    world.nodes.forEach((node, at) => {
      const old = before?.[nodes + at]
      row[nodes + at] = old !== undefined && this.node(old) === node ? old : this.nodeNumber(node, at)
    })
    world.links.forEach((link, at) => {
      const old = before?.[links + at]
      row[links + at] = old !== undefined && this.link(old) === link ? old : this.linkNumber(link)
    })
    return row
  }
}
