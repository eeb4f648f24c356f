/** What a node knows about heaps: those that live on it, and its own requests on the way. */
import type { NodeId, SegmentId } from '../base/ids.js'
import type { AcquireEffect, ReleaseEffect, RoomEffect } from '../base/effects.js'
import type { LocalRequest, SegmentAttributes } from '../base/requests.js'
import type { Allocator } from './allocator.js'
import type { Leases, Query, SpanWish } from './leases.js'
import type { HeapMessage } from './messages.js'

/** The heap's home wants something of this node's spans of the segment: a request `spans` is to answer it. */
export interface SpanQueryEffect {
  readonly do: 'SpanQuery'
  readonly to: NodeId
  readonly query: number
  readonly segment: SegmentId
  readonly wish: SpanWish
  readonly offset: number
}

/** The heap here has that size now; or, where `used` is beyond it, its last block ends there, and it has not. */
export interface ArenaSizedEffect {
  readonly do: 'ArenaSized'
  readonly segment: SegmentId
  readonly bytes: number
  readonly used: number
}

export type HeapEffect = RoomEffect<HeapMessage> | AcquireEffect | ReleaseEffect | SpanQueryEffect | ArenaSizedEffect

export type HeapRequest = Extract<
  LocalRequest,
  { readonly op: 'alloc' | 'realloc' | 'free' | 'heapStat' | 'lease' | 'spans' }
>

export interface ManagedHeap {
  readonly unit: number
  /** How many homes its pages have. */
  readonly homes: number
  /** 0: it has none. */
  readonly spanBytes: number
  readonly leases: Leases
  /** Of the segment, and what it may have: nodes may ask for that much. */
  bytes: number
  readonly maxBytes: number
  /** Made by the first request: most segments never use their heap. */
  allocator: Allocator | undefined
}

export interface PendingHeap {
  readonly manager: NodeId
  /** That the segment may have: a block lies within. */
  readonly segmentBytes: number
  /** The type of the answer that is due, if it is not a refusal. */
  readonly due: 'HeapBlock' | 'FreeDone' | 'HeapStatAnswer'
  /** Of the span that was asked for; 0: it was something else. */
  readonly spanBytes: number
}

export interface HeapState {
  readonly self: NodeId
  readonly managed: Map<SegmentId, ManagedHeap>
  /** The highest number of a segment made so far, on whichever node its heap is. */
  highest: SegmentId
  readonly pending: Map<number, PendingHeap>
  /** By ticket: requests of lrc segments that give memory back, until what was written there is known. */
  readonly releasing: Map<number, { readonly attributes: SegmentAttributes; readonly request: HeapRequest }>
  /** By number: asks of nodes that wait for what others say of their spans. */
  readonly queries: Map<number, Query>
  nextQuery: number
  /** Nodes lost: their heaps are gone. */
  readonly lost: Set<NodeId>
}

export function createHeap(self: NodeId): HeapState {
  return {
    self,
    managed: new Map(),
    highest: 0,
    pending: new Map(),
    releasing: new Map(),
    queries: new Map(),
    nextQuery: 1,
    lost: new Set(),
  }
}

/** The node that has the segment's heap. */
export function heapHome(attributes: SegmentAttributes): NodeId {
  return attributes.homes[attributes.segment % attributes.homes.length] as NodeId
}
