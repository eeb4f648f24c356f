/** What a node knows about segments; node 0 has the registry besides. */
import { NODES_MAX, PAGE_SIZE, SEGMENT_BYTES_MAX, SEGMENT_MAX, type NodeId, type SegmentId } from '../base/ids.js'
import type { ProtocolName } from '../base/consistency.js'
import { isCount } from '../base/expect.js'
import type { SegmentAttributes, SegmentStat } from '../base/requests.js'
import { buildRefusal, isModel } from './model.js'
import { isSize, nameRefusal } from './name.js'
import { createRegistry, type Registry } from './registry.js'

/** The node that serialises names. */
export const NAMES_NODE: NodeId = 0

export interface KnownSegment {
  /** Replaced by a resize. */
  attributes: SegmentAttributes
  /** SegmentGrants received and not yet given back by a SegmentLet. */
  grants: number
  /** Once it has been resized. */
  sizes?: Sizes
}

/** A segment's resizings, as this node knows them: sizes.ts. */
export interface Sizes {
  /** To this size it is growing; 0: it is not. */
  coming: number
  /** Number of its last shrinking that happened here. */
  round: number
  /** What others have said of shrinkings last. */
  readonly heard: Map<NodeId, Shrinking>
  /** Who has yet to say that it has shrunk the segment, before node 0 is told that it has shrunk here. */
  readonly awaited: Set<NodeId>
  /** Node 0 awaits to be told. */
  owed: boolean
}
export interface Shrinking {
  readonly bytes: number
  readonly round: number
  readonly nodes: readonly NodeId[]
}

export interface PendingName {
  readonly op: 'create' | 'open' | 'stat' | 'unlink' | 'list' | 'resize'
  /** The name that the answer must be about; '' for list and resize. */
  readonly name: string
  /** What has come of a list so far. */
  readonly listed: SegmentStat[]
}

export interface NamesState {
  readonly self: NodeId
  /** Those that this build has tables for. */
  readonly protocols: ReadonlySet<ProtocolName>
  /** In ascending order of their numbers. */
  readonly known: Map<SegmentId, KnownSegment>
  /** The highest number heard of. */
  highest: SegmentId
  readonly pending: Map<number, PendingName>
  /** Nodes that are lost: nobody waits for them. */
  readonly lost: Set<NodeId>
  /** Node 0 is lost: nobody serialises names any more. */
  orphaned: boolean
  /** On node 0 only. */
  readonly registry: Registry | undefined
}

/** @param protocols those that segments can have here */
export function createNames(self: NodeId, protocols: ReadonlySet<ProtocolName>): NamesState {
  return {
    self,
    protocols,
    known: new Map(),
    highest: 0,
    pending: new Map(),
    lost: new Set(),
    orphaned: false,
    registry: self === NAMES_NODE ? createRegistry(protocols) : undefined,
  }
}

/** The attributes of a segment that exists; undefined for one that is gone or was never made. */
export function attributesOf(state: NamesState, segment: SegmentId): SegmentAttributes | undefined {
  return state.known.get(segment)?.attributes
}

/** Whether a peer's attributes can be some segment's that this build serves: node 0 asks nobody else to know it. */
export function isSound({ protocols }: NamesState, attributes: SegmentAttributes): boolean {
  const { segment, name, bytes, maxBytes, manager, homes, uid, gid, mode, createdMs } = attributes
  return (
    [segment, bytes, maxBytes, uid, gid, mode, createdMs].every(isCount) &&
    segment >= 1 &&
    segment <= SEGMENT_MAX &&
    nameRefusal(name) === undefined &&
    maxBytes <= SEGMENT_BYTES_MAX &&
    maxBytes % PAGE_SIZE === 0 &&
    isModel(attributes) &&
    isSize(bytes, attributes) &&
    buildRefusal(protocols, attributes) === undefined &&
    (manager !== 'central' || homes.length === 1) &&
    homes.length >= 1 &&
    homes.every((home) => isCount(home) && home < NODES_MAX) &&
    new Set(homes).size === homes.length
  )
}
