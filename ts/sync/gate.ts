/**
 * The asking side of barriers: one gate is the threads of this node that wait at one barrier for one count. They share
 * their frames, so one release makes known what all of them wrote, and one message reports them: when this node's share
 * has come, or at once when it has none (barrier.ts says why that cannot hang). Those who come while a release is under
 * way are reported after the next one.
 *
 * In a tree (tree.ts) the share is reported to the parent there (branch.ts), with no more and no less, as soon as it is
 * here and known. Whatever else happens has the manager ask; then those who had been reported so are reported again, to
 * it.
 *
 * Where one of its processes meets the others directly (direct.ts), nobody is reported, and the manager is answered
 * when that one has parted.
 */
import { assert } from '../base/assert.js'
import { expectOfPeer, isCount, refusalOf } from '../base/expect.js'
import { NODES_MAX, type NodeId } from '../base/ids.js'
import type { LocalRequest } from '../base/requests.js'
import { branchCut, branchDown, branchOf, branchReady, branchUp, isCut, isUp } from './branch.js'
import {
  directAsked,
  directCame,
  directExit,
  directGo,
  directLine,
  directManagerLost,
  expectOffer,
  isStanding,
  readiness,
  type LineEvent,
} from './direct.js'
import { gateTable, type GateAction, type GateEvent } from './gate.table.js'
import { expectManager, managerLost, managerOf } from './manager.js'
import type { SyncMessage } from './messages.js'
import {
  COUNT_MAX,
  gateName,
  isBarrierCount,
  isKey,
  releaseFor,
  type Gate,
  type Stay,
  type SyncEffect,
  type SyncState,
} from './state.js'
import { lookUp } from './table.js'
import { TREE_ARITY } from './tree.js'
import { broken, isOwed, toldBroken, veteranExit, went, type Broken } from './veterans.js'

export type GateMessage = Extract<SyncMessage, { type: 'BarrierAsk' | 'BarrierGo' | 'BarrierOut' | 'BarrierRefused' }>
export type TreeMessage = Extract<SyncMessage, { type: 'BarrierUp' | 'BarrierDown' }>
type Ask = Extract<GateMessage, { type: 'BarrierAsk' }>
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
  { key, count, process, patient, shape, direct }: BarrierRequest,
  effects: SyncEffect[],
): void {
  if (isOwed(state, key, count, process)) {
    effects.push({ do: 'Refuse', ticket, error: 'NODE_LOST', detail: DIED })
    return
  }
  const gate = state.gates.get(gateName(key, count)) ?? emptyGate(key, count)
  const quits = patient ? undefined : ('BUSY' as const)
  const stay = { ticket, process, number: 0, dead: false, quits, direct: direct && shape === 'auto' }
  gate.shape = shape
  if (shape === 'central') branchCut(gate, effects)
  change(state, { gate, stay }, 'Arrive', 'local', effects)
}

/** Of the lines of a barrier that is direct, or is to be. */
export function gateLine(state: SyncState, event: LineEvent, effects: SyncEffect[]): void {
  // Of an offer that is there no more, nothing is to be said.
  const gate = state.gates.get(gateName(event.key, event.count))
  if (gate !== undefined && directLine(gate, event, effects)) change(state, { gate }, 'Ask', 'local', effects)
}

/** What was written here is known, and those who wait for that are reported. */
export function gateReleased(state: SyncState, name: string, effects: SyncEffect[]): void {
  const gate = state.gates.get(name)
  // Meanwhile its manager was lost.
  if (gate === undefined) return
  change(state, { gate }, howReleased(gate), 'local', effects)
}

function howReleased({ branch, told, covered, share, queue }: Gate): GateEvent {
  // Perhaps all for whom that was have quit.
  if (branch === undefined || told === queue.length)
    return told + covered === queue.length ? 'Released' : 'ReleasedSome'
  if (told > 0 || covered < share) return 'ReleasedShort'
  return queue.length > share ? 'ReleasedTreeSome' : 'ReleasedTree'
}

export function gateMessage(state: SyncState, from: NodeId, message: GateMessage, effects: SyncEffect[]): void {
  const { type, key, count } = message
  expectManager(from, key, type)
  const gate = state.gates.get(gateName(key, count))
  // Nobody leaves before the final answer, and no share goes but by the next one: there is no late message.
  expectOfPeer(gate !== undefined, `${type} for a barrier where nobody waits`)
  if (message.type === 'BarrierAsk') {
    expectOfPeer(!gate.owes, 'BarrierAsk comes twice')
    return asked(state, gate, message, effects)
  }
  if (message.type === 'BarrierOut') return out(state, gate, message.number, effects)
  const { arrived } = message
  const isAsked = gate.direct?.state === 'Parting'
  expectOfPeer(isAsked || !isStanding(gate.direct), `${type} beside a direct barrier`)
  expectOfPeer(Number.isInteger(arrived) && arrived > 0 && arrived <= gate.told, `${type} for ${arrived}`)
  if (message.type === 'BarrierGo') {
    const { share } = message
    expectOfPeer(share === 0 || isBarrierCount(share), `BarrierGo with a share of ${share}`)
    const { tree, parent, kids } = message
    expectOfPeer(isCount(tree) && (tree === 0 || share > 0), `BarrierGo with tree ${tree}`)
    expectOfPeer(tree === 0 || (isCount(parent) && parent < NODES_MAX), `BarrierGo with parent ${parent}`)
    expectOfPeer(kids.length <= TREE_ARITY && kids.every(isOther(state)), `BarrierGo with kids ${kids.join()}`)
    expectOfPeer(gate.branch === undefined, 'BarrierGo beside a tree')
    expectOfPeer(isCount(message.meeting), `BarrierGo of episode ${message.meeting}`)
    expectOffer(state.self, gate, message)
    branchOf(gate, message) // before anything changes
  } else refusalOf(0, message.error, message.detail) // before anything changes
  change(state, { gate, answer: message }, message.type === 'BarrierGo' ? 'Go' : 'Refused', 'message', effects)
}

/** What travels by a tree; of one that stands no more, it is ignored. */
export function treeMessage(state: SyncState, from: NodeId, message: TreeMessage, effects: SyncEffect[]): void {
  const { type, key, count, tree, episode } = message
  expectOfPeer(isKey(key) && isCount(tree) && tree > 0 && isCount(episode) && episode > 0, `${type} of tree ${tree}`)
  const gate = state.gates.get(gateName(key, count))
  if (message.type === 'BarrierUp') return branchUp(gate, from, message, effects)
  if (branchDown(gate, from, message, effects) && gate !== undefined)
    change(state, { gate }, 'Down', 'message', effects)
}

/** The tree, if there was one, stands no more; as many of its episodes are over as the manager says. */
function asked(state: SyncState, gate: Gate, { tree, episode }: Ask, effects: SyncEffect[]): void {
  const { branch } = gate
  expectOfPeer(tree === (branch?.tree ?? 0), `BarrierAsk of tree ${tree}`)
  if (branch !== undefined && episode !== branch.episode) {
    expectOfPeer(episode === branch.episode + 1 && isUp(branch), `BarrierAsk after episode ${episode}`)
    step(state, { gate }, 'Down', 'message', effects)
  }
  if (directAsked(gate, effects)) return
  const isTold = branch !== undefined && gate.told > 0 && gate.queue[0]?.number === 0
  change(state, { gate }, isTold ? 'AskTold' : 'Ask', 'message', effects)
}

/** Whoever waits with that ticket would wait no more. One that is reported awaits what its manager says. */
export function gateCancelled(state: SyncState, ticket: number, effects: SyncEffect[]): void {
  const gate = state.gates.get(state.stays.get(ticket) ?? '')
  const stay = gate?.queue.find((one) => one.ticket === ticket)
  if (gate !== undefined && stay !== undefined) giveUp(state, gate, stay, 'TIMEOUT', effects)
}

/** One has died that was here in that episode, or on another node: whoever was, too, waits no more. */
export function gateBroken(state: SyncState, from: NodeId, message: Broken, effects: SyncEffect[]): void {
  const { type, key, count } = message
  expectManager(from, key, type)
  const processes = new Set(broken(state, message))
  const gate = state.gates.get(gateName(key, count))
  if (gate === undefined || processes.size === 0) return
  for (const stay of [...gate.queue]) {
    if (stay.dead || !processes.has(stay.process)) continue
    toldBroken(state, gate, stay.process)
    giveUp(state, gate, stay, 'NODE_LOST', effects)
  }
}

function giveUp(state: SyncState, gate: Gate, stay: Stay, why: 'TIMEOUT' | 'NODE_LOST', effects: SyncEffect[]): void {
  if (stay.quits !== undefined) return
  stay.quits = why
  gate.restless++
  if (isToldByTree(gate, stay)) branchCut(gate, effects)
  else change(state, { gate, stay }, quitting(gate, stay), 'local', effects)
}

/** It is reported, but not to the manager. */
function isToldByTree({ branch, queue, told }: Gate, stay: Stay): boolean {
  return branch !== undefined && stay.number === 0 && queue.indexOf(stay) < told
}

export function gatesExit(
  state: SyncState,
  process: number,
  died: boolean,
  waited: boolean,
  effects: SyncEffect[],
): void {
  const missed = veteranExit(state, process, died, effects)
  for (const gate of [...state.gates.values()]) {
    const isMissed = missed.has(gateName(gate.key, gate.count))
    for (const stay of [...gate.queue]) {
      if (stay.process !== process || stay.dead) continue
      stay.dead = true
      state.stays.delete(stay.ticket)
      // Those who were there with it are told by that; others need not be.
      if (isMissed && stay.quits === undefined) {
        giveUp(state, gate, stay, 'NODE_LOST', effects)
        continue
      }
      if (stay.quits === undefined) gate.restless++
      // What it has said already comes first: it has quit, or gone.
      if (stay.number > 0 && stay.quits !== undefined) continue
      if (stay.number === 0 && gate.branch !== undefined) branchCut(gate, effects)
      else step(state, { gate, stay }, stay.number === 0 ? 'Died' : 'DiedTold', 'local', effects)
    }
    const breaks = (died || waited) && !isMissed
    if (directExit(gate, process, breaks, effects)) step(state, { gate }, 'Ask', 'local', effects)
    follow(state, gate, effects)
  }
}

export function gatesLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  for (const gate of [...state.gates.values()]) {
    if (managerOf(gate.key) !== node) continue
    directManagerLost(gate, effects)
    step(state, { gate }, 'ManagerLost', 'local', effects)
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
  if (gate.state === 'Holding' && isComplete(gate)) step(state, { gate }, 'Report', 'local', effects)
  // Who is held back is not the last to come.
  while (gate.restless > 0 && gate.state === 'Holding' && gate.queue.length < gate.share) {
    const stay = gate.queue.slice(gate.told).find(({ quits, dead }) => quits !== undefined && !dead)
    if (stay === undefined) break
    step(state, { gate, stay }, quitting(gate, stay), 'local', effects)
  }
  if (gate.state === 'Holding' && !isUsual(gate)) branchCut(gate, effects)
  if (gate.queue.length > 0) directCame(gate, effects)
  if (gate.state === 'Told' && gate.queue.length === 0) step(state, { gate }, 'Left', 'local', effects)
}

/** Who is not reported is to be. */
function isComplete({ branch, direct, share, told, queue }: Gate): boolean {
  if (isStanding(direct)) return false
  if (branch === undefined) return queue.length >= share
  return told === 0 && queue.length === share && !isCut(branch)
}

/** Nothing is here that a tree cannot tell. */
function isUsual({ restless, share, queue }: Gate): boolean {
  return restless === 0 && queue.length <= share
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
  if (next === 'Empty' && gate.share === 0 && gate.direct === undefined) state.gates.delete(name)
  else state.gates.set(name, gate)
}

const ACTIONS: Readonly<Record<GateAction, (state: SyncState, cause: Cause, effects: SyncEffect[]) => void>> = {
  enter: (state, { gate, stay }) => {
    assert(stay !== undefined, 'gate: nobody to enter')
    gate.queue.push(stay)
    if (stay.quits !== undefined) gate.restless++
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
      if (stay.quits !== undefined) quit(gate, stay, effects)
      else if (stay.dead) leave(gate, stay, effects)
    }
    gate.told += gate.covered
    gate.covered = 0
  },
  tell: (_state, { gate }, effects) => {
    gate.told = gate.share
    gate.covered = 0
    if (isUsual(gate)) branchReady(gate, effects)
    else branchCut(gate, effects)
  },
  uncover: (_state, { gate }) => {
    gate.covered = 0
  },
  retell: (state, cause, effects) => {
    const { gate } = cause
    gate.covered = gate.told
    gate.told = 0
    gate.owes = true
    ACTIONS.sendArrive(state, cause, effects)
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
    gate.restless--
    if (!stay.dead) refuseQuit(state, stay, effects)
  },
  takeOut: (state, { gate, stay }, effects) => {
    assert(stay !== undefined, 'gate: nobody is out')
    gate.queue.splice(gate.queue.indexOf(stay), 1)
    gate.told--
    gate.restless--
    if (!stay.dead) refuseQuit(state, stay, effects)
  },
  loseShare: (_state, { gate }) => {
    gate.share = 0
    gate.branch = undefined
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
    gate.share = answer.share > 1 || answer.tree > 0 ? answer.share : 0
    gate.branch = branchOf(gate, answer)
    gate.early = undefined
    const isDirect = directGo(gate, answer, gate.queue[0]!, effects)
    for (const { ticket } of going(state, gate, answer.arrived, answer.meeting, effects)) {
      const is = isDirect ? ({ is: 'direct', number: answer.offer } as const) : ({ is: 'done' } as const)
      effects.push({ do: 'Answer', ticket, answer: is })
    }
  },
  letGoShare: (state, { gate }, effects) => {
    for (const { ticket } of going(state, gate, gate.share, undefined, effects))
      effects.push({ do: 'Answer', ticket, answer: { is: 'done' } })
  },
  refuse: (state, { gate, answer }, effects) => {
    assert(answer?.type === 'BarrierRefused', 'gate: nobody is refused')
    gate.share = 0
    for (const { ticket, process, dead } of leaving(state, gate, answer.arrived)) {
      if (dead) continue
      if (answer.error === 'NODE_LOST') toldBroken(state, gate, process)
      effects.push(refusalOf(ticket, answer.error, answer.detail))
    }
  },
  refuseLost: (state, { gate }, effects) => {
    for (const { ticket, dead } of gate.queue) {
      if (dead) continue
      state.stays.delete(ticket)
      effects.push(managerLost(ticket, gate.key))
    }
  },
}

/** All have come with the first who are reported. Gives those of them that live. @param meeting as for went */
function going(
  state: SyncState,
  gate: Gate,
  arrived: number,
  meeting: number | undefined,
  effects: SyncEffect[],
): Stay[] {
  const gone = leaving(state, gate, arrived)
  went(state, gate, gone, meeting, effects)
  return gone.filter(({ dead }) => !dead)
}

/** The final answer is there for the first who are reported. */
function leaving(state: SyncState, gate: Gate, arrived: number): Stay[] {
  gate.told -= arrived
  const gone = gate.queue.splice(0, arrived)
  if (gate.restless > 0) gate.restless -= gone.filter(({ dead, quits }) => dead || quits !== undefined).length
  for (const { ticket, dead } of gone) if (!dead) state.stays.delete(ticket)
  return gone
}

const DIED = 'one has died, or its node is lost, that was at the barrier last time'
const WHY_QUIT = {
  TIMEOUT: 'not all came to the barrier in time',
  BUSY: 'others have yet to come to the barrier',
  NODE_LOST: DIED,
}

function refuseQuit(state: SyncState, { ticket, quits }: Stay, effects: SyncEffect[]): void {
  assert(quits !== undefined, 'gate: it has not quit')
  state.stays.delete(ticket)
  effects.push({ do: 'Refuse', ticket, error: quits, detail: WHY_QUIT[quits] })
}

/** Reports those whom the release covers. */
function arrive(gate: Gate, first: number, effects: SyncEffect[]): void {
  const { key, count, covered: arrived, owes: answers, shape } = gate
  const { willing, ready } = readiness(gate, arrived === 1 ? gate.queue[gate.told] : undefined)
  const message = { type: 'BarrierArrive', key, count, first, arrived, answers, shape, willing, ready } as const
  effects.push({ do: 'Send', to: managerOf(key), message })
  gate.owes = false
}

function leave({ key }: Gate, { number }: Stay, effects: SyncEffect[]): void {
  effects.push({ do: 'Send', to: managerOf(key), message: { type: 'BarrierLeave', key, number } })
}

function quit({ key }: Gate, { number }: Stay, effects: SyncEffect[]): void {
  effects.push({ do: 'Send', to: managerOf(key), message: { type: 'BarrierQuit', key, number } })
}

function isOther({ self }: SyncState): (node: NodeId) => boolean {
  return (node) => isCount(node) && node < NODES_MAX && node !== self
}

function emptyGate(key: string, count: number): Gate {
  const told = { queue: [], told: 0, covered: 0, restless: 0, owes: false }
  const plain = { share: 0, branch: undefined, direct: undefined, early: undefined, shape: 'auto' as const }
  return { state: 'Empty', key, count, ...plain, ...told }
}
