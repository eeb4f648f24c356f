/**
 * Which lock has which slot of one set of lock words (native/abi/lock_words.h): those of all names and
 * numbers, or those that lie at addresses of one segment.
 *
 * A lock that has been forgotten (its token has left) keeps its slot, so that whoever remembers it is right
 * when the token returns, until another lock needs one: then the slot has a new generation.
 */
import { native, type LockWords } from '../ts/native/index.js'

const { LOCK_SLOTS, WORD_GENERATIONS, WORD_HOLDER_BITS } = native.constants

export interface Place {
  readonly slot: number
  readonly generation: number
}

interface Lock extends Place {
  readonly key: string
  used: boolean
}

/** Who holds a lock: the process's number among these, and its name for the thread. */
export interface Owner {
  readonly process: number
  readonly holder: number
}

/** acquired: by the word alone. holds: how long, in HOLD_BUCKETS buckets (native/abi/lock_words.h). */
export interface WordCounts {
  readonly acquired: number
  readonly holds: Uint32Array
}

export class LockPages {
  readonly words: LockWords
  readonly #byKey = new Map<string, Lock>()
  readonly #bySlot: Lock[] = []
  /** Those that are forgotten, the longest forgotten first. */
  readonly #forgotten = new Set<Lock>()

  constructor(name: string) {
    this.words = new native.LockWords(name)
  }

  place(key: string): Place | undefined {
    return this.#byKey.get(key)
  }

  /** The owner holds the lock from now on. False: there is no slot, or no memory, for it.
   * @param given its word says so already */
  lend(key: string, { process, holder }: Owner, shut: boolean, given = false): boolean {
    const lock = this.#byKey.get(key) ?? this.#make(key)
    if (lock === undefined) return false
    lock.used = true
    this.#forgotten.delete(lock)
    if (given) return true
    try {
      this.words.give(lock.slot, lock.generation, process, holder, shut)
      return true
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_GSHM_SYSTEM') throw error
      this.forget(key)
      return false
    }
  }

  /** Shuts the word. */
  want(key: string): void {
    const lock = this.#byKey.get(key)
    if (lock !== undefined) this.words.shut(lock.slot)
  }

  /** Whether somebody holds the lock; undefined: its word is open. */
  held(key: string): boolean | undefined {
    const lock = this.#byKey.get(key)
    if (lock === undefined) return false
    const owner = this.words.look(lock.slot)
    return owner === undefined ? undefined : owner !== 0
  }

  /** Who holds the lock now, as far as its word can be believed. */
  owner(key: string): Owner | undefined {
    const lock = this.#byKey.get(key)
    const owner = lock?.used === true ? this.words.owner(lock.slot) : 0
    if (owner === 0) return undefined
    return { process: Math.floor(owner / 2 ** WORD_HOLDER_BITS), holder: owner % 2 ** WORD_HOLDER_BITS }
  }

  /** What its word has counted, since it has this slot. */
  counts(key: string): WordCounts | undefined {
    const lock = this.#byKey.get(key)
    if (lock === undefined) return undefined
    return { acquired: this.words.acquired(lock.slot), holds: this.words.holds(lock.slot) }
  }

  /** Keys of the locks that are lent. */
  lent(): string[] {
    return this.#bySlot.flatMap(({ key, used }) => (used ? [key] : []))
  }

  isHeldBy(key: string, { process, holder }: Owner): boolean {
    const lock = this.#byKey.get(key)
    return lock !== undefined && this.words.owner(lock.slot) === process * 2 ** WORD_HOLDER_BITS + holder
  }

  /** False: that owner does not hold it. */
  giveBack(key: string, { process, holder }: Owner): boolean {
    const lock = this.#byKey.get(key)
    return lock !== undefined && this.words.take(lock.slot, process, holder)
  }

  forget(key: string): void {
    const lock = this.#byKey.get(key)
    if (lock === undefined) return
    lock.used = false
    this.#forgotten.add(lock)
  }

  /** It keeps its slot though its token is not here, for whoever awaits that by a line; or does no more. */
  keep(key: string, kept: boolean): void {
    const lock = this.#byKey.get(key)
    if (lock === undefined) return
    if (!kept) return this.forget(key)
    lock.used = true
    this.#forgotten.delete(lock)
  }

  /** Keys of the locks that have been given back shut since the last call. */
  rung(): string[] {
    // Once over all of them: whoever rings for ever must not keep the daemon here.
    const slots = this.words.rung(this.#bySlot.length)
    return this.#keysOf(slots)
  }

  /** Takes whatever a process holds that has ended; gives the keys. */
  bury(process: number): string[] {
    return this.#keysOf(this.words.held(process, this.#bySlot.length))
  }

  /** Keys of the locks that are lent, shut, and free. */
  free(): string[] {
    return this.#keysOf(this.words.free(this.#bySlot.length))
  }

  /** Nobody gets a lock by its word any more. Gives the keys of those that had one. */
  close(): string[] {
    for (const { slot } of this.#bySlot) this.words.shut(slot)
    this.words.close()
    return this.#bySlot.flatMap(({ key, used }) => (used ? [key] : []))
  }

  #keysOf(slots: readonly number[]): string[] {
    return slots.flatMap((slot) => {
      const lock = this.#bySlot[slot]
      return lock?.used === true ? [lock.key] : []
    })
  }

  #make(key: string): Lock | undefined {
    const lock =
      this.#bySlot.length < LOCK_SLOTS
        ? { key, slot: this.#bySlot.length, generation: 1, used: true }
        : this.#reuse(key)
    if (lock === undefined) return undefined
    this.#bySlot[lock.slot] = lock
    this.#byKey.set(key, lock)
    return lock
  }

  #reuse(key: string): Lock | undefined {
    for (const old of this.#forgotten) {
      if (this.words.look(old.slot) !== 0) continue // somebody holds it still, though its manager is lost
      this.#forgotten.delete(old)
      this.#byKey.delete(old.key)
      this.words.begin(old.slot)
      return { key, slot: old.slot, generation: (old.generation + 1) % WORD_GENERATIONS || 1, used: true }
    }
    return undefined
  }
}
