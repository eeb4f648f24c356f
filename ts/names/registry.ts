/**
 * Node 0's side of names: every segment, its name and who holds it. All requests are serialised
 * here, in the order in which they arrive.
 *
 * A creation is settled when every member knows the segment; until then whatever else names it
 * waits, so nobody gets a segment that some node has not heard of.
 *
 * Who holds a segment. A node sends one SegmentLet when its last handle and view have closed, and
 * may have an open on its way to node 0 at that moment: node 0 sees the open before the let, and a
 * mere set of holders would forget a node that is about to hold the segment again. So holding is
 * counted. Each SegmentGrant counts one here when it is sent and one there when it arrives; a
 * SegmentLet gives back the whole count of its sender, and that many are taken off here. Hence
 *   count here = count there + grants on the way + counts in lets on the way
 * at every moment: each step (send or receive a grant, send or receive a let) keeps the sum, links
 * lose nothing, and a lost node's count is dropped with the node. While a process there holds the
 * segment, the count there is at least one, for its own grant was not given back. So a count of zero
 * here means: nobody holds it there, and no grant is on the way. Unlinked, it has no name any more
 * by which a new grant could be had, so once all counts are zero they stay zero, and it is dropped.
 */
import {
  NODES_MAX,
  NO_NODE,
  PAGE_SIZE,
  SEGMENT_BYTES_MAX,
  SEGMENT_MAX,
  type NodeId,
  type SegmentId,
} from '../base/ids.js'
import { assert } from '../base/assert.js'
import type { ProtocolName } from '../base/consistency.js'
import { expectOfPeer, isCount } from '../base/expect.js'
import type { ErrorName } from '../base/errors.js'
import type { SegmentAttributes } from '../base/requests.js'
import type { NamesEffect } from './effects.js'
import type { NamesMessage } from './messages.js'
import { listParts } from './list.js'
import { buildRefusal, homeWanted, isModel, modelMismatch, modelRefusal } from './model.js'
import { isSize, nameRefusal } from './name.js'
import { resizeGone, resizeJoined, resizeLost, type ResizeAsked, type Resizing } from './resizing.js'

/** Requests that wait for one creation to settle. */
const WAITING_MAX = 65_536

export type NamesAsk = Extract<NamesMessage, { type: 'CreateAsk' | 'OpenAsk' | 'StatAsk' | 'UnlinkAsk' | 'ListAsk' }>
type NamedAsk = Exclude<NamesAsk, { readonly type: 'ListAsk' }>

export interface Registered {
  /** Replaced by a resize. */
  attributes: SegmentAttributes
  /** The size that it was created with. */
  readonly made: number
  linked: boolean
  /** Every node that was a member at its creation knows it. */
  settled: boolean
  /** Members that have not said SegmentKnown yet; nodes that joined later too. */
  readonly untold: Set<NodeId>
  /** While not settled: what waits for it, the creator's request first. */
  waiting: { readonly from: NodeId; readonly ask: NamedAsk }[]
  /** Node -> grants it has and has not given back; nodes with none are absent. */
  readonly grants: Map<NodeId, number>
  /** The resize that is under way, those that wait for it, and how often it has shrunk. */
  resizing: Resizing | undefined
  resizes: ResizeAsked[]
  rounds: number
}

export interface Registry {
  /** Node 0 and every node that has joined and is not lost. */
  readonly members: Set<NodeId>
  /** In ascending order of their numbers. */
  readonly segments: Map<SegmentId, Registered>
  readonly byName: Map<string, SegmentId>
  next: SegmentId
  readonly protocols: ReadonlySet<ProtocolName>
}

export function createRegistry(protocols: ReadonlySet<ProtocolName>): Registry {
  return { members: new Set([0]), segments: new Map(), byName: new Map(), next: 1, protocols }
}

export function registryAsk(registry: Registry, from: NodeId, ask: NamesAsk, effects: NamesEffect[]): void {
  expectOfPeer(isCount(ask.ticket), `${ask.type} with ticket ${ask.ticket}`)
  if (ask.type === 'ListAsk') {
    for (const message of listParts(registry, ask.ticket)) effects.push({ do: 'Send', to: from, message })
    return
  }
  expectOfPeer(nameRefusal(ask.name) === undefined, `${ask.type} of a name that cannot be`)
  if (ask.type === 'CreateAsk') expectCreation(ask)
  serve(registry, from, ask, effects)
}

function serve(registry: Registry, from: NodeId, ask: NamedAsk, effects: NamesEffect[]): void {
  const segment = registry.byName.get(ask.name)
  if (segment === undefined) {
    if (ask.type === 'CreateAsk') make(registry, from, ask, effects)
    else refuse(from, ask, 'NOT_FOUND', `no segment is named '${ask.name}'`, effects)
    return
  }
  const registered = registry.segments.get(segment)
  assert(registered !== undefined, `names: '${ask.name}' is segment ${segment}, which is not registered`)
  if (registered.settled) answer(registry, registered, from, ask, effects)
  else if (registered.waiting.length < WAITING_MAX) registered.waiting.push({ from, ask })
  else refuse(from, ask, 'LIMIT', `${WAITING_MAX} requests wait for '${ask.name}' to be made`, effects)
}

/** @param registered settled, and the one that the ask names */
function answer(registry: Registry, registered: Registered, from: NodeId, ask: NamedAsk, effects: NamesEffect[]): void {
  const { segment, name, maxBytes, uid } = registered.attributes
  const { ticket } = ask
  switch (ask.type) {
    case 'CreateAsk': {
      if (!ask.openOrCreate) return refuse(from, ask, 'EXISTS', `a segment is named '${name}'`, effects)
      const { made } = registered
      if (ask.bytes !== made) {
        return refuse(from, ask, 'SIZE_MISMATCH', `'${name}' was made with ${made} bytes, not ${ask.bytes}`, effects)
      }
      if (ask.maxBytes !== maxBytes) {
        const detail = `'${name}' has max_size ${maxBytes}, not ${ask.maxBytes}`
        return refuse(from, ask, 'OPTION_MISMATCH', detail, effects)
      }
      const mismatch = modelMismatch(ask, registered.attributes)
      if (mismatch !== undefined) return refuse(from, ask, mismatch.error, mismatch.detail, effects)
      return grant(registered, from, ticket, effects)
    }
    case 'OpenAsk':
      return grant(registered, from, ticket, effects)
    case 'StatAsk': {
      const { linked, grants } = registered
      const message: NamesMessage = { type: 'StatAnswer', ticket, segment, linked, holders: grants.size }
      effects.push({ do: 'Send', to: from, message })
      return
    }
    case 'UnlinkAsk':
      if (ask.uid !== 0 && ask.uid !== uid) {
        return refuse(from, ask, 'ACCESS', `'${name}' belongs to uid ${uid}: only it and root may unlink it`, effects)
      }
      registry.byName.delete(name)
      registered.linked = false
      effects.push({ do: 'Send', to: from, message: { type: 'UnlinkDone', ticket } })
      dropIfUnheld(registry, registered, effects)
  }
}

function make(
  registry: Registry,
  from: NodeId,
  ask: Extract<NamesAsk, { readonly type: 'CreateAsk' }>,
  effects: NamesEffect[],
): void {
  if (registry.next > SEGMENT_MAX) {
    return refuse(from, ask, 'LIMIT', `all ${SEGMENT_MAX} segment numbers of this cluster have been used`, effects)
  }
  assert(isModel(ask), 'names: a creation of no model')
  const refusal = buildRefusal(registry.protocols, ask)
  if (refusal !== undefined) return refuse(from, ask, refusal.error, refusal.detail, effects)
  const home = homeWanted(ask)
  if (home !== NO_NODE && !registry.members.has(home)) {
    const members = [...registry.members].join(', ')
    return refuse(from, ask, 'INVALID', `home is ${home}: the cluster's nodes are ${members}`, effects)
  }
  const segment = registry.next++
  const { ticket, name, bytes, maxBytes, consistency, manager, unit, uid, gid, mode, nowMs } = ask
  const homes = home === NO_NODE ? allHomes(registry.members, segment) : [home]
  const model = { consistency, manager, unit, homes }
  const attributes = { segment, name, bytes, maxBytes, ...model, uid, gid, mode, createdMs: nowMs }
  registry.byName.set(name, segment)
  registry.segments.set(segment, {
    attributes,
    made: bytes,
    linked: true,
    settled: false,
    untold: new Set(registry.members),
    // Once settled, what is left of a creation is to open it. Should its node be lost before, the
    // segment stays, linked and unheld, as it would had the node been lost a moment later.
    waiting: [{ from, ask: { type: 'OpenAsk', ticket, name } }],
    grants: new Map(),
    resizing: undefined,
    resizes: [],
    rounds: 0,
  })
  for (const to of registry.members) effects.push({ do: 'Send', to, message: { type: 'SegmentNew', ...attributes } })
}

/**
 * All members, rotated, so that the first pages of small segments spread over the nodes; and so do
 * their heaps (homes[segment % n]), which a rotation by the segment's number alone would keep away
 * from every second node when n is even.
 */
function allHomes(members: ReadonlySet<NodeId>, segment: SegmentId): NodeId[] {
  const nodes = [...members].sort((a, b) => a - b)
  const first = (segment + Math.floor(segment / nodes.length)) % nodes.length
  return [...nodes.slice(first), ...nodes.slice(0, first)]
}

function grant(registered: Registered, to: NodeId, ticket: number, effects: NamesEffect[]): void {
  registered.grants.set(to, (registered.grants.get(to) ?? 0) + 1)
  effects.push({ do: 'Send', to, message: { type: 'SegmentGrant', ticket, segment: registered.attributes.segment } })
}

export function registryKnown(registry: Registry, from: NodeId, segment: SegmentId, effects: NamesEffect[]): void {
  const registered = registry.segments.get(segment)
  if (registered === undefined) {
    // Late, not wrong: dropped before the node that has just joined could say that it knows it.
    expectOfPeer(isCount(segment) && segment >= 1 && segment < registry.next, `knows segment ${segment}`)
    return
  }
  expectOfPeer(registered.untold.delete(from), `knows segment ${segment} twice`)
  settle(registry, registered, effects)
}

export function registryLet(
  registry: Registry,
  from: NodeId,
  segment: SegmentId,
  grants: number,
  effects: NamesEffect[],
): void {
  const registered = registry.segments.get(segment)
  const had = registered?.grants.get(from) ?? 0
  const sound = isCount(grants) && grants >= 1 && grants <= had
  expectOfPeer(registered !== undefined && sound, `lets ${grants} grants of segment ${segment} go, has ${had}`)
  if (grants === had) registered.grants.delete(from)
  else registered.grants.set(from, had - grants)
  dropIfUnheld(registry, registered, effects)
}

/** The first things a new node hears of this one are the segments, those in creation included. */
export function registryJoined(registry: Registry, node: NodeId, effects: NamesEffect[]): void {
  assert(node < NODES_MAX && !registry.members.has(node), `names: node ${node} joins twice`)
  registry.members.add(node)
  for (const registered of registry.segments.values()) {
    registered.untold.add(node)
    effects.push({ do: 'Send', to: node, message: { type: 'SegmentNew', ...registered.attributes } })
    resizeJoined(registered, node, effects)
  }
}

export function registryLost(registry: Registry, node: NodeId, effects: NamesEffect[]): void {
  if (!registry.members.delete(node)) return
  for (const registered of [...registry.segments.values()]) {
    registered.waiting = registered.waiting.filter(({ from }) => from !== node)
    registered.untold.delete(node)
    registered.grants.delete(node)
    settle(registry, registered, effects)
    resizeLost(registry, registered, node, effects)
    dropIfUnheld(registry, registered, effects)
  }
}

/** When all have been told, what waited is served, in order. */
function settle(registry: Registry, registered: Registered, effects: NamesEffect[]): void {
  if (registered.settled || registered.untold.size > 0) return
  registered.settled = true
  const waiting = registered.waiting
  registered.waiting = []
  // By name again, not by segment: an unlink among them takes the name from those behind it.
  for (const { from, ask } of waiting) serve(registry, from, ask, effects)
}

function dropIfUnheld(registry: Registry, registered: Registered, effects: NamesEffect[]): void {
  const { segment } = registered.attributes
  if (registered.linked || registered.grants.size > 0) return
  if (!registry.segments.delete(segment)) return
  resizeGone(registered, effects)
  for (const to of registry.members) effects.push({ do: 'Send', to, message: { type: 'SegmentDrop', segment } })
}

function expectCreation(ask: Extract<NamesAsk, { readonly type: 'CreateAsk' }>): void {
  const { bytes, maxBytes, uid, gid, mode, nowMs } = ask
  expectOfPeer([bytes, maxBytes, uid, gid, mode, nowMs].every(isCount), 'CreateAsk with numbers that cannot be')
  expectOfPeer(modelRefusal(ask) === undefined, 'CreateAsk of a model that cannot be')
  const sound = maxBytes <= SEGMENT_BYTES_MAX && maxBytes % PAGE_SIZE === 0 && isSize(bytes, ask)
  expectOfPeer(sound, `CreateAsk of ${bytes} of ${maxBytes} bytes`)
}

function refuse(
  to: NodeId,
  ask: NamedAsk,
  error: Exclude<ErrorName, 'OK'>,
  detail: string,
  effects: NamesEffect[],
): void {
  effects.push({ do: 'Send', to, message: { type: 'NamesRefused', ticket: ask.ticket, error, detail } })
}
