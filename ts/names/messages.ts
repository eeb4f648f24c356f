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

export const NAMES_FIELDS = {
  CreateAsk: {
    ticket: 'number',
    name: 'string',
    bytes: 'number',
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
} as const satisfies MessageFields<NamesMessage>
