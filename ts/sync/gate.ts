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

export type GateMessage = Extract<SyncMessage, { type: 'BarrierAsk' | 'BarrierGo' | 'BarrierRefused' }>
type Answer = Exclude<GateMessage, { type: 'BarrierAsk' }>
type BarrierRequest = Extract<LocalRequest, { readonly op: 'barrier' }>

interface Cause {
  readonly gate: Gate
  /** Who arrives, or whose process has ended. */
  readonly stay?: Stay
  /** For the first of those who are reported. */
  readonly answer?: Answer
}

/** @param request checked already: a key whose manager lives, a count that can be */
export function gateRequest(
  state: SyncState,
  ticket: number,
  { key, count, process }: BarrierRequest,
  effects: SyncEffect[],
): void {
  const gate = state.gates.get(gateName(key, count)) ?? emptyGate(key, count)
  const stay = { ticket, process, number: 0, dead: false }
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
  const { arrived } = message
  expectOfPeer(Number.isInteger(arrived) && arrived > 0 && arrived <= gate.told, `${type} for ${arrived}`)
  if (message.type === 'BarrierGo') {
    const { share } = message
    expectOfPeer(share === 0 || isBarrierCount(share), `BarrierGo with a share of ${share}`)
  } else refusalOf(0, message.error, message.detail) // before anything changes
  change(state, { gate, answer: message }, message.type === 'BarrierGo' ? 'Go' : 'Refused', 'message', effects)
}

export function gatesExit(state: SyncState, process: number, effects: SyncEffect[]): void {
  for (const gate of [...state.gates.values()]) {
    for (const stay of gate.queue) {
      if (stay.process !== process || stay.dead) continue
      stay.dead = true
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
  enter: (_state, { gate, stay }) => {
    assert(stay !== undefined, 'gate: nobody to enter')
    gate.queue.push(stay)
  },
  release: (state, { gate }, effects) => {
    gate.covered = Math.min(gate.queue.length - gate.told, COUNT_MAX)
    effects.push(releaseFor(state, { what: 'gate', name: gateName(gate.key, gate.count) }))
  },
  sendArrive: (state, { gate }, effects) => {
    const reported = gate.queue.slice(gate.told, gate.told + gate.covered)
    for (const stay of reported) stay.number = ++state.lastArrival
    arrive(gate, state.lastArrival - gate.covered + 1, effects)
    for (const stay of reported) if (stay.dead) leave(gate, stay, effects)
    gate.told += gate.covered
    gate.covered = 0
  },
  sendLeave: (_state, { gate, stay }, effects) => {
    assert(stay !== undefined, 'gate: nobody leaves')
    leave(gate, stay, effects)
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
  letGo: (_state, { gate, answer }, effects) => {
    assert(answer?.type === 'BarrierGo', 'gate: nobody goes')
    // One is there when anybody is.
    gate.share = answer.share > 1 ? answer.share : 0
    for (const { ticket } of leaving(gate, answer)) effects.push({ do: 'Answer', ticket, answer: { is: 'done' } })
  },
  refuse: (_state, { gate, answer }, effects) => {
    assert(answer?.type === 'BarrierRefused', 'gate: nobody is refused')
    gate.share = 0
    for (const { ticket } of leaving(gate, answer)) effects.push(refusalOf(ticket, answer.error, answer.detail))
  },
  refuseLost: (_state, { gate }, effects) => {
    for (const { ticket, dead } of gate.queue) if (!dead) effects.push(managerLost(ticket, gate.key))
  },
}

/** The final answer is there for the first who are reported. Gives those of them that live. */
function leaving(gate: Gate, { arrived }: Answer): Stay[] {
  gate.told -= arrived
  return gate.queue.splice(0, arrived).filter(({ dead }) => !dead)
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

function gateName(key: string, count: number): string {
  return `${count} ${key}`
}

function emptyGate(key: string, count: number): Gate {
  return { state: 'Empty', key, count, share: 0, queue: [], told: 0, covered: 0, owes: false }
}
