/**
 * Locks, barriers and other objects by key, across the cluster. Each key has a manager that serialises it. A lock is
 * a token, which stays on the node that used the lock last; a barrier's participants are counted on their
 * node first, which tells it how many there are; all else (base/objects.ts) lives at the manager.
 * This file is the room's door for ts/node.
 *
 * All of them are the edges of lazy release consistency: an effect Acquire stands before
 * whatever lets a thread go that must see what others wrote, and nothing that tells others to go leaves
 * before a Release is over (syncReleased).
 *
 * What the room demands of ts/node and the runtime: a process's number is never used twice, and nothing
 * is requested for a process after its exit.
 */
import { assert } from '../base/assert.js'
import type { NodeId } from '../base/ids.js'
import { canDo } from '../base/objects.js'
import type { LocalRequest, ObjectRequest } from '../base/requests.js'
import { barrierMessage, barriersLost } from './barrier.js'
import { claimCancelled, claimsExit, lockRequest } from './claim.js'
import { errandCancelled, errandMessage, errandReleased, errandsExit, errandsLost, objectRequest } from './errand.js'
import {
  gateBroken,
  gateCancelled,
  gateLine,
  gateMessage,
  gateReleased,
  gateRequest,
  gatesExit,
  gatesLost,
  treeMessage,
} from './gate.js'
import { holderEnds, lockMessage, lockWord, locksLost, tokenReleased } from './lock.js'
import type { LineEvent } from './direct.js'
import { expectManaged, managerLost, managerOf } from './manager.js'
import type { SyncMessage } from './messages.js'
import { badValue, objectMessage, objectsLost } from './objects.js'
import {
  COUNT_MAX,
  HOLDER_END,
  KEY_BYTES_MAX,
  isBarrierCount,
  isHolder,
  isKey,
  type SyncEffect,
  type SyncState,
} from './state.js'
import { tokenMessage, tokensLost } from './token.js'
import { died } from './veterans.js'

export type { LineEffect, LineEvent } from './direct.js'
export { foreseen, type Foreseen } from './foresight.js'
export { managerOf } from './manager.js'
export {
  createSync,
  LOCK_BURST,
  LOCK_BURST_MAX,
  isKey,
  type SyncEffect,
  type SyncOptions,
  type SyncState,
  type WordEffect,
} from './state.js'
export { DIRECT_AFTER, DIRECT_AFTER_MAX } from './offer.js'
export { BARRIER_TREE } from './tree.js'

export type SyncRequest = Extract<LocalRequest, { readonly op: 'lock' | 'barrier' | 'object' }>

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
  if (request.op === 'barrier') gateRequest(state, ticket, request, effects)
  else if (request.op === 'object') objectRequest(state, ticket, request, effects)
  else lockRequest(state, ticket, request, effects)
}

/** The thread that holds the lock has ended; that its word is free comes next. */
export function syncDied(state: SyncState, ticket: number, key: string, effects: SyncEffect[]): void {
  holderEnds(state, key, effects)
  effects.push({ do: 'Answer', ticket, answer: { is: 'done' } })
}

export function syncMessage(state: SyncState, from: NodeId, message: SyncMessage, effects: SyncEffect[]): void {
  switch (message.type) {
    case 'TokenAsk':
    case 'TokenTook':
    case 'TokenBack':
    case 'TokenGone':
      return tokenMessage(state, from, message, effects)
    case 'TokenGrant':
    case 'TokenPass':
    case 'TokenRecall':
    case 'TokenRefused':
    case 'TokenBusy':
      return lockMessage(state, from, message, effects)
    case 'BarrierArrive':
    case 'BarrierLeave':
    case 'BarrierQuit':
    case 'BarrierUproot':
      expectManaged(state, message.key, message.type)
      return barrierMessage(state, from, message, effects)
    case 'BarrierDied':
      expectManaged(state, message.key, message.type)
      return died(state, from, message, effects)
    case 'BarrierBroken':
      return gateBroken(state, from, message, effects)
    case 'BarrierUp':
      if (managerOf(message.key) === state.self) return barrierMessage(state, from, message, effects)
      return treeMessage(state, from, message, effects)
    case 'BarrierDown':
      return treeMessage(state, from, message, effects)
    case 'BarrierAsk':
    case 'BarrierGo':
    case 'BarrierOut':
    case 'BarrierRefused':
      return gateMessage(state, from, message, effects)
    case 'ObjectAsk':
    case 'ObjectLeave':
    case 'ObjectReturn':
      return objectMessage(state, from, message, effects)
    case 'ObjectGrant':
    case 'ObjectDone':
    case 'ObjectRefused':
      return errandMessage(state, from, message, effects)
  }
}

/** The release that the effect Release asked for is over: what was written on this node is known. */
export function syncReleased(state: SyncState, edge: number, effects: SyncEffect[]): void {
  const after = state.edges.get(edge)
  assert(after !== undefined, `sync: edge ${edge} is over, and nobody asked for it`)
  state.edges.delete(edge)
  if (after.what === 'token') tokenReleased(state, after.key, effects)
  else if (after.what === 'errand') errandReleased(state, after.number, effects)
  else gateReleased(state, after.name, effects)
}

/** The word of a lock has been shut, for an effect Want, or been given back shut by its holder: is it held? */
export function syncWord(state: SyncState, key: string, held: boolean, effects: SyncEffect[], passed = false): void {
  lockWord(state, key, held, effects, passed)
}

/** Of the lines of a direct barrier, or of one that is to be (direct.ts). */
export function syncLine(state: SyncState, event: LineEvent, effects: SyncEffect[]): void {
  gateLine(state, event, effects)
}

/** The request is to wait no more: it is refused with TIMEOUT, if it waits still and is one that can be; at a barrier
 * when the manager knows. */
export function syncCancel(state: SyncState, ticket: number, effects: SyncEffect[]): void {
  claimCancelled(state, ticket, effects)
  gateCancelled(state, ticket, effects)
  errandCancelled(state, ticket, effects)
}

/**
 * A local process has ended: what it held passes on as from the dead, its waits are removed.
 * @param held keys of the locks whose words it had; these are free and shut by now
 * @param died it had not said that it would
 * @param waited it was waiting at a direct barrier
 */
export function syncExit(
  state: SyncState,
  process: number,
  held: readonly string[],
  died: boolean,
  waited: boolean,
  effects: SyncEffect[],
): void {
  gatesExit(state, process, died, waited, effects)
  claimsExit(state, process, held, effects)
  errandsExit(state, process, effects)
}

export function syncLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  state.lost.add(node)
  tokensLost(state, node, effects)
  barriersLost(state, node, effects)
  locksLost(state, node, effects)
  gatesLost(state, node, effects)
  objectsLost(state, node, effects)
  errandsLost(state, node, effects)
}

function invalidity(request: SyncRequest): string | undefined {
  if (request.op === 'object') return badObject(request)
  if (!isKey(request.key)) return `a lock or barrier has a name of 1 to ${KEY_BYTES_MAX - 1} bytes of UTF-8`
  if (request.op !== 'barrier') {
    return isHolder(request.holder) ? undefined : `a holder is a number from 1 to ${HOLDER_END - 1}`
  }
  return isBarrierCount(request.count) ? undefined : `a barrier is for 1 to ${COUNT_MAX}, not ${request.count}`
}

function badObject({ kind, deed, key, holder, value, initial }: ObjectRequest): string | undefined {
  if (!isKey(key)) return `a ${kind} has a name of 1 to ${KEY_BYTES_MAX - 1} bytes of UTF-8`
  if (!canDo(kind, deed)) return `nobody can ${deed} a ${kind}`
  const isHeld = deed === 'read' || deed === 'write' || deed === 'unlock'
  if (isHeld && !isHolder(holder)) return `a holder is a number from 1 to ${HOLDER_END - 1}`
  return badValue(deed, value, initial)
}
