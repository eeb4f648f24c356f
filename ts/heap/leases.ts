/**
 * Spans: pieces of a segment that the heap's home leases to nodes, for them to divide into small blocks. What is
 * allocated in a span its node alone knows, outside this room: in control pages that its processes share. This file
 * is the home's side: who has which, and what it asks those nodes.
 *
 * A span goes back when its node says so, empty. One of a lost node stays: what was allocated there may be in use.
 */
import type { NodeId, SegmentId } from '../base/ids.js'
import { PAGE_SIZE } from '../base/ids.js'
import type { SegmentAttributes } from '../base/requests.js'
import type { HeapAsk } from './messages.js'

export const SPAN_BYTES_MAX = 65_536
/** A segment of fewer spans has none: there would be no room for sizes and nodes. */
const SPANS_LEAST = 16
/** Of a segment, one span is so small a part at most, if its units allow that. */
const PART = 256

/** Bytes of a span of the segment: a power of two, whole units; 0: it is too small for spans. By the size that it may
 * have: that does not change. */
export function spanBytes({ maxBytes: bytes, unit }: Pick<SegmentAttributes, 'maxBytes' | 'unit'>): number {
  let span = PAGE_SIZE
  while (span < SPAN_BYTES_MAX && span * 2 * PART <= bytes) span *= 2
  span = Math.max(span, unit)
  return span * SPANS_LEAST <= bytes ? span : 0
}

/**
 * What the heap's home wants of the nodes that have spans. count: bytes and blocks allocated. trim: empty spans go
 * back, before the answer. free, look: of the block at `offset`, freed or only found: its bytes, 0 if there is none.
 */
export type SpanWish = 'count' | 'trim' | 'free' | 'look'
export const SPAN_WISHES: readonly string[] = ['count', 'trim', 'free', 'look'] satisfies SpanWish[]

/** An ask of a node that the heap's home cannot answer before others have answered it. */
export interface Query {
  readonly from: NodeId
  readonly ask: Exclude<HeapAsk, { type: 'SpanAsk' }> | ArenaAsk
  readonly wish: SpanWish
  waiting: NodeId[]
  bytes: number
  blocks: number
}

/** The heap is to have another size (ts/names); nobody's message. */
export interface ArenaAsk {
  readonly type: 'Arena'
  readonly segment: SegmentId
  readonly bytes: number
}

export interface Leases {
  /** Offset of a span -> who has it. */
  readonly spans: Map<number, NodeId>
  /** How many each has. */
  readonly counts: Map<NodeId, number>
}

export function createLeases(): Leases {
  return { spans: new Map(), counts: new Map() }
}

export function lease({ spans, counts }: Leases, offset: number, node: NodeId): void {
  spans.set(offset, node)
  counts.set(node, (counts.get(node) ?? 0) + 1)
}

/** False when the node has no span there. */
export function giveBack({ spans, counts }: Leases, offset: number, node: NodeId): boolean {
  if (spans.get(offset) !== node) return false
  spans.delete(offset)
  const left = counts.get(node)! - 1
  if (left === 0) counts.delete(node)
  else counts.set(node, left)
  return true
}

/** Nodes that have spans and are not lost. */
export function holders({ counts }: Leases, lost: ReadonlySet<NodeId>): NodeId[] {
  return [...counts.keys()].filter((node) => !lost.has(node))
}

/** Spans that lost nodes have. */
export function lostSpans({ counts }: Leases, lost: ReadonlySet<NodeId>): number {
  let sum = 0
  for (const [node, count] of counts) if (lost.has(node)) sum += count
  return sum
}
