/** What the names room wants done besides messages and answers. */
import type { AcquireEffect, RoomEffect } from '../base/effects.js'
import type { SegmentId } from '../base/ids.js'
import type { SegmentAttributes } from '../base/requests.js'
import type { NamesMessage } from './messages.js'

export type NamesEffect =
  | RoomEffect<NamesMessage>
  | AcquireEffect
  /** The segment is known on this node from now on. */
  | { readonly do: 'SegmentMade'; readonly attributes: SegmentAttributes }
  /** The segment has `bytes` now and had `before`. Faults from there to `coming` wait for the next of these. */
  | {
      readonly do: 'SegmentSized'
      readonly segment: SegmentId
      readonly before: number
      readonly bytes: number
      readonly coming: number
    }
  /** The heap here is to have this size: ts/node asks the heap room and says what it says (namesArena). */
  | { readonly do: 'Arena'; readonly segment: SegmentId; readonly bytes: number }
  /** No view is left anywhere and the name is gone: frames and directory go. */
  | { readonly do: 'SegmentGone'; readonly segment: SegmentId }
