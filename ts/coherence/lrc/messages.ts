/**
 * What nodes say to each other at the edges of lrc: about many pages at once. Pages are listed in two
 * arrays of equal length, segment and page.
 */
import type { MessageFields } from '../../base/message-fields.js'

export type EdgeMessage =
  /** Releaser -> home: the diffs of these pages travel with it, in their order. `stale` has 1 for a
   * page of which the sender has no use any more. Answered by FlushAck when every sharer knows. */
  | {
      readonly type: 'Flush'
      readonly flush: number
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
  /** Home -> sharer: others have changed these pages. Answered by NoticeAck. */
  | {
      readonly type: 'Notice'
      readonly notice: number
      readonly segments: readonly number[]
      readonly pages: readonly number[]
    }
  /** `kept` has 1 for a page of which the sender may yet send a diff, or which is on its way to it: the
   * home goes on counting on its copy. */
  | { readonly type: 'NoticeAck'; readonly notice: number; readonly kept: readonly number[] }

export const EDGE_FIELDS = {
  Flush: { flush: 'number', segments: 'numbers', pages: 'numbers', stale: 'numbers' },
  FlushAck: { flush: 'number', segments: 'numbers', pages: 'numbers' },
  Notice: { notice: 'number', segments: 'numbers', pages: 'numbers' },
  NoticeAck: { notice: 'number', kept: 'numbers' },
} as const satisfies MessageFields<EdgeMessage>

/** Pages of one message. */
export const EDGE_PAGES_MAX = 1024
/** Bytes that the pages of one Flush have, at most: a diff is at most a ninth longer than its page, so that all of
 * them stay below the wire's longest frame. */
export const FLUSH_BYTES_MAX = 4 * 2 ** 20
