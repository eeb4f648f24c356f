/**
 * The asking side of locks. What a holder may do is decided here, without the manager: the node
 * knows exactly which grants its processes have. The manager fences a node that lets more through.
 */
import { assert } from '../base/assert.js'
import { expectOfPeer, refusalOf } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import type { LocalRequest } from '../base/requests.js'
import { holdTable, type HoldAction, type HoldEvent } from './asker.table.js'
import type { SyncMessage } from './messages.js'
import { managerOf, type Hold, type SyncEffect, type SyncState } from './state.js'
import { lookUp } from './table.js'

export type HoldAnswer = Extract<SyncMessage, { type: 'LockGrant' | 'LockCancelled' | 'SyncRefused' }>
type LockRequest = Extract<LocalRequest, { readonly op: 'lock' | 'unlock' }>

interface Cause {
  readonly hold: Hold
  /** Answered by answerDone: the unlock's; else the lock request's. */
  readonly ticket: number
  readonly ownerDied: boolean
  readonly error: string
  readonly detail: string
}

/** @param request checked already: a key whose manager lives, a holder that can be */
export function holdRequest(state: SyncState, ticket: number, request: LockRequest, effects: SyncEffect[]): void {
  const { key, process, holder } = request
  const claimed = state.claims.get(claimName(key, process, holder))
  const hold = claimed === undefined ? undefined : state.holds.get(claimed)
  if (request.op === 'unlock') {
    if (hold?.state !== 'Held') {
      effects.push({ do: 'Refuse', ticket, error: 'NOT_HOLDER', detail: 'the lock is not held by the caller' })
      return
    }
    step(state, { ...causeOf(hold), ticket }, 'Unlock', 'local', effects)
    return
  }
  if (hold !== undefined) {
    // A caller that asks again while it waits would, once it has the lock, wait for itself.
    const how = hold.state === 'Held' ? 'holds' : 'waits for'
    effects.push({ do: 'Refuse', ticket, error: 'DEADLOCK', detail: `the caller ${how} this lock already` })
    return
  }
  assert(!state.holds.has(ticket) && !state.stays.has(ticket), `sync: ticket ${ticket} is used twice`)
  step(state, causeOf({ state: 'Over', key, ticket, process, holder }), 'Ask', 'local', effects)
}

export function holdAnswer(state: SyncState, hold: Hold, message: HoldAnswer, effects: SyncEffect[]): void {
  const cause = causeOf(hold)
  switch (message.type) {
    case 'LockGrant':
      return step(state, { ...cause, ownerDied: message.ownerDied }, 'Granted', 'message', effects)
    case 'LockCancelled':
      return step(state, cause, 'Cancelled', 'message', effects)
    case 'SyncRefused': {
      const { error, detail } = message
      return step(state, { ...cause, error, detail }, 'Refused', 'message', effects)
    }
  }
}

export function holdsExit(state: SyncState, process: number, effects: SyncEffect[]): void {
  const mine = [...state.holds.values()].filter((hold) => hold.process === process)
  // Waits first, so that what one thread held is not passed to another of the same process.
  for (const phase of ['Asking', 'Held'] as const) {
    for (const hold of mine.filter(({ state }) => state === phase)) step(state, causeOf(hold), 'Exit', 'local', effects)
  }
}

export function holdsManagerLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  for (const hold of [...state.holds.values()]) {
    if (managerOf(hold.key) === node) step(state, causeOf(hold), 'ManagerLost', 'local', effects)
  }
}

function step(
  state: SyncState,
  cause: Cause,
  event: HoldEvent,
  source: 'message' | 'local',
  effects: SyncEffect[],
): void {
  const { hold } = cause
  const { next, actions } = lookUp(holdTable, hold.state, event, source)
  for (const action of actions) effects.push(ACTIONS[action](cause))
  hold.state = next
  const claim = claimName(hold.key, hold.process, hold.holder)
  if (next === 'Asking' || next === 'Held') state.claims.set(claim, hold.ticket)
  else if (state.claims.get(claim) === hold.ticket) state.claims.delete(claim)
  if (next === 'Over') state.holds.delete(hold.ticket)
  else state.holds.set(hold.ticket, hold)
}

const ACTIONS: Readonly<Record<HoldAction, (cause: Cause) => SyncEffect>> = {
  sendAsk: ({ hold: { key, ticket, process, holder } }) => send({ type: 'LockAsk', key, ticket, process, holder }),
  sendFree: ({ hold: { key, ticket } }) => send({ type: 'LockFree', key, ticket }),
  sendDead: ({ hold: { key, ticket } }) => send({ type: 'LockDead', key, ticket }),
  sendCancel: ({ hold: { key, ticket } }) => send({ type: 'LockCancel', key, ticket }),
  answerLocked: ({ ticket, ownerDied }) => ({ do: 'Answer', ticket, answer: { is: 'locked', ownerDied } }),
  answerDone: ({ ticket }) => ({ do: 'Answer', ticket, answer: { is: 'done' } }),
  refuse: ({ ticket, error, detail }) => refusalOf(ticket, error, detail),
  refuseLost: ({ hold, ticket }) => managerLost(ticket, hold.key),
}

export function managerLost(ticket: number, key: string): SyncEffect {
  const detail = `node ${managerOf(key)}, which manages the lock or barrier, is lost`
  return { do: 'Refuse', ticket, error: 'NODE_LOST', detail }
}

function send(message: Extract<SyncMessage, { readonly key: string }>): SyncEffect {
  return { do: 'Send', to: managerOf(message.key), message }
}

function causeOf(hold: Hold): Cause {
  return { hold, ticket: hold.ticket, ownerDied: false, error: '', detail: '' }
}

function claimName(key: string, process: number, holder: string): string {
  return JSON.stringify([key, process, holder])
}

/** Every request has one final answer, and nothing comes from a manager after its loss. */
export function expectManager(from: NodeId, key: string, type: string): void {
  expectOfPeer(from === managerOf(key), `${type} from node ${from}, which does not manage that key`)
}
