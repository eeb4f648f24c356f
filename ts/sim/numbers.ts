/**
 * Numbers that a node gives to what it has under way, and that mean nothing when it is over: the explorer
 * gives the lowest free one, so that what was before makes no new state. Turns (turns.ts) outlive what
 * the node knows of them, and are renamed in the whole row.
 */
import type { Setup } from './setup.js'
import type { SimNode } from './sim-node.js'

export function lowerNumbers({ state }: SimNode, { losses }: Pick<Setup, 'losses'>): void {
  const { edges } = state.coherence
  edges.nextFlush = highest(edges.flushes) + 1
  // A home forgets a lost node's flushes, and sharers still answer the notices.
  if (losses === 0) edges.nextNotice = highest(edges.tellings) + 1
  state.sync.lastEdge = highest(state.sync.edges)
}

function highest(numbers: ReadonlyMap<number, unknown>): number {
  return Math.max(0, ...numbers.keys())
}
