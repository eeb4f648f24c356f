/** What is in a block, and the marks of where blocks are: native/testbed/block.c's twin. */
import { GRANULE, HEADER, type Block } from './layout.js'

/** MurmurHash3's finaliser (A. Appleby). */
function mix(h: number, value: number): number {
  h ^= value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Where the generator of the block's pattern starts. */
export function startOf({ offset, size, writer, serial }: Block): number {
  return mix(mix(mix(mix(0x67736d, offset), size), writer), serial)
}

/** Numerical Recipes' linear congruential generator: the next state, and the word that a state gives. */
export function step(state: number): number {
  return (Math.imul(state, 1664525) + 1013904223) | 0
}
export function wordOf(state: number): number {
  return state ^ (state >>> 16)
}

/** The heap's view as bytes and as words; blocks begin at multiples of 16. */
export interface Memory {
  readonly bytes: Uint8Array
  readonly words: Int32Array
}

export function fillBlock({ bytes, words }: Memory, block: Block): void {
  const first = block.offset / 4
  words[first] = block.offset
  words[first + 1] = block.size
  words[first + 2] = block.writer
  words[first + 3] = block.serial
  let state = startOf(block)
  const last = first + (block.size >>> 2)
  for (let at = first + HEADER / 4; at < last; at++) {
    state = step(state)
    words[at] = wordOf(state)
  }
  const end = block.offset + block.size
  if (last * 4 === end) return
  let word = wordOf(step(state))
  for (let at = last * 4; at < end; at++, word >>>= 8) bytes[at] = word & 255
}

/** How many of the first `length` bytes at `offset` are not what fillBlock wrote for `block`. */
export function wrongBytes(memory: Memory, block: Block, offset: number, length: number): number {
  const { bytes, words } = memory
  const header = [block.offset, block.size, block.writer, block.serial]
  const first = offset / 4
  const whole = length >>> 2
  let state = startOf(block)
  let wrong = 0
  for (let i = 0; i < whole; i++) {
    let word: number
    if (i < HEADER / 4) word = header[i]! | 0
    else {
      state = step(state)
      word = wordOf(state)
    }
    if (words[first + i] !== word) wrong += differing(bytes, (first + i) * 4, word, 4)
  }
  const rest = length - whole * 4
  return rest === 0 ? wrong : wrong + differing(bytes, (first + whole) * 4, wordOf(step(state)), rest)
}

function differing(bytes: Uint8Array, at: number, word: number, count: number): number {
  let wrong = 0
  for (let i = 0; i < count; i++, word >>>= 8) if (bytes[at + i] !== (word & 255)) wrong++
  return wrong
}

/** Sets the marks of the block; false when one of them was so already: somebody else's, an overlap. */
export function setMarks(marks: Uint8Array, block: Block, value: 0 | 1): boolean {
  let allOther = true
  const end = Math.ceil((block.offset + block.size) / GRANULE)
  for (let at = block.offset / GRANULE; at < end; at++) {
    if (Atomics.exchange(marks, at, value) === value) allOther = false
  }
  return allOther
}
