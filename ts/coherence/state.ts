/**
 * What a node knows of its segments' pages: the page directory. Plain data; no object per page.
 *
 *   copy record (1 word)   this node's own copy: bits 0-3 state, bits 4-31 serial of its last request
 *   home record (2 words)  of the pages whose home is this node: bits 0-7 state, bits 8-23 owner;
 *                          second word: the nodes 0..31 of the copyset (copyset.ts)
 *
 * Both number their states in the order in which the protocol lists them; 0 = never touched. A node
 * that is home of a page need not hold it, nor the other way round, so these are two stores. Home
 * records are numbered densely: page / homes.length. Where the manager is dynamic every node may serve
 * every page: there they are numbered by the page, and the field `owner` is the hint (mrsw-dynamic/hint.ts).
 * The few pages in transition have a Transaction, and requests that wait, in Maps beside them.
 */
import { protocolName, type ProtocolName } from '../base/consistency.js'
import { NO_NODE, type NodeId, type Page, type SegmentId } from '../base/ids.js'
import { createNodeSet, type NodeSet } from '../base/node-set.js'
import type { SegmentAttributes } from '../base/requests.js'
import { copyEdges, createEdges, forgetSegment, type EdgeState } from './lrc/state.js'
import type { CoherenceMessage } from './messages.js'
import {
  NO_SLOT,
  copyRecordStore,
  createRecordStore,
  findRecord,
  recordWord,
  setRecordWord,
  touchRecord,
  type RecordStore,
} from './record-store.js'

export interface CoherenceState {
  readonly self: NodeId
  /** Nodes that are not lost, this one included. */
  nodes: NodeSet
  segments: Map<SegmentId, SegmentPages>
  /** The highest segment number ever seen: a message about a lower, unknown one is only late. */
  highest: SegmentId
  /** There is no memory here for pages that others cannot keep. */
  full: boolean
  /** Acquires and releases under way. */
  readonly edges: EdgeState
}

export interface SegmentPages {
  readonly segment: SegmentId
  /** Coherence units: to the engine a page is one of these, however long. */
  readonly pages: number
  /** Bytes of each. */
  readonly unit: number
  readonly homes: readonly NodeId[]
  readonly protocol: ProtocolName
  readonly copies: RecordStore
  readonly home: RecordStore
  /** From one page that has a home record here to the next: homes.length, or 1 when the manager is dynamic. */
  readonly stride: number
  /** Copysets with a node beyond 31, whole, by home index. */
  readonly wide: Map<number, NodeSet>
  /** By page, here as home: what is under way. */
  readonly transactions: Map<Page, Transaction>
  /** By page, here as home: requests that wait for their turn, oldest first. */
  readonly stalled: Map<Page, CoherenceMessage[]>
}

/** The one request that a home is serving for a page. */
export interface Transaction {
  readonly requester: NodeId
  readonly serial: number
  /** Nodes whose InvAck is awaited, ascending. */
  awaited: NodeId[]
}

export const SERIAL_LIMIT = 2 ** 28

export function createCoherence(self: NodeId): CoherenceState {
  return { self, nodes: createNodeSet(self), segments: new Map(), highest: 0, full: false, edges: createEdges() }
}

export function segmentMade(state: CoherenceState, attributes: SegmentAttributes): void {
  const { segment, bytes, unit, homes } = attributes
  if (state.segments.has(segment)) return
  state.highest = Math.max(state.highest, segment)
  state.segments.set(segment, {
    segment,
    pages: Math.ceil(bytes / unit),
    unit,
    homes: homes.slice(),
    protocol: protocolName(attributes),
    copies: createRecordStore(1),
    home: createRecordStore(2),
    stride: attributes.manager === 'dynamic' ? 1 : homes.length,
    wide: new Map(),
    transactions: new Map(),
    stalled: new Map(),
  })
}

export function segmentGone(state: CoherenceState, segment: SegmentId): void {
  state.segments.delete(segment)
  forgetSegment(state.edges, segment)
}

export function homeOf(pages: SegmentPages, page: Page): NodeId {
  return pages.homes[page % pages.homes.length] ?? NO_NODE
}

export function homeIndex(pages: SegmentPages, page: Page): number {
  return Math.floor(page / pages.stride)
}

/** May this node have a home record of the page? */
export function mayServe(pages: SegmentPages, page: Page, self: NodeId): boolean {
  return pages.stride === 1 || homeOf(pages, page) === self
}

/** The page whose home record has this index, on the given home. */
export function pageOfHomeIndex(pages: SegmentPages, home: NodeId, index: number): Page {
  return pages.stride === 1 ? index : index * pages.stride + pages.homes.indexOf(home)
}

/** The number of this node's copy state; 0 when the page was never touched here. */
export function copyStateNumber(pages: SegmentPages, page: Page): number {
  const slot = findRecord(pages.copies, page)
  return slot === NO_SLOT ? 0 : recordWord(pages.copies, slot, 0) & 15
}

export function copySerial(pages: SegmentPages, page: Page): number {
  const slot = findRecord(pages.copies, page)
  return slot === NO_SLOT ? 0 : recordWord(pages.copies, slot, 0) >>> 4
}

export function setCopyState(pages: SegmentPages, page: Page, number: number): void {
  const slot = touchRecord(pages.copies, page)
  setRecordWord(pages.copies, slot, 0, (recordWord(pages.copies, slot, 0) & ~15) | number)
}

export function setCopySerial(pages: SegmentPages, page: Page, serial: number): void {
  const slot = touchRecord(pages.copies, page)
  setRecordWord(pages.copies, slot, 0, (serial << 4) | (recordWord(pages.copies, slot, 0) & 15))
}

/** The number for this page's next request. It comes round after 2^28 requests for one page, by
 * when no answer to the first can still be on its way. */
export function nextSerial(pages: SegmentPages, page: Page): number {
  const serial = (copySerial(pages, page) + 1) % SERIAL_LIMIT
  setCopySerial(pages, page, serial)
  return serial
}

export function homeStateNumber(pages: SegmentPages, page: Page): number {
  const slot = findRecord(pages.home, homeIndex(pages, page))
  return slot === NO_SLOT ? 0 : recordWord(pages.home, slot, 0) & 255
}

export function setHomeState(pages: SegmentPages, page: Page, number: number): void {
  const { home } = pages
  const at = homeIndex(pages, page)
  let slot = findRecord(home, at)
  if (slot === NO_SLOT) {
    slot = touchRecord(home, at)
    setRecordWord(home, slot, 0, NO_NODE << 8)
  }
  setRecordWord(home, slot, 0, (recordWord(home, slot, 0) & ~255) | number)
}

/** NO_NODE while no node has the bytes. */
export function ownerOf(pages: SegmentPages, page: Page): NodeId {
  const slot = findRecord(pages.home, homeIndex(pages, page))
  return slot === NO_SLOT ? NO_NODE : (recordWord(pages.home, slot, 0) >>> 8) & 0xffff
}

export function setOwner(pages: SegmentPages, page: Page, owner: NodeId): void {
  const slot = touchRecord(pages.home, homeIndex(pages, page))
  setRecordWord(pages.home, slot, 0, (recordWord(pages.home, slot, 0) & 255) | (owner << 8))
}

/** A deep copy, for explorers and tests. */
export function copyCoherence(state: CoherenceState): CoherenceState {
  const segments = new Map<SegmentId, SegmentPages>()
  for (const [segment, pages] of state.segments) {
    const transactions = new Map<Page, Transaction>()
    for (const [page, now] of pages.transactions) transactions.set(page, { ...now, awaited: now.awaited.slice() })
    const stalled = new Map<Page, CoherenceMessage[]>()
    for (const [page, waiting] of pages.stalled) stalled.set(page, waiting.slice())
    const wide = new Map<number, NodeSet>()
    for (const [at, nodes] of pages.wide) wide.set(at, nodes.slice())
    const copies = copyRecordStore(pages.copies)
    const home = copyRecordStore(pages.home)
    segments.set(segment, { ...pages, copies, home, wide, transactions, stalled })
  }
  return {
    self: state.self,
    nodes: state.nodes.slice(),
    segments,
    highest: state.highest,
    full: state.full,
    edges: copyEdges(state.edges),
  }
}
