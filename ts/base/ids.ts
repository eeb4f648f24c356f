/** The numbers that everything else speaks of. */

/** Node number in the cluster, 0 = the first node; at most NODES_MAX of them. */
export type NodeId = number
/** Segment number, 1.. ; never used twice in a cluster's life. */
export type SegmentId = number
/** Page number within a segment. */
export type Page = number
export type Access = 'read' | 'write'

export const PAGE_SIZE = 4096
export const NODES_MAX = 1024
/** A global address has 20 bits of segment number. */
export const SEGMENT_MAX: SegmentId = 2 ** 20 - 1
/** 16 TiB a segment: the global address has 44 bits of offset. */
export const SEGMENT_BYTES_MAX = 2 ** 44
export const NO_NODE: NodeId = 0xffff

/** One number for (segment, page), exact in a double: segment < 2^20, page < 2^32. */
export function globalPage(segment: SegmentId, page: Page): number {
  return segment * 2 ** 32 + page
}

/** The halves of a global page. */
export function segmentOf(global: number): SegmentId {
  return Math.floor(global / 2 ** 32)
}
export function pageOf(global: number): Page {
  return global % 2 ** 32
}

/** Travels in place of a page's bytes when a local process of their owner has destroyed them. */
export const LOST_PAGE = new Uint8Array(0)
