/** What local threads ask of locks. */
import type { LocalRequest } from '../base/requests.js'
import { claimQuits, holderDied, lockAsked } from './lock.js'
import { claimName, type SyncEffect, type SyncState } from './state.js'

type LockRequest = Extract<LocalRequest, { readonly op: 'lock' }>

/** @param request checked already: a key whose manager lives, a holder that can be */
export function lockRequest(state: SyncState, ticket: number, request: LockRequest, effects: SyncEffect[]): void {
  const { key, process, holder, patient } = request
  if (state.claimants.has(claimName(request))) {
    // A caller that asks again while it waits would, once it has the lock, wait for itself.
    effects.push({ do: 'Refuse', ticket, error: 'DEADLOCK', detail: 'the caller waits for this lock already' })
    return
  }
  lockAsked(state, { key, ticket, process, holder, patient }, effects)
}

/** Whoever waits for a lock with that ticket waits no more. */
export function claimCancelled(state: SyncState, ticket: number, effects: SyncEffect[]): void {
  const claim = state.claims.get(ticket)
  if (claim === undefined) return
  claimQuits(state, claim, effects)
  effects.push({ do: 'Refuse', ticket, error: 'TIMEOUT', detail: 'the lock could not be had in time' })
}

/** @param held keys of the locks that the process held; their words are free, and shut */
export function claimsExit(state: SyncState, process: number, held: readonly string[], effects: SyncEffect[]): void {
  // Waits first, so that what one thread held is not passed to another of the same process.
  for (const claim of [...state.claims.values()]) if (claim.process === process) claimQuits(state, claim, effects)
  for (const key of held) holderDied(state, key, effects)
}
