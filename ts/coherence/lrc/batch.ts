/** Many pages in one message: what the cells of its pages have found out so far. */
import type { NodeId } from '../../base/ids.js'
import type { PageName } from './state.js'

export interface Batch {
  /** Came from another node, which is to blame for what cannot be. */
  readonly ofPeer: boolean
  /** The place in the message of the page in hand. */
  at: number
  /** Pages whose diffs have been made, in that order; stale: their copies are of no more use here. */
  readonly flushed: (PageName & { readonly stale: 0 | 1 })[]
  /** Sharers to be told, and of what. */
  readonly told: Map<NodeId, PageName[]>
  /** By place: 1 where the home is to go on counting on this node's copy. */
  readonly kept: number[]
}

export function createBatch(ofPeer: boolean, pages = 0): Batch {
  return { ofPeer, at: 0, flushed: [], told: new Map(), kept: new Array<number>(pages).fill(0) }
}
