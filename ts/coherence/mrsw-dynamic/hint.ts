/**
 * mrsw-dynamic: what the records of a page mean here. The field `owner` of the home record is the hint; the
 * number in the copy record is the version of the copy, or the last that was here; 0 in a request: no copy.
 * A request's serial is the version that the requester has; when it goes to all nodes, and SOUGHT times the
 * number of the round.
 */
import { NO_NODE, type NodeId, type Page } from '../../base/ids.js'
import { hasNode } from '../../base/node-set.js'
import { SERIAL_LIMIT, copySerial, homeOf, ownerOf, setCopySerial, type SegmentPages } from '../state.js'
import type { Context } from '../table.js'

export const SOUGHT = SERIAL_LIMIT

/** This node: it owns the page, or has given it up for lost. */
export function hintOf(pages: SegmentPages, page: Page): NodeId {
  const owner = ownerOf(pages, page)
  return owner === NO_NODE ? homeOf(pages, page) : owner
}

export function hintLives({ state, pages, page }: Context): boolean {
  return hasNode(state.nodes, hintOf(pages, page))
}

export function versionOf(pages: SegmentPages, page: Page): number {
  return copySerial(pages, page)
}

export function setVersion(pages: SegmentPages, page: Page, version: number): void {
  setCopySerial(pages, page, version % SERIAL_LIMIT)
}

/** Of the next write. It comes round after 2^28 of them, by when no copy of the first is left. */
export function nextVersion(pages: SegmentPages, page: Page): number {
  return (versionOf(pages, page) + 1) % SERIAL_LIMIT || 1
}
