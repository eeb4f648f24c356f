/**
 * Releases under way: what each awaits, and when it is over.
 *
 * One for everybody awaits all flushes of this node, whatever its scope: an earlier one may have brought pages of the
 * scope home, so that they are not dirty any more. It costs waiting, no message.
 *
 * One for a single node, which gets a lock's token when it is over, need not await what that node hears of by the same
 * link before the token: notices that only this one has yet to answer, and flushes to it, their home. If that home has
 * others to tell, it owes them that (Flush, `owed`): whatever leaves it is a release of its own, and awaits those
 * tellings too. So nobody can get the lock from there, or anything else that was made known after it, before he has
 * been told. Who hears of a telling by the link by which he gets the token need not be awaited there either.
 */
import type { EdgeName } from '../../base/effects.js'
import type { NodeId } from '../../base/ids.js'
import type { CoherenceEffect } from '../effects.js'
import type { CoherenceState } from '../state.js'
import type { EdgeState, Release, Telling } from './state.js'

export function beginRelease(edges: EdgeState, edge: EdgeName, to: NodeId): void {
  const owed = [...edges.tellings].filter(([, telling]) => telling.owed).map(([notice]) => notice)
  edges.releases.push({ edge, to, awaited: new Set(edges.flushes.keys()), owed: new Set(owed) })
}

/** A flush is over. */
export function flushed(state: CoherenceState, number: number, effects: CoherenceEffect[]): void {
  const { edges } = state
  edges.flushes.delete(number)
  for (const { awaited } of edges.releases) awaited.delete(number)
  settleReleases(state, effects)
}

/** A telling is over. */
export function told(state: CoherenceState, notice: number, effects: CoherenceEffect[]): void {
  for (const { owed } of state.edges.releases) owed.delete(notice)
  settleReleases(state, effects)
}

/** Those that await nothing any more are over: after whatever somebody may have awaited. */
export function settleReleases(state: CoherenceState, effects: CoherenceEffect[]): void {
  const { edges } = state
  const over = edges.releases.filter((release) => isOver(state, release))
  if (over.length === 0) return
  edges.releases = edges.releases.filter((release) => !over.includes(release))
  for (const { edge } of over) effects.push({ do: 'Released', edge })
}

function isOver(state: CoherenceState, { to, awaited, owed }: Release): boolean {
  for (const number of awaited) if (!comesFirst(state, number, to)) return false
  for (const notice of owed) if (!isOnlyFor(state.edges.tellings.get(notice), to)) return false
  return true
}

/** Does that node hear of the flush before whatever it is sent from now on, and see to the rest? */
function comesFirst({ edges, self }: CoherenceState, number: number, to: NodeId): boolean {
  const { home, owed } = edges.flushes.get(number)!
  if (home !== self) return home === to && owed
  for (const telling of edges.tellings.values()) {
    if (telling.from === self && telling.flush === number) return isOnlyFor(telling, to)
  }
  return false
}

/** Is nobody awaited but that node? */
function isOnlyFor(telling: Telling | undefined, to: NodeId): boolean {
  return telling?.awaited.size === 1 && telling.awaited.has(to)
}
