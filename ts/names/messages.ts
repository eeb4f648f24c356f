/**
 * What nodes say to each other about segment names. Node 0 serialises names: requests (...Ask) go
 * to it, answers come from it, and both carry the ticket of the asking node's request.
 */
import type { Consistency, Manager } from '../base/consistency.js'
import type { NodeId, SegmentId } from '../base/ids.js'
import type { MessageFields } from '../base/message-fields.js'
import type { ModelAsked } from '../base/requests.js'

export type NamesMessage =
  | (ModelAsked & {
      readonly type: 'CreateAsk'
      readonly ticket: number
      readonly name: string
      readonly bytes: number
      readonly maxBytes: number
      readonly openOrCreate: boolean
      readonly uid: number
      readonly gid: number
      readonly mode: number
      readonly nowMs: number
    })
  | { readonly type: 'OpenAsk'; readonly ticket: number; readonly name: string }
  | { readonly type: 'StatAsk'; readonly ticket: number; readonly name: string }
  | { readonly type: 'UnlinkAsk'; readonly ticket: number; readonly name: string; readonly uid: number }
  | { readonly type: 'ListAsk'; readonly ticket: number }
  /** Node 0 -> every member: the segment exists. Answered by SegmentKnown. */
  | {
      readonly type: 'SegmentNew'
      readonly segment: SegmentId
      readonly name: string
      readonly bytes: number
      readonly maxBytes: number
      readonly consistency: Consistency
      readonly manager: Manager
      readonly unit: number
      readonly homes: readonly NodeId[]
      readonly uid: number
      readonly gid: number
      readonly mode: number
      readonly createdMs: number
    }
  | { readonly type: 'SegmentKnown'; readonly segment: SegmentId }
  /** Answers CreateAsk and OpenAsk. The asker knows the attributes: SegmentNew came before. */
  | { readonly type: 'SegmentGrant'; readonly ticket: number; readonly segment: SegmentId }
  | {
      readonly type: 'StatAnswer'
      readonly ticket: number
      readonly segment: SegmentId
      readonly linked: boolean
      readonly holders: number
    }
  /** Answers ListAsk, in as many parts as it takes; entry i of the arrays is one segment. */
  | {
      readonly type: 'ListPart'
      readonly ticket: number
      readonly segments: readonly SegmentId[]
      /** 1 or 0. */
      readonly linked: readonly number[]
      readonly holders: readonly number[]
      readonly last: boolean
    }
  /** Answers UnlinkAsk. */
  | { readonly type: 'UnlinkDone'; readonly ticket: number }
  | { readonly type: 'NamesRefused'; readonly ticket: number; readonly error: string; readonly detail: string }
  /** To node 0: the sender's last handle and view closed; it gives back that many SegmentGrants. */
  | { readonly type: 'SegmentLet'; readonly segment: SegmentId; readonly grants: number }
  /** Node 0 -> every member: unlinked, and held nowhere. */
  | { readonly type: 'SegmentDrop'; readonly segment: SegmentId }
  | ResizeMessage

/** sizes.ts has the part of every node, resizing.ts node 0's. */
export type ResizeMessage =
  | { readonly type: 'ResizeAsk'; readonly ticket: number; readonly segment: SegmentId; readonly bytes: number }
  /** Answers ResizeAsk. */
  | { readonly type: 'ResizeDone'; readonly ticket: number; readonly bytes: number }
  /** Node 0 -> every member: it will have more bytes. Answered by SegmentSized, as SegmentGrown and SegmentShrink are. */
  | { readonly type: 'SegmentGrow'; readonly segment: SegmentId; readonly bytes: number }
  /** Node 0 -> every member, when all have answered: it has them. */
  | { readonly type: 'SegmentGrown'; readonly segment: SegmentId; readonly bytes: number }
  /** Node 0 -> every member: it has fewer bytes. `round` numbers the segment's shrinkings; `nodes` are all who are told. */
  | {
      readonly type: 'SegmentShrink'
      readonly segment: SegmentId
      readonly bytes: number
      readonly round: number
      readonly nodes: readonly NodeId[]
    }
  /** Each of these to all others: nothing comes from the sender any more about what lies beyond. */
  | {
      readonly type: 'SegmentShrunk'
      readonly segment: SegmentId
      readonly bytes: number
      readonly round: number
      readonly nodes: readonly NodeId[]
    }
  | { readonly type: 'SegmentSized'; readonly segment: SegmentId; readonly bytes: number }
  /** Node 0 -> the heap's node: its heap shall have this size. Answered by ArenaDone. */
  | { readonly type: 'ArenaAsk'; readonly segment: SegmentId; readonly bytes: number }
  /** fits: it has. Otherwise `used` is where its last block ends. */
  | {
      readonly type: 'ArenaDone'
      readonly segment: SegmentId
      readonly bytes: number
      readonly fits: boolean
      readonly used: number
    }

export const NAMES_FIELDS = {
  CreateAsk: {
    ticket: 'number',
    name: 'string',
    bytes: 'number',
    maxBytes: 'number',
    consistency: 'string',
    manager: 'string',
    unit: 'number',
    home: 'number',
    openOrCreate: 'boolean',
    uid: 'number',
    gid: 'number',
    mode: 'number',
    nowMs: 'number',
  },
  OpenAsk: { ticket: 'number', name: 'string' },
  StatAsk: { ticket: 'number', name: 'string' },
  UnlinkAsk: { ticket: 'number', name: 'string', uid: 'number' },
  ListAsk: { ticket: 'number' },
  SegmentNew: {
    segment: 'number',
    name: 'string',
    bytes: 'number',
    maxBytes: 'number',
    consistency: 'string',
    manager: 'string',
    unit: 'number',
    homes: 'numbers',
    uid: 'number',
    gid: 'number',
    mode: 'number',
    createdMs: 'number',
  },
  SegmentKnown: { segment: 'number' },
  SegmentGrant: { ticket: 'number', segment: 'number' },
  StatAnswer: { ticket: 'number', segment: 'number', linked: 'boolean', holders: 'number' },
  ListPart: { ticket: 'number', segments: 'numbers', linked: 'numbers', holders: 'numbers', last: 'boolean' },
  UnlinkDone: { ticket: 'number' },
  NamesRefused: { ticket: 'number', error: 'string', detail: 'string' },
  SegmentLet: { segment: 'number', grants: 'number' },
  SegmentDrop: { segment: 'number' },
  ResizeAsk: { ticket: 'number', segment: 'number', bytes: 'number' },
  ResizeDone: { ticket: 'number', bytes: 'number' },
  SegmentGrow: { segment: 'number', bytes: 'number' },
  SegmentGrown: { segment: 'number', bytes: 'number' },
  SegmentShrink: { segment: 'number', bytes: 'number', round: 'number', nodes: 'numbers' },
  SegmentShrunk: { segment: 'number', bytes: 'number', round: 'number', nodes: 'numbers' },
  SegmentSized: { segment: 'number', bytes: 'number' },
  ArenaAsk: { segment: 'number', bytes: 'number' },
  ArenaDone: { segment: 'number', bytes: 'number', fits: 'boolean', used: 'number' },
} as const satisfies MessageFields<NamesMessage>
