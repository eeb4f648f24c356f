/** What the heap benchmark measures: each kind, its floor, its target. */

/** Operations of which a sample is the mean, and the size of a small block: as in bench/heap_worker.c. */
export const BATCH = 100
export const SMALL_BYTES = 64

/** What glibc takes, p50, microseconds: bench/heap_worker.c with `malloc`. */
export type HeapFloors = Record<'small' | 'mix' | 'large', number>

/**
 * From C unless it says otherwise, on a node that is neither the segment's home nor the heap's.
 *
 *   small      alloc and free of 64 bytes
 *   parallel   the same by four processes on two nodes at once
 *   mix        one block of 64 is freed and another allocated, of 16 bytes to 64 KiB
 *   large      alloc and free of 1 MiB
 *   smallSync  as small, from Node.js
 */
export const HEAP_KINDS = ['small', 'parallel', 'mix', 'large', 'smallSync'] as const
export type HeapKind = (typeof HEAP_KINDS)[number]

export interface HeapAim {
  readonly pass: keyof HeapFloors
  /** How many times the floor of its pass it may take: the project's own target. */
  readonly target?: number
  /** Messages between nodes that it takes; left out: any number. */
  readonly messages?: number
  /** Or so many more. */
  readonly more?: number
}

export const HEAP_AIMS: Readonly<Record<HeapKind, HeapAim>> = {
  // More: each second a node gives back spans that it has no use for, and takes others when it has.
  small: { pass: 'small', target: 4, messages: 0, more: 0.01 },
  parallel: { pass: 'small', target: 8, messages: 0, more: 0.01 },
  mix: { pass: 'mix' },
  large: { pass: 'large' },
  smallSync: { pass: 'small', messages: 0, more: 0.01 },
}
