/**
 * Protocols as data, after gem5's SLICC: for every state and every event one cell. The same table
 * is executed by gshmd, explored by ts/sim, printed as TABLE.md and covered cell by cell in tests.
 *   never   the protocol cannot get here: a local cause aborts, a peer that caused it is fenced
 *   stall   the message waits, in order of arrival, until the page's state settles
 */
import { AssertionError } from '../base/assert.js'
import { PeerError } from '../base/peer-error.js'
import type { NodeId, Page } from '../base/ids.js'
import type { CoherenceEffect } from './effects.js'
import type { CoherenceMessage } from './messages.js'
import type { Batch } from './lrc/batch.js'
import type { CoherenceState, SegmentPages } from './state.js'

export interface Move<S extends string, A extends string> {
  readonly next: S
  readonly actions: readonly A[]
}
export type Cell<S extends string, A extends string> = 'never' | 'stall' | Move<S, A>
export type Table<S extends string, E extends string, A extends string> = Readonly<
  Record<S, Readonly<Record<E, Cell<S, A>>>>
>

export function to<S extends string, A extends string>(next: S, ...actions: A[]): Move<S, A> {
  return { next, actions }
}

/** What an event of a page is about: all that classify and the actions may look at. */
export interface Context {
  readonly state: CoherenceState
  readonly pages: SegmentPages
  readonly page: Page
  /** Who caused this: the sender; the lost node; this node for local causes. */
  readonly from: NodeId
  readonly message: CoherenceMessage | undefined
  readonly effects: CoherenceEffect[]
  /** lrc: the page is one of many in an acquire, a release or a notice. */
  readonly batch?: Batch
}

/** One side of a protocol: one page as one node sees it (copy), or as its home does (home). */
export interface Side<S extends string, E extends string, A extends string> {
  /** In the order of their numbers in records; the first is that of a page never touched. */
  readonly states: readonly S[]
  readonly events: readonly E[]
  readonly table: Table<S, E, A>
  readonly actions: Readonly<Record<A, (context: Context) => void>>
}

/** What to throw when something cannot be: whose fault is it? Local causes have no message. */
export function blame({ state, pages, page, from, message, batch }: Context, what: string): Error {
  const where = `segment ${pages.segment} page ${page}: ${what}`
  const caused = message !== undefined || batch?.ofPeer === true
  if (!caused || from === state.self) return new AssertionError(where)
  return new PeerError(`${where}, by node ${from}`, from)
}
