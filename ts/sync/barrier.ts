/**
 * Barriers at their manager. A node reports arrivals together: when as many are there as in the last
 * episode (its share, told with BarrierGo), at once when it has no share. So where the same threads meet
 * again, an episode costs two messages for each other node.
 *
 * No share makes a barrier hang. A node holds arrivals back only while it has fewer than its share, and the
 * shares that are out add up to no more than the count (they are given out together, and only when none
 * is out or awaited). So if as many as the count have arrived anywhere and some are held back, then
 * another node has more than its share; that one holds nothing back, and its surplus is seen here.
 * Then all that may hold back are asked (BarrierAsk): they say what they have, and have no share until
 * the next answer. The same where it matters who waits: somebody has died, or comes for another count.
 * Those are decided when every node that was asked has answered or is lost (Clearing), as if nothing had
 * been held back.
 *
 * Whoever does not want to wait any more takes its arrival back (BarrierQuit): if it still waits when that comes, it does
 * not count any more, and is told so (BarrierOut); else its Go is on the way, and it has gone through.
 *
 * When a participant dies that others wait with, the barrier breaks for all of them: they could wait for
 * ever, or go with one too few. A lost node that may have held some back counts as one that had.
 */
import { expectOfPeer, isCount } from '../base/expect.js'
import { BARRIER_SHAPES } from '../base/requests.js'
import { NO_NODE, type NodeId } from '../base/ids.js'
import { barrierTable, type BarrierAction, type BarrierEvent } from './barrier.table.js'
import { done, refuse as refuseAsk } from './desk.js'
import { BARRIERS_MAX, COUNT_MAX, RESTING_MAX, isBarrierCount } from './state.js'
import type { SyncMessage } from './messages.js'
import type { Barrier, BarrierMessage, LateMessage, ObjectAsk, Report, SyncEffect, SyncState } from './state.js'
import { lookUp } from './table.js'
import { candidatesOf, endOffer, offered, takesUp, type Offer } from './offer.js'
import { plant, wantsTree, type Place } from './tree.js'
import { isMissed, meet, veteransLost } from './veterans.js'

interface Cause {
  readonly key: string
  readonly barrier: Barrier
  /** Who says something, or is lost. */
  readonly from: NodeId
  readonly message?: LateMessage['message']
}

/** @param message its key is checked already: this node manages it */
export function barrierMessage(state: SyncState, from: NodeId, message: BarrierMessage, effects: SyncEffect[]): void {
  if (message.type === 'BarrierArrive') expectArrival(state.barriers.get(message.key), from, message)
  else if (message.type === 'BarrierUp') expectUp(state.barriers.get(message.key), from, message)
  else if (message.type === 'BarrierUproot') expectOfPeer(isCount(message.tree), `BarrierUproot of ${message.tree}`)
  else expectOfPeer(isCount(message.number), `${message.type} of ${message.number}`)
  take(state, from, message, effects)
  const [longest] = state.resting
  if (longest !== undefined && state.resting.size > RESTING_MAX) evict(state, longest, effects)
}

/** It is to be destroyed: what nodes hold back must be known before that is decided. @param ask checked already */
export function barrierDestroyed(state: SyncState, from: NodeId, ask: ObjectAsk, effects: SyncEffect[]): void {
  take(state, from, ask, effects)
}

export function barriersLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  veteransLost(state, node, (key, count) => episodeOf(state.barriers.get(key), count), effects)
  for (const [key, barrier] of [...state.barriers]) {
    const cause = { key, barrier, from: node }
    const event = forgetNode(barrier, node) ? howLost(state, cause) : undefined
    if (event !== undefined) step(state, cause, event, 'local', effects)
    settle(state, cause, effects)
  }
}

/** Those who were there with it last time are told by veterans.ts, and nobody else waits with it: but what is out of a tree, or
 * meets directly, is to be asked for. */
function howLost(state: SyncState, { key, barrier, from }: Cause): BarrierEvent | undefined {
  if (!isMissed(state, from, key, barrier.count)) return 'Leave'
  if (barrier.state === 'Clearing') return undefined
  return barrier.state === 'Resting' ? 'Uproot' : 'Surplus'
}

function episodeOf(barrier: Barrier | undefined, count: number): number {
  return barrier?.count === count ? (barrier.tree?.episode ?? 0) : 0
}

function expectArrival(
  barrier: Barrier | undefined,
  from: NodeId,
  { count, first, arrived, answers, shape, ready }: Extract<BarrierMessage, { type: 'BarrierArrive' }>,
): void {
  expectOfPeer(isBarrierCount(count), `BarrierArrive for ${count}`)
  expectOfPeer(isCount(arrived) && arrived <= COUNT_MAX && isCount(first), `BarrierArrive of ${arrived}`)
  expectOfPeer(BARRIER_SHAPES.includes(shape), `BarrierArrive for the shape '${shape}'`)
  expectOfPeer(isCount(ready), `BarrierArrive ready for ${ready}`)
  if (!answers) expectOfPeer(arrived > 0, 'BarrierArrive of none')
  else expectOfPeer(barrier?.asked.has(from) === true && barrier.count === count, 'BarrierArrive to no BarrierAsk')
}

function expectUp(
  barrier: Barrier | undefined,
  from: NodeId,
  { tree: number, episode }: Extract<BarrierMessage, { type: 'BarrierUp' }>,
): void {
  const tree = barrier?.tree
  expectOfPeer(isCount(number) && number > 0 && isCount(episode), `BarrierUp of tree ${number}`)
  if (tree?.number !== number) return
  expectOfPeer(tree.tops.includes(from) && !tree.up.has(from), `BarrierUp from node ${from}`)
  expectOfPeer(episode === tree.episode + 1, `BarrierUp of episode ${episode}`)
}

/** What is said now, or was put off. */
function take(state: SyncState, from: NodeId, message: LateMessage['message'], effects: SyncEffect[]): void {
  const { key } = message
  const isArrival = message.type === 'BarrierArrive'
  const barrier = state.barriers.get(key) ?? empty(isArrival ? message.count : 0)
  const cause = { key, barrier, from, message }
  if (isArrival && message.answers) step(state, cause, 'Answer', 'message', effects)
  if (!isArrival || message.arrived > 0) step(state, cause, classify(state, cause, message), 'message', effects)
  settle(state, cause, effects)
}

function classify(state: SyncState, { barrier, from }: Cause, message: LateMessage['message']): BarrierEvent {
  if (message.type === 'ObjectAsk') return 'Destroy'
  if (message.type === 'BarrierUp' || message.type === 'BarrierUproot') {
    const { tree } = barrier
    if (message.type === 'BarrierUproot') return uprooting(barrier, from, message)
    if (tree?.number !== message.tree) return 'Stray'
    return tree.up.size + 1 === tree.tops.length ? 'LastUp' : 'Up'
  }
  if (message.type === 'BarrierArrive') {
    const { count, arrived } = message
    if (barrier.count !== count) return 'ArriveOther'
    // Those that rest come on top: they are given up for others.
    const isFull = state.barriers.size - state.resting.size >= BARRIERS_MAX
    return barrier.state === 'Empty' && arrived < count && isFull ? 'ArriveFull' : 'Arrive'
  }
  const { number } = message
  const has = ({ node, first, arrived }: Report) => node === from && number >= first && number < first + arrived
  if (barrier.reports.some(has)) return message.type === 'BarrierLeave' ? 'Leave' : 'Quit'
  const isLate = barrier.late.some(
    ({ from: node, message: late }) => late.type === 'BarrierArrive' && has({ node, ...late }),
  )
  return isLate ? 'LeaveLate' : 'Stray'
}

/** Who has died may have been waiting, directly, as far as its node's answer to a BarrierAsk is still to come. */
function uprooting(
  { tree, offer, asked }: Barrier,
  from: NodeId,
  { tree: number, died }: Extract<BarrierMessage, { type: 'BarrierUproot' }>,
): BarrierEvent {
  const stands = tree?.number === number || (offer?.stands === true && offer.number === number)
  if (died && (stands || asked.has(from))) return 'Leave'
  return stands ? 'Uproot' : 'Stray'
}

/** Whatever follows from it, and then what was put off. */
function settle(state: SyncState, cause: Cause, effects: SyncEffect[]): void {
  const { barrier } = cause
  for (let event = following(barrier); event !== undefined; event = following(barrier)) {
    step(state, cause, event, 'local', effects)
  }
  if (barrier.state === 'Clearing') return
  for (const { from, message } of barrier.late.splice(0)) take(state, from, message, effects)
}

function following({
  state,
  total,
  count,
  beyond,
  shares,
  tree,
  offer,
  habit,
  asked,
  death,
}: Barrier): BarrierEvent | undefined {
  switch (state) {
    case 'Empty':
      return undefined
    case 'Resting':
      return shares.size + asked.size === 0 && habit === undefined ? 'Forget' : undefined
    case 'Gathering':
      if (total === 0) return 'Emptied'
      if (tree !== undefined || offer?.stands === true) return 'Surplus'
      if (total >= count) return total === count ? 'Complete' : 'CompleteMore'
      return beyond && shares.size > 0 ? 'Surplus' : undefined
    case 'Clearing':
      if (asked.size > 0) return undefined
      if (death !== undefined) return 'ClearedBroken'
      return total > 0 ? 'ClearedSome' : 'ClearedNone'
  }
}

/** One that has rested the longest: its nodes are asked, and then have no share of it. */
export function evict(state: SyncState, key: string, effects: SyncEffect[]): void {
  const barrier = state.barriers.get(key) ?? empty(0)
  const cause = { key, barrier, from: state.self }
  barrier.habit = undefined
  step(state, cause, 'Evict', 'local', effects)
  settle(state, cause, effects)
}

function step(
  state: SyncState,
  cause: Cause,
  event: BarrierEvent,
  source: 'message' | 'local',
  effects: SyncEffect[],
): void {
  const { key, barrier } = cause
  const { next, actions } = lookUp(barrierTable, barrier.state, event, source)
  for (const action of actions) ACTIONS[action](cause, effects, state)
  barrier.state = next
  if (next === 'Empty') state.barriers.delete(key)
  else state.barriers.set(key, barrier)
  state.resting.delete(key)
  if (next === 'Resting' && (barrier.shares.size > 0 || barrier.habit !== undefined)) state.resting.add(key)
}

type Act = (cause: Cause, effects: SyncEffect[], state: SyncState) => void

const ACTIONS: Readonly<Record<BarrierAction, Act>> = {
  join: ({ barrier, from, message }) => {
    if (message?.type !== 'BarrierArrive') return
    const { first, arrived, shape, willing, ready } = message
    barrier.shape = shape
    barrier.reports.push({ node: from, first, arrived, willing, ready })
    add(barrier, from, arrived)
    if (exceeds(barrier, from)) barrier.beyond = true
  },
  answered: ({ barrier, from }) => barrier.asked.delete(from),
  askAll: ({ key, barrier }, effects, state) => askAll(state, key, barrier, effects),
  noteDeath: ({ barrier, from, message }) => {
    barrier.death ??= message === undefined ? `node ${from} is lost` : `its process on node ${from} has ended`
  },
  takeOut: ({ key, barrier, from, message }, effects) => {
    if (message?.type !== 'BarrierQuit') return
    const { number } = message
    barrier.reports = barrier.reports.flatMap((report) => (report.node === from ? without(report, number) : [report]))
    add(barrier, from, -1)
    const { count } = barrier
    effects.push({ do: 'Send', to: from, message: { type: 'BarrierOut', key, count, number } })
  },
  postpone: ({ barrier, from, message }) => {
    if (message !== undefined) barrier.late.push({ from, message })
  },
  noteUp: ({ barrier: { tree }, from }) => tree?.up.add(from),
  sendDown: ({ key, barrier: { count, tree } }, effects) => {
    if (tree === undefined) return
    const { number, tops, up } = tree
    tree.episode++
    up.clear()
    const message = { type: 'BarrierDown', key, count, tree: number, episode: tree.episode } as const
    for (const top of tops) effects.push({ do: 'Send', to: top, message })
  },
  releaseAll: ({ key, barrier }, effects, state) => {
    const { count, shares, asked } = barrier
    const candidates = candidatesOf(state, barrier)
    const taken = takesUp(barrier, candidates) ? barrier.offer : undefined
    const gone = takeFirst(barrier, count)
    const meeting = meet(state, key, count, gone.keys())
    for (const node of gone.keys()) shares.delete(node) // the answer takes it away
    if (taken !== undefined) barrier.offer = undefined
    askAll(state, key, barrier, effects)
    const places = asked.size === 0 ? planted(state, barrier, gone) : undefined
    barrier.offer = offered(state, barrier, asked.size === 0 ? candidates : undefined, taken)
    const { offer, root, peers, direct } = barrier.offer === undefined ? NO_OFFER : toldOf(barrier.offer)
    for (const [node, arrived] of gone) {
      const share = asked.size === 0 ? arrived : 0
      const { tree, parent, kids } = places?.get(node) ?? NOWHERE
      // Spread, it would cost a third of an episode.
      const message = {
        type: 'BarrierGo',
        key,
        count,
        arrived,
        share,
        tree,
        parent,
        kids,
        offer,
        root,
        peers,
        direct,
        meeting,
      } as const
      effects.push({ do: 'Send', to: node, message })
    }
    // Where each node has one, none has anything to hold back.
    const isShared = places !== undefined || barrier.offer !== undefined || [...gone.values()].some(isHeld)
    if (asked.size === 0 && isShared) gone.forEach((arrived, node) => shares.set(node, arrived))
    barrier.beyond = [...barrier.here.keys()].some((node) => exceeds(barrier, node))
  },
  breakUp: ({ key, barrier }, effects) => {
    const { count, here, death } = barrier
    const detail = `a participant died: ${death}`
    for (const [node, arrived] of here) refuse(node, { key, count, arrived }, 'NODE_LOST', detail, effects)
  },
  refuseOther: ({ barrier, from, message }, effects) => {
    const detail = `${barrier.total} wait at this barrier already, for ${barrier.count} to come`
    if (message?.type === 'BarrierArrive') refuse(from, message, 'BARRIER_MISMATCH', detail, effects)
  },
  destroyed: ({ from, message }, effects) => {
    if (message?.type === 'ObjectAsk') done({ node: from, number: message.number }, 0n, effects)
  },
  refuseDestroy: ({ barrier: { total, count }, from, message }, effects) => {
    if (message?.type !== 'ObjectAsk') return
    refuseAsk({ node: from, number: message.number }, 'BUSY', `${total} of ${count} wait at the barrier`, effects)
  },
  refuseFull: ({ from, message }, effects) => {
    const detail = `${BARRIERS_MAX} barriers are in use`
    if (message?.type === 'BarrierArrive') refuse(from, message, 'LIMIT', detail, effects)
  },
}

const NOWHERE: Place = { tree: 0, parent: NO_NODE, kids: [] }

type ToldOffer = Pick<Extract<SyncMessage, { type: 'BarrierGo' }>, 'offer' | 'root' | 'peers' | 'direct'>
const NO_OFFER: ToldOffer = { offer: 0, root: NO_NODE, peers: [], direct: false }

/** As BarrierGo tells of it. */
function toldOf({ number: offer, root, peers, stands: direct }: Offer): ToldOffer {
  return { offer, root, peers, direct }
}

/** The next episode's tree, if it is to be one and nobody waits for that already. @param gone who was there in this one */
function planted(
  state: SyncState,
  barrier: Barrier,
  gone: ReadonlyMap<NodeId, number>,
): ReadonlyMap<NodeId, Place> | undefined {
  if (barrier.total > 0 || !wantsTree(gone.size, barrier.shape, state.barrierTree)) return undefined
  const [tree, places] = plant(++state.lastTree, state.self, gone.keys(), state.treeArity)
  barrier.tree = tree
  return places
}

/** Whoever may hold arrivals back is asked; no share or offer is out any more, no tree stands, and nobody meets
 * directly. */
function askAll(state: SyncState, key: string, barrier: Barrier, effects: SyncEffect[]): void {
  const { count, here, shares, asked, offer } = barrier
  const { number: tree, episode } = barrier.tree ?? { number: 0, episode: 0 }
  for (const [node, share] of shares) {
    // What is told by a tree, or directly, is not known here; and who has an offer is to know that it is taken back.
    if (tree === 0 && offer === undefined && (!isHeld(share) || (here.get(node) ?? 0) >= share)) continue
    asked.add(node)
    effects.push({ do: 'Send', to: node, message: { type: 'BarrierAsk', key, count, tree, episode } })
  }
  shares.clear()
  barrier.tree = undefined
  endOffer(state, barrier)
}

/** Who came first goes first. Gives how many of each node. */
function takeFirst(barrier: Barrier, count: number): Map<NodeId, number> {
  const gone = new Map<NodeId, number>()
  let left = count
  let whole = 0
  for (const report of barrier.reports) {
    if (left === 0) break
    const arrived = Math.min(left, report.arrived)
    left -= arrived
    gone.set(report.node, (gone.get(report.node) ?? 0) + arrived)
    add(barrier, report.node, -arrived)
    report.first += arrived
    report.arrived -= arrived
    if (report.arrived === 0) whole++
  }
  barrier.reports.splice(0, whole)
  return gone
}

/** The report without the one of that number. */
function without(report: Report, number: number): Report[] {
  const { first, arrived } = report
  if (number < first || number >= first + arrived) return [report]
  const before = { ...report, arrived: number - first }
  const after = { ...report, first: number + 1, arrived: first + arrived - number - 1 }
  return [before, after].filter((part) => part.arrived > 0)
}

function add(barrier: Barrier, node: NodeId, arrived: number): void {
  const here = (barrier.here.get(node) ?? 0) + arrived
  if (here === 0) barrier.here.delete(node)
  else barrier.here.set(node, here)
  barrier.total += arrived
}

function exceeds({ here, shares }: Barrier, node: NodeId): boolean {
  return (here.get(node) ?? 0) > (shares.get(node) ?? 0)
}

/** A share of one is there when anybody is: nothing is ever held back for it. */
function isHeld(share: number): boolean {
  return share > 1
}

/** True if the node has participants, or may have some that it holds back. */
function forgetNode(barrier: Barrier, node: NodeId): boolean {
  const { here, shares, tree, offer, asked } = barrier
  const isTold = (tree !== undefined || offer?.stands === true) && shares.has(node)
  const had = here.has(node) || asked.has(node) || isHeld(shares.get(node) ?? 0) || isTold
  add(barrier, node, -(here.get(node) ?? 0))
  barrier.reports = barrier.reports.filter((report) => report.node !== node)
  barrier.late = barrier.late.filter(({ from }: LateMessage) => from !== node)
  shares.delete(node)
  asked.delete(node)
  return had
}

function refuse(
  to: NodeId,
  { key, count, arrived }: { readonly key: string; readonly count: number; readonly arrived: number },
  error: 'NODE_LOST' | 'BARRIER_MISMATCH' | 'LIMIT',
  detail: string,
  effects: SyncEffect[],
): void {
  effects.push({ do: 'Send', to, message: { type: 'BarrierRefused', key, count, arrived, error, detail } })
}

function empty(count: number): Barrier {
  const reports = { reports: [], here: new Map(), total: 0 }
  const shares = { shares: new Map(), beyond: false, tree: undefined, asked: new Set<NodeId>() }
  const direct = { habit: undefined, offer: undefined }
  return { state: 'Empty', count, ...reports, ...shares, ...direct, shape: 'auto', death: undefined, late: [] }
}
