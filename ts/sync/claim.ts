/**
 * What local threads ask of locks, and what may be said of that without a look at the token: the node
 * knows who of its own holds or waits.
 */
import type { LocalRequest } from '../base/requests.js'
import { claimEnds, claimName, lockAsked } from './lock.js'
import type { Claim, SyncEffect, SyncState } from './state.js'

type LockRequest = Extract<LocalRequest, { readonly op: 'lock' | 'unlock' }>

/** @param request checked already: a key whose manager lives, a holder that can be */
export function lockRequest(state: SyncState, ticket: number, request: LockRequest, effects: SyncEffect[]): void {
  const { key, process, holder } = request
  const claim = state.claims.get(claimName(request))
  if (request.op === 'unlock') {
    if (claim === undefined || !holds(state, claim)) {
      effects.push({ do: 'Refuse', ticket, error: 'NOT_HOLDER', detail: 'the lock is not held by the caller' })
      return
    }
    effects.push({ do: 'Answer', ticket, answer: { is: 'done' } })
    return claimEnds(state, claim, 'unlocks', effects)
  }
  if (claim !== undefined) {
    // A caller that asks again while it waits would, once it has the lock, wait for itself.
    const how = holds(state, claim) ? 'holds' : 'waits for'
    effects.push({ do: 'Refuse', ticket, error: 'DEADLOCK', detail: `the caller ${how} this lock already` })
    return
  }
  lockAsked(state, { key, ticket, process, holder }, effects)
}

export function claimsExit(state: SyncState, process: number, effects: SyncEffect[]): void {
  const mine = [...state.claims.values()].filter((claim) => claim.process === process)
  const held = mine.filter((claim) => holds(state, claim))
  const waiting = mine.filter((claim) => !holds(state, claim))
  // Waits first, so that what one thread held is not passed to another of the same process.
  for (const claim of [...waiting, ...held]) claimEnds(state, claim, 'died', effects)
}

function holds(state: SyncState, { key, ticket }: Claim): boolean {
  return state.locks.get(key)?.holder?.ticket === ticket
}
