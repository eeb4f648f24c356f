/**
 * The tokens of locks at their manager: classify what comes, look up the cell, perform it. A lock is
 * its token: the node that has it lets its processes lock and unlock without a message, and keeps it
 * when nobody holds the lock, since who used it last often uses it next (after TreadMarks, Keleher 1994,
 * where the manager knows the last requester; here it queues the requesters too, so that a lost one is
 * taken out in one place). Between nodes it is first come, first served.
 *
 * A hand-over is TokenAsk, TokenRecall, and TokenPass from node to node; TokenTook tells the manager.
 * Only then is it recalled from there: links are in order one by one, so a recall that is sent earlier
 * could overtake the token. Until then the loss of either end leaves one question, whether the token has arrived:
 *   - the old node is lost: `to` is granted its turn once more, and ignores what it has had.
 *   - `to` is lost: the old node is asked for the token, and has it or not.
 * A token that may have been on a lost node is an orphan. The next holder is told of a death even if
 * nobody held the lock there: under lazy release consistency, writes made under it may be lost.
 */
import { assert } from '../base/assert.js'
import { expectOfPeer } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import { expectManaged } from './manager.js'
import type { SyncMessage } from './messages.js'
import { IDLE_TOKENS_MAX, LOCKS_MAX, type SyncEffect, type SyncState, type Token, type Turn } from './state.js'
import { lookUp } from './table.js'
import { tokenTable, type TokenAction, type TokenEvent } from './token.table.js'
import { NOBODY, expectTurn } from './turn.js'

export type TokenMessage = Extract<SyncMessage, { type: 'TokenAsk' | 'TokenTook' | 'TokenBack' | 'TokenGone' }>

interface Cause {
  readonly key: string
  readonly token: Token
  /** Who says something, or is lost. */
  readonly from: Turn
}

export function tokenMessage(state: SyncState, from: NodeId, message: TokenMessage, effects: SyncEffect[]): void {
  const { key, turn, type } = message
  expectManaged(state, key, type)
  expectTurn(turn, type)
  const token = state.tokens.get(key) ?? { state: 'None', at: NOBODY, to: NOBODY, queue: [] }
  const cause = { key, token, from: { node: from, turn } }
  step(state, cause, classify(state, cause, message), 'message', effects)
  if (type === 'TokenAsk') state.askers.add(from)
  serve(state, cause, effects)
  // Whoever would not wait need not, where others come first.
  if (waits(token, from)) effects.push({ do: 'Send', to: from, message: { type: 'TokenBusy', key, turn } })
}

/** A node is lost: it waits no more, and what it had is an orphan. */
export function tokensLost(state: SyncState, node: NodeId, effects: SyncEffect[]): void {
  state.askers.delete(node)
  for (const [key, token] of [...state.tokens]) {
    const cause = { key, token, from: { node, turn: 0 } }
    if (waits(token, node)) step(state, cause, 'LostWaiter', 'local', effects)
    if (token.at.node === node) step(state, cause, 'LostAt', 'local', effects)
    else if (token.to.node === node) step(state, cause, 'LostTo', 'local', effects)
    serve(state, cause, effects)
  }
}

function classify(state: SyncState, { token, from }: Cause, message: TokenMessage): TokenEvent {
  const isAt = isSame(token.at, from)
  switch (message.type) {
    case 'TokenAsk':
      if (token.to.node === from.node || waits(token, from.node)) return 'AskAgain'
      if (token.state === 'At' && token.at.node === from.node) return 'AskAgain'
      return token.state === 'None' && isFull(state) ? 'AskFull' : 'Ask'
    case 'TokenTook':
      return isSame(token.to, from) ? 'Took' : 'TookLate'
    case 'TokenBack':
      expectOfPeer(isAt, `TokenBack from node ${from.node}, which has no such token`)
      return message.tainted ? 'BackTainted' : 'Back'
    case 'TokenGone':
      return isAt ? 'Gone' : 'GoneLate'
  }
}

/** More locks than LOCKS_MAX are in use, even if every node keeps as many idle tokens as it may. */
function isFull({ tokens, askers }: SyncState): boolean {
  return tokens.size >= LOCKS_MAX + IDLE_TOKENS_MAX * askers.size
}

/** While somebody waits, and the token can be granted or recalled. */
function serve(state: SyncState, cause: Cause, effects: SyncEffect[]): void {
  const { token } = cause
  while (token.queue.length > 0 && token.state !== 'Moving' && token.state !== 'Returning') {
    step(state, cause, 'Next', 'local', effects)
  }
}

function step(
  state: SyncState,
  cause: Cause,
  event: TokenEvent,
  source: 'message' | 'local',
  effects: SyncEffect[],
): void {
  const { token, key } = cause
  const { next, actions } = lookUp(tokenTable, token.state, event, source)
  for (const action of actions) ACTIONS[action](cause, effects)
  token.state = next
  if (next !== 'Moving') token.to = NOBODY
  if (next === 'None' || next === 'Orphan') token.at = NOBODY
  if (next === 'None' && token.queue.length === 0) state.tokens.delete(key)
  else state.tokens.set(key, token)
}

const ACTIONS: Readonly<Record<TokenAction, (cause: Cause, effects: SyncEffect[]) => void>> = {
  enqueue: ({ token, from }) => token.queue.push(from),
  refuse: ({ key, from: { node, turn } }, effects) =>
    effects.push({ do: 'Send', to: node, message: { type: 'TokenRefused', key, turn } }),
  grantNext: (cause, effects) => grant(cause, shift(cause.token), false, effects),
  grantNextDead: (cause, effects) => grant(cause, shift(cause.token), true, effects),
  grantTo: (cause, effects) => grant(cause, cause.token.to, false, effects),
  grantToDead: (cause, effects) => grant(cause, cause.token.to, true, effects),
  recallForNext: ({ key, token }, effects) => {
    token.to = shift(token)
    recall(key, token.at, token.to, effects)
  },
  recallBack: ({ key, token }, effects) => recall(key, token.at, NOBODY, effects),
  arrived: ({ token }) => {
    token.at = token.to
  },
  removeWaiter: ({ token, from }) => {
    token.queue = token.queue.filter(({ node }) => node !== from.node)
  },
}

function grant({ key, token }: Cause, to: Turn, ownerDied: boolean, effects: SyncEffect[]): void {
  token.at = to
  effects.push({ do: 'Send', to: to.node, message: { type: 'TokenGrant', key, turn: to.turn, ownerDied } })
}

function recall(key: string, { node, turn }: Turn, next: Turn, effects: SyncEffect[]): void {
  const message = { type: 'TokenRecall', key, turn, next: next.node, nextTurn: next.turn } as const
  effects.push({ do: 'Send', to: node, message })
}

function shift(token: Token): Turn {
  const next = token.queue.shift()
  assert(next !== undefined, 'token: served with nobody waiting')
  return next
}

function waits({ queue }: Token, node: NodeId): boolean {
  return queue.some((waiter) => waiter.node === node)
}

function isSame(a: Turn, b: Turn): boolean {
  return a.node === b.node && a.turn === b.turn
}
