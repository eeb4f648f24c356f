/**
 * What a node knows of its segments' pages: the page directory. Plain data; no object per page.
 *
 *   copy record (1 word)   this node's own copy: bits 0-3 state, bits 4-31 serial of its last request
 *   home record (2 words)  of the pages whose home is this node: bits 0-7 state, bits 8-23 owner;
 *                          second word: the nodes 0..31 of the copyset (copyset.ts)
 *
 * Both number their states in the order in which the protocol lists them; 0 = never touched. A node
 * that is home of a page need not hold it, nor the other way round, so these are two stores. Home
 * records are numbered densely: page / homes.length. Where the manager is dynamic, or homes move (lrc), every node may
 * serve every page: there they are numbered by the page. mrsw-dynamic: the field `owner` is the hint
 * (mrsw-dynamic/hint.ts). lrc: it is who has the page alone, or flushed it last; a third store says where the home is.
 * The few pages in transition have a Transaction, and requests that wait, in Maps beside them.
 */
import { assert } from '../base/assert.js'
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
  /** Of those, the first so many: what other nodes say of pages beyond is late, and ignored (resize.ts). */
  readonly limit: number
  /** Bytes of each. */
  readonly unit: number
  readonly homes: readonly NodeId[]
  readonly protocol: ProtocolName
  /** Where homes move: by page, bits 0-15 whom this node takes for its home, + 1; 0: whom `homes` says; bits 16-31 whom
   * it has asked for the page and not heard of, + 1. */
  readonly moved: RecordStore | undefined
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
  const { segment, bytes, maxBytes, unit, homes } = attributes
  if (state.segments.has(segment)) return
  const protocol = protocolName(attributes)
  state.highest = Math.max(state.highest, segment)
  state.segments.set(segment, {
    segment,
    pages: Math.ceil(maxBytes / unit),
    limit: Math.ceil(bytes / unit),
    unit,
    homes: homes.slice(),
    protocol,
    moved: protocol === 'lrc' ? createRecordStore(1) : undefined,
    copies: createRecordStore(1),
    home: createRecordStore(2),
    stride: protocol === 'lrc' || attributes.manager === 'dynamic' ? 1 : homes.length,
    wide: new Map(),
    transactions: new Map(),
    stalled: new Map(),
  })
}

export function segmentGone(state: CoherenceState, segment: SegmentId): void {
  state.segments.delete(segment)
  forgetSegment(state.edges, segment)
}

/** Whom this node takes for the page's home. */
export function homeOf(pages: SegmentPages, page: Page): NodeId {
  const { moved } = pages
  if (moved === undefined) return firstHomeOf(pages, page)
  const slot = findRecord(moved, page)
  const home = slot === NO_SLOT ? 0 : recordWord(moved, slot, 0) & 0xffff
  return home === 0 ? firstHomeOf(pages, page) : home - 1
}

/** The page's home unless it has moved: whoever knows no better asks here. */
export function firstHomeOf(pages: SegmentPages, page: Page): NodeId {
  return pages.homes[page % pages.homes.length] ?? NO_NODE
}

export function setHomeOf(pages: SegmentPages, page: Page, home: NodeId): void {
  setMoved(pages, page, 0xffff, home === firstHomeOf(pages, page) ? 0 : home + 1)
}

/** Whom this node has asked for the page and not heard of. */
export function askedOf({ moved }: SegmentPages, page: Page): NodeId | undefined {
  if (moved === undefined) return undefined
  const slot = findRecord(moved, page)
  const asked = slot === NO_SLOT ? 0 : recordWord(moved, slot, 0) >>> 16
  return asked === 0 ? undefined : asked - 1
}

/** @param node undefined: it has heard */
export function setAsked(pages: SegmentPages, page: Page, node: NodeId | undefined): void {
  setMoved(pages, page, 0xffff0000, (node === undefined ? 0 : node + 1) << 16)
}

function setMoved({ moved }: SegmentPages, page: Page, mask: number, bits: number): void {
  assert(moved !== undefined, 'a home moves that cannot')
  if (bits === 0 && findRecord(moved, page) === NO_SLOT) return
  const slot = touchRecord(moved, page)
  setRecordWord(moved, slot, 0, (recordWord(moved, slot, 0) & ~mask) | bits)
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
    const moved = pages.moved && copyRecordStore(pages.moved)
    segments.set(segment, { ...pages, moved, copies, home, wide, transactions, stalled })
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
