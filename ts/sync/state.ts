/** What a node knows about locks and barriers: as a manager, and of its own processes' business. */
import { NO_NODE, type NodeId } from '../base/ids.js'
import type { AcquireEffect, ReleaseEffect, RoomEffect } from '../base/effects.js'
import { utf8Bytes } from '../base/utf8.js'
import type { BarrierShape } from '../base/requests.js'
import type { BarrierStateName } from './barrier.table.js'
import type { BranchStateName } from './branch.table.js'
import type { Direct, LineEffect } from './direct.js'
import type { GateStateName } from './gate.table.js'
import type { LockStateName } from './lock.table.js'
import type { SyncMessage } from './messages.js'
import type { Meeting, Veterans } from './veterans.js'
import { DIRECT_AFTER, type Habit, type Offer } from './offer.js'
import type { ObjectMessage } from './object-messages.js'
import { createObjects, type ObjectsState } from './object-state.js'
import type { TokenStateName } from './token.table.js'
import { BARRIER_TREE, TREE_ARITY, type Tree } from './tree.js'

export const KEY_BYTES_MAX = 64
/** A holder is a number from 1 on, below this one. */
export const HOLDER_END = 2 ** 30
/** Tokens that a manager knows, beside those that may lie idle. */
export const LOCKS_MAX = 65_536
/** Waiters for one lock on one node. */
export const WAITERS_MAX = 65_536
/** Tokens that lie idle on one node, or are lent there, each of which costs its manager a record too: with it, that many for each
 * node that has asked for one do not count, since the manager cannot tell which of them are held. */
export const IDLE_TOKENS_MAX = 4096
/** How often a lock that another node wants may go to the next waiter on its own node, unless gshmd is told (--lock-burst). */
export const LOCK_BURST = 64
export const LOCK_BURST_MAX = 65_536
export const BARRIERS_MAX = 65_536
/** Barriers where nobody waits that a manager knows besides, since nodes have shares of them. */
export const RESTING_MAX = 4096
export const COUNT_MAX = 65_535

/**
 * The edges of release consistency, beside messages and answers. Acquire: what others have made known
 * is seen from here on in the list of effects. Release: what was written on this node is made known;
 * syncReleased, with the edge's number, tells when it is. Edges are numbered from 1, and no number is
 * used twice.
 */
export type SyncEffect = RoomEffect<SyncMessage> | AcquireEffect | ReleaseEffect | WordEffect | LineEffect

/** What is to happen to the word of a lock (abi/lock_words.h). */
export type WordEffect =
  /** The thread holds the lock from here on. The word was shut, and free; it is open afterwards, or `shut`. */
  | {
      readonly do: 'Lend'
      readonly key: string
      readonly process: number
      readonly holder: number
      readonly shut: boolean
    }
  /** Nobody is to get in any more; whether somebody holds the lock is told then, and when it is given back. */
  | { readonly do: 'Want'; readonly key: string }
  /** The token leaves, or is lost: the lock has no word here any more. */
  | { readonly do: 'Forget'; readonly key: string }

/** An ask of a node's, and the token's stay there that comes of it. */
export interface Turn {
  readonly node: NodeId
  readonly turn: number
}
/** At the manager. */
export interface Token {
  state: TokenStateName
  /** In At, Moving and Returning. */
  at: Turn
  /** In Moving. */
  to: Turn
  /** In order of arrival; a node is in it once. */
  queue: Turn[]
}

/** A local thread that waits for a lock. `holder` is unique within the process. */
export interface Claim {
  readonly key: string
  readonly ticket: number
  readonly process: number
  readonly holder: number
  /** False: it takes the lock at once, or not at all. */
  readonly patient: boolean
}
/** Of a claim, and of an errand to a reader-writer lock: what its process has one of. */
export function claimName({ key, process, holder }: Pick<Claim, 'key' | 'process' | 'holder'>): string {
  return `${process} ${holder} ${key}`
}
/** On the node that has the token or asks for it. */
export interface Lock {
  state: LockStateName
  readonly key: string
  /** Of the last ask. */
  turn: number
  /** The last holder died, and nobody has been told. */
  tainted: boolean
  /** In Asked: who has the token is in no hurry, or others come first. */
  elsewhere: boolean
  /** In order of arrival. */
  queue: Claim[]
  /** In Wanted and Leaving, who is next; the node is NO_NODE: the manager. */
  next: Turn
  /** In Wanted: `next` has been told that the lock is held. */
  nextKnows: boolean
  /** Since the token was recalled. */
  handOvers: number
  /** Its holder has given it to a thread of the next node, by a line: should that be lost, it may have died with it. */
  passed: boolean
}

/** Arrivals at a barrier, told by one message; the node has numbered them from `first`. */
export interface Report {
  readonly node: NodeId
  first: number
  arrived: number
  /** It is one, who may meet the others directly, and has its lines for the offer of that number; 0: for none. */
  readonly willing: boolean
  readonly ready: number
}
/** What a barrier's manager is told; asked as of an object: to destroy it. */
export type BarrierMessage = Extract<
  SyncMessage,
  { readonly type: 'BarrierArrive' | 'BarrierLeave' | 'BarrierQuit' | 'BarrierUp' | 'BarrierUproot' }
>
export type ObjectAsk = Extract<ObjectMessage, { readonly type: 'ObjectAsk' }>
export interface LateMessage {
  readonly from: NodeId
  readonly message: BarrierMessage | ObjectAsk
}
/** At the manager. */
export interface Barrier {
  state: BarrierStateName
  readonly count: number
  /** Who waits, in order of arrival; of each node, in all. */
  reports: Report[]
  readonly here: Map<NodeId, number>
  total: number
  /** How many of a node came last time, as it has been told and not asked since: it may hold fewer back. */
  readonly shares: Map<NodeId, number>
  /** Of some node more are here than its share. */
  beyond: boolean
  /** Those who have shares tell it when they are there. Nothing else is known of them until they are asked. */
  tree: Tree | undefined
  /** Who would be offered to meet directly; to whom that is offered, or who does: nothing else is known of these,
   * either. */
  habit: Habit | undefined
  offer: Offer | undefined
  /** As who came last would have it. */
  shape: BarrierShape
  /** Nodes that have been asked what they hold back, and have not answered. */
  readonly asked: Set<NodeId>
  /** In Clearing: why it is to break. */
  death: string | undefined
  /** In Clearing: what is to be decided afterwards. */
  late: LateMessage[]
}

/** A local thread that waits at a barrier. */
export interface Stay {
  readonly ticket: number
  readonly process: number
  /** The node's number for its arrival, which no other arrival of the node has. 0: not reported yet. */
  number: number
  /** Its process has ended: the final answer is awaited and thrown away. */
  dead: boolean
  /** It is to wait no more: what it is refused with, unless all come before that is known. */
  quits: 'TIMEOUT' | 'BUSY' | 'NODE_LOST' | undefined
  /** It may meet the others directly. */
  readonly direct: boolean
}
/** A node's place in a barrier's tree. */
export interface Branch {
  state: BranchStateName
  /** The manager's number for it. */
  readonly tree: number
  /** How many are over, as this node knows. */
  episode: number
  readonly parent: NodeId
  readonly kids: readonly NodeId[]
  /** Those below which all are there. */
  up: NodeId[]
}
/** On a node whose threads wait at a barrier, or have a share of it. */
export interface Gate {
  state: GateStateName
  readonly key: string
  readonly count: number
  /** How many came last time; 0: who comes is reported at once. */
  share: number
  /** Whoever has come as often as that is reported there, and nobody else is. */
  branch: Branch | undefined
  /** That one of its processes meets the others directly, or that this is offered. */
  direct: Direct | undefined
  /** Kids in a tree that this node has yet to hear of. */
  early: { readonly tree: number; readonly kids: NodeId[] } | undefined
  /** As who came last would have it. */
  shape: BarrierShape
  /** In order of arrival; the first `told` of them are reported, the next `covered` when a release is over. */
  readonly queue: Stay[]
  told: number
  covered: number
  /** How many in the queue are dead, or quit. */
  restless: number
  /** The next report answers a BarrierAsk. */
  owes: boolean
}

/** What goes on when an edge is over: the token of `key` leaves, who waits at the gate is reported, or what was asked
 * of an object is sent. */
export type Edge =
  | { readonly what: 'token'; readonly key: string }
  | { readonly what: 'gate'; readonly name: string }
  | { readonly what: 'errand'; readonly number: number }

export interface SyncState {
  readonly self: NodeId
  readonly lockBurst: number
  /** From how many nodes on barriers are trees; 0: never. */
  readonly barrierTree: number
  readonly treeArity: number
  /** After how many episodes of the same processes, one of each node, a barrier is to be direct; 0: never. */
  readonly directAfter: number
  /** By key, what this node manages. */
  readonly tokens: Map<string, Token>
  /** Nodes that have asked for tokens. */
  readonly askers: Set<NodeId>
  readonly barriers: Map<string, Barrier>
  /** Keys of the barriers that are Resting and have shares out, the longest resting first. */
  readonly resting: Set<string>
  /** By key, whose token this node has or asks for. */
  readonly locks: Map<string, Lock>
  /** Keys of the locks that are Idle or Held, which were last asked for in this order. */
  readonly idle: Set<string>
  /** Keys of the locks that the step under way, or the last one, has changed: for whoever foresees what they do next. */
  readonly changed: Set<string>
  /** By ticket: every claim that waits. */
  readonly claims: Map<number, Claim>
  /** Their tickets, by process, holder and key. */
  readonly claimants: Map<string, number>
  /** By key and count. */
  readonly gates: Map<string, Gate>
  /** Their names, by the ticket of each live thread that waits there. */
  readonly stays: Map<number, string>
  /** Who met at a barrier last time, by count and key: whom this node remembers, and which nodes, of those that it
   * manages. */
  readonly veterans: Map<string, Veterans>
  readonly meetings: Map<string, Meeting>
  readonly remembers: boolean
  readonly objects: ObjectsState
  /** By number. */
  readonly edges: Map<number, Edge>
  lastEdge: number
  lastTurn: number
  lastArrival: number
  lastTree: number
  lastMeeting: number
  readonly lost: Set<NodeId>
}

/** What gshmd is told (--lock-burst, --barrier-tree, --barrier-direct). */
export interface SyncOptions {
  readonly lockBurst?: number
  readonly barrierTree?: number
  readonly treeArity?: number
  readonly directAfter?: number
  /** Whoever met with one that has died is told, also if that was not waiting; true unless a test has no eye for it. */
  readonly remembers?: boolean
}

export function createSync(
  self: NodeId,
  {
    lockBurst = LOCK_BURST,
    barrierTree = BARRIER_TREE,
    treeArity = TREE_ARITY,
    directAfter = DIRECT_AFTER,
    remembers = true,
  }: SyncOptions = {},
): SyncState {
  return {
    self,
    lockBurst,
    barrierTree,
    treeArity,
    directAfter,
    tokens: new Map(),
    askers: new Set(),
    barriers: new Map(),
    resting: new Set(),
    locks: new Map(),
    changed: new Set(),
    idle: new Set(),
    claims: new Map(),
    claimants: new Map(),
    gates: new Map(),
    stays: new Map(),
    veterans: new Map(),
    meetings: new Map(),
    remembers,
    objects: createObjects(),
    edges: new Map(),
    lastEdge: 0,
    lastTurn: 0,
    lastArrival: 0,
    lastTree: 0,
    lastMeeting: 0,
    lost: new Set(),
  }
}

/** Begins a release; when it is over, what `edge` says goes on. */
export function releaseFor(state: SyncState, edge: Edge, to: NodeId = NO_NODE): SyncEffect {
  state.lastEdge++
  state.edges.set(state.lastEdge, edge)
  const named = { of: 'sync', number: state.lastEdge } as const
  return to === NO_NODE ? { do: 'Release', edge: named } : { do: 'Release', edge: named, to }
}

export function isKey(key: string): boolean {
  const bytes = utf8Bytes(key)
  return bytes >= 1 && bytes <= KEY_BYTES_MAX
}

/** Of a gate, and of all that is remembered of a barrier for one count. */
export function gateName(key: string, count: number): string {
  return `${count} ${key}`
}

export function isHolder(holder: number): boolean {
  return Number.isInteger(holder) && holder > 0 && holder < HOLDER_END
}

export function isBarrierCount(count: number): boolean {
  return Number.isInteger(count) && count >= 1 && count <= COUNT_MAX
}
