/** What a step wants done, in order: the union of what the pure rooms ask for. */
import type { AcquireEffect, ReleaseEffect, RoomEffect } from '../base/effects.js'
import type { CoherenceEffect, ReleasedEffect } from '../coherence/effects.js'
import type { ArenaSizedEffect, SpanQueryEffect } from '../heap/index.js'
import type { HeapMessage } from '../heap/messages.js'
import type { NamesEffect } from '../names/effects.js'
import type { LineEffect, WordEffect } from '../sync/index.js'
import type { SyncMessage } from '../sync/messages.js'

/** Between the rooms of a node, within the step: what happens at an acquire or a release. */
export type EdgeEffect = AcquireEffect | ReleaseEffect | ReleasedEffect

export type Effect =
  | EdgeEffect
  | CoherenceEffect
  | NamesEffect
  | RoomEffect<SyncMessage>
  | RoomEffect<HeapMessage>
  | SpanQueryEffect
  | WordEffect
  | LineEffect
  | ArenaSizedEffect
