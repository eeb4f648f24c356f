/**
 * Mutex locks at their manager: classify what comes, look up the cell, perform it. A queue is
 * first come, first served. A lock that is free and owes nobody the news of a death is forgotten.
 *
 * A grant may cross the LockCancel of a process that ended while it waited. The manager then takes
 * the grant back, and since the critical section never ran, the next one is not told of a death;
 * unless the grant itself told of one, which then is still news.
 */
import { assert } from '../base/assert.js'
import { expectOfPeer, isCount } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import { lockTable, type LockAction, type LockEvent } from './lock.table.js'
import type { SyncMessage } from './messages.js'
import { LOCKS_MAX, WAITERS_MAX, isHolder, type Claim, type Lock, type SyncEffect, type SyncState } from './state.js'
import { lookUp } from './table.js'

export type LockMessage = Extract<SyncMessage, { type: 'LockAsk' | 'LockFree' | 'LockDead' | 'LockCancel' }>

/** What an action may need. `claim` is who asked or, of a holder or waiter that ends, (node, ticket). */
interface Cause {
  readonly lock: Lock
  readonly node: NodeId
  readonly ticket: number
  readonly process: number
  readonly holder: string
}

/** @param message checked already: this node manages the key */
export function lockMessage(state: SyncState, from: NodeId, message: LockMessage, effects: SyncEffect[]): void {
  const lock = state.locks.get(message.key) ?? { state: 'Free', holder: undefined, tainted: false, queue: [] }
  if (message.type === 'LockAsk') {
    const { ticket, process, holder } = message
    expectOfPeer(isCount(process) && isHolder(holder), 'LockAsk of a holder that cannot be')
    const claim = { node: from, ticket, process, holder }
    step(state, message.key, { lock, ...claim }, classifyAsk(state, lock, claim), 'message', effects)
    return
  }
  const event =
    message.type === 'LockCancel' ? classifyCancel(lock, from, message.ticket) : classifyEnd(lock, from, message)
  step(state, message.key, causeOf(lock, from, message.ticket), event, 'message', effects)
}

/** A node is lost: its waits are removed, and what it held passes on as from the dead. */
export function locksLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  for (const [key, lock] of [...state.locks]) {
    const cause = causeOf(lock, node, 0)
    if (lock.queue.some((claim) => claim.node === node)) step(state, key, cause, 'WaitersLost', 'local', effects)
    if (lock.holder?.node === node) step(state, key, cause, ended(lock, 'Dead'), 'local', effects)
  }
}

function classifyAsk(state: SyncState, lock: Lock, claim: Claim): LockEvent {
  if (lock.state === 'Free') return state.locks.size < LOCKS_MAX ? 'Ask' : 'AskFull'
  if (lock.holder !== undefined && isSameHolder(lock.holder, claim)) return 'AskAgain'
  return lock.queue.length < WAITERS_MAX ? 'Ask' : 'AskFull'
}

function classifyEnd(
  lock: Lock,
  from: NodeId,
  message: Extract<LockMessage, { type: 'LockFree' | 'LockDead' }>,
): LockEvent {
  if (!holds(lock, from, message.ticket)) return 'NotHolder'
  return ended(lock, message.type === 'LockFree' ? 'Free' : 'Dead')
}

function classifyCancel(lock: Lock, from: NodeId, ticket: number): LockEvent {
  if (holds(lock, from, ticket)) return ended(lock, lock.tainted ? 'Dead' : 'Free')
  return waiterIndex(lock, from, ticket) >= 0 ? 'Quit' : 'Stray'
}

function ended(lock: Lock, how: 'Free' | 'Dead'): LockEvent {
  return lock.queue.length === 0 ? how : how === 'Free' ? 'FreeNext' : 'DeadNext'
}

function step(
  state: SyncState,
  key: string,
  cause: Cause,
  event: LockEvent,
  source: 'message' | 'local',
  effects: SyncEffect[],
): void {
  const { lock } = cause
  const { next, actions } = lookUp(lockTable, lock.state, event, source)
  lock.state = next
  for (const action of actions) ACTIONS[action](cause, effects)
  if (next !== 'Held') lock.holder = undefined
  if (next === 'Free') state.locks.delete(key)
  else state.locks.set(key, lock)
}

const ACTIONS: Readonly<Record<LockAction, (cause: Cause, effects: SyncEffect[]) => void>> = {
  grant: (cause, effects) => grant(cause.lock, claimOf(cause), false, effects),
  grantDead: (cause, effects) => grant(cause.lock, claimOf(cause), true, effects),
  enqueue: (cause) => cause.lock.queue.push(claimOf(cause)),
  grantNext: ({ lock }, effects) => grant(lock, nextOf(lock), false, effects),
  grantNextDead: ({ lock }, effects) => grant(lock, nextOf(lock), true, effects),
  removeWaiter: ({ lock, node, ticket }) => lock.queue.splice(waiterIndex(lock, node, ticket), 1),
  confirmQuit: ({ node, ticket }, effects) =>
    effects.push({ do: 'Send', to: node, message: { type: 'LockCancelled', ticket } }),
  removeLost: ({ lock, node }) => {
    lock.queue = lock.queue.filter((claim) => claim.node !== node)
  },
  refuseFull: ({ lock, node, ticket }, effects) => {
    const detail = lock.state === 'Free' ? `${LOCKS_MAX} locks are in use` : `${WAITERS_MAX} wait for this lock`
    effects.push({ do: 'Send', to: node, message: { type: 'SyncRefused', ticket, error: 'LIMIT', detail } })
  },
}

function grant(lock: Lock, claim: Claim, ownerDied: boolean, effects: SyncEffect[]): void {
  lock.holder = claim
  lock.tainted = ownerDied
  effects.push({ do: 'Send', to: claim.node, message: { type: 'LockGrant', ticket: claim.ticket, ownerDied } })
}

function nextOf(lock: Lock): Claim {
  const next = lock.queue.shift()
  assert(next !== undefined, 'lock: passed on to nobody')
  return next
}

function claimOf({ node, ticket, process, holder }: Cause): Claim {
  return { node, ticket, process, holder }
}

function causeOf(lock: Lock, node: NodeId, ticket: number): Cause {
  return { lock, node, ticket, process: 0, holder: '' }
}

function holds(lock: Lock, node: NodeId, ticket: number): boolean {
  return lock.holder?.node === node && lock.holder.ticket === ticket
}

function isSameHolder(a: Claim, b: Claim): boolean {
  return a.node === b.node && a.process === b.process && a.holder === b.holder
}

function waiterIndex(lock: Lock, node: NodeId, ticket: number): number {
  return lock.queue.findIndex((claim) => claim.node === node && claim.ticket === ticket)
}
