/**
 * The copyset of a page at its home: nodes 0..31 in a word of the record, and for the rare page
 * that a higher node shares the whole set aside, so that most pages pay four bytes for it.
 */
import {
  addNode,
  bitCount,
  countNodes,
  createNodeSet,
  deleteNode,
  hasNode,
  listBits,
  listNodes,
} from '../base/node-set.js'
import type { NodeId, Page } from '../base/ids.js'
import { NO_SLOT, findRecord, recordWord, setRecordWord, touchRecord } from './record-store.js'
import { homeIndex, type SegmentPages } from './state.js'

export function sharersOf(pages: SegmentPages, page: Page): NodeId[] {
  const wide = pages.wide.get(homeIndex(pages, page))
  if (wide !== undefined) return listNodes(wide)
  const nodes: NodeId[] = []
  listBits(inline(pages, page), 0, nodes)
  return nodes
}

export function countSharers(pages: SegmentPages, page: Page): number {
  const wide = pages.wide.get(homeIndex(pages, page))
  return wide === undefined ? bitCount(inline(pages, page)) : countNodes(wide)
}

export function isSharer(pages: SegmentPages, page: Page, node: NodeId): boolean {
  if (node < 32) return (inline(pages, page) & (1 << node)) !== 0
  const wide = pages.wide.get(homeIndex(pages, page))
  return wide !== undefined && hasNode(wide, node)
}

export function addSharer(pages: SegmentPages, page: Page, node: NodeId): void {
  if (node < 32) setInline(pages, page, inline(pages, page) | (1 << node))
  const at = homeIndex(pages, page)
  let wide = pages.wide.get(at)
  if (wide === undefined && node < 32) return
  if (wide === undefined) {
    wide = createNodeSet()
    wide[0] = inline(pages, page)
    pages.wide.set(at, wide)
  }
  addNode(wide, node)
}

export function dropSharer(pages: SegmentPages, page: Page, node: NodeId): void {
  if (node < 32) setInline(pages, page, inline(pages, page) & ~(1 << node))
  const at = homeIndex(pages, page)
  const wide = pages.wide.get(at)
  if (wide === undefined) return
  deleteNode(wide, node)
  if (countNodes(wide) === bitCount(wide[0]! | 0)) pages.wide.delete(at)
}

export function clearSharers(pages: SegmentPages, page: Page): void {
  setInline(pages, page, 0)
  pages.wide.delete(homeIndex(pages, page))
}

function inline(pages: SegmentPages, page: Page): number {
  const slot = findRecord(pages.home, homeIndex(pages, page))
  return slot === NO_SLOT ? 0 : recordWord(pages.home, slot, 1) | 0
}

function setInline(pages: SegmentPages, page: Page, bits: number): void {
  setRecordWord(pages.home, touchRecord(pages.home, homeIndex(pages, page)), 1, bits)
}
