/**
 * The parallel heap: alloc, realloc and free in a segment, from any process on any node. Each
 * segment's allocator lives on one node, in the daemon, outside the segment; requests are messages
 * to it and back. This file is the asking side, and the room's door for ts/node.
 */
import { assert } from '../base/assert.js'
import type { NodeId, SegmentId } from '../base/ids.js'
import { expectOfPeer, isCount, refusalOf } from '../base/expect.js'
import type { SegmentAttributes } from '../base/requests.js'
import { heapAsk, type HeapAsk } from './manager.js'
import type { HeapMessage } from './messages.js'
import { heapHome, type HeapEffect, type HeapRequest, type HeapState, type PendingHeap } from './state.js'

export { createHeap, heapHome, type HeapEffect, type HeapRequest, type HeapState } from './state.js'

type HeapAnswer = Exclude<HeapMessage, HeapAsk>

/** The segment is known here from now on (names' SegmentMade), before any request or message about it. */
export function heapMade(state: HeapState, attributes: SegmentAttributes): void {
  state.highest = Math.max(state.highest, attributes.segment)
  if (heapHome(attributes) !== state.self) return
  state.managed.set(attributes.segment, { bytes: attributes.bytes, allocator: undefined })
}

/** The segment is gone (names' SegmentGone), and its heap with it. */
export function heapGone(state: HeapState, segment: SegmentId): void {
  state.managed.delete(segment)
}

/** @param attributes the segment's; undefined when this node knows no such segment */
export function heapRequest(
  state: HeapState,
  attributes: SegmentAttributes | undefined,
  ticket: number,
  request: HeapRequest,
  effects: HeapEffect[],
): void {
  if (attributes === undefined) {
    effects.push({ do: 'Refuse', ticket, error: 'NOT_FOUND', detail: `no segment has number ${request.segment}` })
    return
  }
  const refusal = sizeRefusal(attributes, ticket, request)
  if (refusal !== undefined) {
    effects.push(refusal)
    return
  }
  const givesBack = request.op === 'free' || request.op === 'realloc'
  if (givesBack && attributes.consistency === 'lrc') {
    // Whoever gets the memory next may write it before this node's next release: an old diff would follow.
    state.releasing.set(ticket, { attributes, request })
    effects.push({ do: 'Release', edge: { of: 'heap', number: ticket } })
    return
  }
  ask(state, attributes, ticket, request, effects)
}

/** The release that a request has waited for is over. */
export function heapReleased(state: HeapState, ticket: number, effects: HeapEffect[]): void {
  const waiting = state.releasing.get(ticket)
  assert(waiting !== undefined, `heap: a release for ticket ${ticket}, which asked for none`)
  state.releasing.delete(ticket)
  ask(state, waiting.attributes, ticket, waiting.request, effects)
}

function ask(
  state: HeapState,
  attributes: SegmentAttributes,
  ticket: number,
  request: HeapRequest,
  effects: HeapEffect[],
): void {
  const manager = heapHome(attributes)
  if (state.lost.has(manager)) {
    effects.push(nodeLost(ticket, manager))
    return
  }
  const { due, message } = askFor(ticket, request)
  state.pending.set(ticket, { manager, segmentBytes: attributes.bytes, due })
  effects.push({ do: 'Send', to: manager, message })
}

export function heapMessage(state: HeapState, from: NodeId, message: HeapMessage, effects: HeapEffect[]): void {
  switch (message.type) {
    case 'AllocAsk':
    case 'ReallocAsk':
    case 'FreeAsk':
    case 'HeapStatAsk':
      heapAsk(state, from, message, effects)
      return
    default:
      takeAnswer(state, from, message, effects)
  }
}

export function heapLost(state: HeapState, node: NodeId, effects: HeapEffect[]): void {
  state.lost.add(node)
  for (const [ticket, pending] of state.pending) {
    if (pending.manager !== node) continue
    state.pending.delete(ticket)
    effects.push(nodeLost(ticket, node))
  }
}

/** What can be refused without asking: the heap's node fences a peer that lets these through. */
function sizeRefusal(attributes: SegmentAttributes, ticket: number, request: HeapRequest): HeapEffect | undefined {
  if (request.op === 'heapStat') return undefined
  if (request.op !== 'alloc' && !Number.isSafeInteger(request.offset)) return invalid(ticket, 'offset', request.offset)
  if (request.op !== 'alloc' && (request.offset < 0 || request.offset >= attributes.bytes)) {
    const detail = `offset ${request.offset} is not within the ${attributes.bytes} bytes of ${attributes.name}`
    return { do: 'Refuse', ticket, error: 'NOT_ALLOCATED', detail }
  }
  if (request.op === 'free') return undefined
  if (!Number.isInteger(request.bytes) || request.bytes < 1) return invalid(ticket, 'size', request.bytes)
  if (request.bytes <= attributes.bytes) return undefined
  const detail = `allocation of ${request.bytes} bytes does not fit in segment of ${attributes.bytes} bytes`
  return { do: 'Refuse', ticket, error: 'HEAP_FULL', detail }
}

function askFor(ticket: number, request: HeapRequest): { due: PendingHeap['due']; message: HeapAsk } {
  const { segment } = request
  switch (request.op) {
    case 'alloc':
      return { due: 'HeapBlock', message: { type: 'AllocAsk', ticket, segment, bytes: request.bytes } }
    case 'realloc': {
      const { offset, bytes } = request
      return { due: 'HeapBlock', message: { type: 'ReallocAsk', ticket, segment, offset, bytes } }
    }
    case 'free':
      return { due: 'FreeDone', message: { type: 'FreeAsk', ticket, segment, offset: request.offset } }
    case 'heapStat':
      return { due: 'HeapStatAnswer', message: { type: 'HeapStatAsk', ticket, segment } }
  }
}

function takeAnswer(state: HeapState, from: NodeId, message: HeapAnswer, effects: HeapEffect[]): void {
  const { ticket, type } = message
  const pending = state.pending.get(ticket)
  // Every ask is answered once, and one that a loss ended went to a node that is not heard again:
  // there is no late answer here, only a wrong one.
  expectOfPeer(pending !== undefined && pending.manager === from, `${type} for ticket ${ticket}, which asks nothing`)
  expectOfPeer(type === pending.due || type === 'HeapRefused', `${type} where ${pending.due} was due`)
  const effect = answerOf(pending, message)
  state.pending.delete(ticket)
  if (type === 'HeapBlock') effects.push({ do: 'Acquire' }) // of whoever had the memory before
  effects.push(effect)
}

function answerOf(pending: PendingHeap, message: HeapAnswer): HeapEffect {
  const { ticket } = message
  switch (message.type) {
    case 'HeapBlock': {
      const { offset, bytes, oldBytes } = message
      const sound = isCount(offset) && isCount(bytes) && isCount(oldBytes) && offset + bytes <= pending.segmentBytes
      expectOfPeer(sound, `block of ${bytes} bytes at ${offset}`)
      return { do: 'Answer', ticket, answer: { is: 'block', offset, bytes, oldBytes } }
    }
    case 'FreeDone':
      return { do: 'Answer', ticket, answer: { is: 'done' } }
    case 'HeapStatAnswer':
      expectOfPeer(isCount(message.bytes) && isCount(message.blocks), 'HeapStatAnswer with numbers that cannot be')
      return { do: 'Answer', ticket, answer: { is: 'heap', bytes: message.bytes, blocks: message.blocks } }
    case 'HeapRefused':
      return refusalOf(ticket, message.error, message.detail)
  }
}

function invalid(ticket: number, what: string, value: number): HeapEffect {
  return {
    do: 'Refuse',
    ticket,
    error: 'INVALID',
    detail: `${what} ${value} is not a whole number of bytes${what === 'size' ? ' from 1' : ''}`,
  }
}

function nodeLost(ticket: number, node: NodeId): HeapEffect {
  return { do: 'Refuse', ticket, error: 'NODE_LOST', detail: `node ${node}, which has the segment's heap, is lost` }
}
