/**
 * Free blocks by size: two levels of bins, a power of two split in 16, each a doubly linked list,
 * with a bitmap a level to find the next bin that is not empty. This is TLSF's index (Masmano,
 * Ripoll, Crespo & Real, "TLSF: a new dynamic memory allocator for real-time systems", ECRTS 2004):
 * insert, remove and find take constant time. Sizes below 256 bytes have a bin of their own each.
 */
import { NONE, at, type Blocks } from './blocks.js'

export const GRANULE = 16
const SPLIT = 16
/** 2^44 bytes are 2^40 granules: levels 4..40 of powers of two, and one for all below 16 granules. */
const LEVELS = 38

export interface Bins {
  /** First block of bin [level * SPLIT + part]. */
  heads: Int32Array
  /** Bit `part` of map [level]: that bin is not empty. */
  maps: Uint16Array
}

export function createBins(): Bins {
  return { heads: new Int32Array(LEVELS * SPLIT).fill(NONE), maps: new Uint16Array(LEVELS) }
}

/** The bin that holds free blocks of `bytes` bytes. */
export function binOf(bytes: number): number {
  const granules = bytes / GRANULE
  if (granules < SPLIT) return granules
  const log2 = log2Floor(granules)
  const part = Math.floor(granules / 2 ** (log2 - 4)) - SPLIT
  return (log2 - 3) * SPLIT + part
}

/** The first bin all of whose blocks have at least `bytes` bytes. */
export function sureBin(bytes: number): number {
  const granules = bytes / GRANULE
  if (granules < SPLIT) return granules
  const width = 2 ** (log2Floor(granules) - 4)
  return binOf(Math.ceil(granules / width) * width * GRANULE)
}

/** The first bin from `bin` on that is not empty, or NONE. */
export function nextBin(bins: Bins, bin: number): number {
  let level = Math.floor(bin / SPLIT)
  let wanted = 0xffff << (bin % SPLIT)
  while (level < LEVELS) {
    const found = (bins.maps[level] as number) & wanted
    if (found !== 0) return level * SPLIT + (31 - Math.clz32(found & -found))
    level++
    wanted = 0xffff
  }
  return NONE
}

export function firstOf(bins: Bins, bin: number): number {
  return at(bins.heads, bin)
}

export function putIn(bins: Bins, blocks: Blocks, slot: number): void {
  const bin = binOf(at(blocks.bytes, slot))
  const first = at(bins.heads, bin)
  blocks.freePrev[slot] = NONE
  blocks.freeNext[slot] = first
  if (first !== NONE) blocks.freePrev[first] = slot
  bins.heads[bin] = slot
  const level = Math.floor(bin / SPLIT)
  bins.maps[level] = (bins.maps[level] as number) | (1 << (bin % SPLIT))
}

export function takeOut(bins: Bins, blocks: Blocks, slot: number): void {
  const before = at(blocks.freePrev, slot)
  const after = at(blocks.freeNext, slot)
  if (after !== NONE) blocks.freePrev[after] = before
  if (before !== NONE) {
    blocks.freeNext[before] = after
    return
  }
  const bin = binOf(at(blocks.bytes, slot))
  bins.heads[bin] = after
  if (after !== NONE) return
  const level = Math.floor(bin / SPLIT)
  bins.maps[level] = (bins.maps[level] as number) & ~(1 << (bin % SPLIT))
}

/** floor(log2(n)) for whole n up to 2^53: bit operations alone reach 2^32. */
function log2Floor(n: number): number {
  return n < 2 ** 32 ? 31 - Math.clz32(n) : 63 - Math.clz32(Math.floor(n / 2 ** 32))
}
