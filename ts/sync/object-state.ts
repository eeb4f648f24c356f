/** What a node knows about objects: as a manager, and of what its own processes have asked for. */
import type { NodeId } from '../base/ids.js'
import type { ObjectRequest } from '../base/requests.js'
import type { CounterStateName } from './counter.table.js'
import type { ErrandStateName } from './errand.table.js'
import type { RwlockStateName } from './rwlock.table.js'
import type { SemaphoreStateName } from './semaphore.table.js'
import type { WatchStateName } from './watch.table.js'

/** Of each kind, that a manager knows. */
export const OBJECTS_MAX = 65_536
/** Requests under way on one node, reader-writer locks held there and waits prepared among them. */
export const ERRANDS_MAX = 65_536
/** Of one node, that a manager knows as waiting or holding: more than the node may have, since what it has
 * withdrawn may have been granted meanwhile. */
export const ASKS_MAX = 2 * ERRANDS_MAX
/** Of a semaphore. */
export const UNITS_MAX = 2 ** 31 - 1
/** Whom one notify may wake. */
export const NOTIFY_MAX = 2 ** 32 - 1

/** Who holds or waits: the node's errand of that number, which no other errand of the node ever has. */
export interface Asker {
  readonly node: NodeId
  readonly number: number
}
export interface RwAsker extends Asker {
  readonly write: boolean
}
export interface Rwlock {
  state: RwlockStateName
  /** One, or readers. */
  holders: RwAsker[]
  /** In order of arrival. */
  queue: RwAsker[]
}
export interface Semaphore {
  state: SemaphoreStateName
  units: number
  /** In order of arrival. */
  queue: Asker[]
}
/** A condition, or a word. */
export interface Watch {
  state: WatchStateName
  /** Who is to be notified, in order of arrival. */
  queue: Asker[]
}
export interface Counter {
  state: CounterStateName
  value: bigint
}

/** On the node that asks. */
export interface Errand {
  state: ErrandStateName
  readonly number: number
  /** What was asked first. */
  readonly request: ObjectRequest
  /** Of whoever awaits an answer. */
  ticket: number | undefined
  /** In Returning: its process died holding the lock. */
  tainted: boolean
}

export interface ObjectsState {
  /** By key, what this node manages. */
  readonly rwlocks: Map<string, Rwlock>
  readonly semaphores: Map<string, Semaphore>
  readonly conditions: Map<string, Watch>
  readonly words: Map<string, Watch>
  readonly counters: Map<string, Counter>
  /** How many of each node wait or hold. */
  readonly asks: Map<NodeId, number>
  /** By number. */
  readonly errands: Map<number, Errand>
  /** Their numbers, by the ticket whose answer is awaited. */
  readonly tickets: Map<number, number>
  /** Their numbers, by process, holder and key of a reader-writer lock that is held or waited for. */
  readonly rwClaims: Map<string, number>
  lastErrand: number
}

export function createObjects(): ObjectsState {
  return {
    rwlocks: new Map(),
    semaphores: new Map(),
    conditions: new Map(),
    words: new Map(),
    counters: new Map(),
    asks: new Map(),
    errands: new Map(),
    tickets: new Map(),
    rwClaims: new Map(),
    lastErrand: 0,
  }
}

/** Takes the asker out of the list, if it is there. */
export function takeOut<A extends Asker>(list: A[], { node, number }: Asker): A | undefined {
  const at = list.findIndex((one) => one.node === node && one.number === number)
  return at < 0 ? undefined : list.splice(at, 1)[0]
}

/** One more of the node waits or holds. */
export function admit({ asks }: ObjectsState, { node }: Asker): void {
  asks.set(node, (asks.get(node) ?? 0) + 1)
}

export function dismiss({ asks }: ObjectsState, { node }: Asker): void {
  const left = (asks.get(node) ?? 0) - 1
  if (left > 0) asks.set(node, left)
  else asks.delete(node)
}
