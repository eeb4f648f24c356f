/**
 * The states that were met, as 64 bits each: hash compaction (Wolper & Leroy, CAV 1993; Holzmann, The SPIN
 * Model Checker, 2004). Two states with the same bits would be taken for one, and what only follows from
 * the second be missed. With 10^8 states the probability that there is any such pair is at most
 * n^2 / 2^65 = 2.7 * 10^-4; with 10^6 it is 2.7 * 10^-8. What is hashed are the exact numbers of a state's
 * parts (parts.ts), so there is no other way to miss one.
 *
 * The hash is two independent mixes of 32 bits, each with the finaliser of MurmurHash3. Open addressing,
 * linear probing, at most three quarters full: 11 to 22 bytes a state.
 */
export class Seen {
  /** Two words a place; both 0: free. */
  #table = new Uint32Array(2 << 16)
  #count = 0

  get count(): number {
    return this.#count
  }

  /** False when it was there already. */
  add(state: Int32Array): boolean {
    let low = 0x9e3779b9 | 0
    let high = 0x85ebca6b | 0
    for (let at = 0; at < state.length; at++) {
      const value = state[at]!
      low = mix(low ^ Math.imul(value + 1, 0xcc9e2d51 | 0))
      high = mix((high + Math.imul(value ^ 0x5bd1e995, 0x1b873593)) ^ (high >>> 15))
    }
    if ((low | high) === 0) high = 1
    if (!enter(this.#table, low >>> 0, high >>> 0)) return false
    if (++this.#count * 8 > this.#table.length * 3) this.#grow()
    return true
  }

  #grow(): void {
    const old = this.#table
    this.#table = new Uint32Array(old.length * 2)
    for (let at = 0; at < old.length; at += 2) {
      if ((old[at]! | old[at + 1]!) !== 0) enter(this.#table, old[at]!, old[at + 1]!)
    }
  }
}

function enter(table: Uint32Array, low: number, high: number): boolean {
  const mask = table.length / 2 - 1
  for (let place = low & mask; ; place = (place + 1) & mask) {
    const known = table[2 * place]!
    const other = table[2 * place + 1]!
    if (known === low && other === high) return false
    if (known !== 0 || other !== 0) continue
    table[2 * place] = low
    table[2 * place + 1] = high
    return true
  }
}

function mix(bits: number): number {
  const once = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return twice ^ (twice >>> 16)
}
