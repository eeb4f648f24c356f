/**
 * The tables of locks and barriers have coherence's form. What decides is turned into a finer event
 * before the cell is looked up (token.ts, lock.ts, barrier.ts, gate.ts); nothing stalls here.
 */
import { AssertionError, assert } from '../base/assert.js'
import { PeerError } from '../base/peer-error.js'
import type { Move, Table } from '../coherence/table.js'

/** What an event comes of: a message, or something on this node. */
export type Source = 'message' | 'local'

/** @param cause a peer's message that reaches `never` fences the peer; anything else is our own fault */
export function lookUp<S extends string, E extends string, A extends string>(
  table: Table<S, E, A>,
  state: S,
  event: E,
  cause: Source,
): Move<S, A> {
  const cell = table[state][event]
  const what = `${event} in state ${state}`
  if (cell === 'never') throw cause === 'message' ? new PeerError(what) : new AssertionError(what)
  assert(cell !== 'stall', `${what} stalls, and nothing does here`)
  return cell
}
