/**
 * The heap's node: performs what nodes ask, one message at a time.
 *
 * Blocks have no owner. A block that was allocated for a process that has died meanwhile, or for a
 * node that is lost, stays allocated until somebody frees it: its address may have been handed on.
 */
import type { NodeId, SegmentId } from '../base/ids.js'
import { expectOfPeer, isCount } from '../base/expect.js'
import { SLOTS_MAX } from './blocks.js'
import { allocate, createAllocator, release, resize, type Allocator, type Placement } from './allocator.js'
import type { HeapMessage } from './messages.js'
import type { HeapEffect, HeapState } from './state.js'

export type HeapAsk = Extract<HeapMessage, { type: 'AllocAsk' | 'ReallocAsk' | 'FreeAsk' | 'HeapStatAsk' }>

export function heapAsk(state: HeapState, from: NodeId, ask: HeapAsk, effects: HeapEffect[]): void {
  expectOfPeer(isCount(ask.ticket), `${ask.type} with ticket ${ask.ticket}`)
  const managed = managedHeap(state, ask.segment)
  effects.push({ do: 'Send', to: from, message: managed === undefined ? gone(ask) : perform(managed, ask) })
}

function perform(allocator: Allocator, ask: HeapAsk): HeapMessage {
  switch (ask.type) {
    case 'AllocAsk':
      expectSize(allocator, ask.bytes)
      return placed(allocator, ask, allocate(allocator, ask.bytes))
    case 'ReallocAsk':
      expectSize(allocator, ask.bytes)
      expectOfPeer(isCount(ask.offset), `realloc at ${ask.offset}`)
      return placed(allocator, ask, resize(allocator, ask.offset, ask.bytes))
    case 'FreeAsk':
      expectOfPeer(isCount(ask.offset), `free at ${ask.offset}`)
      if (!release(allocator, ask.offset)) return notAllocated(ask)
      return { type: 'FreeDone', ticket: ask.ticket }
    case 'HeapStatAsk':
      return { type: 'HeapStatAnswer', ticket: ask.ticket, bytes: allocator.usedBytes, blocks: allocator.usedBlocks }
  }
}

/** Undefined for a segment that is gone; no correct peer asks about one that this node never had. */
function managedHeap(state: HeapState, segment: SegmentId): Allocator | undefined {
  const managed = state.managed.get(segment)
  if (managed === undefined) {
    // Late, not wrong: the asking process died with its request on the way, its node let the segment
    // go, and node 0's drop overtook the request, which came over another link.
    const late = isCount(segment) && segment >= 1 && segment <= state.highest
    expectOfPeer(late, `heap request for segment ${segment}, which was never made`)
    return undefined
  }
  managed.allocator ??= createAllocator(managed.bytes)
  return managed.allocator
}

/** The asking node refuses other sizes itself. */
function expectSize(allocator: Allocator, bytes: number): void {
  expectOfPeer(isCount(bytes) && bytes >= 1 && bytes <= allocator.bytes, `asks for ${bytes} bytes`)
}

function placed(
  allocator: Allocator,
  ask: Extract<HeapAsk, { readonly bytes: number }>,
  placement: Placement,
): HeapMessage {
  if (typeof placement === 'object') return { type: 'HeapBlock', ticket: ask.ticket, ...placement }
  if (placement === 'NOT_ALLOCATED' && ask.type === 'ReallocAsk') return notAllocated(ask)
  const detail =
    placement === 'LIMIT'
      ? `segment ${ask.segment}'s heap is divided into ${SLOTS_MAX} blocks, and cannot have more`
      : `allocation of ${ask.bytes} bytes does not fit in segment of ${allocator.bytes} bytes ` +
        `(${allocator.usedBytes} allocated in ${allocator.usedBlocks} blocks)`
  return { type: 'HeapRefused', ticket: ask.ticket, error: placement, detail }
}

function notAllocated(ask: Extract<HeapAsk, { readonly offset: number }>): HeapMessage {
  const detail = `offset ${ask.offset} of segment ${ask.segment} is not the start of an allocated block`
  return { type: 'HeapRefused', ticket: ask.ticket, error: 'NOT_ALLOCATED', detail }
}

function gone(ask: HeapAsk): HeapMessage {
  return { type: 'HeapRefused', ticket: ask.ticket, error: 'NOT_FOUND', detail: `segment ${ask.segment} is gone` }
}
