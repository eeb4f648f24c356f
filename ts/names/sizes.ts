/**
 * Segments that grow and shrink: what every node does. Node 0 says when (resizing.ts); a resize is answered when
 * all members have done it.
 *
 * Growing takes two rounds. With SegmentGrow a node takes in messages about the new pages, and lets its own threads
 * that fault there wait (`coming`); with SegmentGrown it serves them. So nobody asks a node about pages that it has
 * not heard of; and whatever a node has to do before anybody can write there, it does in the first round.
 *
 * Shrinking takes one, and cannot be refused any more: the heap has been asked before. A node that hears of it forgets
 * all pages beyond the new end at once, with their bytes, whatever is under way about them, and from then on takes in
 * no message about them and sends none. It tells all others so (SegmentShrunk). Links are in order: when all others
 * have told it, no old message is on its way to it, and it says so to node 0. So once the resize is answered there is
 * no old message anywhere, and none can meet the pages that a later resize brings back.
 *
 * When node 0 is lost meanwhile, a segment that was growing stays as it is on every node that has not heard the end
 * of it. One that was shrinking shrinks wherever another node says that it has: nobody shall wait for ever for a page
 * that its home has forgotten.
 */
import { expectOfPeer, isCount } from '../base/expect.js'
import { NODES_MAX, type NodeId, type SegmentId } from '../base/ids.js'
import type { RefuseEffect } from '../base/effects.js'
import type { LocalRequest } from '../base/requests.js'
import type { NamesEffect } from './effects.js'
import type { ResizeMessage } from './messages.js'
import { isSize } from './name.js'
import { NAMES_NODE, type KnownSegment, type NamesState, type Shrinking, type Sizes } from './state.js'

type Of<T extends ResizeMessage['type']> = Extract<ResizeMessage, { readonly type: T }>

/** Why it is not even asked for. */
export function resizeRefusal(
  { known }: NamesState,
  { segment, bytes }: Extract<LocalRequest, { readonly op: 'resize' }>,
): Pick<RefuseEffect, 'error' | 'detail'> | undefined {
  const attributes = known.get(segment)?.attributes
  if (attributes === undefined) return { error: 'NOT_FOUND', detail: `no segment has number ${segment}` }
  const { name, maxBytes } = attributes
  if (!Number.isInteger(bytes) || bytes < 1) {
    return { error: 'INVALID', detail: `resize: a segment has 1 to ${maxBytes} bytes, not ${bytes}` }
  }
  if (bytes <= maxBytes) return undefined
  const detail = `resize: ${bytes} bytes are beyond the max_size ${maxBytes} that '${name}' was created with`
  return { error: 'BEYOND_END', detail }
}

/** Faults from the segment's end to here wait: it is growing. */
export function comingOf({ known }: NamesState, segment: SegmentId): number {
  return known.get(segment)?.sizes?.coming ?? 0
}

/** Node 0 says that the segment grows or shrinks. */
export function resized(
  state: NamesState,
  message: Of<'SegmentGrow' | 'SegmentGrown' | 'SegmentShrink'>,
  effects: NamesEffect[],
): void {
  const { type, segment, bytes } = message
  const known = state.known.get(segment)
  expectOfPeer(known !== undefined, `${type} of segment ${segment}, which is unknown here`)
  expectOfPeer(isSize(bytes, known.attributes), `${type} to ${bytes} bytes`)
  const sizes = sizesOf(known)
  const before = known.attributes.bytes
  if (type === 'SegmentShrink') return shrink(state, known, message, effects)
  expectOfPeer(bytes > before, `${type} from ${before} bytes to ${bytes}`)
  if (type === 'SegmentGrow') {
    sizes.coming = bytes
    effects.push({ do: 'SegmentSized', segment, before, bytes: before, coming: bytes })
  } else {
    expectOfPeer(sizes.coming === bytes, `${type} to ${bytes} bytes, which were not announced`)
    sizes.coming = 0
    known.attributes = { ...known.attributes, bytes }
    effects.push({ do: 'SegmentSized', segment, before, bytes, coming: bytes })
  }
  effects.push({ do: 'Send', to: NAMES_NODE, message: { type: 'SegmentSized', segment, bytes } })
}

function shrink(state: NamesState, known: KnownSegment, message: Of<'SegmentShrink'>, effects: NamesEffect[]): void {
  const sizes = sizesOf(known)
  const { round } = message
  expectShrinking(message)
  expectOfPeer(round > sizes.round && message.bytes < known.attributes.bytes, `SegmentShrink of round ${round}`)
  sizes.owed = true
  apply(state, known, message, effects)
}

/** Another node has shrunk the segment. */
export function shrunkElsewhere(
  state: NamesState,
  from: NodeId,
  message: Of<'SegmentShrunk'>,
  effects: NamesEffect[],
): void {
  const { segment, bytes, round, nodes } = message
  expectShrinking(message)
  const known = state.known.get(segment)
  if (known === undefined) {
    expectOfPeer(isCount(segment) && segment >= 1 && segment <= state.highest, `SegmentShrunk of segment ${segment}`)
    return // dropped meanwhile
  }
  expectOfPeer(isSize(bytes, known.attributes), `SegmentShrunk to ${bytes} bytes`)
  const sizes = sizesOf(known)
  if (round === sizes.round) {
    sizes.awaited.delete(from)
    return tell(known, effects)
  }
  expectOfPeer(round > sizes.round, `SegmentShrunk of round ${round} after ${sizes.round}`)
  sizes.heard.set(from, { bytes, round, nodes })
  if (state.orphaned) follow(state, known, { bytes, round, nodes }, effects)
}

/** A node is lost: nothing of it is on its way any more. */
export function sizesLost(state: NamesState, node: NodeId, effects: NamesEffect[]): void {
  state.lost.add(node)
  for (const known of state.known.values()) {
    const { sizes } = known
    if (sizes === undefined) continue
    if (state.orphaned) sizes.heard.delete(node)
    if (sizes.awaited.delete(node)) tell(known, effects)
  }
}

/** Nobody serialises names any more: what was growing does not, and what shrinks elsewhere shrinks here. */
export function sizesOrphaned(state: NamesState, effects: NamesEffect[]): void {
  for (const known of state.known.values()) {
    const { sizes } = known
    if (sizes === undefined) continue
    sizes.owed = false
    const { segment, bytes } = known.attributes
    if (sizes.coming > 0) {
      sizes.coming = 0
      effects.push({ do: 'SegmentSized', segment, before: bytes, bytes, coming: bytes })
    }
    for (const shrinking of [...sizes.heard.values()]) follow(state, known, shrinking, effects)
  }
}

function follow(state: NamesState, known: KnownSegment, shrinking: Shrinking, effects: NamesEffect[]): void {
  if (shrinking.round > sizesOf(known).round && shrinking.bytes < known.attributes.bytes) {
    apply(state, known, shrinking, effects)
  }
}

function apply(state: NamesState, known: KnownSegment, shrinking: Shrinking, effects: NamesEffect[]): void {
  const { segment, bytes: before } = known.attributes
  const { bytes, round, nodes } = shrinking
  const sizes = sizesOf(known)
  known.attributes = { ...known.attributes, bytes }
  sizes.round = round
  effects.push({ do: 'SegmentSized', segment, before, bytes, coming: bytes })
  sizes.awaited.clear()
  for (const node of nodes) {
    if (node === state.self || state.lost.has(node)) continue
    if (sizes.heard.get(node)?.round !== round) sizes.awaited.add(node)
    effects.push({ do: 'Send', to: node, message: { type: 'SegmentShrunk', segment, bytes, round, nodes } })
  }
  sizes.heard.clear()
  tell(known, effects)
}

/** When all others have said that they have shrunk it, node 0 is told. */
function tell({ attributes, sizes }: KnownSegment, effects: NamesEffect[]): void {
  if (sizes === undefined || !sizes.owed || sizes.awaited.size > 0) return
  sizes.owed = false
  const { segment, bytes } = attributes
  effects.push({ do: 'Send', to: NAMES_NODE, message: { type: 'SegmentSized', segment, bytes } })
}

/** Node 0 asks for another size of the heap that is here. */
export function arenaAsked(state: NamesState, message: Of<'ArenaAsk'>, effects: NamesEffect[]): void {
  const { segment, bytes } = message
  const known = state.known.get(segment)
  expectOfPeer(known !== undefined && isSize(bytes, known.attributes), `ArenaAsk of segment ${segment}, ${bytes} bytes`)
  effects.push({ do: 'Arena', segment, bytes })
}

/** What the heap room says. @param used where its last block ends; at most `bytes`: the heap has that size now */
export function namesArena(segment: SegmentId, bytes: number, used: number, effects: NamesEffect[]): void {
  const message = { type: 'ArenaDone', segment, bytes, fits: used <= bytes, used } as const
  effects.push({ do: 'Send', to: NAMES_NODE, message })
}

function expectShrinking({ type, round, nodes }: Of<'SegmentShrink' | 'SegmentShrunk'>): void {
  expectOfPeer(isCount(round) && round >= 1, `${type} of round ${round}`)
  expectOfPeer(nodes.length <= NODES_MAX && nodes.every((node) => isCount(node) && node < NODES_MAX), `${type}: nodes`)
}

function sizesOf(known: KnownSegment): Sizes {
  known.sizes ??= { coming: 0, round: 0, heard: new Map(), awaited: new Set(), owed: false }
  return known.sizes
}
