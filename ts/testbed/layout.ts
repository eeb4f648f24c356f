/** native/testbed/layout.h's numbers, which explains them; a test holds the two against each other. */
export const WORKERS_MAX = 256
export const PARTNERS = 4
export const RING_SLOTS = 16
export const PAGE = 4096
export const GRANULE = 16
export const HEADER = 16
export const SIZE_LEAST = 32
export const HEAP_LEAST = 16 * 2 ** 20
export const HEAP_MOST = 2 * 2 ** 30
export const HEAP_BLOCKS = 8

/** Word numbers (32 bits) in the control segment's first page. */
export const NODE_WORD = 0
export const TALLY_WORD = PAGE / 2 / 4
/** Word numbers in a ring's page. */
export const RING_HEAD = 0
export const RING_TAIL = 16
export const RING_CLOSED = 17
export const RING_FIRST_SLOT = 32
export const SLOT_WORDS = 4

/** One block, as a ring's slot and its own header have it. */
export interface Block {
  offset: number
  size: number
  writer: number
  serial: number
}

/** The workers that p sends blocks to; `nodes` is every worker's node. */
export function partnersOf(p: number, nodes: readonly number[]): number[] {
  const several = nodes.some((node) => node !== nodes[0])
  const next = nodes.map((_, i) => (p + 1 + i) % nodes.length)
  const wanted = (q: number) => (several ? nodes[q] !== nodes[p] : q !== p || nodes.length === 1)
  return next.filter(wanted).slice(0, PARTNERS)
}

/** The page of the control segment that is the ring from p to its i-th partner. */
export function ringPage(p: number, i: number): number {
  return 1 + p * PARTNERS + i
}

export function heapSize(maxSize: number): number {
  const size = Math.ceil((maxSize * HEAP_BLOCKS) / PAGE) * PAGE
  return Math.min(Math.max(size, HEAP_LEAST), HEAP_MOST)
}
