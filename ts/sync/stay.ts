/** The asking side of barriers: one stay is one thread's wait at one barrier. */
import { assert } from '../base/assert.js'
import { refusalOf } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import type { LocalRequest } from '../base/requests.js'
import { stayTable, type StayAction, type StayEvent } from './asker.table.js'
import { managerLost } from './hold.js'
import type { SyncMessage } from './messages.js'
import { managerOf, type Stay, type SyncEffect, type SyncState } from './state.js'
import { lookUp } from './table.js'

export type StayAnswer = Extract<SyncMessage, { type: 'BarrierGo' | 'SyncRefused' }>
type BarrierRequest = Extract<LocalRequest, { readonly op: 'barrier' }>

interface Cause {
  readonly stay: Stay
  readonly error: string
  readonly detail: string
}

/** @param request checked already: a key whose manager lives, a count that can be */
export function stayRequest(state: SyncState, ticket: number, request: BarrierRequest, effects: SyncEffect[]): void {
  assert(!state.holds.has(ticket) && !state.stays.has(ticket), `sync: ticket ${ticket} is used twice`)
  const { key, process, count } = request
  step(state, causeOf({ state: 'Over', key, ticket, process, count }), 'Arrive', 'local', effects)
}

export function stayAnswer(state: SyncState, stay: Stay, message: StayAnswer, effects: SyncEffect[]): void {
  if (message.type === 'BarrierGo') return step(state, causeOf(stay), 'Go', 'message', effects)
  const { error, detail } = message
  step(state, { stay, error, detail }, 'Refused', 'message', effects)
}

export function staysExit(state: SyncState, process: number, effects: SyncEffect[]): void {
  for (const stay of [...state.stays.values()]) {
    if (stay.process === process) step(state, causeOf(stay), 'Exit', 'local', effects)
  }
}

export function staysManagerLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  for (const stay of [...state.stays.values()]) {
    if (managerOf(stay.key) === node) step(state, causeOf(stay), 'ManagerLost', 'local', effects)
  }
}

function step(
  state: SyncState,
  cause: Cause,
  event: StayEvent,
  source: 'message' | 'local',
  effects: SyncEffect[],
): void {
  const { stay } = cause
  const { next, actions } = lookUp(stayTable, stay.state, event, source)
  for (const action of actions) effects.push(ACTIONS[action](cause))
  stay.state = next
  if (next === 'Over') state.stays.delete(stay.ticket)
  else state.stays.set(stay.ticket, stay)
}

const ACTIONS: Readonly<Record<StayAction, (cause: Cause) => SyncEffect>> = {
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
  answerDone: ({ stay }) => ({ do: 'Answer', ticket: stay.ticket, answer: { is: 'done' } }),
  refuse: ({ stay, error, detail }) => refusalOf(stay.ticket, error, detail),
  refuseLost: ({ stay }) => managerLost(stay.ticket, stay.key),
}

function causeOf(stay: Stay): Cause {
  return { stay, error: '', detail: '' }
}
