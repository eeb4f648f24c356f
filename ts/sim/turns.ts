/**
 * Turns of the nodes' asks for tokens (ts/sync/turn.ts), by the node whose they are: they become 1, 2, 3 in
 * their order, wherever they are, and the node's next is the one above.
 */
import type { NodeId } from '../base/ids.js'
import type { Message } from '../node/messages.js'
import type { Effect } from '../node/effects.js'
import type { Turn } from '../sync/state.js'
import type { Renaming } from './renumber.js'
import { copyNode, type InFlight, type SimNode } from './sim-node.js'

/** By owner the turns that are meant by a node or on a link, as bits; bit 0 is for none. */
export type Turns = readonly number[]

const TURNS_MAX = 30

export function turnsAt({ alive, state, todo }: SimNode, nodes: number): Turns {
  const turns = Array.from({ length: nodes }, () => 0)
  if (!alive) return turns
  const note = (turn: Turn) => noteTurn(turns, turn.node, turn.turn)
  for (const { at, to, queue } of state.sync.tokens.values()) [at, to, ...queue].forEach(note)
  for (const { turn, next } of state.sync.locks.values()) {
    noteTurn(turns, state.self, turn)
    note(next)
  }
  for (const effect of todo) {
    if (effect.do === 'Send')
      eachTurn(effect.message, state.self, effect.to, (owner, turn) => noteTurn(turns, owner, turn))
  }
  return turns
}

export function turnsOn(link: readonly InFlight[], from: NodeId, to: NodeId, nodes: number): Turns {
  const turns = Array.from({ length: nodes }, () => 0)
  for (const { message } of link) eachTurn(message, from, to, (owner, turn) => noteTurn(turns, owner, turn))
  return turns
}

/** @param used the owner's turns, as bits */
export function renameTurns(owner: NodeId, used: number): Renaming {
  const rank = (turn: number) => {
    let below = 0
    for (let one = 1; one <= turn; one++) below += (used >>> one) & 1
    return below
  }
  const renamed = <T extends Turn>(turn: T): T => (turn.node === owner ? { ...turn, turn: rank(turn.turn) } : turn)
  const sent = (message: Message, from: NodeId, to: NodeId): Message => {
    const change: { turn?: number; nextTurn?: number } = {}
    eachTurn(message, from, to, (whose, turn, field) => {
      if (whose === owner && rank(turn) !== turn) change[field] = rank(turn)
    })
    return Object.keys(change).length === 0 ? message : { ...message, ...change }
  }
  return {
    name: `turns ${owner} ${used}`,
    placed: true,
    node(old, self) {
      if (!old.alive) return old
      const node = copyNode(old, 'all', true)
      const { sync } = node.state
      for (const [key, token] of sync.tokens) {
        const { at, to, queue } = token
        sync.tokens.set(key, { ...token, at: renamed(at), to: renamed(to), queue: queue.map(renamed) })
      }
      for (const [key, lock] of sync.locks) {
        const turn = self === owner ? rank(lock.turn) : lock.turn
        sync.locks.set(key, { ...lock, turn, next: renamed(lock.next) })
      }
      if (self === owner) sync.lastTurn = rank(TURNS_MAX)
      node.todo = node.todo.map(
        (effect): Effect =>
          effect.do === 'Send' ? ({ ...effect, message: sent(effect.message, self, effect.to) } as Effect) : effect,
      )
      return node
    },
    link: (link, from, to) => link.map(({ message, payload }) => ({ message: sent(message, from, to), payload })),
  }
}

/** Whose turns the message is about. */
function eachTurn(
  message: Message,
  from: NodeId,
  to: NodeId,
  visit: (owner: NodeId, turn: number, field: 'turn' | 'nextTurn') => void,
): void {
  switch (message.type) {
    case 'TokenAsk':
    case 'TokenTook':
    case 'TokenBack':
    case 'TokenGone':
      return visit(from, message.turn, 'turn')
    case 'TokenRecall':
      visit(to, message.turn, 'turn')
      return visit(message.next, message.nextTurn, 'nextTurn')
    case 'TokenGrant':
    case 'TokenPass':
    case 'TokenRefused':
    case 'TokenBusy':
      return visit(to, message.turn, 'turn')
    default:
  }
}

function noteTurn(turns: number[], owner: NodeId, turn: number): void {
  if (turn > TURNS_MAX) throw new Error('a node has more turns at a time than the explorer can name')
  if (owner < turns.length && turn > 0) turns[owner] = (turns[owner] ?? 0) | (1 << turn)
}
