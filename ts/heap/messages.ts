/**
 * What nodes say to each other about a segment's heap. Asks go to the heap's node
 * (homes[segment % homes.length]); each gets exactly one answer, with the asking node's ticket.
 */
import type { SegmentId } from '../base/ids.js'
import type { MessageFields } from '../base/message-fields.js'

export type HeapMessage =
  | { readonly type: 'AllocAsk'; readonly ticket: number; readonly segment: SegmentId; readonly bytes: number }
  | {
      readonly type: 'ReallocAsk'
      readonly ticket: number
      readonly segment: SegmentId
      readonly offset: number
      readonly bytes: number
    }
  | { readonly type: 'FreeAsk'; readonly ticket: number; readonly segment: SegmentId; readonly offset: number }
  | { readonly type: 'HeapStatAsk'; readonly ticket: number; readonly segment: SegmentId }
  /** Answers AllocAsk (oldBytes 0) and ReallocAsk. Bytes are usable bytes: multiples of 16. */
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

export const HEAP_FIELDS = {
  AllocAsk: { ticket: 'number', segment: 'number', bytes: 'number' },
  ReallocAsk: { ticket: 'number', segment: 'number', offset: 'number', bytes: 'number' },
  FreeAsk: { ticket: 'number', segment: 'number', offset: 'number' },
  HeapStatAsk: { ticket: 'number', segment: 'number' },
  HeapBlock: { ticket: 'number', offset: 'number', bytes: 'number', oldBytes: 'number' },
  FreeDone: { ticket: 'number' },
  HeapStatAnswer: { ticket: 'number', bytes: 'number', blocks: 'number' },
  HeapRefused: { ticket: 'number', error: 'string', detail: 'string' },
} as const satisfies MessageFields<HeapMessage>
