/**
 * Fetching ahead. A thread that goes through a segment page by page waits for each page of another node; so where faults
 * follow each other, pages that it will come to are asked for before it does: twice as many each time, up to a bound.
 *
 * The first of those is marked: it comes, but is not mapped, so that the fault on it tells that the thread has got there,
 * and the next ones are asked for while it goes through these. (Linux reads files ahead in this way: mm/readahead.c.)
 *
 *   loads from   1  2        3             7
 *   asks for        3 4 5 6  7 8 ... 14    15 ... 30      marked: 3, 7, 15
 *
 * A store is more careful, and begins with one page: what nobody was to write here is taken from those who have it.
 */
import type { Access, Page, SegmentId } from '../ts/base/ids.js'

/** Sequences that are known at one time, of all processes: threads that go through several arrays at once have several. */
export const STREAMS_MAX = 32
/** What is asked for at once, in pages of the engine's: the node that is asked answers nobody else meanwhile. */
export const AHEAD_PAGES_MAX = 64
/** Of that, for stores. */
const OF_STORES = 1 / 4
/** Of the node's memory, what stays free for pages that somebody does ask for. */
export const SPARED = 1 / 4
/** Pages that are asked for first. */
const FIRST = { read: 4, write: 1 } as const

/** The bound in KiB, unless gshmd is told (--fetch-ahead). */
export const AHEAD_KIB = 1024
export const AHEAD_KIB_MAX = 65_536

interface Stream {
  readonly process: number
  readonly segment: SegmentId
  readonly access: Access
  /** The first page that has not been asked for. */
  edge: Page
  /** The first of those that were asked for last. */
  mark: Page
  asked: number
}

/** Pages to ask for: [first, end). The first is not to be mapped. */
export interface Ahead {
  readonly first: Page
  readonly end: Page
}

export class FaultAhead {
  /** That which went on last comes first. */
  readonly #streams: Stream[] = []

  /**
   * A thread of the process has faulted on the page.
   * @param remote the page has to come from another node @param most pages at once, to be read; 0: none
   */
  after(
    process: number,
    segment: SegmentId,
    page: Page,
    access: Access,
    remote: boolean,
    most: number,
  ): Ahead | undefined {
    const at = this.#streams.findIndex(
      (one) =>
        one.segment === segment &&
        one.process === process &&
        one.access === access &&
        (page === one.mark || (remote && page === one.edge)),
    )
    const stream = this.#streams[at]
    if (stream === undefined) {
      if (remote && most > 0)
        this.#begin({ process, segment, access, edge: page + 1, mark: page + 1, asked: FIRST[access] / 2 })
      return undefined
    }
    if (at > 0) {
      this.#streams.splice(at, 1)
      this.#streams.unshift(stream)
    }
    stream.asked = Math.max(1, Math.min(2 * stream.asked, access === 'write' ? Math.floor(most * OF_STORES) : most))
    const first = Math.max(stream.edge, page + 1)
    const end = first + stream.asked
    stream.mark = first
    stream.edge = end
    return { first, end }
  }

  #begin(stream: Stream): void {
    this.#streams.unshift(stream)
    if (this.#streams.length > STREAMS_MAX) this.#streams.pop()
  }
}
