/**
 * Direct barriers at their manager. When the same nodes have come often enough in a row, each with one process that may
 * meet the others by itself, the manager offers with that episode's BarrierGo that lines be made between these
 * processes (direct.ts). The offer is repeated until each of them comes as ready, and the Go for that says that the
 * barrier is direct: from the next episode on they meet by themselves, and nothing of it is heard here.
 *
 * To the manager that is no more than what shares and trees are (barrier.ts, tree.ts): all that is known of who waits
 * is out until it asks, and whatever else happens at the barrier has it ask. So of deaths, losses, time limits and
 * counts nothing is decided here.
 *
 * Lines are not made for nothing again and again: each time that an offer is taken back, or a direct barrier ends, it
 * takes four times as many episodes as before until the next offer.
 */
import type { NodeId } from '../base/ids.js'
import type { Barrier, Report, SyncState } from './state.js'
import { wantsTree } from './tree.js'

/** After how many episodes of the same processes that is offered, unless gshmd is told (--barrier-direct). */
export const DIRECT_AFTER = 16
export const DIRECT_AFTER_MAX = 65_536
/** Nodes of a direct barrier, at most. */
export const DIRECT_MAX = 8
/** How many times as many episodes it takes after an offer has come to nothing, or a direct barrier has ended. */
const PATIENCE = 4
const PATIENCE_MAX = 256

/** Who has met here, one of each node, who may meet directly. */
export interface Habit {
  /** Ascending. */
  nodes: readonly NodeId[]
  /** In so many episodes in a row. */
  times: number
  /** As many are to be, for an offer. */
  enough: number
}
/** Numbered with the trees: no number is used twice. */
export interface Offer {
  readonly number: number
  /** Who the others have their lines to. */
  readonly root: NodeId
  readonly peers: readonly NodeId[]
  /** All were ready: it is direct. */
  readonly stands: boolean
}

/** Who has met in an episode, one of each node, if all of them may meet directly. */
export interface Candidates {
  /** Ascending. */
  readonly nodes: readonly NodeId[]
  /** The offer for which all of them are ready; 0: none. */
  readonly ready: number
}

/** As all have come, and before they go: whether they could meet directly. */
export function candidatesOf({ directAfter, barrierTree }: SyncState, barrier: Barrier): Candidates | undefined {
  const { reports, total, count, here, shape } = barrier
  const nodes = reports.length
  if (directAfter === 0 || total !== count || nodes < 2 || nodes > DIRECT_MAX) return undefined
  if (shape !== 'auto' || wantsTree(nodes, shape, barrierTree)) return undefined
  if (here.size !== nodes || !reports.every(isWilling)) return undefined
  const [first] = reports
  const ready = reports.every((report) => report.ready === first!.ready) ? first!.ready : 0
  return { nodes: reports.map(({ node }) => node).sort((a, b) => a - b), ready }
}

/** True if these are to whom the offer was made, and it may stand. */
export function takesUp({ offer, habit }: Barrier, candidates: Candidates | undefined): boolean {
  return offer !== undefined && candidates !== undefined && areSame(habit?.nodes, candidates.nodes)
}

/** What is offered with the Go of that episode; undefined: nothing. @param standing what was before, if they take it
 * up */
export function offered(
  state: SyncState,
  barrier: Barrier,
  candidates: Candidates | undefined,
  standing: Offer | undefined,
): Offer | undefined {
  if (candidates === undefined) {
    if (barrier.habit !== undefined) barrier.habit.times = 0
    return undefined
  }
  if (standing !== undefined) return { ...standing, stands: candidates.ready === standing.number }
  const { nodes } = candidates
  const { habit } = barrier
  const enough = habit?.enough ?? state.directAfter
  if (habit !== undefined && areSame(habit.nodes, nodes)) habit.times = Math.min(habit.times + 1, enough)
  else barrier.habit = { nodes, times: 1, enough }
  if (barrier.habit!.times < enough) return undefined
  const root = nodes.includes(state.self) ? state.self : nodes[0]!
  return { number: ++state.lastTree, root, peers: nodes.filter((node) => node !== root), stands: false }
}

/** It is taken back, or has ended. */
export function endOffer({ directAfter }: SyncState, barrier: Barrier): void {
  if (barrier.offer === undefined) return
  barrier.offer = undefined
  if (barrier.habit === undefined) return
  barrier.habit.times = 0
  barrier.habit.enough = Math.min(barrier.habit.enough * PATIENCE, directAfter * PATIENCE_MAX)
}

function areSame(a: readonly NodeId[] | undefined, b: readonly NodeId[]): boolean {
  return a?.length === b.length && a.every((node, at) => node === b[at])
}

function isWilling({ arrived, willing }: Report): boolean {
  return arrived === 1 && willing
}
