/** Nodes that have all joined, and the one segment that they share. */
import type { Model, ProtocolName } from '../base/consistency.js'
import { PAGE_SIZE } from '../base/ids.js'
import type { SegmentAttributes } from '../base/requests.js'
import { segmentMade } from '../coherence/state.js'
import { heapMade } from '../heap/index.js'
import { createNode, type NodeState } from '../node/state.js'
import type { Step } from '../node/step.js'

export const SEGMENT = 1

/** What a segment is created with, to be served by the protocol. */
const MODELS: Readonly<Record<ProtocolName, Model>> = {
  srsw: { consistency: 'srsw', manager: 'fixed', unit: PAGE_SIZE },
  mrsw: { consistency: 'mrsw', manager: 'fixed', unit: PAGE_SIZE },
  'mrsw-dynamic': { consistency: 'mrsw', manager: 'dynamic', unit: PAGE_SIZE },
  lrc: { consistency: 'lrc', manager: 'fixed', unit: PAGE_SIZE },
}

/** Node states that know each other and segment 1, whose page p has home p % nodes. */
export function createNodes(count: number, pages: number, step: Step, protocol: ProtocolName = 'mrsw'): NodeState[] {
  const homes = Array.from({ length: count }, (_, node) => node)
  const attributes: SegmentAttributes = {
    segment: SEGMENT,
    name: 'sim',
    bytes: pages * PAGE_SIZE,
    maxBytes: pages * PAGE_SIZE,
    ...MODELS[protocol],
    homes,
    uid: 0,
    gid: 0,
    mode: 0o600,
    createdMs: 0,
  }
  return homes.map((self) => {
    const state = createNode(self)
    segmentMade(state.coherence, attributes)
    heapMade(state.heap, attributes)
    state.names.known.set(SEGMENT, { attributes, grants: 0 })
    for (const node of homes) if (node !== self) step(state, { is: 'joined', node }, [])
    return state
  })
}
