/**
 * Twins: pages as they were before this node's first write to them since its last release. What it
 * has written is what differs from the twin. There is one for each dirty page (a unit: units.ts), and each takes as much
 * memory as a frame: FrameStore counts them against --memory, and pages leave for a twin as for a frame. But
 * making one never fails: where no page can go for now, a page that is here gets its twin beyond --memory, and
 * the next fault has others leave for it.
 */
import { PAGE_SIZE, type Page, type SegmentId } from '../ts/base/ids.js'
import { assert } from '../ts/base/assert.js'
import { diffRoom } from '../ts/native/index.js'
import type { FrameStore } from './frame-store.js'

/** Of buffers kept for the next twins: twins come and go with every release. */
const SPARE_BYTES_MAX = 2 ** 20

export class TwinStore {
  readonly #bySegment = new Map<SegmentId, Map<Page, Uint8Array>>()
  /** By length. */
  readonly #spare = new Map<number, Uint8Array[]>()
  #spareBytes = 0
  #count = 0
  #bytes = 0

  constructor(private readonly frames: FrameStore) {}

  /** Twins there are. */
  get count(): number {
    return this.#count
  }
  get bytes(): number {
    return this.#bytes
  }

  has(segment: SegmentId, page: Page): boolean {
    return this.#bySegment.get(segment)?.has(page) === true
  }

  /** Copies the page's frame; no thread can write to it before this returns. There must be no twin yet. */
  make(segment: SegmentId, page: Page): void {
    assert(!this.has(segment, page), `segment ${segment} page ${page} has a twin`)
    const twin = this.#take(this.frames.units.bytes(segment, page))
    this.frames.copyInto(segment, page, twin)
    const twins = this.#bySegment.get(segment)
    if (twins === undefined) this.#bySegment.set(segment, new Map([[page, twin]]))
    else twins.set(page, twin)
    this.#counted(1, twin.length)
  }

  /**
   * What has changed since the twin was made, into `out` from byte `at` on, which has
   * room() bytes there. The twin stays. Gives the diff's length in bytes; 0: nothing has changed; -1: a
   * local process has freed some of the frame, and the page is lost.
   */
  diff(segment: SegmentId, page: Page, out: Uint8Array, at: number): number {
    const twin = this.#bySegment.get(segment)?.get(page)
    assert(twin !== undefined, `segment ${segment} page ${page} has no twin`)
    return this.frames.diff(segment, page, twin, out, at)
  }

  /** Bytes that a diff of the page takes at most. */
  room(segment: SegmentId, page: Page): number {
    return diffRoom(this.frames.units.bytes(segment, page))
  }

  /** Forgets the twin, if there is one. */
  drop(segment: SegmentId, page: Page): void {
    const twins = this.#bySegment.get(segment)
    const twin = twins?.get(page)
    if (twins === undefined || twin === undefined) return
    twins.delete(page)
    if (twins.size === 0) this.#bySegment.delete(segment)
    this.#keep(twin)
    this.#counted(-1, -twin.length)
  }

  /** The segment is gone everywhere. */
  dropSegment(segment: SegmentId): void {
    const twins = this.#bySegment.get(segment)
    if (twins === undefined) return
    this.#bySegment.delete(segment)
    for (const twin of twins.values()) {
      this.#keep(twin)
      this.#counted(-1, -twin.length)
    }
  }

  #take(bytes: number): Uint8Array {
    const spare = this.#spare.get(bytes)?.pop()
    if (spare === undefined) return Buffer.allocUnsafeSlow(bytes)
    this.#spareBytes -= bytes
    return spare
  }

  #keep(twin: Uint8Array): void {
    if (this.#spareBytes + twin.length > SPARE_BYTES_MAX) return
    this.#spareBytes += twin.length
    const spares = this.#spare.get(twin.length)
    if (spares === undefined) this.#spare.set(twin.length, [twin])
    else spares.push(twin)
  }

  #counted(more: number, bytes: number): void {
    this.#count += more
    this.#bytes += bytes
    this.frames.twins = this.#bytes / PAGE_SIZE
  }
}
