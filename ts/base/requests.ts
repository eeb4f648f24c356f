/**
 * What local processes ask of their node, apart from faults, and how it is answered. Each request
 * carries a ticket, the runtime's number for it; exactly one Answer or Refuse follows, sooner or
 * later, unless the process ended first. `process` is the runtime's number for a local process.
 */
import type { Model } from './consistency.js'
import type { NodeId, SegmentId } from './ids.js'
import type { ObjectDeed, ObjectKind } from './objects.js'

/** Everything about a segment that all nodes agree on; fixed at creation, but for `bytes`. */
export interface SegmentAttributes extends Model {
  readonly segment: SegmentId
  readonly name: string
  /** What it has now: a multiple of the unit, or maxBytes. Changed by a resize alone (ts/names/sizes.ts). */
  readonly bytes: number
  /** A multiple of PAGE_SIZE: what frames and views have from the start. */
  readonly maxBytes: number
  /** Page p's home is homes[p % homes.length]; the heap lives on homes[segment % homes.length]. */
  readonly homes: readonly NodeId[]
  readonly uid: number
  readonly gid: number
  readonly mode: number
  readonly createdMs: number
}

/** The part of a creation that chooses the model: words and numbers as they came, checked by ts/names. */
export interface ModelAsked {
  readonly consistency: string
  readonly manager: string
  readonly unit: number
  /** The one home of all pages. NO_NODE: all members, or node 0 when the manager is central. */
  readonly home: NodeId
}

/** How nodes tell each other that all are at a barrier: to its manager, or by a tree; auto: as many nodes as come decide. */
export const BARRIER_SHAPES = ['auto', 'central', 'tree'] as const
export type BarrierShape = (typeof BARRIER_SHAPES)[number]

export type LocalRequest =
  /** openOrCreate: an existing segment of the same size and model is opened instead. Answer: segment */
  | (ModelAsked & {
      readonly op: 'create'
      readonly name: string
      readonly bytes: number
      /** To which it may grow; 0 or none: `bytes`. */
      readonly maxBytes?: number
      readonly openOrCreate: boolean
      readonly uid: number
      readonly gid: number
      readonly mode: number
      readonly nowMs: number
    })
  | { readonly op: 'open'; readonly name: string } // answer: segment
  | { readonly op: 'stat'; readonly name: string } // answer: stat
  | { readonly op: 'unlink'; readonly name: string; readonly uid: number } // answer: done
  /** Answer: sized, when every node knows. */
  | { readonly op: 'resize'; readonly segment: SegmentId; readonly bytes: number }
  | { readonly op: 'list' } // answer: list; every segment of the cluster
  /** Answer: block. */
  | { readonly op: 'alloc'; readonly segment: SegmentId; readonly bytes: number; readonly place?: BlockPlace }
  | { readonly op: 'realloc'; readonly segment: SegmentId; readonly offset: number; readonly bytes: number } // block
  | { readonly op: 'free'; readonly segment: SegmentId; readonly offset: number } // answer: done
  | { readonly op: 'heapStat'; readonly segment: SegmentId } // answer: heap
  | { readonly op: 'lease'; readonly segment: SegmentId } // answer: block; it is a span of this node's from now on
  /** Spans of this node's go back to the heap's home, and a question of it is answered. Answer: done */
  | {
      readonly op: 'spans'
      readonly segment: SegmentId
      /** Their offsets. Nobody here uses them any more. */
      readonly back: readonly number[]
      readonly answer: SpanAnswered | undefined
    }
  /** Answer: locked. holder: unique within the process. Who is not patient gets BUSY where it would have to wait
   * for another holder. How the lock is given back: see ts/sync's WordEffect. */
  | {
      readonly op: 'lock'
      readonly key: string
      readonly process: number
      readonly holder: number
      readonly patient: boolean
    }
  /** The thread that holds the lock has ended without giving it back, and its word is about to be free. Answer: done */
  | { readonly op: 'died'; readonly key: string }
  /** Answer: done, or direct. Who is not patient gets BUSY, and does not count, unless it is the last to come. */
  | {
      readonly op: 'barrier'
      readonly key: string
      readonly process: number
      readonly count: number
      readonly patient: boolean
      readonly shape: BarrierShape
      /** Its thread may meet the others by itself from then on: where they are the same each time
       * (ts/sync/offer.ts). */
      readonly direct: boolean
    }
  | ObjectRequest
  /** lrc: what other nodes have made known there is seen from now on. Without a range: everywhere. Answer: done */
  | { readonly op: 'acquire'; readonly range: ByteRange | undefined }
  /** lrc: what any process of this node has written there is made known. Answer: done, when it is. */
  | { readonly op: 'release'; readonly range: ByteRange | undefined }

/** Of an object (objects.ts, which tells the answers). */
export interface ObjectRequest {
  readonly op: 'object'
  readonly kind: ObjectKind
  readonly deed: ObjectDeed
  readonly key: string
  readonly process: number
  /** Of a read or write lock: unique within the process. */
  readonly holder: number
  /** post, notify: how many; sleep, unwatch: the watch's number; add: what is added. */
  readonly value: bigint
  /** Of a semaphore that there is not yet: what it begins with; -1: there must be one. */
  readonly initial: number
  /** False: BUSY rather than wait for others. */
  readonly patient: boolean
}

/** What a block is to be, besides as long as was asked for. */
export interface BlockPlace {
  /** A power of two: its offset is a multiple of it. */
  readonly align: number
  /** The home of its units; NO_NODE: any. */
  readonly home: NodeId
  /** No other block lies in its units. */
  readonly apart: boolean
}

/** What a heap's home asks a node about its spans of a segment (ts/heap/leases.ts), answered. */
export interface SpanAnswered {
  readonly to: NodeId
  /** Its number there. */
  readonly query: number
  /** Allocated in all spans, or: of one block, 0 when there is none. */
  readonly bytes: number
  readonly blocks: number
}

/** Of a segment; bytes 0: to its end. */
export interface ByteRange {
  readonly segment: SegmentId
  readonly offset: number
  readonly bytes: number
}

export interface SegmentStat extends SegmentAttributes {
  readonly linked: boolean
  /** 0 as the names room answers: only the heap's node knows (heapStat). */
  readonly heapBytes: number
  readonly heapBlocks: number
  /** Nodes that hold it open now. */
  readonly holders: number
}

export type Answer =
  | { readonly is: 'done' }
  /** Of a barrier: done, and from its next episode on it is direct, by the lines of the effect Introduce with that
   * number. */
  | { readonly is: 'direct'; readonly number: number }
  | { readonly is: 'segment'; readonly attributes: SegmentAttributes }
  | { readonly is: 'stat'; readonly stat: SegmentStat }
  | { readonly is: 'list'; readonly segments: readonly SegmentStat[] }
  /** What the segment has now: rounded up to units. */
  | { readonly is: 'sized'; readonly bytes: number }
  /** realloc: offset differs from the old one when the block must move: the client copies, then
   * frees the old block, which stays allocated until then. */
  | { readonly is: 'block'; readonly offset: number; readonly bytes: number; readonly oldBytes: number }
  /** Bytes and blocks allocated now. */
  | { readonly is: 'heap'; readonly bytes: number; readonly blocks: number }
  | { readonly is: 'locked'; readonly ownerDied: boolean }
  /** Of an object: what it is depends on what was asked. */
  | { readonly is: 'value'; readonly value: bigint }
