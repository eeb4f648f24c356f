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
import type { Choice } from './choice.js'

interface Known {
  readonly renaming: Renaming
  /** What a node or link is called afterwards, by what it is called before. */
  readonly nodes: Map<number, number>
  readonly links: Map<number, number>
}

export class Renamings {
  readonly #known = new Map<string, Known>()
  /** By node or link, per page. */
  readonly #versions = { nodes: new Map<number, number[]>(), links: new Map<number, number[]>() }
  readonly #serials = new Map<number, number[]>()

  constructor(private readonly parts: Parts) {}

  /** Renames what is in the row, after this was done. */
  after(choice: Choice, row: Row): void {
    const { parts } = this
    const { protocol, pages, program } = parts.setup
    if (choice.do === 'act') {
      const place = 'page' in choice ? parts.places.latest + choice.page : 0
      const last = row[place]!
      if (program !== undefined || parts.setup.locks > 0 || last <= 1) return
      row[place] = 1
      return this.#apply(row, `w${choice.page} ${last}`, () => renameWrites(choice.page, last))
    }
    for (let page = 0; page < pages; page++) {
      if (protocol === 'mrsw-dynamic') this.#renameVersions(row, page)
      else this.#renameRequests(row, choice.node, page)
    }
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
      row[place] = remembered(known.links, number, () => {
        const link = parts.link(number)
        const renamed = known.renaming.link(link)
        return renamed === link ? number : parts.linkNumber(renamed)
      })
    }
  }
}
