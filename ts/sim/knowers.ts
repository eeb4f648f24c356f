/** Who knows of writes (oracle.ts): threads, and by what these learn of each other. By numbers, threads first. */
import type { Setup } from './setup.js'

/** A range is a page, acquired and released by itself; a block is memory that one frees and another is given. */
export type Knower = 'lock' | 'block' | 'range'

type Size = Pick<Setup, 'nodes' | 'threads' | 'locks' | 'blocks' | 'ranges' | 'pages'>

export function knowerOf({ nodes, threads, locks, blocks }: Size, what: Knower, of: number): number {
  const before = { lock: 0, block: locks, range: locks + blocks }
  return nodes * threads + before[what] + of
}

export function knowers(size: Size): number {
  return knowerOf(size, 'range', size.ranges ? size.pages : 0)
}
