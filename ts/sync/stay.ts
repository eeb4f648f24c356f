/** The asking side of barriers: one stay is one thread's wait at one barrier, and its two edges. */
import { assert } from '../base/assert.js'
import { expectOfPeer, refusalOf } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import type { LocalRequest } from '../base/requests.js'
import { expectManager, managerLost, managerOf } from './manager.js'
import type { SyncMessage } from './messages.js'
import { releaseFor, type Stay, type SyncEffect, type SyncState } from './state.js'
import { stayTable, type StayAction, type StayEvent } from './stay.table.js'
import { lookUp } from './table.js'

export type StayAnswer = Extract<SyncMessage, { type: 'BarrierGo' | 'BarrierRefused' }>
type BarrierRequest = Extract<LocalRequest, { readonly op: 'barrier' }>

interface Cause {
  readonly state: SyncState
  readonly stay: Stay
  readonly error: string
  readonly detail: string
}

/** @param request checked already: a key whose manager lives, a count that can be */
export function stayRequest(state: SyncState, ticket: number, request: BarrierRequest, effects: SyncEffect[]): void {
  assert(!state.stays.has(ticket), `sync: ticket ${ticket} is used twice`)
  const { key, process, count } = request
  step(causeOf(state, { state: 'Over', key, ticket, process, count }), 'Arrive', 'local', effects)
}

export function stayReleased(state: SyncState, ticket: number, effects: SyncEffect[]): void {
  const stay = state.stays.get(ticket)
  // Meanwhile its process has ended, or its manager was lost.
  if (stay !== undefined) step(causeOf(state, stay), 'Released', 'local', effects)
}

export function stayAnswer(state: SyncState, from: NodeId, message: StayAnswer, effects: SyncEffect[]): void {
  const { type, ticket } = message
  const stay = state.stays.get(ticket)
  // There is one final answer to each stay, also when its process has ended meanwhile, and none from a
  // manager that is lost: an answer to nothing is wrong, never late.
  expectOfPeer(stay !== undefined, `${type} for ticket ${ticket}, which does not wait`)
  expectManager(from, stay.key, type)
  if (type === 'BarrierGo') return step(causeOf(state, stay), 'Go', 'message', effects)
  const { error, detail } = message
  step({ state, stay, error, detail }, 'Refused', 'message', effects)
}

export function staysExit(state: SyncState, process: number, effects: SyncEffect[]): void {
  for (const stay of [...state.stays.values()]) {
    if (stay.process === process) step(causeOf(state, stay), 'Exit', 'local', effects)
  }
}

export function staysLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  for (const stay of [...state.stays.values()]) {
    if (managerOf(stay.key) === node) step(causeOf(state, stay), 'ManagerLost', 'local', effects)
  }
}

function step(cause: Cause, event: StayEvent, source: 'message' | 'local', effects: SyncEffect[]): void {
  const { state, stay } = cause
  const { next, actions } = lookUp(stayTable, stay.state, event, source)
  for (const action of actions) effects.push(ACTIONS[action](cause))
  stay.state = next
  if (next === 'Over') state.stays.delete(stay.ticket)
  else state.stays.set(stay.ticket, stay)
}

const ACTIONS: Readonly<Record<StayAction, (cause: Cause) => SyncEffect>> = {
  release: ({ state, stay: { ticket } }) => releaseFor(state, { what: 'stay', ticket }),
  sendArrive: ({ stay: { key, ticket, process, count } }) => ({
    do: 'Send',
    to: managerOf(key),
    message: { type: 'BarrierArrive', key, ticket, process, count },
  }),
  sendLeave: ({ stay: { key, ticket } }) => ({
    do: 'Send',
    to: managerOf(key),
    message: { type: 'BarrierLeave', key, ticket },
  }),
  acquire: () => ({ do: 'Acquire' }),
  answerDone: ({ stay }) => ({ do: 'Answer', ticket: stay.ticket, answer: { is: 'done' } }),
  refuse: ({ stay, error, detail }) => refusalOf(stay.ticket, error, detail),
  refuseLost: ({ stay }) => managerLost(stay.ticket, stay.key),
}

function causeOf(state: SyncState, stay: Stay): Cause {
  return { state, stay, error: '', detail: '' }
}
