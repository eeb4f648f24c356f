/**
 * A barrier's tree, as its manager plans and sees it. Where many nodes meet, each tells its parent when all below it are
 * there (BarrierUp), and each hears from its parent that all are (BarrierDown): two messages for each node besides the
 * manager's, as without a tree, but no node has more than TREE_ARITY others to listen to.
 *
 * A tree is no more than what shares are (barrier.ts): the nodes and numbers of the last episode, in the hope that they come
 * again. It is told with that episode's BarrierGo, by the manager to each, and stands until something else happens than
 * that they do: somebody comes where nobody is expected, or more than are; a process ends, a node is lost; one does not want to
 * wait any more; it is to be another count, or shape. Then the manager asks every node (BarrierAsk) what it has, which is told
 * directly, one and all, and the barrier goes on without a tree until the next episode is over. So what is rare is
 * decided in one place, by what is known about barriers without trees.
 *
 * Between two nodes messages by the tree and directly may overtake each other. Therefore a tree has a number that is
 * never used again, and counts its episodes: BarrierAsk says how many are over, so one whose Down is still on its way, or was
 * with a node that is lost, lets its threads go then; Ups and Downs of a tree that stands no more are ignored.
 */
import type { NodeId } from '../base/ids.js'
import type { BarrierShape } from '../base/requests.js'

/** Nodes below a node, at most. */
export const TREE_ARITY = 4
/** From how many nodes on a barrier is a tree, unless gshmd is told (--barrier-tree). */
export const BARRIER_TREE = 9

export interface Tree {
  readonly number: number
  /** How many are over. */
  episode: number
  /** Whom the manager listens to, and which of them are up. */
  readonly tops: readonly NodeId[]
  readonly up: Set<NodeId>
}

/** Where a node stands in a tree; no tree: number 0. */
export interface Place {
  readonly tree: number
  readonly parent: NodeId
  readonly kids: NodeId[]
}

/** @param from from how many nodes on a barrier is a tree, if it is not said with the call; 0: none is */
export function wantsTree(nodes: number, shape: BarrierShape, from: number): boolean {
  if (nodes < 2 || shape === 'central') return false
  return shape === 'tree' || (from > 0 && nodes >= from)
}

/** @param nodes who was there last time @param arity how many nodes are below a node */
export function plant(
  number: number,
  manager: NodeId,
  nodes: Iterable<NodeId>,
  arity: number,
): [Tree, Map<NodeId, Place>] {
  const all = [...nodes].sort((a, b) => a - b)
  const others = all.filter((node) => node !== manager)
  const places = new Map<NodeId, Place>()
  const place = (node: NodeId, parent: NodeId, kids: NodeId[]) => places.set(node, { tree: number, parent, kids })
  // The manager's own threads are beside it: between them no message travels.
  if (others.length < all.length) place(manager, manager, [])
  others.forEach((node, at) => {
    const parent = at < arity ? manager : others[Math.floor(at / arity) - 1]!
    place(node, parent, others.slice(arity * (at + 1), arity * (at + 2)))
  })
  const tops = all.filter((node) => places.get(node)?.parent === manager)
  return [{ number, episode: 0, tops, up: new Set() }, places]
}
