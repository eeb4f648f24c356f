/** What acquires and releases have to do on a node, and have under way: as releaser, and as home of what others flush. */
import type { EdgeName } from '../../base/effects.js'
import type { NodeId, Page, SegmentId } from '../../base/ids.js'

export interface PageName {
  readonly segment: SegmentId
  readonly page: Page
}

/** Somebody's changes that the sharers of their pages are being told of. */
export interface Telling {
  /** Whose flush it is, and its number there. */
  readonly from: NodeId
  readonly flush: number
  /** That node does not await it, and what it has made known goes on from here: this node's releases await it. */
  readonly owed: boolean
  /** Sharers that have not acknowledged, and the pages that each was told of. */
  readonly awaited: Map<NodeId, readonly PageName[]>
  /** Pages that may be given to whom flushed them when all know: that has flushed them before, and nobody else since. */
  readonly moving: readonly PageName[]
}

/** A flush of this node that is not acknowledged. */
export interface Flush {
  readonly home: NodeId
  /** Its pages of which a copy has stayed: the acknowledgement may say that they are here alone. */
  readonly kept: readonly PageName[]
  /** Its home awaits the sharers before it makes anything known to others. */
  readonly owed: boolean
}

export interface Release {
  readonly edge: EdgeName
  /** Whom it is for; NO_NODE: everybody. */
  readonly to: NodeId
  /** Flushes that have yet to be acknowledged. */
  readonly awaited: Set<number>
  /** Tellings that are owed, and not over. */
  readonly owed: Set<number>
}

/** Pages by segment. Segments without any are not listed, so that an edge costs nothing where there is no lrc. */
export type PageSets = Map<SegmentId, Set<Page>>

export interface EdgeState {
  /** Written here since the last release. */
  readonly dirty: PageSets
  /** Noticed: the next acquire drops them. */
  readonly stale: PageSets
  /** Given to this node, and their first homes have yet to note it. */
  readonly untold: PageSets
  nextFlush: number
  readonly flushes: Map<number, Flush>
  /** In the order in which they began. */
  releases: Release[]
  nextNotice: number
  readonly tellings: Map<number, Telling>
}

export function createEdges(): EdgeState {
  return {
    dirty: new Map(),
    stale: new Map(),
    untold: new Map(),
    nextFlush: 1,
    flushes: new Map(),
    releases: [],
    nextNotice: 1,
    tellings: new Map(),
  }
}

export function copyEdges(edges: EdgeState): EdgeState {
  return {
    ...edges,
    dirty: copySets(edges.dirty),
    stale: copySets(edges.stale),
    untold: copySets(edges.untold),
    flushes: new Map(edges.flushes),
    releases: edges.releases.map((one) => ({ ...one, awaited: new Set(one.awaited), owed: new Set(one.owed) })),
    tellings: new Map([...edges.tellings].map(([at, one]) => [at, { ...one, awaited: new Map(one.awaited) }])),
  }
}

export function addPage(sets: PageSets, segment: SegmentId, page: Page): void {
  const pages = sets.get(segment)
  if (pages === undefined) sets.set(segment, new Set([page]))
  else pages.add(page)
}

export function deletePage(sets: PageSets, segment: SegmentId, page: Page): void {
  const pages = sets.get(segment)
  if (pages?.delete(page) && pages.size === 0) sets.delete(segment)
}

/** Has the page been flushed from here, and its home not answered? */
export function isFlushed({ flushes }: EdgeState, segment: SegmentId, page: Page): boolean {
  for (const { kept } of flushes.values()) {
    if (kept.some((one) => one.page === page && one.segment === segment)) return true
  }
  return false
}

/** Is something on its way, of which this node is part, that would come late if the page had another home? */
export function isUnderWay(edges: EdgeState, segment: SegmentId, page: Page): boolean {
  if (edges.untold.get(segment)?.has(page) || isFlushed(edges, segment, page)) return true
  for (const { awaited } of edges.tellings.values()) {
    for (const list of awaited.values()) {
      if (list.some((one) => one.page === page && one.segment === segment)) return true
    }
  }
  return false
}

/** The segment has no pages from this one on any more. Flushes and tellings that are under way end as they would have,
 * and say nothing about those pages. */
export function forgetPages(edges: EdgeState, segment: SegmentId, first: Page): void {
  const isGone = (name: PageName) => name.segment === segment && name.page >= first
  for (const sets of [edges.dirty, edges.stale, edges.untold]) {
    for (const page of [...(sets.get(segment) ?? [])]) if (page >= first) deletePage(sets, segment, page)
  }
  for (const [number, flush] of edges.flushes) {
    edges.flushes.set(number, { ...flush, kept: flush.kept.filter((name) => !isGone(name)) })
  }
  for (const [number, telling] of edges.tellings) {
    // Who has been told answers for each page of its list, by its place.
    const awaited = new Map(
      [...telling.awaited].map(([node, list]) => [node, list.map((one) => (isGone(one) ? NO_NAME : one))]),
    )
    edges.tellings.set(number, { ...telling, awaited, moving: telling.moving.filter((name) => !isGone(name)) })
  }
}

/** Of no segment. */
const NO_NAME: PageName = { segment: 0, page: 0 }

/** The segment is gone. */
export function forgetSegment({ dirty, stale, untold }: EdgeState, segment: SegmentId): void {
  for (const sets of [dirty, stale, untold]) sets.delete(segment)
}

function copySets(sets: PageSets): PageSets {
  return new Map([...sets].map(([segment, pages]) => [segment, new Set(pages)]))
}
