/** What a node knows about locks and barriers: as a manager, and of its own processes' business. */
import type { NodeId } from '../base/ids.js'
import type { RoomEffect } from '../base/effects.js'
import { utf8Bytes } from '../base/utf8.js'
import type { HoldStateName, StayStateName } from './asker.table.js'
import type { BarrierStateName } from './barrier.table.js'
import type { LockStateName } from './lock.table.js'
import type { SyncMessage } from './messages.js'

export const KEY_BYTES_MAX = 64
export const HOLDER_BYTES_MAX = 64
export const LOCKS_MAX = 65_536
/** Waiters of one lock. */
export const WAITERS_MAX = 65_536
export const BARRIERS_MAX = 65_536
export const COUNT_MAX = 65_535

export type SyncEffect = RoomEffect<SyncMessage>

/** Who asked for a lock; (node, ticket) is the request, (node, process, holder) who will hold it. */
export interface Claim {
  readonly node: NodeId
  readonly ticket: number
  readonly process: number
  readonly holder: string
}
export interface Lock {
  state: LockStateName
  /** In Held, who holds it. */
  holder: Claim | undefined
  /** In Held, whether the holder's grant told of a death. */
  tainted: boolean
  /** In order of arrival. */
  queue: Claim[]
}

export interface Participant {
  readonly node: NodeId
  readonly ticket: number
  readonly process: number
}
export interface Barrier {
  state: BarrierStateName
  readonly count: number
  readonly waiting: Participant[]
}

export interface Hold {
  state: HoldStateName
  readonly key: string
  readonly ticket: number
  readonly process: number
  readonly holder: string
}
export interface Stay {
  state: StayStateName
  readonly key: string
  readonly ticket: number
  readonly process: number
  readonly count: number
}

export interface SyncState {
  readonly self: NodeId
  /** By key, what this node manages. */
  readonly locks: Map<string, Lock>
  readonly barriers: Map<string, Barrier>
  /** By ticket of the lock or barrier request, what processes of this node are about. */
  readonly holds: Map<number, Hold>
  readonly stays: Map<number, Stay>
  /** claimOf(key, process, holder) -> ticket of the hold that is Asking or Held. */
  readonly claims: Map<string, number>
  readonly lost: Set<NodeId>
}

export function createSync(self: NodeId): SyncState {
  return {
    self,
    locks: new Map(),
    barriers: new Map(),
    holds: new Map(),
    stays: new Map(),
    claims: new Map(),
    lost: new Set(),
  }
}

/** The node that serialises a key. All are node 0's for now; only this function knows. */
export function managerOf(_key: string): NodeId {
  return 0
}

export function isKey(key: string): boolean {
  const bytes = utf8Bytes(key)
  return bytes >= 1 && bytes <= KEY_BYTES_MAX
}

export function isHolder(holder: string): boolean {
  const bytes = utf8Bytes(holder)
  return bytes >= 0 && bytes <= HOLDER_BYTES_MAX
}

export function isBarrierCount(count: number): boolean {
  return Number.isInteger(count) && count >= 1 && count <= COUNT_MAX
}
