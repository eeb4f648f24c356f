/**
 * The words of this node's locks: performs what the sync room wants done to them (ts/sync's WordEffect), and
 * tells the engine what they say. Locks at addresses have words of their own for each segment, which only
 * those see who have the segment open: whoever scribbles there breaks that segment's locks on this node.
 *
 * Where there is no slot for a lock, its word lies here, and its holder gives it back by a request.
 */
import { GshmError } from '../ts/base/errors.js'
import type { SegmentId } from '../ts/base/ids.js'
import { native, type Bell, type LockWords as NativeWords } from '../ts/native/index.js'
import type { WordEffect } from '../ts/sync/index.js'
import { LockPages, type Owner, type Place, type WordCounts } from './lock-pages.js'
import type { Reflexes } from './reflexes.js'

const { LOCK_PROCESSES } = native.constants
/** Rings that a process has taken from the bell are heard after that time. */
const LISTEN_MS = 1000

export interface LockWordsHost {
  /** Is there such a segment (still)? */
  exists(segment: SegmentId): boolean
  /** The lock's word has something to say: an event 'word' is to be stepped. */
  says(key: string): void
  /** There is memory for words of the segment; the keeper wants it. */
  made(segment: SegmentId, fd: number): void
  gone(segment: SegmentId): void
}

/** A lock's word, and a process's number in it. */
export interface WordOf extends Place {
  readonly words: NativeWords
  readonly process: number
}

export class LockWords {
  /** By segment; 0: of names and numbers. */
  readonly #pages = new Map<SegmentId, LockPages>()
  /** Of locks without a slot. */
  readonly #here = new Map<string, { owner: Owner | undefined; shut: boolean }>()
  /** By the daemon's number for a process, the one in the words. */
  readonly #numbers = new Map<number, number>()
  readonly #free: number[] = []
  /** Rung by whoever gives a lock back whose word is shut. */
  readonly #bell: Bell
  readonly #listener = setInterval(() => this.listen(), LISTEN_MS).unref()
  #next = 1
  #keptShut = false

  /** @param reflexes what may be done with words before their ringing is told */
  constructor(
    private readonly host: LockWordsHost,
    reflexes?: Reflexes,
  ) {
    this.#bell = new native.Bell(() => {
      // What has been carried out already comes first: nothing else may happen to those locks before.
      for (const key of reflexes?.freed() ?? []) this.host.says(key)
      this.listen()
    }, reflexes?.native)
  }

  /** Hears who has rung. Once in a while, too, since a process could take rings from the bell before they are heard. */
  listen(): void {
    for (const pages of this.#pages.values()) for (const key of pages.rung()) this.host.says(key)
  }

  /** @param given the word says already what it is to say */
  perform(effect: WordEffect, given = false): void {
    const { key } = effect
    switch (effect.do) {
      case 'Lend': {
        const owner = { process: this.numberOf(effect.process), holder: effect.holder }
        const shut = effect.shut || this.#keptShut
        if (this.#pagesFor(key)?.lend(key, owner, shut, given) === true) this.#here.delete(key)
        else this.#here.set(key, { owner, shut })
        return
      }
      case 'Want': {
        const here = this.#here.get(key)
        if (here === undefined) this.#pagesOf(key)?.want(key)
        else here.shut = true
        return this.host.says(key)
      }
      case 'Forget':
        this.#here.delete(key)
        return this.#pagesOf(key)?.forget(key)
    }
  }

  /** Whether somebody holds the lock; undefined: its word is open, so nobody has asked. */
  held(key: string): boolean | undefined {
    const here = this.#here.get(key)
    if (here === undefined) {
      const pages = this.#pagesOf(key)
      return pages === undefined ? false : pages.held(key) // its segment is gone
    }
    return here.shut ? here.owner !== undefined : undefined
  }

  /** Which process holds the lock, and by which name for its thread, at this moment. */
  owner(key: string): Owner | undefined {
    const here = this.#here.get(key)
    const owner = here === undefined ? this.#pagesOf(key)?.owner(key) : here.owner
    if (owner === undefined) return undefined
    for (const [process, number] of this.#numbers) if (number === owner.process) return { ...owner, process }
    return undefined // scribbled on
  }

  /** As LockPages.keep. */
  keep(key: string, kept: boolean): void {
    this.#pagesOf(key)?.keep(key, kept)
  }

  counts(key: string): WordCounts | undefined {
    return this.#pagesOf(key)?.counts(key)
  }

  /** While words are kept shut nobody has or gives back a lock without the daemon, which hears of each. */
  keepShut(kept: boolean): void {
    this.#keptShut = kept
    if (!kept) return // the next Lend opens a word
    for (const pages of this.#pages.values()) {
      for (const key of pages.lent()) {
        pages.want(key)
        this.host.says(key)
      }
    }
  }

  /** The lock's word, and the process's number in it (0: none is needed). Undefined: it has no word, or the process
   * never asked for a lock. */
  wordOf(key: string, process: number): WordOf | undefined {
    const pages = this.#pagesOf(key)
    const place = this.place(key)
    const number = process === 0 ? 0 : this.#numbers.get(process)
    if (pages === undefined || place === undefined || number === undefined) return undefined
    const { slot, generation } = place
    return { words: pages.words, slot, generation, process: number }
  }

  /** Are words given shut, whoever asks? */
  get keptShut(): boolean {
    return this.#keptShut
  }

  /** Where the word is; undefined: it must be asked for each time. */
  place(key: string): Place | undefined {
    return this.#here.has(key) ? undefined : this.#pagesOf(key)?.place(key)
  }

  /** Does that thread of the process hold the lock? */
  isHeldBy(key: string, process: number, holder: number): boolean {
    const owner = { process: this.numberOf(process), holder }
    const here = this.#here.get(key)
    if (here !== undefined) return here.owner?.process === owner.process && here.owner.holder === holder
    return this.#pagesOf(key)?.isHeldBy(key, owner) === true
  }

  /** By a request of its holder. False: it does not hold the lock. */
  giveBack(key: string, process: number, holder: number): boolean {
    const owner = { process: this.numberOf(process), holder }
    const here = this.#here.get(key)
    if (here === undefined) {
      if (this.#pagesOf(key)?.giveBack(key, owner) !== true) return false
    } else {
      if (here.owner?.process !== owner.process || here.owner.holder !== holder) return false
      here.owner = undefined
      here.shut = true
    }
    this.host.says(key)
    return true
  }

  /** For a process that is to see the words: descriptors of the memory and of the bell, which stay here. */
  shown(segment: SegmentId, process: number): { fd: number; bell: number; number: number } {
    const { words } = this.#pages.get(segment) ?? this.#open(segment)
    return { fd: words.fd, bell: this.#bell.fd, number: this.numberOf(process) }
  }

  /** The process has ended. Gives the keys of what it held, free and shut now. */
  bury(process: number): string[] {
    const number = this.#numbers.get(process)
    if (number === undefined) return []
    this.#numbers.delete(process)
    this.#free.push(number)
    const held = [...this.#pages.values()].flatMap((pages) => pages.bury(number))
    for (const [key, here] of this.#here) {
      if (here.owner?.process !== number) continue
      Object.assign(here, { owner: undefined, shut: true })
      held.push(key)
    }
    return held
  }

  /** Keys of the locks that are shut and free: who gave them back may have ended before it could say so. */
  free(): string[] {
    return [...this.#pages.values()].flatMap((pages) => pages.free())
  }

  /** Who waits for a lock there, in a thread whose process has closed the segment, gets it still. */
  segmentGone(segment: SegmentId): void {
    const keys = this.#pages.get(segment)?.close() ?? []
    if (this.#pages.delete(segment)) this.host.gone(segment)
    for (const key of keys) this.host.says(key)
  }

  close(): void {
    this.#bell.close()
    clearInterval(this.#listener)
    for (const pages of this.#pages.values()) pages.close()
    this.#pages.clear()
  }

  /** Throws LIMIT. */
  numberOf(process: number): number {
    const known = this.#numbers.get(process)
    if (known !== undefined) return known
    const number = this.#free.pop() ?? this.#next++
    if (number >= LOCK_PROCESSES) {
      throw new GshmError('LIMIT', `${LOCK_PROCESSES - 1} processes of this node use locks`)
    }
    this.#numbers.set(process, number)
    return number
  }

  #pagesOf(key: string): LockPages | undefined {
    return this.#pages.get(segmentOfKey(key))
  }

  /** Undefined: the lock's segment is gone. */
  #pagesFor(key: string): LockPages | undefined {
    const segment = segmentOfKey(key)
    const known = this.#pages.get(segment)
    if (known !== undefined || (segment !== 0 && !this.host.exists(segment))) return known
    return this.#open(segment)
  }

  #open(segment: SegmentId): LockPages {
    const pages = new LockPages(`gshm-locks:${segment}`)
    this.#pages.set(segment, pages)
    this.host.made(segment, pages.words.fd)
    return pages
  }
}

/** 0: a name or a number. A key at an address is '@segment:offset'. */
export function segmentOfKey(key: string): SegmentId {
  return key.startsWith('@') ? Number(key.slice(1, key.indexOf(':'))) : 0
}
