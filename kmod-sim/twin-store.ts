/**
 * Twins: pages as they were before this node's first write to them since its last release. What it
 * has written is what differs from the twin. There is one for each dirty page, and each takes as much
 * memory as a frame: FrameStore counts them against --memory, so that a fault that would need one too
 * many is refused like one that would need a frame too many. Making a twin never fails for it: the
 * thread that writes has passed that check, and a page may be released to make room at any time.
 */
import { PAGE_SIZE, type Page, type SegmentId } from '../ts/base/ids.js'
import { assert } from '../ts/base/assert.js'
import type { FrameStore } from './frame-store.js'

/** Buffers kept for the next twins, 1 MiB of them: twins come and go with every release. */
const SPARE_MAX = 256

export class TwinStore {
  readonly #bySegment = new Map<SegmentId, Map<Page, Uint8Array>>()
  readonly #spare: Uint8Array[] = []
  #count = 0

  constructor(private readonly frames: FrameStore) {}

  /** Twins there are. */
  get count(): number {
    return this.#count
  }
  get bytes(): number {
    return this.#count * PAGE_SIZE
  }

  has(segment: SegmentId, page: Page): boolean {
    return this.#bySegment.get(segment)?.has(page) === true
  }

  /** Copies the page's frame; no thread can write to it before this returns. There must be no twin yet. */
  make(segment: SegmentId, page: Page): void {
    assert(!this.has(segment, page), `segment ${segment} page ${page} has a twin`)
    const twin = this.#spare.pop() ?? Buffer.allocUnsafeSlow(PAGE_SIZE)
    this.frames.copyInto(segment, page, twin)
    const twins = this.#bySegment.get(segment)
    if (twins === undefined) this.#bySegment.set(segment, new Map([[page, twin]]))
    else twins.set(page, twin)
    this.#counted(1)
  }

  /**
   * What has changed since the twin was made, into `out` from byte `at` on, which has
   * diffRoom(PAGE_SIZE) bytes there. The twin stays. Gives the diff's length in bytes; 0: nothing has
   * changed; -1: a local process has freed the frame, and the page is lost.
   */
  diff(segment: SegmentId, page: Page, out: Uint8Array, at: number): number {
    const twin = this.#bySegment.get(segment)?.get(page)
    assert(twin !== undefined, `segment ${segment} page ${page} has no twin`)
    return this.frames.diff(segment, page, twin, out, at)
  }

  /** Forgets the twin, if there is one. */
  drop(segment: SegmentId, page: Page): void {
    const twins = this.#bySegment.get(segment)
    const twin = twins?.get(page)
    if (twins === undefined || twin === undefined) return
    twins.delete(page)
    if (twins.size === 0) this.#bySegment.delete(segment)
    this.#keep(twin)
    this.#counted(-1)
  }

  /** The segment is gone everywhere. */
  dropSegment(segment: SegmentId): void {
    const twins = this.#bySegment.get(segment)
    if (twins === undefined) return
    this.#bySegment.delete(segment)
    for (const twin of twins.values()) this.#keep(twin)
    this.#counted(-twins.size)
  }

  #keep(twin: Uint8Array): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(twin)
  }

  #counted(more: number): void {
    this.#count += more
    this.frames.twins = this.#count
  }
}
