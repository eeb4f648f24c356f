/**
 * The asking side of objects: one errand is what one local thread has asked of one object, from its request to
 * its answer; a reader-writer lock that is held, and a watch, are errands until they end.
 */
import { assert } from '../base/assert.js'
import { expectOfPeer, isCount, refusalOf } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import { OBJECT_KINDS, type ObjectDeed, type ObjectKind } from '../base/objects.js'
import type { ErrorName } from '../base/errors.js'
import type { ObjectRequest } from '../base/requests.js'
import { errandTable, type ErrandAction, type ErrandEvent } from './errand.table.js'
import { expectManager, managerLost, managerOf } from './manager.js'
import type { ObjectMessage } from './object-messages.js'
import { ERRANDS_MAX, type Errand, type ObjectsState } from './object-state.js'
import { claimName, releaseFor, type SyncEffect, type SyncState } from './state.js'
import { lookUp, type Source } from './table.js'

export type ErrandMessage = Extract<ObjectMessage, { readonly type: 'ObjectGrant' | 'ObjectDone' | 'ObjectRefused' }>

interface Cause {
  readonly errand: Errand
  /** Of the request, where it is not the errand's first. */
  readonly ticket?: number
  readonly message?: ErrandMessage
}

/** They tell others to go on: what was written here is known before they leave. `unlock` is one too. */
const RELEASES: readonly ObjectDeed[] = ['post', 'notify', 'add']
/** They may stay with the manager until others have done something. */
const WAITS: readonly ObjectDeed[] = ['read', 'write', 'take', 'watch']
const GRANTS: Partial<Record<ObjectDeed, ErrandEvent>> = { read: 'GrantLock', write: 'GrantLock', take: 'Grant' }
const GRANTABLE: readonly ObjectKind[] = OBJECT_KINDS.filter((kind) => kind !== 'counter' && kind !== 'barrier')

/** @param request checked already: a key whose manager lives, a deed and values that can be */
export function objectRequest(state: SyncState, ticket: number, request: ObjectRequest, effects: SyncEffect[]): void {
  switch (request.deed) {
    case 'unlock':
      return unlock(state, ticket, request, effects)
    case 'sleep':
    case 'unwatch':
      return goOn(state, ticket, request, effects)
    default:
      return begin(state, ticket, request, effects)
  }
}

export function errandMessage(state: SyncState, from: NodeId, message: ErrandMessage, effects: SyncEffect[]): void {
  const { objects } = state
  const { type, number } = message
  expectOfPeer(isCount(number) && number > 0 && number <= objects.lastErrand, `${type} of errand ${number}`)
  const errand = objects.errands.get(number)
  if (message.type === 'ObjectGrant') {
    const { kind, key } = message
    expectManager(from, key, type)
    expectOfPeer(GRANTABLE.includes(kind), `a ${kind} is granted`)
    if (errand !== undefined) {
      expectOfPeer(errand.request.kind === kind && errand.request.key === key, `${type} of another ${kind}`)
    }
  } else if (errand !== undefined) expectManager(from, errand.request.key, type)
  if (message.type === 'ObjectRefused') refusalOf(0, message.error, message.detail) // before anything changes
  if (errand === undefined) return nobodyThere(message, effects)
  step(state, { errand, message }, classify(errand, message), 'message', effects)
}

/** What was written here is known: the request may leave. */
export function errandReleased(state: SyncState, number: number, effects: SyncEffect[]): void {
  const errand = state.objects.errands.get(number)
  // Meanwhile its process has ended, or its manager is lost.
  if (errand !== undefined) step(state, { errand }, 'Released', 'local', effects)
}

/** Whoever waits with that ticket waits no more. */
export function errandCancelled(state: SyncState, ticket: number, effects: SyncEffect[]): void {
  const { errands, tickets } = state.objects
  const errand = errands.get(tickets.get(ticket) ?? 0)
  if (errand !== undefined) step(state, { errand }, isPatient(errand) ? 'Cancel' : 'CancelLate', 'local', effects)
}

export function errandsExit(state: SyncState, process: number, effects: SyncEffect[]): void {
  const mine = [...state.objects.errands.values()].filter(({ request }) => request.process === process)
  for (const errand of mine) step(state, { errand }, isPatient(errand) ? 'Died' : 'DiedLate', 'local', effects)
}

export function errandsLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  for (const errand of [...state.objects.errands.values()]) {
    if (managerOf(errand.request.key) === node) step(state, { errand }, 'ManagerLost', 'local', effects)
  }
}

function begin(state: SyncState, ticket: number, request: ObjectRequest, effects: SyncEffect[]): void {
  const { objects } = state
  const { kind, deed } = request
  if (objects.errands.size >= ERRANDS_MAX) {
    return refuse(ticket, 'LIMIT', `${ERRANDS_MAX} requests and locks are under way on this node`, effects)
  }
  if (kind === 'rwlock' && deed !== 'destroy' && objects.rwClaims.has(claimName(request))) {
    // Whoever asks for it again, to read or to write, would wait for itself: perhaps not now, but when a writer waits.
    return refuse(ticket, 'DEADLOCK', 'the caller holds this lock already, or waits for it', effects)
  }
  objects.lastErrand++
  const errand: Errand = { state: 'Over', number: objects.lastErrand, request, ticket: undefined, tainted: false }
  step(state, { errand, ticket }, RELEASES.includes(deed) ? 'AskRelease' : 'Ask', 'local', effects)
}

function unlock(state: SyncState, ticket: number, request: ObjectRequest, effects: SyncEffect[]): void {
  const { errands, rwClaims } = state.objects
  const errand = errands.get(rwClaims.get(claimName(request)) ?? 0)
  if (errand?.state !== 'Held') return refuse(ticket, 'NOT_HOLDER', 'the lock is not held by the caller', effects)
  step(state, { errand, ticket }, 'Unlock', 'local', effects)
}

function goOn(state: SyncState, ticket: number, request: ObjectRequest, effects: SyncEffect[]): void {
  const { kind, key, process, value, deed } = request
  const errand = state.objects.errands.get(Number(value))
  const own = errand?.request
  const isIts = own?.process === process && own.kind === kind && own.key === key
  if (errand === undefined || !isIts || (errand.state !== 'Watching' && errand.state !== 'Woken')) {
    return refuse(ticket, 'INVALID', `the caller has no watch ${value} there, or waits with it already`, effects)
  }
  step(state, { errand, ticket }, deed === 'sleep' ? 'Sleep' : 'Unwatch', 'local', effects)
}

/** Not so while what was asked is answered soon, whatever others do. */
function isPatient({ state, request }: Errand): boolean {
  return state !== 'Releasing' && (state !== 'Asked' || WAITS.includes(request.deed))
}

function classify({ state, request: { deed } }: Errand, message: ErrandMessage): ErrandEvent {
  switch (message.type) {
    case 'ObjectRefused':
      return 'Refused'
    case 'ObjectGrant':
      return state === 'Asked' ? (GRANTS[deed] ?? 'Wake') : deed === 'watch' ? 'Wake' : 'Grant'
    case 'ObjectDone':
      expectOfPeer(GRANTS[deed] === undefined, `ObjectDone of ${deed}`)
      if (deed === 'watch') return 'Registered'
      return deed === 'add' ? 'DoneSeen' : 'Done'
  }
}

/** Whoever asked is through: what is granted goes back. Nothing was done with it, so there is nothing to release. */
function nobodyThere(message: ErrandMessage, effects: SyncEffect[]): void {
  if (message.type !== 'ObjectGrant') return
  const { kind, key, number, ownerDied } = message
  sendReturn(kind, key, number, ownerDied, effects)
}

function step(state: SyncState, cause: Cause, event: ErrandEvent, source: Source, effects: SyncEffect[]): void {
  const { objects } = state
  const { errand } = cause
  const { next, actions } = lookUp(errandTable, errand.state, event, source)
  for (const action of actions) ACTIONS[action](state, cause, effects)
  errand.state = next
  const { kind, deed } = errand.request
  const isLock = kind === 'rwlock' && deed !== 'destroy'
  if (isLock && (next === 'Asked' || next === 'Held')) objects.rwClaims.set(claimName(errand.request), errand.number)
  else if (isLock) objects.rwClaims.delete(claimName(errand.request))
  if (next !== 'Over') objects.errands.set(errand.number, errand)
  else {
    setTicket(objects, errand, undefined)
    objects.errands.delete(errand.number)
  }
}

const ACTIONS: Readonly<Record<ErrandAction, (state: SyncState, cause: Cause, effects: SyncEffect[]) => void>> = {
  noteAsker: ({ objects }, { errand, ticket }) => setTicket(objects, errand, ticket),
  dropAsker: ({ objects }, { errand }) => setTicket(objects, errand, undefined),
  noteDeath: (_state, { errand }) => {
    errand.tainted = true
  },
  release: (state, { errand: { number } }, effects) => effects.push(releaseFor(state, { what: 'errand', number })),
  sendAsk: (_state, { errand: { number, request } }, effects) => {
    const { kind, key, deed, value, initial, patient } = request
    const message = { type: 'ObjectAsk', kind, key, number, deed, value, initial, patient } as const
    effects.push({ do: 'Send', to: managerOf(key), message })
  },
  sendLeave: (_state, { errand: { number, request } }, effects) => {
    const { kind, key } = request
    effects.push({ do: 'Send', to: managerOf(key), message: { type: 'ObjectLeave', kind, key, number } })
  },
  sendReturn: (_state, { errand: { number, request, tainted } }, effects) =>
    sendReturn(request.kind, request.key, number, tainted, effects),
  acquire: (_state, _cause, effects) => effects.push({ do: 'Acquire' }),
  answer: ({ objects }, { errand, message }, effects) => {
    assert(message?.type === 'ObjectDone', 'errand: nothing is done')
    const { deed } = errand.request
    const ticket = takeTicket(objects, errand)
    if (deed === 'post' || deed === 'destroy') effects.push({ do: 'Answer', ticket, answer: { is: 'done' } })
    else {
      const value = deed === 'watch' ? BigInt(errand.number) : message.value
      effects.push({ do: 'Answer', ticket, answer: { is: 'value', value } })
    }
  },
  answerLocked: ({ objects }, { errand, message }, effects) => {
    assert(message?.type === 'ObjectGrant', 'errand: nothing is granted')
    const answer = { is: 'locked', ownerDied: message.ownerDied } as const
    effects.push({ do: 'Answer', ticket: takeTicket(objects, errand), answer })
  },
  answerDone: ({ objects }, { errand }, effects) => {
    // Its process has ended.
    if (errand.ticket === undefined) return
    effects.push({ do: 'Answer', ticket: takeTicket(objects, errand), answer: { is: 'done' } })
  },
  refuse: ({ objects }, { errand, message }, effects) => {
    assert(message?.type === 'ObjectRefused', 'errand: nothing is refused')
    effects.push(refusalOf(takeTicket(objects, errand), message.error, message.detail))
  },
  refuseTimeout: ({ objects }, { errand }, effects) =>
    refuse(takeTicket(objects, errand), 'TIMEOUT', `the ${errand.request.kind} did not come in time`, effects),
  refuseLost: ({ objects }, { errand }, effects) => {
    if (errand.ticket === undefined) return
    effects.push(managerLost(takeTicket(objects, errand), errand.request.key))
  },
}

function sendReturn(kind: ObjectKind, key: string, number: number, tainted: boolean, effects: SyncEffect[]): void {
  effects.push({ do: 'Send', to: managerOf(key), message: { type: 'ObjectReturn', kind, key, number, tainted } })
}

function refuse(ticket: number, error: Exclude<ErrorName, 'OK'>, detail: string, effects: SyncEffect[]): void {
  effects.push({ do: 'Refuse', ticket, error, detail })
}

function takeTicket(objects: ObjectsState, errand: Errand): number {
  const { ticket } = errand
  assert(ticket !== undefined, 'errand: nobody awaits an answer')
  setTicket(objects, errand, undefined)
  return ticket
}

function setTicket({ tickets }: ObjectsState, errand: Errand, ticket: number | undefined): void {
  if (errand.ticket !== undefined) tickets.delete(errand.ticket)
  errand.ticket = ticket
  if (ticket !== undefined) tickets.set(ticket, errand.number)
}
