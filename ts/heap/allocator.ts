/**
 * The allocator of one segment: the whole segment is the arena, from offset 0. Blocks are multiples
 * of 16 bytes; those of a page or more start on a page boundary, so that two big blocks share at
 * most one page, or where they were asked to be (Place). A freed block merges with its free neighbours at
 * once. Two-level segregated fit (bins.ts); realloc grows in place when the block behind is free and big enough.
 *
 * Every operation takes constant time: when no bin is sure to fit, at most PROBES free blocks of
 * nearly the right size are tried one by one before the heap is called full.
 */
import { PAGE_SIZE } from '../base/ids.js'
import { GRANULE, binOf, createBins, firstOf, nextBin, putIn, sureBin, takeOut, type Bins } from './bins.js'
import {
  NONE,
  addBlock,
  at,
  createBlocks,
  dropLast,
  lastBlock,
  mergeIntoPrevious,
  slotsLeft,
  type Blocks,
} from './blocks.js'

const PROBES = 1024

export interface Allocator {
  /** Of the arena: a multiple of the page size. */
  bytes: number
  /** Bytes and number of allocated blocks. */
  usedBytes: number
  usedBlocks: number
  readonly blocks: Blocks
  readonly bins: Bins
  /** Start of an allocated block -> its slot. */
  readonly slotAt: Map<number, number>
}

export interface Placed {
  readonly offset: number
  /** Usable bytes, now and (realloc) before. */
  readonly bytes: number
  readonly oldBytes: number
}
export type Placement = Placed | 'HEAP_FULL' | 'LIMIT' | 'NOT_ALLOCATED'

export function createAllocator(bytes: number): Allocator {
  const allocator: Allocator = {
    bytes,
    usedBytes: 0,
    usedBlocks: 0,
    blocks: createBlocks(),
    bins: createBins(),
    slotAt: new Map(),
  }
  putIn(allocator.bins, allocator.blocks, addBlock(allocator.blocks, NONE, 0, bytes))
  return allocator
}

/** Where a block may lie. */
export interface Place {
  /** Its offset is a multiple of this power of two. */
  readonly align: number
  /** It lies in one of every so many units, within that one. */
  readonly within?: { readonly unit: number; readonly every: number; readonly nth: number }
}

const ANYWHERE: Place = { align: GRANULE }
const ON_A_PAGE: Place = { align: PAGE_SIZE }

/** @param bytes a whole number from 1 @param asked with `within`: bytes and align are a unit's at most */
export function allocate(allocator: Allocator, bytes: number, asked: Place = ANYWHERE): Placement {
  const need = roundUp(bytes, GRANULE)
  // What is left over in front of and behind the block may need a slot each.
  if (!slotsLeft(allocator.blocks, 2)) return 'LIMIT'
  const own = placeOf(need)
  const place = asked.align < own.align ? { ...asked, align: own.align } : asked
  const slot = findFree(allocator, need, place)
  if (slot === NONE) return 'HEAP_FULL'
  return { offset: carve(allocator, slot, need, place), bytes: need, oldBytes: 0 }
}

function placeOf(need: number): Place {
  return need >= PAGE_SIZE ? ON_A_PAGE : ANYWHERE
}

/** False when no allocated block starts at `offset`. */
export function release(allocator: Allocator, offset: number): boolean {
  const slot = allocator.slotAt.get(offset)
  if (slot === undefined) return false
  allocator.slotAt.delete(offset)
  allocator.usedBytes -= at(allocator.blocks.bytes, slot)
  allocator.usedBlocks--
  allocator.blocks.allocated[slot] = 0
  putIn(allocator.bins, allocator.blocks, joinFree(allocator, slot))
  return true
}

/** In place where possible, else a new block; the old one then stays allocated until released. */
export function resize(allocator: Allocator, offset: number, bytes: number): Placement {
  const slot = allocator.slotAt.get(offset)
  if (slot === undefined) return 'NOT_ALLOCATED'
  const need = roundUp(bytes, GRANULE)
  const oldBytes = at(allocator.blocks.bytes, slot)
  if (need > oldBytes && !growInPlace(allocator, slot, need)) {
    const placed = allocate(allocator, bytes)
    return typeof placed === 'string' ? placed : { ...placed, oldBytes }
  }
  trim(allocator, slot, need)
  const now = at(allocator.blocks.bytes, slot)
  allocator.usedBytes += now - oldBytes
  return { offset, bytes: now, oldBytes }
}

/** The segment has another size: the arena's end moves. Gives where its last block ends; beyond `bytes`, nothing has changed. */
export function moveEnd(allocator: Allocator, bytes: number): number {
  const { bins, blocks } = allocator
  const last = lastBlock(blocks)
  const isFree = at(blocks.allocated, last) === 0
  const used = isFree ? at(blocks.start, last) : allocator.bytes
  if (used > bytes) return used
  if (isFree) takeOut(bins, blocks, last)
  else if (bytes > used && !slotsLeft(blocks, 1)) return used // no block could be made there
  if (bytes > used) {
    const free = isFree ? last : addBlock(blocks, last, used, 0)
    blocks.bytes[free] = bytes - used
    putIn(bins, blocks, free)
  } else if (isFree) dropLast(blocks, last)
  allocator.bytes = bytes
  return used
}

function findFree(allocator: Allocator, need: number, place: Place): number {
  const { bins, blocks } = allocator
  // A block this much larger holds such a place with enough room behind it, wherever it starts.
  const sure = nextBin(bins, sureBin(need + slack(place)))
  if (sure !== NONE) return firstOf(bins, sure)
  let probes = PROBES
  for (let bin = nextBin(bins, binOf(need)); bin !== NONE; bin = nextBin(bins, bin + 1)) {
    for (let slot = firstOf(bins, bin); slot !== NONE; slot = at(blocks.freeNext, slot)) {
      if (placeWithin(at(blocks.start, slot), need, place) + need <= at(blocks.start, slot) + at(blocks.bytes, slot))
        return slot
      if (--probes === 0) return NONE
    }
  }
  return NONE
}

/** From any offset on, the first place for a block is at most so many bytes away. */
function slack({ align, within }: Place): number {
  return (within === undefined ? align : within.unit * (within.every + 1)) - GRANULE
}

/** The first offset from `from` on where a block of `need` bytes may start. */
function placeWithin(from: number, need: number, { align, within }: Place): number {
  const first = roundUp(from, align)
  if (within === undefined) return first
  const { unit, every, nth } = within
  const unitNow = Math.floor(first / unit)
  if (unitNow % every === nth && first + need <= (unitNow + 1) * unit) return first
  const later = unitNow + 1
  return (later + ((nth - (later % every) + every) % every)) * unit
}

/** Makes `need` bytes of a free block an allocated one; what is in front and behind stays free. */
function carve(allocator: Allocator, free: number, need: number, place: Place): number {
  const { bins, blocks } = allocator
  takeOut(bins, blocks, free)
  const offset = placeWithin(at(blocks.start, free), need, place)
  const front = offset - at(blocks.start, free)
  let slot = free
  if (front > 0) {
    slot = addBlock(blocks, free, offset, at(blocks.bytes, free) - front)
    blocks.bytes[free] = front
    putIn(bins, blocks, free)
  }
  blocks.allocated[slot] = 1
  trim(allocator, slot, need)
  allocator.slotAt.set(offset, slot)
  allocator.usedBytes += need
  allocator.usedBlocks++
  return offset
}

function growInPlace(allocator: Allocator, slot: number, need: number): boolean {
  const { bins, blocks } = allocator
  // A small block that becomes a big one moves to a page boundary, as if it had been allocated so.
  if (need >= PAGE_SIZE && at(blocks.start, slot) % PAGE_SIZE !== 0) return false
  const behind = at(blocks.next, slot)
  if (behind === NONE || at(blocks.allocated, behind) === 1) return false
  if (at(blocks.bytes, slot) + at(blocks.bytes, behind) < need) return false
  takeOut(bins, blocks, behind)
  mergeIntoPrevious(blocks, behind)
  return true
}

/** Frees what the block has beyond `need` bytes. Keeps it whole when no slot is left for the rest. */
function trim(allocator: Allocator, slot: number, need: number): void {
  const { bins, blocks } = allocator
  const rest = at(blocks.bytes, slot) - need
  if (rest === 0 || !slotsLeft(blocks, 1)) return
  blocks.bytes[slot] = need
  const tail = addBlock(blocks, slot, at(blocks.start, slot) + need, rest)
  putIn(bins, blocks, joinFree(allocator, tail))
}

/** Merges a free block that is in no bin with its free neighbours: the slot of the whole. */
function joinFree(allocator: Allocator, slot: number): number {
  const { bins, blocks } = allocator
  const behind = at(blocks.next, slot)
  if (behind !== NONE && at(blocks.allocated, behind) === 0) {
    takeOut(bins, blocks, behind)
    mergeIntoPrevious(blocks, behind)
  }
  const front = at(blocks.prev, slot)
  if (front === NONE || at(blocks.allocated, front) === 1) return slot
  takeOut(bins, blocks, front)
  mergeIntoPrevious(blocks, slot)
  return front
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit
}
