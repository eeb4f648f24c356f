/**
 * What reads may see under release consistency: never a write that another one, which happened
 * before the read, has overwritten (happens-before: Lamport 1978; locks order as in Adve & Hill 1990).
 * In place of vector clocks everybody, thread or lock (knowers.ts), carries per place two sets of writes, as
 * bits: those that it knows of, and those among them that it knows to be overwritten. A write overwrites what
 * its thread knows; at a release the lock learns what the thread knows, at an acquire the thread what the
 * lock knows. For programs without data races exactly one write is left to be seen.
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
  /** @param page only of it */
  learn(who: number, from: number, page?: number): void
  copy(): Judge
}

export class Oracle implements Judge {
  /** By who * places + place; places are numbered through all pages. */
  readonly #all: Knowledge[]

  constructor(
    knowers: number,
    private readonly pages: number,
    private readonly places: number,
    from?: Oracle,
  ) {
    // Everybody knows the zeros that a page begins with: write 0.
    this.#all = from
      ? from.#all.map((one) => ({ ...one }))
      : Array.from({ length: knowers * places }, () => ({ known: 1n, overwritten: 0n }))
  }

  copy(): Oracle {
    return new Oracle(0, this.pages, this.places, this)
  }

  write(thread: number, place: number, write: number): void {
    const mine = this.#of(thread, place)
    mine.overwritten |= mine.known
    mine.known |= 1n << BigInt(write)
  }

  allows(thread: number, place: number, write: number): boolean {
    return ((this.#of(thread, place).overwritten >> BigInt(write)) & 1n) === 0n
  }

  learn(who: number, from: number, page?: number): void {
    const { pages, places } = this
    const first = page === undefined ? 0 : (page * places) / pages
    const end = page === undefined ? places : first + places / pages
    for (let place = first; place < end; place++) {
      const mine = this.#of(who, place)
      const other = this.#of(from, place)
      mine.known |= other.known
      mine.overwritten |= other.overwritten
    }
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

  #of(who: number, place: number): Knowledge {
    return this.#all[who * this.places + place]!
  }
}

function moved(bits: bigint, names: ReadonlyMap<number, number>): bigint {
  let moved = 0n
  for (const [from, to] of names) if ((bits >> BigInt(from)) & 1n) moved |= 1n << BigInt(to)
  return moved
}
