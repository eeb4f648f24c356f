/**
 * What a step tells the oracle, noted instead: so that what comes of a step at its node can be remembered
 * by itself, and what comes of it for the oracle by itself.
 */
import type { Judge, Oracle } from './oracle.js'
import { remembered } from './remembered.js'

type Deed = readonly ['write' | 'allows' | 'learn', number, number, number | undefined]

/** Allows everything: whoever replays the deeds learns what must not be. */
export class Notes implements Judge {
  readonly deeds: Deed[] = []

  write(thread: number, place: number, write: number): void {
    this.deeds.push(['write', thread, place, write])
  }

  allows(thread: number, place: number, write: number): boolean {
    this.deeds.push(['allows', thread, place, write])
    return true
  }

  learn(who: number, from: number, page?: number): void {
    this.deeds.push(['learn', who, from, page])
  }

  copy(): Judge {
    return this
  }
}

/** Deeds by numbers, and what each makes of an oracle. */
export class Deeds {
  readonly #numbers = new Map<string, number>()
  readonly #deeds: Deed[] = []
  /** By oracle and deed: the oracle's number afterwards; NEVER: the deed must not be. */
  readonly #after = new Map<number, number>()

  constructor(
    private readonly oracle: (number: number) => Oracle,
    private readonly numberOf: (oracle: Oracle) => number,
  ) {}

  number(deed: Deed): number {
    return remembered(this.#numbers, deed.join(' '), () => this.#deeds.push(deed) - 1)
  }

  /** @returns NEVER when a read sees what it must not */
  after(oracle: number, deeds: readonly number[]): number {
    let now = oracle
    for (const deed of deeds) {
      now = remembered(this.#after, now * DEEDS_MAX + deed, () => this.#done(now, deed))
      if (now === NEVER) return NEVER
    }
    return now
  }

  #done(before: number, number: number): number {
    const [is, who, other, third] = this.#deeds[number]!
    const oracle = this.oracle(before)
    if (is === 'allows') return oracle.allows(who, other, third!) ? before : NEVER
    const after = oracle.copy()
    if (is === 'write') after.write(who, other, third!)
    else after.learn(who, other, third)
    return this.numberOf(after)
  }
}

export const NEVER = -1
const DEEDS_MAX = 2 ** 20
