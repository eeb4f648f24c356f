/**
 * Sets of nodes as bit maps: plain typed arrays, so that state can be copied and hashed.
 * A NodeSet holds NODES_MAX nodes in 128 bytes. Per page that would be too much: page records keep
 * nodes 0..31 in one word of their own (coherence/copyset.ts).
 */
import { NODES_MAX, type NodeId } from './ids.js'

export type NodeSet = Uint32Array

export const NODE_SET_WORDS = NODES_MAX / 32

export function createNodeSet(...nodes: readonly NodeId[]): NodeSet {
  const set = new Uint32Array(NODE_SET_WORDS)
  for (const node of nodes) addNode(set, node)
  return set
}

export function addNode(set: NodeSet, node: NodeId): void {
  set[node >>> 5]! |= 1 << (node & 31)
}

export function deleteNode(set: NodeSet, node: NodeId): void {
  set[node >>> 5]! &= ~(1 << (node & 31))
}

/** False for every number that cannot be a node. */
export function hasNode(set: NodeSet, node: NodeId): boolean {
  return node >= 0 && node < NODES_MAX && (set[node >>> 5]! & (1 << (node & 31))) !== 0
}

export function countNodes(set: NodeSet): number {
  let count = 0
  for (const word of set) count += bitCount(word)
  return count
}

/** In ascending order. */
export function listNodes(set: NodeSet): NodeId[] {
  const nodes: NodeId[] = []
  set.forEach((word, at) => listBits(word, at * 32, nodes))
  return nodes
}

/** Appends base + i for every set bit i of the word, ascending. */
export function listBits(word: number, base: number, into: NodeId[]): void {
  for (let bits = word; bits !== 0; bits &= bits - 1) into.push(base + 31 - Math.clz32(bits & -bits))
}

export function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
