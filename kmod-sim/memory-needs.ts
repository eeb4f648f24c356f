/** How much memory of the node a fault takes, how many pages it brings, and whether another node's page can be taken in. */
import { PAGE_SIZE, type Access, type Page, type SegmentId } from '../ts/base/ids.js'
import { accessOf, isFresh, mayTwin, type NodeState } from '../ts/node/state.js'
import type { FrameStore } from './frame-store.js'
import { freshRun } from './fresh-run.js'
import type { Reclaim } from './reclaim.js'
import type { Spans } from './spans.js'
import type { Units } from './units.js'
import type { Waiting } from './waiting.js'

export interface MemoryNeedsHost {
  readonly state: () => NodeState
  readonly units: Units
  readonly frames: FrameStore
  readonly waiting: Waiting
  readonly spans: () => Spans
  readonly reclaim: () => Reclaim
  /** Whether the node can take pages in is another than before. */
  full(now: boolean): void
}

export class MemoryNeeds {
  constructor(private readonly host: MemoryNeedsHost) {}

  /** Frames and twins that a fault takes at most. */
  ofFault(segment: SegmentId, page: Page, now: Access | 'none', access: Access): number {
    const isTwinned = access === 'write' && now !== 'write' && mayTwin(this.host.state(), segment, page)
    return (Number(now === 'none') + Number(isTwinned)) * this.host.units.frames(segment, page)
  }

  /** Pages that a store to this one brings, of those in a span of this node; where memory is short each comes by itself. */
  run(segment: SegmentId, page: Page): number {
    const { units, frames, waiting } = this.host
    const state = this.host.state()
    const unit = units.of(segment)
    const span = this.host.spans().around(segment, page * unit)
    if (span === undefined) return 1
    const run = freshRun(page, {
      first: span.from / unit,
      end: span.to / unit,
      writable: (other) => accessOf(state, segment, other) === 'write',
      fresh: (other) => isFresh(state, segment, other),
    })
    return frames.hasRoom(waiting.frames + (run * unit) / PAGE_SIZE) ? run : 1
  }

  /** Another node asks this one to take a page in: before the engine answers it knows whether there is room. */
  tellWhetherFull(segment: SegmentId, page: Page): void {
    const full = !this.host.reclaim().evictFor(this.host.units.frames(segment, page))
    if (full !== this.host.state().coherence.full) this.host.full(full)
  }
}
