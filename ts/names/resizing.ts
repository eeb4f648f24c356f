/**
 * Node 0's side of resizes, one at a time a segment: the heap's node is asked (before a shrinking, which it may
 * refuse; after a growing, so that no block lies where a node serves no fault yet), and all members are told, in
 * two rounds for a growing, in one for a shrinking; sizes.ts says why.
 *
 * A member that is lost meanwhile has done its part. The asking process's end changes nothing: what has begun goes on.
 */
import { expectOfPeer, isCount } from '../base/expect.js'
import type { ErrorName } from '../base/errors.js'
import type { NodeId } from '../base/ids.js'
import type { NamesEffect } from './effects.js'
import type { ResizeMessage } from './messages.js'
import { isSize } from './name.js'
import type { Registered, Registry } from './registry.js'

export type ResizeAsk = Extract<ResizeMessage, { readonly type: 'ResizeAsk' }>

export interface ResizeAsked {
  readonly from: NodeId
  readonly ticket: number
  readonly bytes: number
}
export interface Resizing extends ResizeAsked {
  /** shrink: arena, shrink; grow: grow, grown, arena. */
  readonly grows: boolean
  phase: 'arena' | 'grow' | 'grown' | 'shrink'
  /** Members that have not answered yet. */
  untold: Set<NodeId>
}

/** Resizes of one segment that wait for each other. */
const RESIZES_MAX = 1024

export function resizeAsk(registry: Registry, from: NodeId, ask: ResizeAsk, effects: NamesEffect[]): void {
  const { ticket, segment, bytes } = ask
  expectOfPeer(isCount(ticket), `ResizeAsk with ticket ${ticket}`)
  const registered = registry.segments.get(segment)
  if (registered === undefined) {
    // Late, not wrong: its process has ended since, and with it the segment.
    expectOfPeer(isCount(segment) && segment >= 1 && segment < registry.next, `ResizeAsk of segment ${segment}`)
    return refuse({ from, ticket, bytes }, 'NOT_FOUND', `segment ${segment} is gone`, effects)
  }
  expectOfPeer(isSize(bytes, registered.attributes), `ResizeAsk to ${bytes} bytes`)
  if (registered.resizes.length >= RESIZES_MAX) {
    const detail = `${RESIZES_MAX} resizes of '${registered.attributes.name}' wait for each other`
    return refuse({ from, ticket, bytes }, 'LIMIT', detail, effects)
  }
  registered.resizes.push({ from, ticket, bytes })
  next(registry, registered, effects)
}

/** A member has done what it was told. */
export function resizeTold(
  registry: Registry,
  from: NodeId,
  { segment, bytes }: Extract<ResizeMessage, { readonly type: 'SegmentSized' }>,
  effects: NamesEffect[],
): void {
  const registered = registry.segments.get(segment)
  if (registered === undefined) return expectMade(registry, segment)
  const { resizing } = registered
  const awaited = resizing !== undefined && resizing.bytes === bytes && resizing.untold.delete(from)
  expectOfPeer(awaited, `SegmentSized of segment ${segment}, which nobody awaits`)
  proceed(registry, registered, effects)
}

/** The heap's node has answered. */
export function resizeArena(
  registry: Registry,
  from: NodeId,
  { segment, bytes, fits, used }: Extract<ResizeMessage, { readonly type: 'ArenaDone' }>,
  effects: NamesEffect[],
): void {
  const registered = registry.segments.get(segment)
  if (registered === undefined) return expectMade(registry, segment)
  const { resizing } = registered
  const awaited = resizing?.phase === 'arena' && resizing.bytes === bytes && resizing.untold.delete(from)
  expectOfPeer(awaited && isCount(used), `ArenaDone of segment ${segment}, which nobody awaits`)
  if (fits || resizing.grows) return proceed(registry, registered, effects)
  const detail = `resize: the heap of '${registered.attributes.name}' is in use up to byte ${used}, not only to ${bytes}`
  end(registry, registered, effects, () => refuse(resizing, 'BUSY', detail, effects))
}

/** A node has joined, and has been told of the segment as it is. */
export function resizeJoined({ attributes, resizing }: Registered, node: NodeId, effects: NamesEffect[]): void {
  if (resizing?.phase !== 'grow') return
  const { segment } = attributes
  resizing.untold.add(node)
  effects.push({ do: 'Send', to: node, message: { type: 'SegmentGrow', segment, bytes: resizing.bytes } })
}

export function resizeLost(registry: Registry, registered: Registered, node: NodeId, effects: NamesEffect[]): void {
  registered.resizes = registered.resizes.filter(({ from }) => from !== node)
  const { resizing } = registered
  if (resizing === undefined || !resizing.untold.delete(node)) return
  if (resizing.phase === 'arena' && !resizing.grows) heapless(registry, registered, resizing, effects)
  else proceed(registry, registered, effects)
}

/** The segment is gone. */
export function resizeGone({ attributes, resizing, resizes }: Registered, effects: NamesEffect[]): void {
  const all = resizing === undefined ? resizes : [resizing, ...resizes]
  for (const one of all) refuse(one, 'NOT_FOUND', `segment ${attributes.segment} is gone`, effects)
}

function next(registry: Registry, registered: Registered, effects: NamesEffect[]): void {
  if (registered.resizing !== undefined) return
  const asked = registered.resizes.shift()
  if (asked === undefined) return
  const before = registered.attributes.bytes
  const grows = asked.bytes > before
  const resizing: Resizing = { ...asked, grows, phase: grows ? 'grow' : 'arena', untold: new Set() }
  registered.resizing = resizing
  if (asked.bytes === before) end(registry, registered, effects, () => done(resizing, effects))
  else if (!grows) askHeap(registry, registered, resizing, effects)
  else tellAll(registry, registered, resizing, 'SegmentGrow', effects)
}

/** To the next phase, when all have answered. */
function proceed(registry: Registry, registered: Registered, effects: NamesEffect[]): void {
  const { resizing } = registered
  if (resizing === undefined || resizing.untold.size > 0) return
  if (resizing.phase === 'shrink' || (resizing.phase === 'arena' && resizing.grows)) {
    return end(registry, registered, effects, () => done(resizing, effects))
  }
  if (resizing.phase === 'grown') return askHeap(registry, registered, resizing, effects)
  // From now on who joins is told the new size.
  registered.attributes = { ...registered.attributes, bytes: resizing.bytes }
  if (resizing.phase === 'arena') registered.rounds++
  resizing.phase = resizing.phase === 'arena' ? 'shrink' : 'grown'
  tellAll(registry, registered, resizing, resizing.phase === 'shrink' ? 'SegmentShrink' : 'SegmentGrown', effects)
}

function tellAll(
  { members }: Registry,
  { attributes, rounds }: Registered,
  resizing: Resizing,
  type: 'SegmentGrow' | 'SegmentGrown' | 'SegmentShrink',
  effects: NamesEffect[],
): void {
  const { segment } = attributes
  const { bytes } = resizing
  resizing.untold = new Set(members)
  const nodes = [...members]
  for (const to of members) {
    const message = type === 'SegmentShrink' ? { type, segment, bytes, round: rounds, nodes } : { type, segment, bytes }
    effects.push({ do: 'Send', to, message })
  }
}

function askHeap(registry: Registry, registered: Registered, resizing: Resizing, effects: NamesEffect[]): void {
  const { segment, homes } = registered.attributes
  const heap = homes[segment % homes.length] as NodeId
  resizing.phase = 'arena'
  if (registry.members.has(heap)) {
    resizing.untold = new Set([heap])
    effects.push({ do: 'Send', to: heap, message: { type: 'ArenaAsk', segment, bytes: resizing.bytes } })
  } else if (resizing.grows) proceed(registry, registered, effects)
  else heapless(registry, registered, resizing, effects)
}

/** What is allocated is not known any more. */
function heapless(registry: Registry, registered: Registered, resizing: Resizing, effects: NamesEffect[]): void {
  const detail = `resize: the node that has the heap of '${registered.attributes.name}' is lost: it cannot shrink any more`
  end(registry, registered, effects, () => refuse(resizing, 'NODE_LOST', detail, effects))
}

function end(registry: Registry, registered: Registered, effects: NamesEffect[], answer: () => void): void {
  registered.resizing = undefined
  answer()
  next(registry, registered, effects)
}

function done({ from, ticket, bytes }: ResizeAsked, effects: NamesEffect[]): void {
  effects.push({ do: 'Send', to: from, message: { type: 'ResizeDone', ticket, bytes } })
}

function refuse(
  { from, ticket }: ResizeAsked,
  error: Exclude<ErrorName, 'OK'>,
  detail: string,
  effects: NamesEffect[],
): void {
  effects.push({ do: 'Send', to: from, message: { type: 'NamesRefused', ticket, error, detail } })
}

/** Late, not wrong: the segment is gone meanwhile. */
function expectMade(registry: Registry, segment: number): void {
  expectOfPeer(isCount(segment) && segment >= 1 && segment < registry.next, `resize of segment ${segment}`)
}
