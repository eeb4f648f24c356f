/**
 * Small numbers for pairs of large ones: 1, 2, 3, ... in order of appearance, so that what is known of
 * a pair can be an element of a typed array. Open addressing with linear probing, no object per pair.
 */
import { grown } from './columns.js'

const SLOTS_LEAST = 64

export class Interner {
  /** How many pairs there are: the last number given. */
  size = 0
  #firsts = new Float64Array(SLOTS_LEAST)
  #seconds = new Uint32Array(SLOTS_LEAST)
  #slots = new Uint32Array(SLOTS_LEAST)

  /** The pair's number, a new one if it has none. `first` is a safe integer, `second` has 32 bits. */
  id(first: number, second = 0): number {
    const mask = this.#slots.length - 1
    let slot = hash(first, second) & mask
    for (;;) {
      const id = this.#slots[slot]!
      if (id === 0) return this.#add(slot, first, second)
      if (this.#firsts[id] === first && this.#seconds[id] === second) return id
      slot = (slot + 1) & mask
    }
  }

  first(id: number): number {
    return this.#firsts[id]!
  }
  second(id: number): number {
    return this.#seconds[id]!
  }

  #add(slot: number, first: number, second: number): number {
    const id = ++this.size
    this.#firsts = grown(this.#firsts, id)
    this.#seconds = grown(this.#seconds, id)
    this.#firsts[id] = first
    this.#seconds[id] = second
    this.#slots[slot] = id
    if (this.size * 2 > this.#slots.length) this.#rehash()
    return id
  }

  #rehash(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let id = 1; id <= this.size; id++) {
      let slot = hash(this.#firsts[id]!, this.#seconds[id]!) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = id
    }
    this.#slots = slots
  }
}

/** Fibonacci hashing of three words, folded: neighbouring values, which are the rule, spread. */
function hash(first: number, second: number): number {
  const h =
    Math.imul(first | 0, 0x9e3779b1) ^ Math.imul((first / 2 ** 32) | 0, 0x85ebca77) ^ Math.imul(second, 0xc2b2ae3d)
  return h ^ (h >>> 15)
}
