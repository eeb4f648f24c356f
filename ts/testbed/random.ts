/** mulberry32 (T. Ettinger): the numbers that native/testbed/worker.c draws from the same seed. */
export class Random {
  #state: number

  constructor(seed: number, worker: number) {
    this.#state = (Math.imul(seed, 0x9e3779b9) + Math.imul(worker, 0x85ebca6b)) | 0
  }

  /** 32 bits. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let z = this.#state
    z = Math.imul(z ^ (z >>> 15), z | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return (z ^ (z >>> 14)) >>> 0
  }

  /** 0 .. bound - 1, bound up to 2^32. */
  below(bound: number): number {
    return Math.floor((this.next() * bound) / 2 ** 32)
  }
}
