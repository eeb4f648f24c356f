/** The renamings (renumber.ts) that a row needs after something has happened, each part's remembered. */
import type { Page } from '../base/ids.js'
import { copySerial } from '../coherence/state.js'
import type { Parts, Row } from './parts.js'
import { remembered } from './remembered.js'
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

/** Above all sets of writes. */
const WRITES = 2 ** 29

export class Renamings {
  readonly #known = new Map<string, Known>()
  /** By node or link, per page. */
  readonly #versions = { nodes: new Map<number, number[]>(), links: new Map<number, number[]>() }
  /** By node or link, the writes that it has. */
  readonly #writes = { nodes: new Map<number, number>(), links: new Map<number, number>() }
  /** By oracle and writes, what they are called, and the oracle that knows them by these names. */
  readonly #named = new Map<number, { readonly names: Names | undefined; readonly oracle: number }>()
  /** By node, and by link and where it is. */
  readonly #turns = { nodes: new Map<number, Turns>(), links: new Map<number, Turns>() }
  readonly #serials = new Map<number, number[]>()

  constructor(private readonly parts: Parts) {}

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
    const serials = remembered(this.#serials, number, () => {
      const pages = pagesOf(this.parts.node(number))
      return Array.from({ length: this.parts.setup.pages }, (_, page) => copySerial(pages, page))
    })
    const last = serials[page]!
    if (last > 1) this.#apply(row, `r${at} ${page} ${last}`, () => renameRequests(at, page, last))
  }

  #renameVersions(row: Row, page: Page): void {
    const { nodes, links, width } = this.parts.places
    let used = 0
    for (let place = nodes; place < width; place++) {
      const number = row[place]!
      if (place >= links && number === 0) continue
      used |= this.#versionsOf(place < links ? 'nodes' : 'links', number)[page]!
    }
    const versions = used | 1
    if ((versions & (versions + 1)) !== 0) this.#apply(row, `v${page} ${used}`, () => renameVersions(page, used))
  }

  /** What is written where there are locks. */
  #renameJudged(row: Row): void {
    const { parts } = this
    const { nodes, links, width, oracle } = parts.places
    let writes = 0
    for (let place = nodes; place < links; place++) {
      const number = row[place]!
      writes |= remembered(this.#writes.nodes, number, () => writesAt(parts.node(number)))
    }
    for (let place = links; place < width; place++) {
      const number = row[place]!
      if (number > 0) writes |= remembered(this.#writes.links, number, () => writesOn(parts.link(number)))
    }
    const key = row[oracle]! * WRITES + writes
    const named = remembered(this.#named, key, () => {
      const before = parts.oracle(row[oracle]!)
      const names = namesOf(writes, before)
      const same = [...names].every(([from, to]) => from === to)
      return { names: same ? undefined : names, oracle: parts.oracleNumber(before.renamed(names)) }
    })
    row[oracle] = named.oracle
    if (named.names !== undefined) this.#apply(row, `l${[...named.names].join(' ')}`, () => renameJudged(named.names!))
  }

  #renameTurns(row: Row): void {
    const { parts } = this
    const { nodes: count } = parts.setup
    const { nodes, links } = parts.places
    const used = Array.from({ length: count }, () => 0)
    const note = (turns: Turns) => {
      for (let owner = 0; owner < count; owner++) used[owner]! |= turns[owner]!
    }
    for (let at = 0; at < count; at++) {
      const number = row[nodes + at]!
      note(remembered(this.#turns.nodes, number, () => turnsAt(parts.node(number), count)))
      for (let to = 0; to < count; to++) {
        const link = row[links + at * count + to]!
        const key = (link * count + at) * count + to
        if (link > 0) note(remembered(this.#turns.links, key, () => turnsOn(parts.link(link), at, to, count)))
      }
    }
    used.forEach((turns, owner) => {
      const { alive, state } = parts.node(row[nodes + owner]!)
      const last = 31 - Math.clz32(turns | 1)
      const gaps = (turns | 1) !== 2 ** (last + 1) - 1
      if (gaps || (alive && state.sync.lastTurn !== last)) {
        this.#apply(row, `t${owner} ${turns}`, () => renameTurns(owner, turns))
      }
    })
  }

  #versionsOf(what: 'nodes' | 'links', number: number): number[] {
    const { parts } = this
    return remembered(this.#versions[what], number, () =>
      Array.from({ length: parts.setup.pages }, (_, page) =>
        what === 'nodes' ? versionsAt(parts.node(number), page) : versionsOn(parts.link(number), page),
      ),
    )
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
      row[place] = remembered(known.nodes, number, () => {
        const node = parts.node(number)
        const renamed = known.renaming.node(node, place - nodes)
        return renamed === node ? number : parts.nodeNumber(renamed, place - nodes)
      })
    }
    for (let place = links; place < width; place++) {
      const number = row[place]!
      if (number === 0) continue
      const at = place - links
      row[place] = remembered(known.links, known.renaming.placed ? number * (width - links) + at : number, () => {
        const link = parts.link(number)
        const renamed = known.renaming.link(link, Math.floor(at / parts.setup.nodes), at % parts.setup.nodes)
        return renamed === link ? number : parts.linkNumber(renamed)
      })
    }
  }
}
