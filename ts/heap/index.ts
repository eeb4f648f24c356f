/**
 * The parallel heap: alloc, realloc and free in a segment, from any process on any node. Each
 * segment's allocator lives on one node, in the daemon, outside the segment; requests are messages
 * to it and back. This file is the asking side, and the room's door for ts/node.
 */
import { assert } from '../base/assert.js'
import { NO_NODE, SEGMENT_BYTES_MAX, type NodeId, type SegmentId } from '../base/ids.js'
import { expectOfPeer, isCount, refusalOf } from '../base/expect.js'
import type { BlockPlace, SegmentAttributes } from '../base/requests.js'
import { SPAN_WISHES, createLeases, spanBytes, type SpanWish } from './leases.js'
import { heapAsk, queriesLost, spanAnswer, spanBack } from './manager.js'
import type { HeapAsk, HeapMessage } from './messages.js'
import { heapHome, type HeapEffect, type HeapRequest, type HeapState, type PendingHeap } from './state.js'

export { heapArena } from './manager.js'
export { spanBytes, type SpanWish } from './leases.js'
export { createHeap, heapHome, type HeapEffect, type HeapRequest, type HeapState } from './state.js'
export type { ArenaSizedEffect, SpanQueryEffect } from './state.js'

type HeapAnswer = Extract<HeapMessage, { type: 'HeapBlock' | 'FreeDone' | 'HeapStatAnswer' | 'HeapRefused' }>
/** What is asked of the heap's home, and answered. */
type Asking = Exclude<HeapRequest, { op: 'spans' }>

/** The segment is known here from now on (names' SegmentMade), before any request or message about it. */
export function heapMade(state: HeapState, attributes: SegmentAttributes): void {
  state.highest = Math.max(state.highest, attributes.segment)
  if (heapHome(attributes) !== state.self) return
  state.managed.set(attributes.segment, {
    bytes: attributes.bytes,
    maxBytes: attributes.maxBytes,
    unit: attributes.unit,
    homes: attributes.homes.length,
    spanBytes: spanBytes(attributes),
    leases: createLeases(),
    allocator: undefined,
  })
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
  if (request.op === 'spans' && attributes === undefined) {
    spans(state, ticket, NO_NODE, request, effects) // a question came while the segment went
    return
  }
  if (attributes === undefined) {
    effects.push({ do: 'Refuse', ticket, error: 'NOT_FOUND', detail: `no segment has number ${request.segment}` })
    return
  }
  const refusal = sizeRefusal(attributes, ticket, request)
  if (refusal !== undefined) {
    effects.push(refusal)
    return
  }
  const givesBack =
    request.op === 'free' || request.op === 'realloc' || (request.op === 'spans' && request.back.length > 0)
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
  if (request.op === 'spans') {
    spans(state, ticket, manager, request, effects)
    return
  }
  if (state.lost.has(manager)) {
    effects.push(nodeLost(ticket, manager))
    return
  }
  const { due, message } = askFor(attributes, ticket, request)
  const span = request.op === 'lease' ? spanBytes(attributes) : 0
  state.pending.set(ticket, { manager, segmentBytes: attributes.maxBytes, due, spanBytes: span })
  effects.push({ do: 'Send', to: manager, message })
}

/** What goes back arrives before the answer does. @param manager NO_NODE: the segment is gone */
function spans(
  state: HeapState,
  ticket: number,
  manager: NodeId,
  { segment, back, answer }: Extract<HeapRequest, { op: 'spans' }>,
  effects: HeapEffect[],
): void {
  if (manager !== NO_NODE && !state.lost.has(manager)) {
    for (const offset of back) effects.push({ do: 'Send', to: manager, message: { type: 'SpanBack', segment, offset } })
  }
  if (answer !== undefined && !state.lost.has(answer.to)) {
    const { to, query, bytes, blocks } = answer
    effects.push({ do: 'Send', to, message: { type: 'SpanAnswer', query, bytes, blocks } })
  }
  effects.push({ do: 'Answer', ticket, answer: { is: 'done' } })
}

export function heapMessage(state: HeapState, from: NodeId, message: HeapMessage, effects: HeapEffect[]): void {
  switch (message.type) {
    case 'AllocAsk':
    case 'ReallocAsk':
    case 'FreeAsk':
    case 'HeapStatAsk':
    case 'SpanAsk':
      heapAsk(state, from, message, effects)
      return
    case 'SpanBack':
      spanBack(state, from, message)
      return
    case 'SpanAnswer':
      spanAnswer(state, from, message, effects)
      return
    case 'SpanQuery':
      spanQuery(from, message, effects)
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
  queriesLost(state, node, effects)
}

/** The heap's home asks about this node's spans; who answers knows whether there are any. */
function spanQuery(
  from: NodeId,
  { query, segment, wish, offset }: Extract<HeapMessage, { type: 'SpanQuery' }>,
  effects: HeapEffect[],
): void {
  expectOfPeer(SPAN_WISHES.includes(wish) && isCount(query) && isCount(offset), `SpanQuery ${query} of '${wish}'`)
  if (wish === 'free') effects.push({ do: 'Acquire' }) // of what was written there; it is allocated here next
  effects.push({ do: 'SpanQuery', to: from, query, segment, wish: wish as SpanWish, offset })
}

/** What can be refused without asking: the heap's node fences a peer that lets these through. */
function sizeRefusal(attributes: SegmentAttributes, ticket: number, request: HeapRequest): HeapEffect | undefined {
  if (request.op === 'heapStat' || request.op === 'lease' || request.op === 'spans') return undefined
  if (request.op !== 'alloc' && !Number.isSafeInteger(request.offset)) return invalid(ticket, 'offset', request.offset)
  if (request.op !== 'alloc' && (request.offset < 0 || request.offset >= attributes.bytes)) {
    const detail = `offset ${request.offset} is not within the ${attributes.bytes} bytes of ${attributes.name}`
    return { do: 'Refuse', ticket, error: 'NOT_ALLOCATED', detail }
  }
  if (request.op === 'free') return undefined
  if (!Number.isInteger(request.bytes) || request.bytes < 1) return invalid(ticket, 'size', request.bytes)
  if (request.bytes <= attributes.bytes) {
    return request.op === 'alloc' ? placeRefusal(attributes, ticket, request.bytes, request.place) : undefined
  }
  const detail = `allocation of ${request.bytes} bytes does not fit in segment of ${attributes.bytes} bytes${growth(attributes)}`
  return { do: 'Refuse', ticket, error: 'HEAP_FULL', detail }
}

/** What can be done about a heap that is full. */
function growth({ bytes, maxBytes }: SegmentAttributes): string {
  return bytes < maxBytes ? `: resize it, up to ${maxBytes}` : ''
}

function placeRefusal(
  { name, unit, homes }: SegmentAttributes,
  ticket: number,
  bytes: number,
  place: BlockPlace | undefined,
): HeapEffect | undefined {
  if (place === undefined) return undefined
  const { align, home } = place
  if (!(align >= 1 && Number.isInteger(Math.log2(align)))) {
    return { do: 'Refuse', ticket, error: 'INVALID', detail: `align is ${align}: it must be a power of two` }
  }
  if (home === NO_NODE) return undefined
  if (!homes.includes(home)) {
    const detail = `home is ${home}: the nodes that are homes of ${name} are ${homes.join(', ')}`
    return { do: 'Refuse', ticket, error: 'INVALID', detail }
  }
  if (homes.length === 1 || (bytes <= unit && align <= unit)) return undefined
  const what = bytes > unit ? `${bytes} bytes` : `align ${align}`
  const detail = `${what} with home ${home}: ${homes.length} nodes share out units of ${unit} bytes, and a block with a home lies in one`
  return { do: 'Refuse', ticket, error: 'UNSUPPORTED', detail }
}

const PLAIN: BlockPlace = { align: 1, home: NO_NODE, apart: false }

function allocAsk(
  { bytes: size, unit, homes }: SegmentAttributes,
  ticket: number,
  { segment, bytes, place = PLAIN }: Extract<HeapRequest, { op: 'alloc' }>,
): HeapAsk {
  const { align, home, apart } = place
  return {
    type: 'AllocAsk',
    ticket,
    segment,
    bytes: apart ? Math.min(Math.ceil(bytes / unit) * unit, size) : bytes,
    align: Math.min(apart ? Math.max(align, unit) : align, SEGMENT_BYTES_MAX),
    home: home === NO_NODE ? 0 : homes.indexOf(home) + 1,
  }
}

function askFor(
  attributes: SegmentAttributes,
  ticket: number,
  request: Asking,
): { due: PendingHeap['due']; message: HeapAsk } {
  const { segment } = request
  switch (request.op) {
    case 'alloc':
      return { due: 'HeapBlock', message: allocAsk(attributes, ticket, request) }
    case 'lease':
      return { due: 'HeapBlock', message: { type: 'SpanAsk', ticket, segment } }
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
      const { spanBytes: span } = pending
      const spanned = span === 0 || (bytes === span && offset % span === 0)
      expectOfPeer(sound && spanned, `block of ${bytes} bytes at ${offset}`)
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
