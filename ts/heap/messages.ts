/**
 * What nodes say to each other about a segment's heap. Asks go to the heap's node
 * (homes[segment % homes.length]); each gets exactly one answer, with the asking node's ticket. The home
 * asks nodes about the spans that they have: a query, answered likewise.
 */
import type { SegmentId } from '../base/ids.js'
import type { MessageFields } from '../base/message-fields.js'

export type HeapMessage =
  /** align: a power of two. home 0: anywhere; else in a unit whose home is the segment's home number home - 1. */
  | {
      readonly type: 'AllocAsk'
      readonly ticket: number
      readonly segment: SegmentId
      readonly bytes: number
      readonly align: number
      readonly home: number
    }
  | {
      readonly type: 'ReallocAsk'
      readonly ticket: number
      readonly segment: SegmentId
      readonly offset: number
      readonly bytes: number
    }
  | { readonly type: 'FreeAsk'; readonly ticket: number; readonly segment: SegmentId; readonly offset: number }
  | { readonly type: 'HeapStatAsk'; readonly ticket: number; readonly segment: SegmentId }
  | { readonly type: 'SpanAsk'; readonly ticket: number; readonly segment: SegmentId }
  /** Nothing is allocated there any more. No answer. */
  | { readonly type: 'SpanBack'; readonly segment: SegmentId; readonly offset: number }
  | {
      readonly type: 'SpanQuery'
      readonly query: number
      readonly segment: SegmentId
      /** A SpanWish. */
      readonly wish: string
      readonly offset: number
    }
  | { readonly type: 'SpanAnswer'; readonly query: number; readonly bytes: number; readonly blocks: number }
  /** Answers AllocAsk and SpanAsk (oldBytes 0) and ReallocAsk. Bytes are usable bytes: multiples of 16. */
  | {
      readonly type: 'HeapBlock'
      readonly ticket: number
      readonly offset: number
      readonly bytes: number
      readonly oldBytes: number
    }
  /** Answers FreeAsk. */
  | { readonly type: 'FreeDone'; readonly ticket: number }
  | { readonly type: 'HeapStatAnswer'; readonly ticket: number; readonly bytes: number; readonly blocks: number }
  | { readonly type: 'HeapRefused'; readonly ticket: number; readonly error: string; readonly detail: string }

/** What is asked of a heap's home. */
export type HeapAsk = Extract<
  HeapMessage,
  { readonly type: 'AllocAsk' | 'ReallocAsk' | 'FreeAsk' | 'HeapStatAsk' | 'SpanAsk' }
>

export const HEAP_FIELDS = {
  AllocAsk: { ticket: 'number', segment: 'number', bytes: 'number', align: 'number', home: 'number' },
  ReallocAsk: { ticket: 'number', segment: 'number', offset: 'number', bytes: 'number' },
  FreeAsk: { ticket: 'number', segment: 'number', offset: 'number' },
  HeapStatAsk: { ticket: 'number', segment: 'number' },
  HeapBlock: { ticket: 'number', offset: 'number', bytes: 'number', oldBytes: 'number' },
  FreeDone: { ticket: 'number' },
  HeapStatAnswer: { ticket: 'number', bytes: 'number', blocks: 'number' },
  HeapRefused: { ticket: 'number', error: 'string', detail: 'string' },
  SpanAsk: { ticket: 'number', segment: 'number' },
  SpanBack: { segment: 'number', offset: 'number' },
  SpanQuery: { query: 'number', segment: 'number', wish: 'string', offset: 'number' },
  SpanAnswer: { query: 'number', bytes: 'number', blocks: 'number' },
} as const satisfies MessageFields<HeapMessage>
