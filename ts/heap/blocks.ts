/**
 * The blocks of one heap: they tile the segment, free and allocated ones, in address order. Each is
 * a slot in parallel typed arrays, at most 33 bytes of metadata (and one Map entry when allocated),
 * outside the segment: a program that overruns its block damages data, never the heap. The arrays
 * grow by doubling; slots that merged blocks leave behind are used again.
 */
export const NONE = -1
/** Bounds the metadata at about half a GiB a segment. */
export const SLOTS_MAX = 2 ** 24

export interface Blocks {
  /** Byte offset in the segment, and length; doubles, for a segment may have 2^44 bytes. */
  start: Float64Array
  bytes: Float64Array
  /** Neighbours in address order. `next` also chains the spare slots. */
  prev: Int32Array
  next: Int32Array
  /** Neighbours in the same bin; meaningful for free blocks. */
  freePrev: Int32Array
  freeNext: Int32Array
  allocated: Uint8Array
  /** Slots below this one have been used at some time. */
  slots: number
  /** First of the spare slots, and how many there are. */
  spare: number
  spares: number
}

export function createBlocks(capacity = 64): Blocks {
  return {
    start: new Float64Array(capacity),
    bytes: new Float64Array(capacity),
    prev: new Int32Array(capacity),
    next: new Int32Array(capacity),
    freePrev: new Int32Array(capacity),
    freeNext: new Int32Array(capacity),
    allocated: new Uint8Array(capacity),
    slots: 0,
    spare: NONE,
    spares: 0,
  }
}

/** Whether `count` more slots can be had. Ask before changing anything. */
export function slotsLeft(blocks: Blocks, count: number): boolean {
  return blocks.spares + (SLOTS_MAX - blocks.slots) >= count
}

/** A slot for a block that lies behind `after` in address order (NONE: the first block). */
export function addBlock(blocks: Blocks, after: number, start: number, bytes: number): number {
  const slot = takeSlot(blocks)
  const before = after === NONE ? NONE : at(blocks.next, after)
  blocks.start[slot] = start
  blocks.bytes[slot] = bytes
  blocks.prev[slot] = after
  blocks.next[slot] = before
  blocks.allocated[slot] = 0
  if (after !== NONE) blocks.next[after] = slot
  if (before !== NONE) blocks.prev[before] = slot
  return slot
}

/** The block in front swallows `slot`, which becomes spare. */
export function mergeIntoPrevious(blocks: Blocks, slot: number): void {
  const previous = at(blocks.prev, slot)
  const following = at(blocks.next, slot)
  blocks.bytes[previous] = at(blocks.bytes, previous) + at(blocks.bytes, slot)
  blocks.next[previous] = following
  if (following !== NONE) blocks.prev[following] = previous
  blocks.next[slot] = blocks.spare
  blocks.spare = slot
  blocks.spares++
}

/** The one that ends with the arena. The first is slot 0 always: what merges goes into the block in front. */
export function lastBlock(blocks: Blocks): number {
  let slot = 0
  while (at(blocks.next, slot) !== NONE) slot = at(blocks.next, slot)
  return slot
}

/** The last block, which is not the first, becomes spare. */
export function dropLast(blocks: Blocks, slot: number): void {
  blocks.next[at(blocks.prev, slot)] = NONE
  blocks.next[slot] = blocks.spare
  blocks.spare = slot
  blocks.spares++
}

/** An element that exists: the type system cannot see that a slot is within the arrays. */
export function at(array: Float64Array | Int32Array | Uint8Array, index: number): number {
  return array[index] as number
}

function takeSlot(blocks: Blocks): number {
  if (blocks.spare !== NONE) {
    const slot = blocks.spare
    blocks.spare = at(blocks.next, slot)
    blocks.spares--
    return slot
  }
  if (blocks.slots === blocks.start.length) grow(blocks)
  return blocks.slots++
}

function grow(blocks: Blocks): void {
  const bigger = createBlocks(blocks.start.length * 2)
  bigger.start.set(blocks.start)
  bigger.bytes.set(blocks.bytes)
  bigger.prev.set(blocks.prev)
  bigger.next.set(blocks.next)
  bigger.freePrev.set(blocks.freePrev)
  bigger.freeNext.set(blocks.freeNext)
  bigger.allocated.set(blocks.allocated)
  Object.assign(blocks, { ...bigger, slots: blocks.slots, spare: blocks.spare, spares: blocks.spares })
}
