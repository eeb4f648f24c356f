/** What a step wants done, in order: the union of what the pure rooms ask for. */
import type { RoomEffect } from '../base/effects.js'
import type { CoherenceEffect } from '../coherence/effects.js'
import type { HeapMessage } from '../heap/messages.js'
import type { NamesEffect } from '../names/effects.js'
import type { SyncMessage } from '../sync/messages.js'

export type Effect = CoherenceEffect | NamesEffect | RoomEffect<SyncMessage> | RoomEffect<HeapMessage>
