/**
 * Segment names and attributes. Node 0 serialises names (registry.ts); every node knows the
 * attributes of every segment before anybody can use it. This file is the asking side, and the
 * room's door for ts/node.
 *
 * What it demands of ts/node and the runtime:
 * - node 0 hears joined(n) before any message of n, and sends nothing else to n before what
 *   namesJoined sends;
 * - 'let' is stepped as soon as the last handle and view of a segment have closed, with no message
 *   stepped in between; and also when a create or open is answered whose process has ended, if
 *   nothing else here holds the segment.
 */
import { assert } from '../base/assert.js'
import type { NodeId, SegmentId } from '../base/ids.js'
import { expectOfPeer } from '../base/expect.js'
import type { LocalRequest } from '../base/requests.js'
import { takeAnswer } from './answers.js'
import type { NamesEffect } from './effects.js'
import type { NamesMessage } from './messages.js'
import { buildRefusal, isModel, modelRefusal } from './model.js'
import { maxRefusal, nameRefusal, sizeRefusal, wholePages, wholeUnits } from './name.js'
import { registryAsk, registryJoined, registryKnown, registryLet, registryLost, type NamesAsk } from './registry.js'
import type { Registry } from './registry.js'
import { resizeArena, resizeAsk, resizeTold, type ResizeAsk } from './resizing.js'
import { arenaAsked, resizeRefusal, resized, shrunkElsewhere, sizesLost, sizesOrphaned } from './sizes.js'
import { NAMES_NODE, isSound, type NamesState } from './state.js'

export { comingOf, namesArena } from './sizes.js'
export { attributesOf, createNames, type NamesState } from './state.js'

export type NamesRequest = Extract<
  LocalRequest,
  { readonly op: 'create' | 'open' | 'stat' | 'unlink' | 'list' | 'resize' }
>

export function namesRequest(state: NamesState, ticket: number, request: NamesRequest, effects: NamesEffect[]): void {
  const refusal = refusalFor(state, request)
  if (refusal !== undefined) {
    effects.push({ do: 'Refuse', ticket, ...refusal })
    return
  }
  assert(!state.pending.has(ticket), `names: ticket ${ticket} is used twice`)
  const name = 'name' in request ? request.name : ''
  state.pending.set(ticket, { op: request.op, name, listed: [] })
  effects.push({ do: 'Send', to: NAMES_NODE, message: askFor(state, ticket, request) })
}

export function namesMessage(state: NamesState, from: NodeId, message: NamesMessage, effects: NamesEffect[]): void {
  switch (message.type) {
    case 'CreateAsk':
    case 'OpenAsk':
    case 'StatAsk':
    case 'UnlinkAsk':
    case 'ListAsk':
      return registryAsk(registryFor(state, from, message), from, message, effects)
    case 'SegmentKnown':
      return registryKnown(registryFor(state, from, message), from, message.segment, effects)
    case 'ResizeAsk':
      return resizeAsk(registryFor(state, from, message), from, message, effects)
    case 'SegmentSized':
      return resizeTold(registryFor(state, from, message), from, message, effects)
    case 'ArenaDone':
      return resizeArena(registryFor(state, from, message), from, message, effects)
    case 'SegmentShrunk':
      return shrunkElsewhere(state, from, message, effects)
    case 'SegmentLet':
      return registryLet(registryFor(state, from, message), from, message.segment, message.grants, effects)
    default:
      expectOfPeer(from === NAMES_NODE, `${message.type} from node ${from}, which does not serialise names`)
  }
  switch (message.type) {
    case 'SegmentNew':
      return learn(state, message, effects)
    case 'SegmentDrop':
      return drop(state, message.segment, effects)
    case 'SegmentGrow':
    case 'SegmentGrown':
    case 'SegmentShrink':
      return resized(state, message, effects)
    case 'ArenaAsk':
      return arenaAsked(state, message, effects)
    default:
      takeAnswer(state, message, effects)
  }
}

/** The last handle or view of the segment on this node has closed. */
export function namesLet(state: NamesState, segment: SegmentId, effects: NamesEffect[]): void {
  const known = state.known.get(segment)
  if (known === undefined || known.grants === 0) return
  const grants = known.grants
  known.grants = 0
  if (state.orphaned) return
  effects.push({ do: 'Send', to: NAMES_NODE, message: { type: 'SegmentLet', segment, grants } })
}

export function namesJoined(state: NamesState, node: NodeId, effects: NamesEffect[]): void {
  if (state.registry !== undefined && node !== state.self) registryJoined(state.registry, node, effects)
}

export function namesLost(state: NamesState, node: NodeId, effects: NamesEffect[]): void {
  if (state.registry !== undefined) registryLost(state.registry, node, effects)
  sizesLost(state, node, effects)
  if (node !== NAMES_NODE) return
  state.orphaned = true
  for (const ticket of state.pending.keys()) effects.push({ do: 'Refuse', ticket, ...ORPHANED })
  state.pending.clear()
  sizesOrphaned(state, effects)
}

const ORPHANED = { error: 'NODE_LOST', detail: `node ${NAMES_NODE}, which serialises names, is lost` } as const

function refusalFor(state: NamesState, request: NamesRequest) {
  if ('name' in request) {
    const refusal = nameRefusal(request.name)
    if (refusal !== undefined) return refusal
  }
  const refusal =
    request.op === 'create'
      ? creationRefusal(state, request)
      : request.op === 'resize'
        ? resizeRefusal(state, request)
        : undefined
  if (refusal !== undefined) return refusal
  return state.orphaned ? ORPHANED : undefined
}

function creationRefusal({ protocols }: NamesState, request: Extract<NamesRequest, { readonly op: 'create' }>) {
  const { bytes, maxBytes = 0 } = request
  const refusal =
    sizeRefusal(bytes) ?? modelRefusal(request) ?? (maxBytes === 0 ? undefined : maxRefusal(bytes, maxBytes))
  return refusal ?? (isModel(request) ? buildRefusal(protocols, request) : undefined)
}

function askFor({ known }: NamesState, ticket: number, request: NamesRequest): NamesAsk | ResizeAsk {
  switch (request.op) {
    case 'create': {
      const { op: _, ...rest } = request
      const maxBytes = wholePages(Math.max(request.bytes, request.maxBytes ?? 0))
      const bytes = wholeUnits(request.bytes, request.unit, maxBytes)
      return { type: 'CreateAsk', ticket, ...rest, bytes, maxBytes }
    }
    case 'open':
      return { type: 'OpenAsk', ticket, name: request.name }
    case 'stat':
      return { type: 'StatAsk', ticket, name: request.name }
    case 'unlink':
      return { type: 'UnlinkAsk', ticket, name: request.name, uid: request.uid }
    case 'list':
      return { type: 'ListAsk', ticket }
    case 'resize': {
      const { segment, bytes } = request
      const { unit, maxBytes } = known.get(segment)!.attributes // or it were refused
      return { type: 'ResizeAsk', ticket, segment, bytes: wholeUnits(bytes, unit, maxBytes) }
    }
  }
}

function registryFor(state: NamesState, from: NodeId, message: NamesMessage): Registry {
  const { registry } = state
  expectOfPeer(registry !== undefined, `${message.type} to node ${state.self}, which does not serialise names`)
  expectOfPeer(registry.members.has(from), `${message.type} from node ${from}, which is no member`)
  return registry
}

/** Node 0 announces segments in ascending order, each once: to a node that joins, all that live. */
function learn(
  state: NamesState,
  message: Extract<NamesMessage, { readonly type: 'SegmentNew' }>,
  effects: NamesEffect[],
): void {
  const { type: _, ...attributes } = message
  expectOfPeer(isSound(state, attributes), 'SegmentNew with attributes that cannot be')
  const { segment } = attributes
  expectOfPeer(segment > state.highest, `SegmentNew of ${segment} after ${state.highest}`)
  state.highest = segment
  state.known.set(segment, { attributes, grants: 0 })
  effects.push({ do: 'SegmentMade', attributes })
  effects.push({ do: 'Send', to: NAMES_NODE, message: { type: 'SegmentKnown', segment } })
}

function drop(state: NamesState, segment: SegmentId, effects: NamesEffect[]): void {
  const known = state.known.get(segment)
  expectOfPeer(known !== undefined && known.grants === 0, `SegmentDrop of ${segment}, which is held or unknown here`)
  state.known.delete(segment)
  effects.push({ do: 'SegmentGone', segment })
}
