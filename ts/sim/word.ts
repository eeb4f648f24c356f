/**
 * The word of a lock (native/abi/lock_words.h), pretended: what threads and daemon do to it, each in one
 * go. Undefined: the lock has no word on that node.
 */
import { Violation } from './violation.js'

export interface Word {
  /** Who holds the lock. */
  readonly holder: number | undefined
  readonly shut: boolean
}

/** By who holds the lock then; undefined: not by its word alone. */
export function taken(word: Word | undefined, who: number): Word | undefined {
  return word === undefined || word.shut || word.holder !== undefined ? undefined : { holder: who, shut: false }
}

/** By its holder. Where the word is shut then, the daemon is told. */
export function givenBack(word: Word | undefined): Word {
  if (word?.holder === undefined) throw new Violation('a lock is given back that nobody holds')
  return { holder: undefined, shut: word.shut }
}

/** By the daemon, for its holder, which has died. */
export function buried(word: Word | undefined): Word {
  return { ...givenBack(word), shut: true }
}

/** The effect Lend. */
export function lent(word: Word | undefined, who: number, shut: boolean): Word {
  if (word !== undefined && (!word.shut || word.holder !== undefined)) {
    throw new Violation(`a lock is lent whose word is ${word.shut ? 'held' : 'open'}`)
  }
  return { holder: who, shut }
}

/** The effect Want. */
export function shut(word: Word | undefined): Word {
  if (word === undefined) throw new Violation('a lock is wanted that has no word')
  return { holder: word.holder, shut: true }
}

/** The effect Forget: of a lock that somebody holds, whose manager is lost, the word stays until that is through. */
export function forgotten(word: Word | undefined): Word | undefined {
  if (word !== undefined && !word.shut) throw new Violation('a lock is forgotten whose word is open')
  return word?.holder === undefined ? undefined : word
}
