/** The rooms whose messages travel between nodes, and a codec for all of them. */
import { EDGE_FIELDS } from '../coherence/lrc/messages.js'
import { HEAP_FIELDS } from '../heap/messages.js'
import { NAMES_FIELDS } from '../names/messages.js'
import type { Message } from '../node/messages.js'
import { SYNC_FIELDS } from '../sync/messages.js'
import { Codec, type Room } from './codec.js'
import { FIRST_TYPE } from './layout.js'

export const NODE_ROOMS: readonly Room[] = [
  { firstType: FIRST_TYPE.edges, fields: EDGE_FIELDS, payloads: new Set(['Flush', 'Notice']) },
  { firstType: FIRST_TYPE.sync, fields: SYNC_FIELDS },
  { firstType: FIRST_TYPE.heap, fields: HEAP_FIELDS },
  { firstType: FIRST_TYPE.names, fields: NAMES_FIELDS },
]

export function nodeCodec(): Codec<Message> {
  return new Codec<Message>(NODE_ROOMS)
}
