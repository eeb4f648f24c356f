/** All that a node knows, room by room; plain data. And what the runtime may read of it. */
import type { ProtocolName } from '../base/consistency.js'
import type { Access, NodeId, Page, SegmentId } from '../base/ids.js'
import type { NodeSet } from '../base/node-set.js'
import { Engine } from '../coherence/engine.js'
import * as inspect from '../coherence/inspect.js'
import { lrc } from '../coherence/lrc/index.js'
import { mrsw } from '../coherence/mrsw/index.js'
import { mrswDynamic } from '../coherence/mrsw-dynamic/index.js'
import { srsw } from '../coherence/srsw/index.js'
import { createCoherence, type CoherenceState } from '../coherence/state.js'
import { createHeap, type HeapState } from '../heap/index.js'
import { createNames, type NamesState } from '../names/index.js'
import { createSync, type SyncOptions, type SyncState } from '../sync/index.js'

export type { PageView } from '../coherence/inspect.js'

export interface NodeState {
  readonly self: NodeId
  /** Nodes that have joined and are not lost, this one included. The coherence room's own set. */
  readonly nodes: NodeSet
  readonly names: NamesState
  readonly sync: SyncState
  readonly heap: HeapState
  readonly coherence: CoherenceState
}

/** Every protocol that a segment can have. */
export const engine = new Engine([mrsw, srsw, mrswDynamic, lrc])
const PROTOCOLS: ReadonlySet<ProtocolName> = new Set(engine.protocols().map(({ name }) => name))

export function createNode(self: NodeId, options?: SyncOptions): NodeState {
  const coherence = createCoherence(self)
  return {
    self,
    nodes: coherence.nodes,
    names: createNames(self, PROTOCOLS),
    sync: createSync(self, options),
    heap: createHeap(self),
    coherence,
  }
}

/** What local threads may do with the page without a fault. */
export function accessOf(state: NodeState, segment: SegmentId, page: Page): Access | 'none' {
  return inspect.accessOf(engine, state.coherence, segment, page)
}

/** Is that beyond the segment's end, where no message is taken in any more? */
export function isBeyond({ coherence }: NodeState, segment: SegmentId, page: Page): boolean {
  return page >= (coherence.segments.get(segment)?.limit ?? Infinity)
}

/** Has nobody asked for the page yet, and is its home here? Then a fault on it needs no other node. */
export function isFresh(state: NodeState, segment: SegmentId, page: Page): boolean {
  return inspect.isFresh(state.coherence, segment, page)
}

/** May a first write to the page take a twin of it on this node? */
export function mayTwin(state: NodeState, segment: SegmentId, page: Page): boolean {
  return inspect.mayTwin(engine, state.coherence, segment, page)
}

/** Has this node told of its writes, and not every home answered? Until then those pages stay. */
export function isFlushing({ coherence }: NodeState): boolean {
  return coherence.edges.flushes.size > 0
}

/** Does no acquire, and no release, have anything to do now? */
export function areEdgesIdle({ coherence: { edges } }: NodeState): boolean {
  const { dirty, stale, flushes, tellings, releases } = edges
  return dirty.size + stale.size + flushes.size + tellings.size + releases.length === 0
}

export function pageView(state: NodeState, segment: SegmentId, page: Page): inspect.PageView | undefined {
  return inspect.pageView(engine, state.coherence, segment, page)
}

/** The pages of a segment that this node's directory knows, ascending. */
export function inspectPages(state: NodeState, segment: SegmentId): inspect.PageView[] {
  return inspect.inspectPages(engine, state.coherence, segment)
}

/** Every page of all segments of which this node has, or had, a copy, as global pages. */
export function copies(state: NodeState): Iterable<number> {
  return inspect.copies(state.coherence)
}

/** Pages that this node's directory knows, of all segments; goes through all of them. */
export function touchedPages(state: NodeState): number {
  return inspect.touchedPages(state.coherence)
}

/** Bytes that the page directory takes on this node. */
export function directoryBytes(state: NodeState): number {
  return inspect.directoryBytes(state.coherence)
}
