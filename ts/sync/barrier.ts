/**
 * Barriers at their manager. One that has let everybody go is forgotten, and so may be used again
 * at once, with another count too. When a participant dies that others wait with, the barrier breaks
 * for all of them: they could wait for ever, or go with one too few.
 */
import { expectOfPeer, isCount } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import { barrierTable, type BarrierAction, type BarrierEvent } from './barrier.table.js'
import type { SyncMessage } from './messages.js'
import {
  BARRIERS_MAX,
  isBarrierCount,
  type Barrier,
  type Participant,
  type SyncEffect,
  type SyncState,
} from './state.js'
import { lookUp } from './table.js'

export type BarrierMessage = Extract<SyncMessage, { type: 'BarrierArrive' | 'BarrierLeave' }>

interface Cause {
  readonly barrier: Barrier
  /** Who arrives or leaves. */
  readonly who: Participant
  /** No answer goes there. */
  readonly lost: NodeId | undefined
}

/** @param message checked already: this node manages the key */
export function barrierMessage(state: SyncState, from: NodeId, message: BarrierMessage, effects: SyncEffect[]): void {
  const { key, ticket } = message
  if (message.type === 'BarrierLeave') {
    const barrier = state.barriers.get(key) ?? empty(0)
    const waits = barrier.waiting.some((other) => other.node === from && other.ticket === ticket)
    const cause = { barrier, who: { node: from, ticket, process: 0 }, lost: undefined }
    step(state, key, cause, waits ? 'Leave' : 'Stray', 'message', effects)
    return
  }
  const { process, count } = message
  expectOfPeer(isBarrierCount(count) && isCount(process), `BarrierArrive for ${count}`)
  const barrier = state.barriers.get(key) ?? empty(count)
  const cause = { barrier, who: { node: from, ticket, process }, lost: undefined }
  step(state, key, cause, classifyArrival(state, barrier, count), 'message', effects)
}

export function barriersLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  for (const [key, barrier] of [...state.barriers]) {
    const who = barrier.waiting.find((participant) => participant.node === node)
    if (who !== undefined) step(state, key, { barrier, who, lost: node }, 'Leave', 'local', effects)
  }
}

function classifyArrival(state: SyncState, barrier: Barrier, count: number): BarrierEvent {
  if (barrier.count !== count) return 'ArriveMismatch'
  if (barrier.waiting.length + 1 === count) return 'ArriveLast'
  return barrier.state === 'Empty' && state.barriers.size >= BARRIERS_MAX ? 'ArriveFull' : 'Arrive'
}

function step(
  state: SyncState,
  key: string,
  cause: Cause,
  event: BarrierEvent,
  source: 'message' | 'local',
  effects: SyncEffect[],
): void {
  const { barrier } = cause
  const { next, actions } = lookUp(barrierTable, barrier.state, event, source)
  barrier.state = next
  for (const action of actions) ACTIONS[action](cause, effects)
  if (next === 'Empty') state.barriers.delete(key)
  else state.barriers.set(key, barrier)
}

const ACTIONS: Readonly<Record<BarrierAction, (cause: Cause, effects: SyncEffect[]) => void>> = {
  join: ({ barrier, who }) => barrier.waiting.push(who),
  releaseAll: ({ barrier }, effects) => {
    for (const { node, ticket } of barrier.waiting) {
      effects.push({ do: 'Send', to: node, message: { type: 'BarrierGo', ticket } })
    }
  },
  breakUp: ({ barrier, who, lost }, effects) => {
    const how = lost === undefined ? `its process on node ${who.node} has ended` : `node ${lost} is lost`
    for (const participant of barrier.waiting) {
      if (participant.node !== lost) refuse(participant, 'NODE_LOST', `a participant died: ${how}`, effects)
    }
  },
  refuseMismatch: ({ barrier, who }, effects) => {
    const detail = `${barrier.waiting.length} wait at this barrier already, for ${barrier.count} to come`
    refuse(who, 'BARRIER_MISMATCH', detail, effects)
  },
  refuseFull: ({ who }, effects) => refuse(who, 'LIMIT', `${BARRIERS_MAX} barriers are in use`, effects),
}

function refuse(
  { node, ticket }: Participant,
  error: 'NODE_LOST' | 'BARRIER_MISMATCH' | 'LIMIT',
  detail: string,
  effects: SyncEffect[],
): void {
  effects.push({ do: 'Send', to: node, message: { type: 'BarrierRefused', ticket, error, detail } })
}

function empty(count: number): Barrier {
  return { state: 'Empty', count, waiting: [] }
}
