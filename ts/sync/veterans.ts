/**
 * Those who have met at a barrier, and may be waited for there: when one of them dies, the others would wait for ever,
 * also if it was not waiting itself. So its node tells the manager (BarrierDied), and the manager tells the nodes of
 * the same episode (BarrierBroken): whoever was in it there gives up waiting, or is refused when it comes next, once.
 * Processes that were not in that episode are not concerned.
 *
 * Episodes have the manager's number, which BarrierGo tells; of a tree, where nobody tells the manager anything, the
 * number of the episode in which it was planted, and how many have followed. A BarrierBroken may overtake the
 * BarrierDown of its episode, which comes by other nodes: then it is kept until that comes. BarrierGo comes from the
 * manager itself, and so before it.
 *
 * Who has said that it ends has not died: it will not come any more, but that is its program's affair.
 */
import { expectOfPeer, isCount } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import { managerOf } from './manager.js'
import type { SyncMessage } from './messages.js'
import { gateName, isBarrierCount, isKey, type Gate, type Stay, type SyncEffect, type SyncState } from './state.js'

/** Barriers of which a node remembers who was there; those that were met at longest ago go first. */
export const VETERANS_MAX = 65_536
/** Barriers of which their manager remembers which nodes were. */
export const MEETINGS_MAX = 65_536

export type Died = Extract<SyncMessage, { readonly type: 'BarrierDied' }>
export type Broken = Extract<SyncMessage, { readonly type: 'BarrierBroken' }>

/** Of one barrier, on a node. */
export interface Veterans {
  readonly key: string
  readonly count: number
  /** Of their last episode. */
  meeting: number
  episode: number
  /** Who was in it, lives, and has not been told that it is broken. */
  readonly processes: Set<number>
  /** Who is to be told when it comes. */
  readonly owed: Set<number>
  /** An episode that has yet to get over here is broken already; 0: none is. */
  broken: number
}

/** Of one barrier, at its manager. */
export interface Meeting {
  readonly key: string
  readonly count: number
  readonly meeting: number
  readonly nodes: readonly NodeId[]
}

// -- on a node

/** An episode is over for those. @param meeting its number; undefined: the next one of the tree */
export function went(
  state: SyncState,
  { key, count }: Gate,
  stays: readonly Stay[],
  meeting: number | undefined,
  effects: SyncEffect[],
): void {
  if (!state.remembers) return
  const name = gateName(key, count)
  const known = state.veterans.get(name)
  if (meeting === undefined && known === undefined) return // long forgotten
  const one = known ?? { key, count, meeting: 0, episode: 0, processes: new Set(), owed: new Set(), broken: 0 }
  one.episode = meeting === undefined ? one.episode + 1 : 0
  one.meeting = meeting ?? one.meeting
  if (meeting !== undefined) one.broken = 0
  one.processes.clear()
  one.owed.clear()
  const isBroken = one.broken > 0 && one.broken === one.episode
  const heirs = isBroken ? one.owed : one.processes
  for (const { process, dead } of stays) if (!dead) heirs.add(process)
  keep(state.veterans, name, one, VETERANS_MAX)
  // It has died since it came, and all that the others have heard is that it was there.
  if (stays.some(({ dead }) => dead)) tellDied(one, effects)
}

/** The process waits no more because one has died: it has been told. */
export function toldBroken(state: SyncState, { key, count }: Gate, process: number): void {
  const one = state.veterans.get(gateName(key, count))
  one?.processes.delete(process)
  one?.owed.delete(process)
}

/** True, once, if the process is to be told that one has died with whom it met there last time. */
export function isOwed(state: SyncState, key: string, count: number, process: number): boolean {
  return state.veterans.get(gateName(key, count))?.owed.delete(process) === true
}

/** A local process has ended. @param died it had not said that it would
 * @returns the barriers, by their gates' names, at which those are told so that were there with it */
export function veteranExit(
  state: SyncState,
  process: number,
  died: boolean,
  effects: SyncEffect[],
): ReadonlySet<string> {
  const missed = new Set<string>()
  for (const [name, one] of state.veterans) {
    const isHere = one.processes.delete(process)
    if (isHere && died) {
      tellDied(one, effects)
      missed.add(name)
    }
    one.owed.delete(process)
    // While others wait, or the node has a place in a tree, the episode goes on to be counted.
    if (one.processes.size + one.owed.size === 0 && !state.gates.has(name)) state.veterans.delete(name)
  }
  return missed
}

/** @returns the processes here that were in that episode, and have not been told: all of them are from now on owed
 * that */
export function broken(state: SyncState, message: Broken): readonly number[] {
  const { key, count, meeting, episode } = message
  expectNamed(message)
  const one = state.veterans.get(gateName(key, count))
  if (one === undefined || one.meeting !== meeting || episode < one.episode) return []
  if (episode > one.episode) {
    one.broken = episode
    return []
  }
  const processes = [...one.processes]
  one.processes.clear()
  for (const process of processes) one.owed.add(process)
  return processes
}

function tellDied({ key, count, meeting, episode }: Veterans, effects: SyncEffect[]): void {
  effects.push({ do: 'Send', to: managerOf(key), message: { type: 'BarrierDied', key, count, meeting, episode } })
}

// -- at the manager

/** All have come: gives the episode's number. @param nodes where they are */
export function meet(state: SyncState, key: string, count: number, nodes: Iterable<NodeId>): number {
  if (!state.remembers) return 0
  const name = gateName(key, count)
  const meeting = ++state.lastMeeting
  keep(state.meetings, name, { key, count, meeting, nodes: [...nodes] }, MEETINGS_MAX)
  return meeting
}

export function died(state: SyncState, from: NodeId, message: Died, effects: SyncEffect[]): void {
  const { key, count, meeting, episode } = message
  expectNamed(message)
  const known = state.meetings.get(gateName(key, count))
  if (known?.meeting !== meeting) return // others have met since
  expectOfPeer(known.nodes.includes(from), `BarrierDied of episode ${meeting}, which was without node ${from}`)
  tellBroken(state, known, episode, effects)
}

/** @param episodeOf how many episodes are over in the tree that stands at the barrier of that key and count, if there
 * is one */
export function veteransLost(
  state: SyncState,
  node: NodeId,
  episodeOf: (key: string, count: number) => number,
  effects: SyncEffect[],
): void {
  for (const known of state.meetings.values()) {
    const { key, count } = known
    if (isMissed(state, node, key, count)) tellBroken(state, known, episodeOf(key, count), effects)
  }
}

/** The node was in the barrier's last episode: the others of that are told when it is lost. */
export function isMissed({ meetings }: SyncState, node: NodeId, key: string, count: number): boolean {
  return meetings.get(gateName(key, count))?.nodes.includes(node) === true
}

function tellBroken({ lost }: SyncState, known: Meeting, episode: number, effects: SyncEffect[]): void {
  const { key, count, meeting, nodes } = known
  const message = { type: 'BarrierBroken', key, count, meeting, episode } as const
  for (const to of nodes) if (!lost.has(to)) effects.push({ do: 'Send', to, message })
}

// -- both

function expectNamed({ type, key, count, meeting, episode }: Died | Broken): void {
  expectOfPeer(isKey(key) && isBarrierCount(count), `${type} for ${count}`)
  expectOfPeer(isCount(meeting) && meeting > 0 && isCount(episode), `${type} of episode ${meeting}, ${episode}`)
}

/** As the newest. */
function keep<T>(all: Map<string, T>, name: string, one: T, max: number): void {
  all.delete(name)
  if (all.size >= max) {
    const [oldest] = all.keys()
    all.delete(oldest!)
  }
  all.set(name, one)
}
