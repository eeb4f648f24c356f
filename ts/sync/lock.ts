/**
 * Locks on a node that has their tokens or asks for them: classify, look up the cell, perform it.
 *
 * A lock is lent: effect Lend makes a thread its holder, in a word that the node's processes share. While that is open
 * they hand the lock on by it alone; this room does not know who holds it, nor whether anybody does. Want shuts it:
 * nobody gets in any more, and lockWord is called, now or when its holder is through. (abi/lock_words.h has the words,
 * kmod-sim/lock-words.ts performs these effects.)
 *
 * A token that arrives is an acquire of the whole node, one that leaves a release of the whole node, to the node that
 * gets it: it leaves only when that is over, and then whoever gets it sees all that was written here. Where it is
 * wanted and still held, what has been written so far is made known at once, so that little is left to do when it is
 * given back. Local hand-overs need neither, since the processes of a node share their frames.
 *
 * Waiters of the node that has the token go first, for a local hand-over costs a hundredth of one between nodes; but
 * once another node wants the token, only --lock-burst times.
 */
import { assert } from '../base/assert.js'
import { expectOfPeer } from '../base/expect.js'
import { NODES_MAX, NO_NODE, type NodeId } from '../base/ids.js'
import { lockTable, type LockAction, type LockEvent } from './lock.table.js'
import { expectManager, managerLost, managerOf } from './manager.js'
import type { SyncMessage } from './messages.js'
import {
  IDLE_TOKENS_MAX,
  LOCKS_MAX,
  WAITERS_MAX,
  claimName,
  releaseFor,
  type Claim,
  type Lock,
  type SyncEffect,
  type SyncState,
  type Turn,
} from './state.js'
import { lookUp } from './table.js'
import { NOBODY, expectTurn } from './turn.js'

export type LockMessage = Extract<
  SyncMessage,
  { type: 'TokenGrant' | 'TokenPass' | 'TokenRecall' | 'TokenRefused' | 'TokenBusy' }
>

interface Cause {
  readonly lock: Lock
  /** Who comes, or quits. */
  readonly claim?: Claim
  /** Of the grant or recall. */
  readonly turn?: number
  readonly ownerDied?: boolean
  /** Where the token is to go. */
  readonly next?: Turn
}

export function lockMessage(state: SyncState, from: NodeId, message: LockMessage, effects: SyncEffect[]): void {
  const { key, turn, type } = message
  // Only a token, and what becomes of it, may come from another node than the manager.
  if (type !== 'TokenPass' && type !== 'TokenBusy') expectManager(from, key, type)
  expectTurn(turn, type)
  expectOfPeer(turn <= state.lastTurn, `${type} of a turn that was never asked for`)
  const cause = causeOf(state, lockOf(state, key), message)
  change(state, cause, classify(cause.lock, message), 'message', effects)
}

export function lockAsked(state: SyncState, claim: Claim, effects: SyncEffect[]): void {
  const lock = lockOf(state, claim.key)
  change(state, { lock, claim }, howAsked(lock, claim), 'local', effects)
}

/** Whoever waited with the claim waits no more. */
export function claimQuits(state: SyncState, claim: Claim, effects: SyncEffect[]): void {
  change(state, { lock: lockOf(state, claim.key), claim }, 'Quit', 'local', effects)
}

/** What the word of the lock says, when that was asked (Want) or its holder has given it back shut. Words may
 * be scribbled on, and what they say come when nobody asks any more.
 * @param passed its holder has given it, by a line, to the node that it was recalled for */
export function lockWord(state: SyncState, key: string, held: boolean, effects: SyncEffect[], passed = false): void {
  const lock = state.locks.get(key)
  if (lock === undefined) return
  if (held) return change(state, { lock }, 'Busy', 'local', effects)
  if (passed && lock.state === 'Wanted') {
    // If that node has been lost since, it was perhaps with the lock held: whoever has it next is told.
    if (lock.next.node === NO_NODE) step(state, { lock }, 'Died', 'local', effects)
    else lock.passed = true
    return change(state, { lock }, 'Unlock', 'local', effects)
  }
  const isNext = lock.queue.length > 0 && lock.handOvers < state.lockBurst && isLent(lock)
  change(state, { lock }, isNext ? 'HandOver' : 'Unlock', 'local', effects)
}

/** Who holds the lock ends: whoever has it next is told. That its word is free is told by lockWord. */
export function holderEnds(state: SyncState, key: string, effects: SyncEffect[]): void {
  const lock = state.locks.get(key)
  if (lock !== undefined && isLent(lock)) step(state, { lock }, 'Died', 'local', effects)
}

/** A process has ended that held the lock: its word is free, and shut. */
export function holderDied(state: SyncState, key: string, effects: SyncEffect[]): void {
  const lock = state.locks.get(key)
  if (lock === undefined || !isLent(lock)) return
  holderEnds(state, key, effects)
  lockWord(state, key, false, effects)
}

/** What was written here is known: the token of the lock may leave. Whom it was recalled for may have been lost
 * meanwhile: all others know by then, but for pages that were lost with it. */
export function tokenReleased(state: SyncState, key: string, effects: SyncEffect[]): void {
  const lock = state.locks.get(key)
  // Meanwhile its manager was lost, and there is nothing to wait for any more.
  if (lock === undefined) return
  change(state, { lock }, lock.next.node === NO_NODE ? 'ReleasedBack' : 'ReleasedPass', 'local', effects)
}

export function locksLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  for (const lock of [...state.locks.values()]) {
    if (managerOf(lock.key) === node) change(state, { lock }, 'ManagerLost', 'local', effects)
    else if (lock.next.node === node) change(state, { lock, next: NOBODY }, 'NextLost', 'local', effects)
  }
}

/** The token has been idle for long, and goes back to its manager. */
export function giveUp(state: SyncState, key: string, effects: SyncEffect[]): void {
  step(state, { lock: lockOf(state, key), next: NOBODY }, 'GiveUp', 'local', effects)
}

function causeOf(state: SyncState, lock: Lock, message: LockMessage): Cause {
  const { turn, type } = message
  if (type === 'TokenRefused' || type === 'TokenBusy') return { lock, turn }
  if (type !== 'TokenRecall') return { lock, turn, ownerDied: message.ownerDied }
  const next = { node: message.next, turn: message.nextTurn }
  expectOfPeer(isNext(state, next), `TokenRecall for node ${next.node}`)
  return { lock, turn, next: state.lost.has(next.node) ? NOBODY : next }
}

function isNext(state: SyncState, { node }: Turn): boolean {
  return node === NO_NODE || (Number.isInteger(node) && node >= 0 && node < NODES_MAX && node !== state.self)
}

function classify({ state, turn }: Lock, message: LockMessage): LockEvent {
  const isTurn = message.turn === turn
  const isAwaited = state === 'Asked' && isTurn
  switch (message.type) {
    case 'TokenGrant':
      return isAwaited ? 'Grant' : 'Late'
    case 'TokenPass':
      return isAwaited ? 'Pass' : 'Late'
    case 'TokenRecall':
      if (!isTurn) return 'RecallGone'
      return message.next === NO_NODE ? 'RecallBack' : 'Recall'
    case 'TokenRefused':
      expectOfPeer(isAwaited, 'TokenRefused of what is not asked')
      return 'Refused'
    case 'TokenBusy':
      return isAwaited ? 'Elsewhere' : 'ElsewhereLate'
  }
}

function howAsked({ state, queue, elsewhere }: Lock, { patient }: Claim): LockEvent {
  const isAway = state === 'Wanted' || state === 'Leaving' || (state === 'Asked' && elsewhere)
  if (!patient && (isAway || queue.length > 0)) return 'LockBusy'
  if (queue.length >= WAITERS_MAX) return 'LockFull'
  return state === 'Held' && queue.length > 0 ? 'LockBehind' : 'Lock'
}

/** Its word may say something. */
function isLent({ state }: Lock): boolean {
  return state === 'Held' || state === 'Wanted'
}

/** One event, and whatever follows from it here. */
function change(
  state: SyncState,
  cause: Cause,
  event: LockEvent,
  source: 'message' | 'local',
  effects: SyncEffect[],
): void {
  const { lock } = cause
  step(state, cause, event, source, effects)
  if (lock.queue.length > 0 && (lock.state === 'None' || lock.state === 'Idle')) {
    step(state, { lock }, 'Next', 'local', effects)
  }
  if (state.idle.size > IDLE_TOKENS_MAX) giveUp(state, longestIdle(state), effects)
}

function step(
  state: SyncState,
  cause: Cause,
  event: LockEvent,
  source: 'message' | 'local',
  effects: SyncEffect[],
): void {
  const { lock } = cause
  const { next, actions } = lookUp(lockTable, lock.state, event, source)
  for (const action of actions) ACTIONS[action](state, cause, effects)
  lock.state = next
  state.changed.add(lock.key)
  if (next === 'Idle' || next === 'Held') state.idle.add(lock.key)
  else state.idle.delete(lock.key)
  if (next === 'None' && lock.queue.length === 0) state.locks.delete(lock.key)
  else state.locks.set(lock.key, lock)
}

const ACTIONS: Readonly<Record<LockAction, (state: SyncState, cause: Cause, effects: SyncEffect[]) => void>> = {
  enqueue: (state, { lock, claim }) => {
    assert(claim !== undefined, 'lock: nobody to enqueue')
    lock.queue.push(claim)
    addClaim(state, claim)
  },
  refuseFull: (_state, { claim }, effects) => {
    assert(claim !== undefined, 'lock: nobody to refuse')
    effects.push(full(claim, `${WAITERS_MAX} wait for this lock`))
  },
  refuseBusy: (_state, { claim }, effects) => {
    assert(claim !== undefined, 'lock: nobody to refuse')
    effects.push(busy(claim))
  },
  sendAsk: (state, { lock }, effects) => {
    state.lastTurn++
    Object.assign(lock, {
      turn: state.lastTurn,
      tainted: false,
      elsewhere: false,
      next: NOBODY,
      nextKnows: false,
      handOvers: 0,
      passed: false,
    })
    effects.push(toManager({ type: 'TokenAsk', key: lock.key, turn: lock.turn }))
  },
  grantNext: (state, { lock }, effects) => {
    const claim = lock.queue.shift()
    assert(claim !== undefined, 'lock: passed on to nobody')
    dropClaim(state, claim)
    const { key, ticket, process, holder } = claim
    const shut = lock.queue.length > 0 || lock.state === 'Wanted'
    effects.push({ do: 'Lend', key, process, holder, shut })
    effects.push({ do: 'Answer', ticket, answer: { is: 'locked', ownerDied: lock.tainted } })
    lock.tainted = false
  },
  countHandOver: (_state, { lock }) => lock.handOvers++,
  taint: (_state, { lock }) => {
    lock.tainted = true
  },
  removeWaiter: (state, { lock, claim }) => {
    assert(claim !== undefined, 'lock: nobody quits')
    const at = lock.queue.findIndex(({ ticket }) => ticket === claim.ticket)
    lock.queue.splice(at, 1)
    dropClaim(state, claim)
  },
  want: (_state, { lock: { key } }, effects) => effects.push({ do: 'Want', key }),
  forget: (_state, { lock: { key } }, effects) => effects.push({ do: 'Forget', key }),
  sendBusy: (_state, { lock }, effects) => {
    const { key, next, nextKnows } = lock
    if (next.node === NO_NODE || nextKnows) return
    lock.nextKnows = true
    effects.push({ do: 'Send', to: next.node, message: { type: 'TokenBusy', key, turn: next.turn } })
  },
  refuseTries: (state, { lock }, effects) => {
    lock.elsewhere = lock.state === 'Asked'
    const tries = lock.queue.filter(({ patient }) => !patient)
    lock.queue = lock.queue.filter(({ patient }) => patient)
    for (const claim of tries) {
      dropClaim(state, claim)
      effects.push(busy(claim))
    }
  },
  take: (_state, { lock, ownerDied }, effects) => {
    lock.tainted = ownerDied === true
    effects.push({ do: 'Acquire' })
  },
  sendTook: (_state, { lock: { key, turn } }, effects) => effects.push(toManager({ type: 'TokenTook', key, turn })),
  setNext: (_state, { lock, next }) => {
    assert(next !== undefined, 'lock: nobody is next')
    if (lock.passed && next.node === NO_NODE) lock.tainted = true
    Object.assign(lock, { next, nextKnows: false })
  },
  release: (state, { lock: { key, next } }, effects) =>
    effects.push(releaseFor(state, { what: 'token', key }, next.node)),
  releaseAhead: (_state, { lock: { next, queue } }, effects) => {
    // Who waits here has the lock before it leaves.
    if (next.node === NO_NODE || queue.length > 0) return
    effects.push({ do: 'Release', edge: { of: 'nobody', number: 0 }, to: next.node })
  },
  sendPass: (_state, { lock: { key, next, tainted } }, effects) =>
    effects.push({
      do: 'Send',
      to: next.node,
      message: { type: 'TokenPass', key, turn: next.turn, ownerDied: tainted },
    }),
  sendBack: (_state, { lock: { key, turn, tainted } }, effects) =>
    effects.push(toManager({ type: 'TokenBack', key, turn, tainted })),
  sendGone: (_state, { lock: { key }, turn }, effects) => {
    assert(turn !== undefined, 'lock: no turn is gone')
    effects.push(toManager({ type: 'TokenGone', key, turn }))
  },
  refuseAll: (state, { lock }, effects) =>
    endAll(state, lock, (claim) => effects.push(full(claim, `${LOCKS_MAX} locks are in use`))),
  refuseLost: (state, { lock }, effects) =>
    endAll(state, lock, ({ ticket, key }) => effects.push(managerLost(ticket, key))),
}

function endAll(state: SyncState, lock: Lock, refuse: (claim: Claim) => void): void {
  for (const claim of lock.queue.splice(0)) {
    dropClaim(state, claim)
    refuse(claim)
  }
}

function full({ ticket }: Claim, detail: string): SyncEffect {
  return { do: 'Refuse', ticket, error: 'LIMIT', detail }
}

function busy({ ticket }: Claim): SyncEffect {
  return { do: 'Refuse', ticket, error: 'BUSY', detail: 'the lock is held' }
}

function toManager(message: Extract<SyncMessage, { readonly key: string }>): SyncEffect {
  return { do: 'Send', to: managerOf(message.key), message }
}

function lockOf(state: SyncState, key: string): Lock {
  const fresh = {
    turn: 0,
    tainted: false,
    elsewhere: false,
    queue: [],
    next: NOBODY,
    nextKnows: false,
    handOvers: 0,
    passed: false,
  }
  return state.locks.get(key) ?? { state: 'None', key, ...fresh }
}

function longestIdle(state: SyncState): string {
  const [key] = state.idle
  assert(key !== undefined, 'lock: none is idle')
  return key
}

function addClaim(state: SyncState, claim: Claim): void {
  state.claims.set(claim.ticket, claim)
  state.claimants.set(claimName(claim), claim.ticket)
}

function dropClaim(state: SyncState, claim: Claim): void {
  state.claims.delete(claim.ticket)
  state.claimants.delete(claimName(claim))
}
