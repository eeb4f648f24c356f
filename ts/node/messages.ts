/** Every message between nodes: the union of what the pure rooms say to each other. */
import { COHERENCE_TYPES, type CoherenceMessage } from '../coherence/messages.js'
import type { EdgeMessage } from '../coherence/lrc/messages.js'
import type { HeapMessage } from '../heap/messages.js'
import type { NamesMessage } from '../names/messages.js'
import type { SyncMessage } from '../sync/messages.js'

export type Message = CoherenceMessage | EdgeMessage | SyncMessage | HeapMessage | NamesMessage

const COHERENCE: ReadonlySet<string> = new Set(COHERENCE_TYPES)

export function isCoherence(message: { readonly type: string }): message is CoherenceMessage {
  return COHERENCE.has(message.type)
}
