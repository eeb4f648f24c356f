/**
 * What this room will do with a lock at an event that has not come yet, told beforehand, so that the runtime can
 * prepare it and have it done the moment the event comes (kmod-sim/reflexes.ts). It must be true, not
 * complete: whatever is foreseen here is what lock.ts then does, when nothing has changed meanwhile and no
 * release or acquire is due on this node; a test walks at random and holds the two equal.
 */
import { NO_NODE, type NodeId } from '../base/ids.js'
import type { LockMessage } from './lock.js'
import type { Claim, Lock, SyncState } from './state.js'

type Pass = Extract<LockMessage, { type: 'TokenPass' }>

export type Foreseen =
  /** When its holder has given the lock back, the token goes to another node. */
  | { readonly on: 'freed'; readonly do: 'pass'; readonly to: NodeId; readonly message: Pass }
  /** When its holder has given the lock back, a local thread gets it; its word is open then, or `shut`. */
  | { readonly on: 'freed'; readonly do: 'lend'; readonly claim: Claim; readonly shut: boolean }
  /** When the token comes by this message, a local thread gets the lock. */
  | { readonly on: Pass; readonly do: 'lend'; readonly claim: Claim; readonly shut: boolean }

/** What will be done with the lock next; undefined: that depends, or is nothing. */
export function foreseen(state: SyncState, key: string): Foreseen | undefined {
  const lock = state.locks.get(key)
  // Whoever comes after the dead is told so: rare, and done as always.
  if (lock === undefined || lock.tainted) return undefined
  switch (lock.state) {
    case 'Asked':
      return lend(lock, { type: 'TokenPass', key, turn: lock.turn, ownerDied: false })
    case 'Held':
      return lock.handOvers < state.lockBurst ? lend(lock, 'freed') : undefined
    case 'Wanted':
      if (lock.queue.length > 0 && lock.handOvers < state.lockBurst) return lend(lock, 'freed')
      return pass(lock)
    default:
      return undefined
  }
}

function lend({ state, queue }: Lock, on: 'freed' | Pass): Foreseen | undefined {
  const [claim] = queue
  return claim && { on, do: 'lend', claim, shut: queue.length > 1 || state === 'Wanted' }
}

function pass({ key, next }: Lock): Foreseen | undefined {
  if (next.node === NO_NODE) return undefined // it goes back to its manager
  return {
    on: 'freed',
    do: 'pass',
    to: next.node,
    message: { type: 'TokenPass', key, turn: next.turn, ownerDied: false },
  }
}
