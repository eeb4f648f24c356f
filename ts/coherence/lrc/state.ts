/** What a node has under way at acquires and releases: as releaser, and as home of what others flush. */
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
  /** Sharers that have not acknowledged, and the pages that each was told of. */
  readonly awaited: Map<NodeId, readonly PageName[]>
}

export interface Release {
  readonly edge: EdgeName
  /** Flushes that have yet to be acknowledged. */
  readonly awaited: Set<number>
}

export interface EdgeState {
  nextFlush: number
  /** Flushes of this node that are not acknowledged: the home of each. */
  readonly flushes: Map<number, NodeId>
  /** In the order in which they began. */
  releases: Release[]
  nextNotice: number
  readonly tellings: Map<number, Telling>
}

export function createEdges(): EdgeState {
  return { nextFlush: 1, flushes: new Map(), releases: [], nextNotice: 1, tellings: new Map() }
}

export function copyEdges(edges: EdgeState): EdgeState {
  return {
    ...edges,
    flushes: new Map(edges.flushes),
    releases: edges.releases.map(({ edge, awaited }) => ({ edge, awaited: new Set(awaited) })),
    tellings: new Map([...edges.tellings].map(([at, one]) => [at, { ...one, awaited: new Map(one.awaited) }])),
  }
}
