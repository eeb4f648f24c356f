/** The renamings (renumber.ts) that a row needs after something has happened, each part's remembered. */
import type { Page } from '../base/ids.js'
import { copySerial } from '../coherence/state.js'
import type { Parts, Row } from './parts.js'
import { ByNumber, remembered } from './remembered.js'
import {
  pagesOf,
  renameRequests,
  renameVersions,
  renameWrites,
  versionsAt,
  versionsOn,
  type Renaming,
} from './renumber.js'
import { renameTurns, turnsAt, turnsOn, type Turns } from './turns.js'
import { namesOf, renameJudged, writesAt, writesOn, type Names } from './writes.js'
import { judged } from './setup.js'
import type { Choice } from './choice.js'

interface Known {
  readonly renaming: Renaming
  /** What a node or link is called afterwards, by what it is called before. */
  readonly nodes: Map<number, number>
  readonly links: Map<number, number>
}

/** By oracle and writes, what these are called, and the oracle that knows them by the names. */
interface Named {
  readonly names: Names | undefined
  readonly after: number
}

export class Renamings {
  readonly #known = new Map<string, Known>()
  /** By node or link, per page. */
  readonly #versions = { nodes: new ByNumber<number[]>(), links: new ByNumber<number[]>() }
  /** By node or link, the writes that it has. */
  readonly #writes = { nodes: new ByNumber<number>(), links: new ByNumber<number>() }
  readonly #named = new ByNumber<Map<number, Named>>()
  /** By node, and by link and where it is. */
  readonly #turns = { nodes: new ByNumber<Turns>(), links: new ByNumber<Turns>() }
  readonly #used: Int32Array
  readonly #serials = new ByNumber<number[]>()

  constructor(private readonly parts: Parts) {
    this.#used = new Int32Array(parts.setup.nodes)
  }

  /** Renames what is in the row, after this was done. */
  after(choice: Choice, row: Row): void {
    const { pages, protocol } = this.parts.setup
    const hasOracle = judged(this.parts.setup)
    if (choice.do === 'act') return hasOracle ? this.#renameJudged(row) : this.#renameWrites(row, choice.page)
    if (hasOracle && choice.do !== 'fault') this.#renameJudged(row)
    if (hasOracle && choice.do !== 'fault' && choice.do !== 'perform') this.#renameTurns(row)
    for (let page = 0; page < pages; page++) {
      if (protocol === 'mrsw-dynamic') this.#renameVersions(row, page)
      else this.#renameRequests(row, choice.node, page)
    }
  }

  /** Renames all in a row that nothing was ever renamed in. */
  whole(row: Row): void {
    const { nodes, pages, protocol } = this.parts.setup
    const hasOracle = judged(this.parts.setup)
    if (hasOracle) {
      this.#renameJudged(row)
      this.#renameTurns(row)
    }
    for (let page = 0; page < pages; page++) {
      if (!hasOracle) this.#renameWrites(row, page)
      if (protocol === 'mrsw-dynamic') this.#renameVersions(row, page)
      else for (let at = 0; at < nodes; at++) this.#renameRequests(row, at, page)
    }
  }

  #renameWrites(row: Row, page: Page): void {
    const { places, setup } = this.parts
    const last = row[places.latest + page]!
    if (setup.program !== undefined || last <= 1) return
    row[places.latest + page] = 1
    this.#apply(row, `w${page} ${last}`, () => renameWrites(page, last))
  }

  #renameRequests(row: Row, at: number, page: Page): void {
    const number = row[this.parts.places.nodes + at]!
    const serials = this.#serials.get(number) ?? this.#serials.put(number, this.#serialsOf(number))
    const last = serials[page]!
    if (last > 1) this.#apply(row, `r${at} ${page} ${last}`, () => renameRequests(at, page, last))
  }

  #serialsOf(number: number): number[] {
    const pages = pagesOf(this.parts.node(number))
    return Array.from({ length: this.parts.setup.pages }, (_, page) => copySerial(pages, page))
  }

  #renameVersions(row: Row, page: Page): void {
    const { nodes, links, width } = this.parts.places
    let used = 0
    for (let place = nodes; place < links; place++) {
      const number = row[place]!
      used |= (this.#versions.nodes.get(number) ?? this.#versions.nodes.put(number, this.#versionsAt(number)))[page]!
    }
    for (let place = links; place < width; place++) {
      const number = row[place]!
      if (number === 0) continue
      used |= (this.#versions.links.get(number) ?? this.#versions.links.put(number, this.#versionsOn(number)))[page]!
    }
    const versions = used | 1
    if ((versions & (versions + 1)) !== 0) this.#apply(row, `v${page} ${used}`, () => renameVersions(page, used))
  }

  #versionsAt(number: number): number[] {
    return Array.from({ length: this.parts.setup.pages }, (_, page) => versionsAt(this.parts.node(number), page))
  }

  #versionsOn(number: number): number[] {
    return Array.from({ length: this.parts.setup.pages }, (_, page) => versionsOn(this.parts.link(number), page))
  }

  /** What is written where there is an oracle. */
  #renameJudged(row: Row): void {
    const { parts } = this
    const { nodes, links, width, oracle } = parts.places
    const known = this.#writes
    let writes = 0
    for (let place = nodes; place < links; place++) {
      const number = row[place]!
      writes |= known.nodes.get(number) ?? known.nodes.put(number, writesAt(parts.node(number)))
    }
    for (let place = links; place < width; place++) {
      const number = row[place]!
      if (number > 0) writes |= known.links.get(number) ?? known.links.put(number, writesOn(parts.link(number)))
    }
    const { names, after } = this.#namedBy(row[oracle]!, writes)
    row[oracle] = after
    if (names !== undefined) this.#apply(row, `l${[...names].join(' ')}`, () => renameJudged(names))
  }

  #namedBy(oracle: number, writes: number): Named {
    const byWrites = this.#named.get(oracle) ?? this.#named.put(oracle, new Map())
    return remembered(byWrites, writes, () => {
      const before = this.parts.oracle(oracle)
      const names = namesOf(writes, before)
      const same = [...names].every(([from, to]) => from === to)
      return { names: same ? undefined : names, after: this.parts.oracleNumber(before.renamed(names)) }
    })
  }

  #renameTurns(row: Row): void {
    const { parts } = this
    const { nodes: count } = parts.setup
    const { nodes, links } = parts.places
    const known = this.#turns
    const used = this.#used.fill(0)
    for (let at = 0; at < count; at++) {
      const number = row[nodes + at]!
      note(used, known.nodes.get(number) ?? known.nodes.put(number, turnsAt(parts.node(number), count)))
      for (let to = 0; to < count; to++) {
        const link = row[links + at * count + to]!
        if (link === 0) continue
        const key = (link * count + at) * count + to
        note(used, known.links.get(key) ?? known.links.put(key, turnsOn(parts.link(link), at, to, count)))
      }
    }
    for (let owner = 0; owner < count; owner++) {
      const turns = used[owner]!
      const { alive, state } = parts.node(row[nodes + owner]!)
      const last = 31 - Math.clz32(turns | 1)
      const gaps = (turns | 1) !== 2 ** (last + 1) - 1
      if (gaps || (alive && state.sync.lastTurn !== last)) {
        this.#apply(row, `t${owner} ${turns}`, () => renameTurns(owner, turns))
      }
    }
  }

  #apply(row: Row, name: string, make: () => Renaming): void {
    const { parts } = this
    const { nodes, links, width } = parts.places
    const known = remembered<string, Known>(this.#known, name, () => ({
      renaming: make(),
      nodes: new Map(),
      links: new Map(),
    }))
    for (let place = nodes; place < links; place++) {
      const number = row[place]!
      row[place] = known.nodes.get(number) ?? this.#renamedNode(known, number, place - nodes)
    }
    for (let place = links; place < width; place++) {
      const number = row[place]!
      if (number === 0) continue
      const at = place - links
      const key = known.renaming.placed ? number * (width - links) + at : number
      row[place] = known.links.get(key) ?? this.#renamedLink(known, number, at, key)
    }
  }

  #renamedNode({ renaming, nodes }: Known, number: number, at: number): number {
    const { parts } = this
    const node = parts.node(number)
    const renamed = renaming.node(node, at)
    const made = renamed === node ? number : parts.nodeNumber(renamed, at)
    nodes.set(number, made)
    return made
  }

  #renamedLink({ renaming, links }: Known, number: number, at: number, key: number): number {
    const { parts } = this
    const { nodes } = parts.setup
    const link = parts.link(number)
    const renamed = renaming.link(link, Math.floor(at / nodes), at % nodes)
    const made = renamed === link ? number : parts.linkNumber(renamed)
    links.set(key, made)
    return made
  }
}

function note(used: Int32Array, turns: Turns): void {
  for (let owner = 0; owner < used.length; owner++) used[owner]! |= turns[owner]!
}
