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
  /** No view is left anywhere and the name is gone: frames and directory go. */
  | { readonly do: 'SegmentGone'; readonly segment: SegmentId }
