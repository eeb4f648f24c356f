/**
 * What reads may see under release consistency: never a write that another one, which happened
 * before the read, has overwritten (happens-before: Lamport 1978; locks order as in Adve & Hill 1990).
 * In place of vector clocks everybody, thread or lock, carries per place two sets of writes, as bits:
 * those that it knows of, and those among them that it knows to be overwritten. A write overwrites what
 * its thread knows; a release gives a lock what the thread knows, an acquire the thread what the lock
 * knows. For programs without data races exactly one write is left to be seen.
 */
interface Knowledge {
  known: bigint
  overwritten: bigint
}

/** What is told of each deed that decides what reads may see. */
export interface Judge {
  write(thread: number, place: number, write: number): void
  /** Whether the thread may see what this write wrote. */
  allows(thread: number, place: number, write: number): boolean
  acquired(thread: number, lock: number): void
  released(thread: number, lock: number): void
  copy(): Judge
}

export class Oracle implements Judge {
  /** By who * places + place; locks come behind the threads. */
  readonly #all: Knowledge[]

  constructor(
    private readonly threads: number,
    locks: number,
    private readonly places: number,
    from?: Oracle,
  ) {
    // Everybody knows the zeros that a page begins with: write 0.
    this.#all = from
      ? from.#all.map((one) => ({ ...one }))
      : Array.from({ length: (threads + locks) * places }, () => ({ known: 1n, overwritten: 0n }))
  }

  copy(): Oracle {
    return new Oracle(this.threads, 0, this.places, this)
  }

  write(thread: number, place: number, write: number): void {
    const mine = this.#of(thread, place)
    mine.overwritten |= mine.known
    mine.known |= 1n << BigInt(write)
  }

  allows(thread: number, place: number, write: number): boolean {
    return ((this.#of(thread, place).overwritten >> BigInt(write)) & 1n) === 0n
  }

  acquired(thread: number, lock: number): void {
    this.#learn(thread, this.threads + lock)
  }

  released(thread: number, lock: number): void {
    this.#learn(this.threads + lock, thread)
  }

  /** Writes by new numbers; those that are left out are forgotten. */
  renamed(names: ReadonlyMap<number, number>): Oracle {
    const oracle = this.copy()
    for (const one of oracle.#all) {
      one.known = moved(one.known, names)
      one.overwritten = moved(one.overwritten, names)
    }
    return oracle
  }

  /** Of a write: by place, who knows of it and for whom it is overwritten. */
  standing(write: number): string {
    const bit = (bits: bigint) => Number((bits >> BigInt(write)) & 1n)
    return this.#all.map(({ known, overwritten }) => bit(known) + 2 * bit(overwritten)).join('')
  }

  /** Equal for oracles that allow the same for ever. */
  canonical(): string {
    return this.#all.map(({ known, overwritten }) => `${known}/${overwritten}`).join()
  }

  #learn(who: number, from: number): void {
    for (let place = 0; place < this.places; place++) {
      const mine = this.#of(who, place)
      const other = this.#of(from, place)
      mine.known |= other.known
      mine.overwritten |= other.overwritten
    }
  }

  #of(who: number, place: number): Knowledge {
    return this.#all[who * this.places + place]!
  }
}

function moved(bits: bigint, names: ReadonlyMap<number, number>): bigint {
  let moved = 0n
  for (const [from, to] of names) if ((bits >> BigInt(from)) & 1n) moved |= 1n << BigInt(to)
  return moved
}
