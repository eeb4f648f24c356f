/**
 * Direct barriers at a node. Where the same processes meet again and again, one of each node, their daemons give them
 * lines, and then they meet by themselves: no gate hears of it. This file knows one of them, at its gate: that lines
 * are to be made for it, whether they are, that it meets the others so, and that this must end.
 *
 * What is true, and what rests on it:
 * - An episode gets over for all of them that live, or for none, and for none after the root's node has been told to
 *   Part. So when all nodes have parted theirs, whoever waits has come to its gate as others do, and nobody is counted
 *   twice.
 * - Before `parted` is said, a process that was waiting has come to its gate. So what the manager is answered then is
 *   all that there is, and until then it is not answered.
 * - Whatever comes to the gate while its process meets directly is not reported, but has the manager ask: only when all
 *   have parted is it known who waits.
 * - A process that dies may have been waiting. The manager is told so (BarrierUproot) before it is answered, and then
 *   the barrier breaks for those who wait.
 * - Each Introduce is followed by one Part, unless its process has ended before that, or has parted by itself: then
 *   there is nobody to be parted. Only the Part of a barrier that stands is answered by `parted`.
 */
import { assert } from '../base/assert.js'
import { expectOfPeer, isCount } from '../base/expect.js'
import { NODES_MAX, type NodeId } from '../base/ids.js'
import { directTable, type DirectAction, type DirectEvent, type DirectStateName } from './direct.table.js'
import { managerOf } from './manager.js'
import type { SyncMessage } from './messages.js'
import { DIRECT_MAX } from './offer.js'
import type { Gate, Stay, SyncEffect } from './state.js'
import { lookUp, type Source } from './table.js'

/** What is to be done about the lines of a barrier, which its key, its count and the manager's number for the offer
 * name. */
export type LineEffect =
  /** Lines are to be made for that local process: on the root one to each of the peers, on these one to the root. Once
   * for each number. */
  | {
      readonly do: 'Introduce'
      readonly key: string
      readonly count: number
      readonly number: number
      readonly process: number
      readonly root: NodeId
      readonly peers: readonly NodeId[]
    }
  /** The offer is taken back, or the direct barrier ends: once for each Introduce, unless its process has ended before
   * or it has parted by itself. In the second case the answer is `parted`; no episode gets over after this at the
   * root's node. */
  | { readonly do: 'Part'; readonly key: string; readonly count: number; readonly number: number }

export interface LineEvent {
  readonly is: 'line'
  /**
   * ready: the lines of that offer are made.
   * unfit: they cannot be, or must not be used any more.
   * parted: the process is not waiting there any more. If it was, in an episode that did not get over, it has been
   * submitted before this as a request.
   */
  readonly what: 'ready' | 'unfit' | 'parted'
  readonly key: string
  readonly count: number
  readonly number: number
}

/** At a gate. */
export interface Direct {
  state: DirectStateName
  /** The manager's number for the offer. */
  readonly number: number
  readonly process: number
  readonly root: NodeId
  readonly peers: readonly NodeId[]
  /** Its last arrival was reported as ready. */
  said: boolean
  /** Its process has ended, and had said that it would. */
  died: boolean
  orderly: boolean
}

type Go = Extract<SyncMessage, { readonly type: 'BarrierGo' }>

interface Cause {
  readonly gate: Gate
  readonly direct: Direct
}

const EVENTS = { ready: 'Made', unfit: 'Unfit', parted: 'Parted' } as const

/** What BarrierGo says of an offer can be. @throws PeerError */
export function expectOffer(self: NodeId, { direct: known }: Gate, go: Go): void {
  const { offer, root, peers, direct, arrived, share, tree } = go
  expectOfPeer(isCount(offer) && (offer > 0 || !direct), `BarrierGo with offer ${offer}`)
  if (offer === 0) return
  const nodes = [root, ...peers]
  expectOfPeer(arrived === 1 && share === 1 && tree === 0, `BarrierGo with offer ${offer} for ${arrived}`)
  expectOfPeer(
    peers.length > 0 && nodes.length <= DIRECT_MAX && nodes.every(isNode),
    `BarrierGo with nodes ${nodes.join()}`,
  )
  expectOfPeer(new Set(nodes).size === nodes.length && nodes.includes(self), `BarrierGo with nodes ${nodes.join()}`)
  expectOfPeer(!isStanding(known), 'BarrierGo with an offer beside a direct barrier')
  const isKnown = known?.number === offer
  expectOfPeer(!direct || (isKnown && known.said), `BarrierGo is direct, and offer ${offer} was not said to be ready`)
  if (!isKnown) return
  expectOfPeer(
    known.root === root && known.peers.join() === peers.join(),
    `BarrierGo with offer ${offer} of other nodes`,
  )
}

/** An episode is over: what becomes of offers. @param first who goes, and is one alone if there is an offer
 * @returns true if it meets the others directly from now on */
export function directGo(gate: Gate, { offer, root, peers, direct }: Go, first: Stay, effects: SyncEffect[]): boolean {
  // One that is asked about, or will be, ends when all have parted.
  if (isStanding(gate.direct)) return false
  if (gate.direct?.number === offer) {
    gate.direct.said = false
    step(gate, direct ? 'Stand' : 'Again', 'message', effects)
    return gate.direct.state === 'Standing'
  }
  if (gate.direct !== undefined) step(gate, 'Withdraw', 'message', effects)
  if (offer === 0) return false
  const { process, dead } = first
  gate.direct = { state: 'Over', number: offer, process, root, peers, said: false, died: false, orderly: false }
  step(gate, dead ? 'OfferDead' : 'Offer', 'message', effects)
  return false
}

/** How one that is reported alone says whether it would meet the others directly. */
export function readiness({ direct }: Gate, one: Stay | undefined): { willing: boolean; ready: number } {
  const no = { willing: false, ready: 0 }
  if (one === undefined || !one.direct || one.dead || one.quits !== undefined) return no
  if (direct === undefined) return { willing: true, ready: 0 }
  if (one.process !== direct.process || (direct.state !== 'Offered' && direct.state !== 'Ready')) return no
  direct.said = direct.state === 'Ready'
  return { willing: true, ready: direct.said ? direct.number : 0 }
}

/** Its process meets the others by itself, as far as is known here, or may have done so until now. */
export function isStanding(direct: Direct | undefined): boolean {
  return direct !== undefined && STANDING.has(direct.state)
}
const STANDING: ReadonlySet<DirectStateName> = new Set<DirectStateName>(['Standing', 'Cut', 'Gone', 'Parting'])

/** Somebody waits here who is to be reported. */
export function directCame(gate: Gate, effects: SyncEffect[]): void {
  if (gate.direct?.state === 'Standing') step(gate, 'Came', 'local', effects)
}

/** @returns true if the manager, which has asked before, is to be answered now */
export function directLine(gate: Gate, { what, number }: LineEvent, effects: SyncEffect[]): boolean {
  return gate.direct?.number === number && step(gate, EVENTS[what], 'local', effects)
}

/** @param died or it was waiting at this one, as may be @returns as directLine */
export function directExit(gate: Gate, process: number, died: boolean, effects: SyncEffect[]): boolean {
  const { direct } = gate
  if (direct?.process !== process || direct.died) return false
  direct.orderly = !died
  return step(gate, 'Died', 'local', effects)
}

/** The manager asks: an offer is taken back, a direct barrier ends. @returns true if it is answered later */
export function directAsked(gate: Gate, effects: SyncEffect[]): boolean {
  const { direct } = gate
  if (direct === undefined) return false
  expectOfPeer(direct.state !== 'Parting', 'BarrierAsk comes twice')
  step(gate, isStanding(direct) ? 'Ask' : 'Withdraw', 'message', effects)
  return gate.direct !== undefined
}

export function directManagerLost(gate: Gate, effects: SyncEffect[]): void {
  if (gate.direct === undefined) return
  step(gate, isStanding(gate.direct) ? 'ManagerLost' : 'Withdraw', 'local', effects)
}

function isNode(node: NodeId): boolean {
  return isCount(node) && node < NODES_MAX
}

/** @returns true if the manager is to be answered */
function step(gate: Gate, event: DirectEvent, source: Source, effects: SyncEffect[]): boolean {
  const { direct } = gate
  assert(direct !== undefined, 'direct: there is none')
  const { next, actions } = lookUp(directTable, direct.state, event, source)
  for (const action of actions) ACTIONS[action]({ gate, direct }, effects)
  direct.state = next
  if (next === 'Over') gate.direct = undefined
  return actions.includes('answer')
}

const ACTIONS: Readonly<Record<DirectAction, (cause: Cause, effects: SyncEffect[]) => void>> = {
  introduce: ({ gate: { key, count }, direct: { number, process, root, peers } }, effects) =>
    effects.push({ do: 'Introduce', key, count, number, process, root, peers }),
  part: ({ gate: { key, count }, direct: { number } }, effects) => effects.push({ do: 'Part', key, count, number }),
  noteDeath: ({ direct }) => {
    direct.died = true
  },
  sendUproot: ({ gate: { key }, direct: { number, died, orderly } }, effects) => {
    const message = { type: 'BarrierUproot', key, tree: number, died: died && !orderly } as const
    effects.push({ do: 'Send', to: managerOf(key), message })
  },
  answer: () => {}, // gate.ts does, which knows who is here
}
