/** What others may ask about the page directory: `gshm pages`, `gshm status`, the simulator, tests. */
import type { Access, NodeId, Page, SegmentId } from '../base/ids.js'
import { NO_NODE, globalPage } from '../base/ids.js'
import { NODE_SET_WORDS, listNodes } from '../base/node-set.js'
import { sharersOf } from './copyset.js'
import type { Engine } from './engine.js'
import { NO_SLOT, findRecord, recordPages, recordStoreBytes } from './record-store.js'
import {
  askedOf,
  copySerial,
  copyStateNumber,
  homeIndex,
  homeOf,
  homeStateNumber,
  mayServe,
  ownerOf,
  pageOfHomeIndex,
  type CoherenceState,
  type SegmentPages,
} from './state.js'

export interface PageView {
  readonly page: Page
  /** What local threads may do without a fault. */
  readonly access: Access | 'none'
  readonly home: NodeId
  /** Of this node's copy. */
  readonly state: string
  /** The rest only on the page's home, for pages that have been touched. */
  readonly homeState?: string
  readonly owner?: NodeId
  readonly copyset?: readonly NodeId[]
  /** Nodes whose requests wait, the first one first. */
  readonly stalled?: readonly NodeId[]
}

export function accessOf(engine: Engine, state: CoherenceState, segment: SegmentId, page: Page): Access | 'none' {
  const pages = state.segments.get(segment)
  if (pages === undefined) return 'none'
  const protocol = engine.protocolOf(pages)
  return protocol.access[protocol.copy.states[copyStateNumber(pages, page)] ?? ''] ?? 'none'
}

/** Nobody has asked for the page yet, as far as its home knows, which is this node. */
export function isFresh(state: CoherenceState, segment: SegmentId, page: Page): boolean {
  const pages = state.segments.get(segment)
  if (pages === undefined || !mayServe(pages, page, state.self) || homeOf(pages, page) !== state.self) return false
  return findRecord(pages.home, homeIndex(pages, page)) === NO_SLOT && findRecord(pages.copies, page) === NO_SLOT
}

/** A page is twinned where writes are made known at releases, but not on its home, whose frame is the master copy. */
export function mayTwin(engine: Engine, state: CoherenceState, segment: SegmentId, page: Page): boolean {
  const pages = state.segments.get(segment)
  return pages !== undefined && engine.protocolOf(pages).edges !== undefined && homeOf(pages, page) !== state.self
}

export function pageView(engine: Engine, state: CoherenceState, segment: SegmentId, page: Page): PageView | undefined {
  const pages = state.segments.get(segment)
  if (pages === undefined) return undefined
  const protocol = engine.protocolOf(pages)
  const view: PageView = {
    page,
    access: accessOf(engine, state, segment, page),
    home: homeOf(pages, page),
    state: protocol.copy.states[copyStateNumber(pages, page)] ?? '',
  }
  if (!mayServe(pages, page, state.self) || findRecord(pages.home, homeIndex(pages, page)) === NO_SLOT) return view
  const owner = ownerOf(pages, page)
  return {
    ...view,
    homeState: protocol.home.states[homeStateNumber(pages, page)] ?? '',
    ...(owner === NO_NODE ? {} : { owner }),
    copyset: sharersOf(pages, page),
    ...(pages.stalled.has(page) ? { stalled: pages.stalled.get(page)!.map((message) => message.requester) } : {}),
  }
}

/** Every page of the segment that this node's directory knows, ascending. */
export function inspectPages(engine: Engine, state: CoherenceState, segment: SegmentId): PageView[] {
  const pages = state.segments.get(segment)
  if (pages === undefined) return []
  return touched(state, pages).map((page) => pageView(engine, state, segment, page)!)
}

/** Every page of all segments of which this node has, or had, a copy, as global pages. */
export function* copies(state: CoherenceState): Generator<number> {
  for (const { segment, copies } of state.segments.values()) {
    for (const page of recordPages(copies)) yield globalPage(segment, page)
  }
}

/** Pages with a record here, as a copy or as a home, of all segments. */
export function touchedPages(state: CoherenceState): number {
  let count = 0
  for (const pages of state.segments.values()) {
    count += pages.copies.count
    for (const index of recordPages(pages.home)) {
      if (findRecord(pages.copies, pageOfHomeIndex(pages, state.self, index)) === NO_SLOT) count++
    }
  }
  return count
}

/** Bytes that the page directory takes; of pages in transition a good estimate. */
export function directoryBytes(state: CoherenceState): number {
  let bytes = 0
  for (const pages of state.segments.values()) {
    bytes += recordStoreBytes(pages.copies) + recordStoreBytes(pages.home)
    if (pages.moved !== undefined) bytes += recordStoreBytes(pages.moved)
    bytes += pages.wide.size * (NODE_SET_WORDS * 4 + 64) + pages.transactions.size * 128
    for (const waiting of pages.stalled.values()) bytes += 64 + waiting.length * 96
  }
  return bytes
}

/** The whole state as one text, the same for equal states whatever their history: for hashing. */
export function canonical(state: CoherenceState): string {
  const parts: string[] = [`nodes ${listNodes(state.nodes).join()}${state.full ? ' full' : ''}`]
  for (const [segment, pages] of [...state.segments].sort(([a], [b]) => a - b)) {
    for (const page of touched(state, pages)) {
      parts.push(`${segment}.${page} ${copyStateNumber(pages, page)} ${copySerial(pages, page)}`)
      if (!mayServe(pages, page, state.self)) continue
      if (pages.moved !== undefined) parts.push(`home ${homeOf(pages, page)} ${askedOf(pages, page)}`)
      parts.push(`${homeStateNumber(pages, page)} ${ownerOf(pages, page)} ${sharersOf(pages, page).join()}`)
      const now = pages.transactions.get(page)
      if (now !== undefined) parts.push(`for ${now.requester} ${now.serial} ${now.awaited.join()}`)
      for (const { type, requester, serial } of pages.stalled.get(page) ?? [])
        parts.push(`${type} ${requester} ${serial}`)
    }
  }
  const { flushes, releases, tellings, untold } = state.edges
  for (const [segment, pages] of untold) parts.push(`untold ${segment} ${[...pages].join()}`)
  if (flushes.size + releases.length + tellings.size > 0) {
    const awaited = [...tellings].map(([at, one]) => [at, one.from, one.flush, one.owed, [...one.awaited], one.moving])
    const ends = releases.map(({ edge, to, awaited, owed }) => [edge, to, [...awaited], [...owed]])
    parts.push(JSON.stringify([[...flushes], ends, awaited]))
  }
  return parts.join(' ')
}

function touched(state: CoherenceState, pages: SegmentPages): Page[] {
  const all = new Set(recordPages(pages.copies))
  for (const index of recordPages(pages.home)) all.add(pageOfHomeIndex(pages, state.self, index))
  return [...all].sort((a, b) => a - b)
}
