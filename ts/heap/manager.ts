/**
 * The heap's node: performs what nodes ask, one message at a time. Where a span has what is asked about, it asks
 * the span's node in turn (leases.ts), and answers when that has answered.
 *
 * Blocks have no owner. A block that was allocated for a process that has died meanwhile, or for a
 * node that is lost, stays allocated until somebody frees it: its address may have been handed on.
 */
import type { NodeId, SegmentId } from '../base/ids.js'
import { expectOfPeer, isCount } from '../base/expect.js'
import { SLOTS_MAX } from './blocks.js'
import {
  allocate,
  createAllocator,
  moveEnd,
  release,
  resize,
  type Allocator,
  type Place,
  type Placement,
} from './allocator.js'
import { giveBack, holders, lease, lostSpans, type ArenaAsk, type Query, type SpanWish } from './leases.js'
import type { HeapAsk, HeapMessage } from './messages.js'
import type { HeapEffect, HeapState, ManagedHeap } from './state.js'

/** An answer, or what the nodes that have spans must be asked first. */
type Outcome = HeapMessage | { readonly wish: SpanWish; readonly of: readonly NodeId[]; readonly offset: number }

interface Heap extends ManagedHeap {
  allocator: Allocator
}

export function heapAsk(state: HeapState, from: NodeId, ask: HeapAsk, effects: HeapEffect[]): void {
  expectOfPeer(isCount(ask.ticket), `${ask.type} with ticket ${ask.ticket}`)
  const heap = managedHeap(state, ask.segment, 'heap request')
  const outcome = heap === undefined ? gone(ask) : perform(state, heap, from, ask)
  if ('type' in outcome) {
    effects.push({ do: 'Send', to: from, message: outcome })
    return
  }
  const { wish, of, offset } = outcome
  const query = state.nextQuery++
  state.queries.set(query, { from, ask: ask as Query['ask'], wish, waiting: [...of], bytes: 0, blocks: 0 })
  const message = { type: 'SpanQuery', query, segment: ask.segment, wish, offset } as const
  for (const to of of) effects.push({ do: 'Send', to, message })
}

/** A node has answered about its spans. */
export function spanAnswer(
  state: HeapState,
  from: NodeId,
  message: Extract<HeapMessage, { type: 'SpanAnswer' }>,
  effects: HeapEffect[],
): void {
  const query = state.queries.get(message.query)
  const due = query?.waiting.includes(from) === true
  expectOfPeer(query !== undefined && due, `SpanAnswer to query ${message.query}, which asks nothing of it`)
  expectOfPeer(isCount(message.bytes) && isCount(message.blocks), 'SpanAnswer with numbers that cannot be')
  query.bytes += message.bytes
  query.blocks += message.blocks
  answered(state, message.query, query, from, effects)
}

/** A node has given a span back. */
export function spanBack(
  state: HeapState,
  from: NodeId,
  { segment, offset }: Extract<HeapMessage, { type: 'SpanBack' }>,
): void {
  const heap = managedHeap(state, segment, 'SpanBack')
  if (heap === undefined) return
  expectOfPeer(giveBack(heap.leases, offset, from), `SpanBack of ${offset}, which is no span of its own`)
  release(heap.allocator, offset)
}

/** Nothing more is heard of the node. What it had allocated in its spans stays. */
export function queriesLost(state: HeapState, node: NodeId, effects: HeapEffect[]): void {
  for (const [number, query] of state.queries) {
    if (!query.waiting.includes(node)) continue
    if (query.wish === 'count' || query.wish === 'trim') {
      answered(state, number, query, node, effects)
      continue
    }
    state.queries.delete(number)
    if (query.ask.type !== 'Arena') effects.push({ do: 'Send', to: query.from, message: spanLost(query.ask, node) })
  }
}

function answered(state: HeapState, number: number, query: Query, node: NodeId, effects: HeapEffect[]): void {
  query.waiting = query.waiting.filter((other) => other !== node)
  if (query.waiting.length > 0) return
  state.queries.delete(number)
  if (query.ask.type === 'Arena') {
    const managed = state.managed.get(query.ask.segment)
    if (managed !== undefined) tellArena(query.ask, moveArena(managed, query.ask.bytes), effects)
    return
  }
  const heap = managedHeap(state, query.ask.segment, 'SpanAnswer')
  const message = heap === undefined ? gone(query.ask) : conclude(state, heap, query.ask, query)
  effects.push({ do: 'Send', to: query.from, message })
}

/** The segment, whose heap is here, is to have another size: ArenaSized says whether its heap has it. Where a span is in the
 * way it may be empty: who has spans is asked for those that are. */
export function heapArena(state: HeapState, segment: SegmentId, bytes: number, effects: HeapEffect[]): void {
  const managed = state.managed.get(segment)
  expectOfPeer(managed !== undefined, `the heap of segment ${segment} is not here`)
  const ask: ArenaAsk = { type: 'Arena', segment, bytes }
  const used = moveArena(managed, bytes)
  const of = used > bytes ? holders(managed.leases, state.lost) : []
  if (of.length === 0) return tellArena(ask, used, effects)
  const query = state.nextQuery++
  state.queries.set(query, { from: state.self, ask, wish: 'trim', waiting: [...of], bytes: 0, blocks: 0 })
  const message = { type: 'SpanQuery', query, segment, wish: 'trim', offset: 0 } as const
  for (const to of of) effects.push({ do: 'Send', to, message })
}

/** Gives where the last block ends: beyond `bytes`, nothing has changed. */
function moveArena(managed: ManagedHeap, bytes: number): number {
  const used = managed.allocator === undefined ? 0 : moveEnd(managed.allocator, bytes)
  if (used <= bytes) managed.bytes = bytes
  return used
}

function tellArena({ segment, bytes }: ArenaAsk, used: number, effects: HeapEffect[]): void {
  effects.push({ do: 'ArenaSized', segment, bytes, used })
}

function perform(state: HeapState, heap: Heap, from: NodeId, ask: HeapAsk): Outcome {
  switch (ask.type) {
    case 'AllocAsk': {
      const placement = allocateFor(heap, ask)
      const full = placement === 'HEAP_FULL' && holders(heap.leases, state.lost)
      return full && full.length > 0 ? { wish: 'trim', of: full, offset: 0 } : placed(heap, ask, placement)
    }
    case 'ReallocAsk': {
      expectSize(heap, ask.bytes)
      expectOfPeer(isCount(ask.offset), `realloc at ${ask.offset}`)
      const node = holderOf(heap, ask.offset)
      if (node !== undefined) return aboutBlock(state, ask, node, 'look')
      const placement = resize(heap.allocator, ask.offset, ask.bytes)
      const full = placement === 'HEAP_FULL' && holders(heap.leases, state.lost)
      return full && full.length > 0 ? { wish: 'trim', of: full, offset: 0 } : placed(heap, ask, placement)
    }
    case 'FreeAsk': {
      expectOfPeer(isCount(ask.offset), `free at ${ask.offset}`)
      const node = holderOf(heap, ask.offset)
      if (node !== undefined) return aboutBlock(state, ask, node, 'free')
      if (!release(heap.allocator, ask.offset)) return notAllocated(ask)
      return { type: 'FreeDone', ticket: ask.ticket }
    }
    case 'HeapStatAsk': {
      const of = holders(heap.leases, state.lost)
      return of.length > 0 ? { wish: 'count', of, offset: 0 } : sums(state, heap, ask, 0, 0)
    }
    case 'SpanAsk': {
      expectOfPeer(heap.spanBytes > 0, 'asks for a span of a segment that has none')
      const placement = allocate(heap.allocator, heap.spanBytes, { align: heap.spanBytes })
      if (typeof placement === 'object') lease(heap.leases, placement.offset, from)
      return placed(heap, { ...ask, bytes: heap.spanBytes }, placement)
    }
  }
}

/** All that were asked have answered. */
function conclude(
  state: HeapState,
  heap: Heap,
  ask: Exclude<Query['ask'], ArenaAsk>,
  { wish, bytes, blocks }: Query,
): HeapMessage {
  switch (ask.type) {
    case 'AllocAsk':
      return placed(heap, ask, allocateFor(heap, ask))
    case 'ReallocAsk': {
      if (wish === 'trim') return placed(heap, ask, resize(heap.allocator, ask.offset, ask.bytes))
      if (bytes === 0) return notAllocated(ask)
      if (ask.bytes <= bytes && ask.bytes > bytes / 2) {
        return { type: 'HeapBlock', ticket: ask.ticket, offset: ask.offset, bytes, oldBytes: bytes }
      }
      const placement = allocate(heap.allocator, ask.bytes)
      return placed(heap, ask, typeof placement === 'object' ? { ...placement, oldBytes: bytes } : placement)
    }
    case 'FreeAsk':
      return bytes === 0 ? notAllocated(ask) : { type: 'FreeDone', ticket: ask.ticket }
    default:
      return sums(state, heap, ask, bytes, blocks)
  }
}

/** @param bytes and blocks allocated in spans */
function sums(
  state: HeapState,
  { allocator, leases, spanBytes }: Heap,
  { ticket }: { readonly ticket: number },
  bytes: number,
  blocks: number,
): HeapMessage {
  // Of a lost node's spans nobody knows: each counts as one block.
  const known = leases.spans.size - lostSpans(leases, state.lost)
  return {
    type: 'HeapStatAnswer',
    ticket,
    bytes: allocator.usedBytes - known * spanBytes + bytes,
    blocks: allocator.usedBlocks - known + blocks,
  }
}

/** Who has the span that the offset lies in. */
function holderOf({ leases, spanBytes }: Heap, offset: number): NodeId | undefined {
  return spanBytes === 0 ? undefined : leases.spans.get(offset - (offset % spanBytes))
}

function aboutBlock(
  state: HeapState,
  ask: Extract<HeapAsk, { readonly offset: number }>,
  node: NodeId,
  wish: SpanWish,
): Outcome {
  return state.lost.has(node) ? spanLost(ask, node) : { wish, of: [node], offset: ask.offset }
}

function allocateFor(heap: Heap, { bytes, align, home }: Extract<HeapAsk, { type: 'AllocAsk' }>): Placement {
  expectSize(heap, bytes)
  expectOfPeer(isCount(align) && align >= 1 && Math.log2(align) % 1 === 0, `asks for blocks aligned to ${align}`)
  if (home === 0) return allocate(heap.allocator, bytes, { align })
  const { unit, homes } = heap
  expectOfPeer(isCount(home) && home <= homes, `asks for a block on home ${home} of ${homes}`)
  if (homes === 1) return allocate(heap.allocator, bytes, { align })
  expectOfPeer(bytes <= unit && align <= unit, `asks for ${bytes} bytes aligned to ${align} in a unit`)
  const place: Place = { align, within: { unit, every: homes, nth: home - 1 } }
  return allocate(heap.allocator, bytes, place)
}

/** Undefined for a segment that is gone; no correct peer asks about one that this node never had. */
function managedHeap(state: HeapState, segment: SegmentId, what: string): Heap | undefined {
  const managed = state.managed.get(segment)
  if (managed === undefined) {
    // Late, not wrong: the asking process died with its request on the way, its node let the segment
    // go, and node 0's drop overtook the request, which came over another link.
    const late = isCount(segment) && segment >= 1 && segment <= state.highest
    expectOfPeer(late, `${what} for segment ${segment}, which was never made`)
    return undefined
  }
  managed.allocator ??= createAllocator(managed.bytes)
  return managed as Heap
}

/** The asking node refuses other sizes itself, by the size that it knows. */
function expectSize({ maxBytes: most }: Heap, bytes: number): void {
  expectOfPeer(isCount(bytes) && bytes >= 1 && bytes <= most, `asks for ${bytes} bytes`)
}

function placed(
  { allocator, leases }: Heap,
  ask: { readonly type: string; readonly ticket: number; readonly segment: SegmentId; readonly bytes: number },
  placement: Placement,
): HeapMessage {
  if (typeof placement === 'object') return { type: 'HeapBlock', ticket: ask.ticket, ...placement }
  if (placement === 'NOT_ALLOCATED' && ask.type === 'ReallocAsk') return notAllocated(ask as never)
  const spans = leases.spans.size
  const inSpans = spans === 0 ? '' : `, ${spans} of them spans of small blocks`
  const detail =
    placement === 'LIMIT'
      ? `segment ${ask.segment}'s heap is divided into ${SLOTS_MAX} blocks, and cannot have more`
      : `allocation of ${ask.bytes} bytes does not fit in segment of ${allocator.bytes} bytes ` +
        `(${allocator.usedBytes} allocated in ${allocator.usedBlocks} blocks${inSpans})`
  return { type: 'HeapRefused', ticket: ask.ticket, error: placement, detail }
}

function notAllocated(ask: {
  readonly ticket: number
  readonly segment: SegmentId
  readonly offset: number
}): HeapMessage {
  const detail = `offset ${ask.offset} of segment ${ask.segment} is not the start of an allocated block`
  return { type: 'HeapRefused', ticket: ask.ticket, error: 'NOT_ALLOCATED', detail }
}

function spanLost({ ticket }: { readonly ticket: number }, node: NodeId): HeapMessage {
  const detail = `node ${node}, which has the block's span, is lost`
  return { type: 'HeapRefused', ticket, error: 'NODE_LOST', detail }
}

function gone(ask: { readonly ticket: number; readonly segment: SegmentId }): HeapMessage {
  return { type: 'HeapRefused', ticket: ask.ticket, error: 'NOT_FOUND', detail: `segment ${ask.segment} is gone` }
}
