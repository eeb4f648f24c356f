/** What the benchmarks of synchronisation and of the heap measure: each kind, its floor, its target, its budget. */

/** What C alone takes, p50, microseconds: bench/sync_floors.c. `chain` is what the hops of `remote` take without a
 * protocol. */
export type SyncFloors = Record<'mutex' | 'handOver' | 'chain' | 'message' | 'ask', number>

/**
 * From C unless it says otherwise; the first node is the manager of all keys.
 *
 *   relock       lock and unlock, again and again, on the node that has the token
 *   local        hand-over between two processes of one node: from unlock to the return of the other's lock
 *   remote       the same between two nodes, neither of them the manager, when nothing has been written
 *   remoteLrc    the same where who has the lock has written a page of an lrc segment that the other has too
 *   remoteLrcLate  the same where that is written just before the lock is given back
 *   barrier2     a barrier of two nodes with one thread each, again and again
 *   barrier4     the same of four nodes
 *   barrierAsked as barrier2, but by way of the daemons each time (GSHM_BARRIER_CENTRAL)
 *   relockSync   as relock, from Node.js: lockSync, unlockSync
 *   relockAsync  as relock, from Node.js: await lock, await unlock
 *   barrierSync  as barrier2, from Node.js: barrierSync
 *   barrierAsync as barrier2, from Node.js: await barrier
 */
export const SYNC_KINDS = [
  'relock',
  'local',
  'remote',
  'remoteLrc',
  'remoteLrcLate',
  'barrier2',
  'barrier4',
  'barrierAsked',
  'relockSync',
  'relockAsync',
  'barrierSync',
  'barrierAsync',
] as const
export type SyncKind = (typeof SYNC_KINDS)[number]

export interface Aim<F> {
  /** Which floor a kind is held against; how many times that it may take is the project's own target. */
  readonly floor: F
  readonly target?: number
  /** Messages between nodes, for each operation: so many, or at most so many more. */
  readonly messages: number
  readonly more?: number
}

export const SYNC_AIMS: Readonly<Record<SyncKind, Aim<keyof SyncFloors>>> = {
  relock: { floor: 'mutex', target: 3, messages: 0 },
  local: { floor: 'handOver', messages: 0 },
  // TokenAsk, TokenRecall, TokenPass, TokenTook; only the pass comes after the unlock. TokenBusy besides, from the
  // holder's node, and from the manager while the token is on its way: it depends on who is when where.
  remote: { floor: 'message', target: 3, messages: 4, more: 2 },
  // Besides, there and back again: the page's home sends the other its bytes (Notice, NoticeAck), who sends home what it
  // has written (Flush, FlushAck). Four for two hand-overs; what is written while the release ahead is made costs more.
  remoteLrc: { floor: 'message', target: 5, messages: 6, more: 4 },
  remoteLrcLate: { floor: 'message', messages: 6, more: 4 },
  // Once the processes meet by themselves, which they do when they are measured, no daemon says anything.
  barrier2: { floor: 'message', target: 3, messages: 0 },
  barrier4: { floor: 'message', target: 5, messages: 0 },
  barrierAsked: { floor: 'message', messages: 2 },
  relockSync: { floor: 'mutex', messages: 0 },
  relockAsync: { floor: 'mutex', messages: 0 },
  barrierSync: { floor: 'message', messages: 0 },
  barrierAsync: { floor: 'message', messages: 0 },
}
