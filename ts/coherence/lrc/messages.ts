/**
 * What nodes say to each other at the edges of lrc: about many pages at once. Pages are listed in two
 * arrays of equal length, segment and page.
 */
import type { MessageFields } from '../../base/message-fields.js'

export type EdgeMessage =
  /** Releaser -> home: the diffs of these pages travel with it, in their order. `stale` has 1 for a
   * page of which the sender has no use any more. Answered by FlushAck when every sharer knows. `owed` is 1 where the
   * sender does not await that before it passes a lock's token to the home: then the home does. */
  | {
      readonly type: 'Flush'
      readonly flush: number
      readonly owed: number
      readonly segments: readonly number[]
      readonly pages: readonly number[]
      readonly stale: readonly number[]
    }
  /** The pages listed are its alone from now on: nobody else has them. */
  | {
      readonly type: 'FlushAck'
      readonly flush: number
      readonly segments: readonly number[]
      readonly pages: readonly number[]
    }
  /** Home -> sharer: others have changed these pages. Answered by NoticeAck. Of the first `along` of them the bytes, as
   * they are now, travel with it, as diffs: to the node that gets a lock's token next. */
  | {
      readonly type: 'Notice'
      readonly notice: number
      readonly along: number
      readonly segments: readonly number[]
      readonly pages: readonly number[]
    }
  /** `kept` has 1 for a page of which the sender may yet send a diff, or which is on its way to it: the
   * home goes on counting on its copy. */
  | { readonly type: 'NoticeAck'; readonly notice: number; readonly kept: readonly number[] }

export const EDGE_FIELDS = {
  Flush: { flush: 'number', owed: 'number', segments: 'numbers', pages: 'numbers', stale: 'numbers' },
  FlushAck: { flush: 'number', segments: 'numbers', pages: 'numbers' },
  Notice: { notice: 'number', along: 'number', segments: 'numbers', pages: 'numbers' },
  NoticeAck: { notice: 'number', kept: 'numbers' },
} as const satisfies MessageFields<EdgeMessage>

/** Pages of one message. */
export const EDGE_PAGES_MAX = 1024
/** Bytes that the pages of one Flush have, at most: a diff is at most a ninth longer than its page, so that all of
 * them stay below the wire's longest frame. */
export const FLUSH_BYTES_MAX = 4 * 2 ** 20
/** Bytes of pages that travel along with a Notice: whoever awaits the token behind it awaits them too. */
export const ALONG_BYTES_MAX = 65_536

/** How many diffs travel with the message. */
export function diffsOf(message: { readonly type: string }): number {
  const edge = message as EdgeMessage
  if (edge.type === 'Flush') return edge.pages.length
  return edge.type === 'Notice' ? edge.along : 0
}
