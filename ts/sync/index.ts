/**
 * Locks and barriers by key, across the cluster. Each key has a manager that serialises it; requests
 * of local processes are messages to it and back. This file is the room's door for ts/node.
 *
 * What it demands of ts/node and the runtime: a process's number is never used twice, and nothing is
 * requested for a process after its exit.
 */
import { expectOfPeer, isCount } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import type { LocalRequest } from '../base/requests.js'
import { barrierMessage, barriersLost } from './barrier.js'
import { expectManager, holdAnswer, holdRequest, holdsExit, holdsManagerLost, managerLost } from './hold.js'
import { lockMessage, locksLost } from './lock.js'
import type { SyncMessage } from './messages.js'
import {
  COUNT_MAX,
  HOLDER_BYTES_MAX,
  KEY_BYTES_MAX,
  isBarrierCount,
  isHolder,
  isKey,
  managerOf,
  type SyncEffect,
  type SyncState,
} from './state.js'
import { stayAnswer, stayRequest, staysExit, staysManagerLost } from './stay.js'

export { createSync, managerOf, type SyncEffect, type SyncState } from './state.js'

export type SyncRequest = Extract<LocalRequest, { readonly op: 'lock' | 'unlock' | 'barrier' }>

export function syncRequest(state: SyncState, ticket: number, request: SyncRequest, effects: SyncEffect[]): void {
  const why = invalidity(request)
  if (why !== undefined) {
    effects.push({ do: 'Refuse', ticket, error: 'INVALID', detail: why })
    return
  }
  if (state.lost.has(managerOf(request.key))) {
    effects.push(managerLost(ticket, request.key))
    return
  }
  if (request.op === 'barrier') stayRequest(state, ticket, request, effects)
  else holdRequest(state, ticket, request, effects)
}

export function syncMessage(state: SyncState, from: NodeId, message: SyncMessage, effects: SyncEffect[]): void {
  expectOfPeer(isCount(message.ticket), `${message.type} with ticket ${message.ticket}`)
  switch (message.type) {
    case 'LockAsk':
    case 'LockFree':
    case 'LockDead':
    case 'LockCancel':
      expectManaged(state, message)
      return lockMessage(state, from, message, effects)
    case 'BarrierArrive':
    case 'BarrierLeave':
      expectManaged(state, message)
      return barrierMessage(state, from, message, effects)
    default:
      takeAnswer(state, from, message, effects)
  }
}

/** A local process has ended: what it held passes on as from the dead, its waits are removed. */
export function syncExit(state: SyncState, process: number, effects: SyncEffect[]): void {
  staysExit(state, process, effects)
  holdsExit(state, process, effects)
}

export function syncLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  state.lost.add(node)
  locksLost(state, node, effects)
  barriersLost(state, node, effects)
  holdsManagerLost(state, node, effects)
  staysManagerLost(state, node, effects)
}

function takeAnswer(
  state: SyncState,
  from: NodeId,
  message: Extract<SyncMessage, { type: 'LockGrant' | 'LockCancelled' | 'BarrierGo' | 'SyncRefused' }>,
  effects: SyncEffect[],
): void {
  const { type, ticket } = message
  const hold = state.holds.get(ticket)
  const stay = state.stays.get(ticket)
  // There is one final answer to each request, also when its process has ended meanwhile, and none
  // from a manager that is lost: an answer to nothing is wrong, never late.
  expectOfPeer(hold !== undefined || stay !== undefined, `${type} for ticket ${ticket}, which asks nothing`)
  if (hold !== undefined) {
    expectOfPeer(type !== 'BarrierGo', `${type} in answer to a lock request`)
    expectManager(from, hold.key, type)
    return holdAnswer(state, hold, message, effects)
  }
  if (stay !== undefined) {
    expectOfPeer(type === 'BarrierGo' || type === 'SyncRefused', `${type} in answer to a barrier request`)
    expectManager(from, stay.key, type)
    stayAnswer(state, stay, message, effects)
  }
}

function expectManaged(state: SyncState, message: Extract<SyncMessage, { readonly key: string }>): void {
  const { type, key } = message
  expectOfPeer(isKey(key) && managerOf(key) === state.self, `${type} for a key that this node does not manage`)
}

function invalidity(request: SyncRequest): string | undefined {
  if (!isKey(request.key)) return `a lock or barrier has a key of 1 to ${KEY_BYTES_MAX} bytes`
  if (request.op !== 'barrier') {
    return isHolder(request.holder) ? undefined : `a holder has at most ${HOLDER_BYTES_MAX} bytes`
  }
  return isBarrierCount(request.count) ? undefined : `a barrier is for 1 to ${COUNT_MAX}, not ${request.count}`
}

/** The release that the effect Release asked for is over. */
export function syncReleased(_state: SyncState, _edge: number, _effects: SyncEffect[]): void {}
