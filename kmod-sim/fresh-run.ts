/**
 * Runs of fresh pages. A span is filled from its start; who stores to the next page of it will store to more. So where
 * this node is the home, that store brings pages with it that nobody has touched yet, as many as it has in front of it
 * here: 1, 2, 4, 8 of a span of 16. They need no fetch, and one system call maps them. At most as much memory is taken in
 * vain as is used.
 */
import type { Page } from '../ts/base/ids.js'

/** Of the engine's pages of a span. */
export interface SpanPages {
  readonly first: Page
  /** The first one that is not of the span. */
  readonly end: Page
  /** May threads here store to it? */
  readonly writable: (page: Page) => boolean
  /** Is its home here, and nobody has asked for it yet? */
  readonly fresh: (page: Page) => boolean
}

/** How many pages from `page` on a store to it gets; 1: that one. */
export function freshRun(page: Page, { first, end, writable, fresh }: SpanPages): number {
  if (!fresh(page)) return 1
  let before = 0
  while (page - before > first && writable(page - before - 1)) before++
  let run = 1
  while (run <= before && page + run < end && fresh(page + run)) run++
  return run
}
