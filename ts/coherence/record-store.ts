/**
 * Records of a few 32-bit words, by page number, for sets of pages that may be dense or sparse.
 * No object per page, and a page that was never touched costs nothing.
 *
 * Pages come in blocks of 64. A block has a bit map of its touched pages and one run of records, in
 * the order of the pages; the bit count below a page's bit is its place in the run. Runs have room
 * for 1, 2, 4 .. 64 records and are cut from chunks by halving (Knuth, TAOCP 1, 2.5: buddies, without
 * rejoining). Blocks are found by an open-addressed index. One record of w words costs 4w bytes
 * where pages are dense, about 6w + 4 where every tenth page is touched, and 4w + 27 at worst.
 *
 * A slot (where a record lies) is valid until the next `touch`, which may move records.
 */
import { assert } from '../base/assert.js'
import { bitCount, listBits } from '../base/node-set.js'

export interface RecordStore {
  readonly words: number
  /** Records held. */
  count: number
  /** Open-addressed, linear probing: block id + 1 by hash of the block number; 0 = free. */
  index: Uint32Array
  /** BLOCK_WORDS a block: block number, low and high half of the bit map, run. */
  blocks: Uint32Array
  blockCount: number
  /** CHUNK_SLOTS records each. */
  readonly chunks: Uint32Array[]
  /** First slots of unused runs, by class: a run of class c has room for 2^c records. */
  readonly free: number[][]
  /** The page that was found last, and its slot: a step looks for one page many times. */
  lastPage: number
  lastSlot: number
}

export const NO_SLOT = -1
const NO_PAGE = -1
const BLOCK_WORDS = 4
const CHUNK_BITS = 8
const CHUNK_SLOTS = 1 << CHUNK_BITS
const CLASS_MAX = 6

export function createRecordStore(words: number): RecordStore {
  const free: number[][] = Array.from({ length: CLASS_MAX + 1 }, () => [])
  return {
    words,
    count: 0,
    index: new Uint32Array(8),
    blocks: new Uint32Array(2 * BLOCK_WORDS),
    blockCount: 0,
    chunks: [],
    free,
    lastPage: NO_PAGE,
    lastSlot: NO_SLOT,
  }
}

/** The page's slot, or NO_SLOT when it was never touched. */
export function findRecord(store: RecordStore, page: number): number {
  return store.lastPage === page ? store.lastSlot : search(store, page)
}

function search(store: RecordStore, page: number): number {
  const at = findBlock(store, page >>> 6) * BLOCK_WORDS
  if (at < 0) return NO_SLOT
  const { blocks } = store
  const bit = 1 << (page & 31)
  const high = (page & 32) !== 0
  if ((blocks[at + (high ? 2 : 1)]! & bit) === 0) return NO_SLOT
  store.lastPage = page
  store.lastSlot = (blocks[at + 3]! >>> 3) + rank(blocks, at, bit, high)
  return store.lastSlot
}

/** The page's slot; its words are 0 if it was never touched. */
export function touchRecord(store: RecordStore, page: number): number {
  const found = findRecord(store, page)
  return found === NO_SLOT ? insert(store, page) : found
}

export function recordWord(store: RecordStore, slot: number, word: number): number {
  return store.chunks[slot >>> CHUNK_BITS]![(slot & (CHUNK_SLOTS - 1)) * store.words + word]!
}

export function setRecordWord(store: RecordStore, slot: number, word: number, value: number): void {
  store.chunks[slot >>> CHUNK_BITS]![(slot & (CHUNK_SLOTS - 1)) * store.words + word] = value
}

/** Every touched page, ascending. */
export function recordPages(store: RecordStore): number[] {
  const pages: number[] = []
  for (let at = 0; at < store.blockCount * BLOCK_WORDS; at += BLOCK_WORDS) {
    const first = store.blocks[at]! * 64
    listBits(store.blocks[at + 1]! | 0, first, pages)
    listBits(store.blocks[at + 2]! | 0, first + 32, pages)
  }
  return pages.sort((a, b) => a - b)
}

export function recordStoreBytes(store: RecordStore): number {
  const unused = store.free.reduce((sum, runs) => sum + runs.length * 8, 0)
  return store.index.byteLength + store.blocks.byteLength + store.chunks.length * CHUNK_SLOTS * store.words * 4 + unused
}

export function copyRecordStore(store: RecordStore): RecordStore {
  return {
    words: store.words,
    count: store.count,
    index: store.index.slice(),
    blocks: store.blocks.slice(),
    blockCount: store.blockCount,
    chunks: store.chunks.map((chunk) => chunk.slice()),
    free: store.free.map((runs) => runs.slice()),
    lastPage: store.lastPage,
    lastSlot: store.lastSlot,
  }
}

/** How many touched pages of the block come before the given bit. */
function rank(blocks: Uint32Array, at: number, bit: number, high: boolean): number {
  const below = bit - 1
  return high ? bitCount(blocks[at + 1]! | 0) + bitCount(blocks[at + 2]! & below) : bitCount(blocks[at + 1]! & below)
}

function insert(store: RecordStore, page: number): number {
  let block = findBlock(store, page >>> 6)
  if (block < 0) block = addBlock(store, page >>> 6)
  const { blocks } = store
  const at = block * BLOCK_WORDS
  const held = bitCount(blocks[at + 1]! | 0) + bitCount(blocks[at + 2]! | 0)
  const bit = 1 << (page & 31)
  const high = (page & 32) !== 0
  const place = rank(blocks, at, bit, high)
  const oldRun = blocks[at + 3]! >>> 3
  const oldClass = blocks[at + 3]! & 7
  const grows = held > 0 && held === 1 << oldClass
  const first = held === 0 || grows ? takeRun(store, grows ? oldClass + 1 : 0) : oldRun
  if (grows) moveRecords(store, oldRun, first, place)
  moveRecords(store, (held > 0 ? oldRun : first) + place, first + place + 1, held - place)
  for (let word = 0; word < store.words; word++) setRecordWord(store, first + place, word, 0)
  if (grows) store.free[oldClass]!.push(oldRun)
  if (held === 0 || grows) blocks[at + 3] = (first << 3) | (grows ? oldClass + 1 : 0)
  blocks[at + (high ? 2 : 1)]! |= bit
  store.count++
  store.lastPage = page // other records of the block may have moved
  store.lastSlot = first + place
  return store.lastSlot
}

/** Records of one run never leave their chunk, so a move is between two chunks at most. */
function moveRecords(store: RecordStore, from: number, to: number, count: number): void {
  if (count === 0) return
  const source = store.chunks[from >>> CHUNK_BITS]!
  const start = (from & (CHUNK_SLOTS - 1)) * store.words
  const target = store.chunks[to >>> CHUNK_BITS]!
  const place = (to & (CHUNK_SLOTS - 1)) * store.words
  const words = count * store.words
  if (source === target) target.copyWithin(place, start, start + words)
  else target.set(source.subarray(start, start + words), place)
}

function takeRun(store: RecordStore, size: number): number {
  const run = store.free[size]!.pop()
  if (run !== undefined) return run
  if (size < CLASS_MAX) {
    const whole = takeRun(store, size + 1)
    store.free[size]!.push(whole + (1 << size))
    return whole
  }
  const first = store.chunks.length * CHUNK_SLOTS
  assert(first < 2 ** 29, 'more touched pages than a directory can hold')
  store.chunks.push(new Uint32Array(CHUNK_SLOTS * store.words))
  for (let slot = CHUNK_SLOTS - 64; slot > 0; slot -= 64) store.free[CLASS_MAX]!.push(first + slot)
  return first
}

/** The id of a block, or -1. */
function findBlock(store: RecordStore, block: number): number {
  const { index, blocks } = store
  const mask = index.length - 1
  for (let at = hash(block) & mask; ; at = (at + 1) & mask) {
    const id = index[at]! - 1
    if (id < 0 || blocks[id * BLOCK_WORDS] === block) return id
  }
}

function addBlock(store: RecordStore, block: number): number {
  const id = store.blockCount++
  if (store.blockCount * BLOCK_WORDS > store.blocks.length) {
    const blocks = new Uint32Array(grown(store.blocks.length))
    blocks.set(store.blocks)
    store.blocks = blocks
  }
  store.blocks[id * BLOCK_WORDS] = block
  if (store.blockCount * 4 > store.index.length * 3) {
    store.index = new Uint32Array(store.index.length * 2)
    for (let other = 0; other < id; other++) enter(store, other)
  }
  enter(store, id)
  return id
}

function enter(store: RecordStore, id: number): void {
  const mask = store.index.length - 1
  let at = hash(store.blocks[id * BLOCK_WORDS]!) & mask
  while (store.index[at] !== 0) at = (at + 1) & mask
  store.index[at] = id + 1
}

/** By a quarter, in whole blocks: what is unused counts against the budget of bytes per page. */
function grown(length: number): number {
  return length + Math.max(BLOCK_WORDS * 2, Math.ceil(length / 4 / BLOCK_WORDS) * BLOCK_WORDS)
}

function hash(block: number): number {
  const mixed = Math.imul(block ^ (block >>> 15), 0x9e3779b1)
  return (mixed ^ (mixed >>> 15)) >>> 0
}
