/**
 * The asking side of barriers: one gate is the threads of this node that wait at one barrier for one count.
 * They share their frames, so one release makes known what all of them wrote, and one message reports
 * them: when this node's share has come, or at once when it has none (barrier.ts says why that cannot hang). Those
 * who come while a release is under way are reported after the next one.
 */
import { assert } from '../base/assert.js'
import { expectOfPeer, refusalOf } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import type { LocalRequest } from '../base/requests.js'
import { gateTable, type GateAction, type GateEvent } from './gate.table.js'
import { expectManager, managerLost, managerOf } from './manager.js'
import type { SyncMessage } from './messages.js'
import {
  COUNT_MAX,
  isBarrierCount,
  releaseFor,
  type Gate,
  type Stay,
  type SyncEffect,
  type SyncState,
} from './state.js'
import { lookUp } from './table.js'

export type GateMessage = Extract<SyncMessage, { type: 'BarrierAsk' | 'BarrierGo' | 'BarrierOut' | 'BarrierRefused' }>
type Answer = Extract<GateMessage, { type: 'BarrierGo' | 'BarrierRefused' }>
type BarrierRequest = Extract<LocalRequest, { readonly op: 'barrier' }>

interface Cause {
  readonly gate: Gate
  /** Who arrives, waits no more, or whose process has ended. */
  readonly stay?: Stay
  /** For the first of those who are reported. */
  readonly answer?: Answer
}

/** @param request checked already: a key whose manager lives, a count that can be */
export function gateRequest(
  state: SyncState,
  ticket: number,
  { key, count, process, patient }: BarrierRequest,
  effects: SyncEffect[],
): void {
  const gate = state.gates.get(gateName(key, count)) ?? emptyGate(key, count)
  const stay = { ticket, process, number: 0, dead: false, quits: patient ? undefined : ('BUSY' as const) }
  change(state, { gate, stay }, 'Arrive', 'local', effects)
}

/** What was written here is known, and those who wait for that are reported. */
export function gateReleased(state: SyncState, name: string, effects: SyncEffect[]): void {
  const gate = state.gates.get(name)
  // Meanwhile its manager was lost.
  if (gate === undefined) return
  const all = gate.told + gate.covered === gate.queue.length
  change(state, { gate }, all ? 'Released' : 'ReleasedSome', 'local', effects)
}

export function gateMessage(state: SyncState, from: NodeId, message: GateMessage, effects: SyncEffect[]): void {
  const { type, key, count } = message
  expectManager(from, key, type)
  const gate = state.gates.get(gateName(key, count))
  // Nobody leaves before the final answer, and no share goes but by the next one: there is no late message.
  expectOfPeer(gate !== undefined, `${type} for a barrier where nobody waits`)
  if (message.type === 'BarrierAsk') {
    expectOfPeer(!gate.owes, 'BarrierAsk comes twice')
    return change(state, { gate }, 'Ask', 'message', effects)
  }
  if (message.type === 'BarrierOut') return out(state, gate, message.number, effects)
  const { arrived } = message
  expectOfPeer(Number.isInteger(arrived) && arrived > 0 && arrived <= gate.told, `${type} for ${arrived}`)
  if (message.type === 'BarrierGo') {
    const { share } = message
    expectOfPeer(share === 0 || isBarrierCount(share), `BarrierGo with a share of ${share}`)
  } else refusalOf(0, message.error, message.detail) // before anything changes
  change(state, { gate, answer: message }, message.type === 'BarrierGo' ? 'Go' : 'Refused', 'message', effects)
}

/** Whoever waits with that ticket would wait no more. One that is reported awaits what its manager says. */
export function gateCancelled(state: SyncState, ticket: number, effects: SyncEffect[]): void {
  const gate = state.gates.get(state.stays.get(ticket) ?? '')
  const stay = gate?.queue.find((one) => one.ticket === ticket)
  if (gate === undefined || stay === undefined || stay.quits !== undefined) return
  stay.quits = 'TIMEOUT'
  change(state, { gate, stay }, quitting(gate, stay), 'local', effects)
}

export function gatesExit(state: SyncState, process: number, effects: SyncEffect[]): void {
  for (const gate of [...state.gates.values()]) {
    for (const stay of gate.queue) {
      if (stay.process !== process || stay.dead) continue
      stay.dead = true
      state.stays.delete(stay.ticket)
      // What it has said already comes first: it has quit, or gone.
      if (stay.number > 0 && stay.quits !== undefined) continue
      step(state, { gate, stay }, stay.number === 0 ? 'Died' : 'DiedTold', 'local', effects)
    }
    follow(state, gate, effects)
  }
}

export function gatesLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  for (const gate of [...state.gates.values()]) {
    if (managerOf(gate.key) === node) step(state, { gate }, 'ManagerLost', 'local', effects)
  }
}

function out(state: SyncState, gate: Gate, number: number, effects: SyncEffect[]): void {
  const stay = gate.queue.slice(0, gate.told).find((one) => one.number === number)
  expectOfPeer(stay?.quits !== undefined, `BarrierOut of ${number}, which has not quit`)
  change(state, { gate, stay }, 'Out', 'message', effects)
}

function quitting({ queue, told }: Gate, { number }: Stay): GateEvent {
  if (number > 0) return 'QuitTold'
  return queue.length - told > 1 ? 'QuitHeld' : 'QuitLast'
}

/** One event, and whatever follows from it here. */
function change(
  state: SyncState,
  cause: Cause,
  event: GateEvent,
  source: 'message' | 'local',
  effects: SyncEffect[],
): void {
  step(state, cause, event, source, effects)
  follow(state, cause.gate, effects)
}

function follow(state: SyncState, gate: Gate, effects: SyncEffect[]): void {
  if (gate.state === 'Holding' && gate.queue.length >= gate.share) step(state, { gate }, 'Report', 'local', effects)
  // Who is held back is not the last to come.
  while (gate.state === 'Holding') {
    const stay = gate.queue.find(({ number, quits, dead }) => number === 0 && quits !== undefined && !dead)
    if (stay === undefined) break
    step(state, { gate, stay }, quitting(gate, stay), 'local', effects)
  }
  if (gate.state === 'Told' && gate.queue.length === 0) step(state, { gate }, 'Left', 'local', effects)
}

function step(
  state: SyncState,
  cause: Cause,
  event: GateEvent,
  source: 'message' | 'local',
  effects: SyncEffect[],
): void {
  const { gate } = cause
  const { next, actions } = lookUp(gateTable, gate.state, event, source)
  for (const action of actions) ACTIONS[action](state, cause, effects)
  gate.state = next
  const name = gateName(gate.key, gate.count)
  if (next === 'Empty' && gate.share === 0) state.gates.delete(name)
  else state.gates.set(name, gate)
}

const ACTIONS: Readonly<Record<GateAction, (state: SyncState, cause: Cause, effects: SyncEffect[]) => void>> = {
  enter: (state, { gate, stay }) => {
    assert(stay !== undefined, 'gate: nobody to enter')
    gate.queue.push(stay)
    state.stays.set(stay.ticket, gateName(gate.key, gate.count))
  },
  release: (state, { gate }, effects) => {
    gate.covered = Math.min(gate.queue.length - gate.told, COUNT_MAX)
    effects.push(releaseFor(state, { what: 'gate', name: gateName(gate.key, gate.count) }))
  },
  sendArrive: (state, { gate }, effects) => {
    if (gate.covered === 0 && !gate.owes) return // they have all quit meanwhile
    const reported = gate.queue.slice(gate.told, gate.told + gate.covered)
    for (const stay of reported) stay.number = ++state.lastArrival
    arrive(gate, gate.covered === 0 ? 0 : state.lastArrival - gate.covered + 1, effects)
    for (const stay of reported) {
      if (stay.dead) leave(gate, stay, effects)
      else if (stay.quits !== undefined) quit(gate, stay, effects)
    }
    gate.told += gate.covered
    gate.covered = 0
  },
  sendLeave: (_state, { gate, stay }, effects) => {
    assert(stay !== undefined, 'gate: nobody leaves')
    leave(gate, stay, effects)
  },
  sendQuit: (_state, { gate, stay }, effects) => {
    assert(stay !== undefined, 'gate: nobody quits')
    quit(gate, stay, effects)
  },
  withdraw: (state, { gate, stay }, effects) => {
    assert(stay !== undefined && stay.number === 0, 'gate: nobody quits that can by itself')
    const at = gate.queue.indexOf(stay)
    gate.queue.splice(at, 1)
    if (at < gate.told + gate.covered) gate.covered--
    refuseQuit(state, stay, effects)
  },
  takeOut: (state, { gate, stay }, effects) => {
    assert(stay !== undefined, 'gate: nobody is out')
    gate.queue.splice(gate.queue.indexOf(stay), 1)
    gate.told--
    if (!stay.dead) refuseQuit(state, stay, effects)
  },
  loseShare: (_state, { gate }) => {
    gate.share = 0
  },
  oweAnswer: (_state, { gate }) => {
    gate.owes = true
  },
  answer: (_state, { gate }, effects) => {
    gate.owes = true
    arrive(gate, 0, effects)
  },
  acquire: (_state, _cause, effects) => effects.push({ do: 'Acquire' }),
  letGo: (state, { gate, answer }, effects) => {
    assert(answer?.type === 'BarrierGo', 'gate: nobody goes')
    // One is there when anybody is.
    gate.share = answer.share > 1 ? answer.share : 0
    for (const { ticket } of leaving(state, gate, answer))
      effects.push({ do: 'Answer', ticket, answer: { is: 'done' } })
  },
  refuse: (state, { gate, answer }, effects) => {
    assert(answer?.type === 'BarrierRefused', 'gate: nobody is refused')
    gate.share = 0
    for (const { ticket } of leaving(state, gate, answer)) effects.push(refusalOf(ticket, answer.error, answer.detail))
  },
  refuseLost: (state, { gate }, effects) => {
    for (const { ticket, dead } of gate.queue) {
      if (dead) continue
      state.stays.delete(ticket)
      effects.push(managerLost(ticket, gate.key))
    }
  },
}

/** The final answer is there for the first who are reported. Gives those of them that live. */
function leaving(state: SyncState, gate: Gate, { arrived }: Answer): Stay[] {
  gate.told -= arrived
  const alive = gate.queue.splice(0, arrived).filter(({ dead }) => !dead)
  for (const { ticket } of alive) state.stays.delete(ticket)
  return alive
}

const WHY_QUIT = { TIMEOUT: 'not all came to the barrier in time', BUSY: 'others have yet to come to the barrier' }

function refuseQuit(state: SyncState, { ticket, quits }: Stay, effects: SyncEffect[]): void {
  assert(quits !== undefined, 'gate: it has not quit')
  state.stays.delete(ticket)
  effects.push({ do: 'Refuse', ticket, error: quits, detail: WHY_QUIT[quits] })
}

/** Reports those whom the release covers. */
function arrive(gate: Gate, first: number, effects: SyncEffect[]): void {
  const { key, count, covered, owes } = gate
  const message = { type: 'BarrierArrive', key, count, first, arrived: covered, answers: owes } as const
  effects.push({ do: 'Send', to: managerOf(key), message })
  gate.owes = false
}

function leave({ key }: Gate, { number }: Stay, effects: SyncEffect[]): void {
  effects.push({ do: 'Send', to: managerOf(key), message: { type: 'BarrierLeave', key, number } })
}

function quit({ key }: Gate, { number }: Stay, effects: SyncEffect[]): void {
  effects.push({ do: 'Send', to: managerOf(key), message: { type: 'BarrierQuit', key, number } })
}

function gateName(key: string, count: number): string {
  return `${count} ${key}`
}

function emptyGate(key: string, count: number): Gate {
  return { state: 'Empty', key, count, share: 0, queue: [], told: 0, covered: 0, owes: false }
}
