/**
 * Seeded pseudo-random numbers for simulations and tests: the same seed gives the same run on every
 * machine. Not for secrets. Algorithm: sfc32 (C. Doty-Humphrey, PractRand), 128 bits of state.
 */
export class Prng {
  #a: number
  #b = 0x9e3779b9
  #c = 0x243f6a88
  #counter = 1

  /** @param seed any number; its low 53 bits count */
  constructor(seed: number) {
    this.#a = seed | 0
    this.#b ^= Math.floor(seed / 2 ** 32) | 0
    for (let i = 0; i < 12; i++) this.next()
  }

  /** An integer of 32 bits, 0 .. 2^32 - 1. */
  next(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return result >>> 0
  }

  /** 0 .. bound - 1. The bias of up to bound / 2^32 does not matter here. */
  below(bound: number): number {
    return Math.floor((this.next() / 2 ** 32) * bound)
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)]
    if (picked === undefined) throw new RangeError('pick from an empty list')
    return picked
  }
}
