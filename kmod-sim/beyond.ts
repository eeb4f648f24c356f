/**
 * Accesses beyond a segment's end. Frames and views have the segment's max_size from the start, so the kernel asks the
 * daemon about them as about any other: the answer is poison, hence SIGBUS (EFAULT to a system call), and no
 * question comes from there any more. So it is remembered where, by the segment's 4 KiB pages, whichever process it was: before
 * the segment grows over them the poison is taken away, in every view (Pager.unpoison). Forks and mremap, which take
 * poison with them, are no special case.
 *
 * PLACES_MAX of each segment are remembered. For one more the oldest loses its poison: who comes there again asks again.
 */
import { PAGE_SIZE, type Page, type SegmentId } from '../ts/base/ids.js'
import type { Process } from './process-registry.js'
import type { Units } from './units.js'

export const PLACES_MAX = 4096

export interface BeyondHost {
  /** SIGBUS for that 4 KiB page of the process. */
  poison(process: Process, address: number): void
  /** No poison in any view of the 4 KiB page of the segment at byte `offset`: the next access there is a fault. */
  unpoison(segment: SegmentId, offset: number): void
}

export class Beyond {
  /** Offsets in bytes, the oldest first. */
  readonly #places = new Map<SegmentId, Set<number>>()

  constructor(
    private readonly host: BeyondHost,
    private readonly units: Units,
  ) {}

  /** A thread faulted there. */
  refuse(process: Process, address: number, segment: SegmentId, offset: number): void {
    this.host.poison(process, address)
    this.#remember(segment, Math.floor(offset / PAGE_SIZE) * PAGE_SIZE)
  }

  /** The page, a coherence unit, is poisoned in every view, and lies beyond the end from now on. */
  poisoned(segment: SegmentId, page: Page): void {
    const start = page * this.units.of(segment)
    for (let at = 0; at < this.units.bytes(segment, page); at += PAGE_SIZE) this.#remember(segment, start + at)
  }

  /** The segment is about to have the bytes from `from` to `to`: no thread may use any before this returns. */
  clear(segment: SegmentId, from: number, to: number): void {
    const places = this.#places.get(segment)
    if (places === undefined) return
    for (const offset of [...places]) {
      if (offset < from || offset >= to) continue
      places.delete(offset)
      this.host.unpoison(segment, offset)
    }
    if (places.size === 0) this.#places.delete(segment)
  }

  /** The segment is gone. */
  drop(segment: SegmentId): void {
    this.#places.delete(segment)
  }

  #remember(segment: SegmentId, offset: number): void {
    const places = this.#places.get(segment) ?? new Set()
    this.#places.set(segment, places)
    places.delete(offset) // the youngest now
    places.add(offset)
    if (places.size <= PLACES_MAX) return
    const [oldest] = places
    places.delete(oldest!)
    this.host.unpoison(segment, oldest!)
  }
}
