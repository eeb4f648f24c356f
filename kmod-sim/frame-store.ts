/**
 * The node's frames: one memfd per segment, made when first needed, and the --memory that bounds them.
 * `page` is the engine's, a coherence unit of 4 KiB pages (units.ts): all of it comes, goes and is lost together.
 */
import { UNIT_MAX } from '../ts/base/consistency.js'
import { LOST_PAGE, PAGE_SIZE, type Page, type SegmentId } from '../ts/base/ids.js'
import { assert } from '../ts/base/assert.js'
import { native, type Frames } from '../ts/native/index.js'
import type { Units } from './units.js'

const ZEROS = Buffer.alloc(PAGE_SIZE)

interface SegmentFrames {
  readonly frames: Frames
  /** 4 KiB pages in all, and in a unit. */
  readonly pages: number
  readonly unitPages: number
  /** 4 KiB frames that hold a unit of the engine's. */
  held: number
}

export class FrameStore {
  readonly #bySegment = new Map<SegmentId, SegmentFrames>()
  /** For copyOut: a buffer for each page that leaves would be memory that the kernel has to find, and the collector. */
  readonly #copy = Buffer.allocUnsafeSlow(UNIT_MAX)
  #held = 0 // 4 KiB frames, over all segments
  #twins = 0

  /**
   * @param memoryBytes frames may take this much @param made called with each new memfd (the keeper wants it)
   * @param units also of segments that nobody here has opened: a home's master copies
   */
  constructor(
    readonly memoryBytes: number,
    private readonly made: (segment: SegmentId, frames: Frames) => void,
    private readonly dropped: (segment: SegmentId) => void,
    readonly units: Units,
  ) {}

  /** Frames that hold a unit of the engine's, in bytes. */
  get heldBytes(): number {
    return this.#held * PAGE_SIZE
  }

  /** May `more` further frames of 4 KiB be held? Twins count: a node that writes to all its pages has two of each. */
  hasRoom(more: number): boolean {
    return (this.#held + this.#twins + more) * PAGE_SIZE <= this.memoryBytes
  }

  /** Of how many frames there are twins (TwinStore says so). */
  set twins(frames: number) {
    this.#twins = frames
  }

  open(segment: SegmentId): Frames {
    const known = this.#bySegment.get(segment)
    if (known !== undefined) return known.frames
    const pages = this.units.bytesOf(segment) / PAGE_SIZE
    const frames = new native.Frames(`gshm:${segment}`, pages)
    this.#bySegment.set(segment, { frames, pages, unitPages: this.units.of(segment) / PAGE_SIZE, held: 0 })
    this.made(segment, frames)
    return frames
  }

  #get(segment: SegmentId): SegmentFrames {
    const found = this.#bySegment.get(segment)
    assert(found !== undefined, `segment ${segment} has no frames here`)
    return found
  }

  /**
   * The page's bytes, valid until the next copyOut: a link has copied what it is given to send when that returns.
   * LOST_PAGE when a local process has freed some of the frame: a hole reads as zeros, too.
   */
  copyOut(segment: SegmentId, page: Page): Uint8Array {
    const of = this.#get(segment)
    const count = countOf(of, page)
    const bytes = this.#copy.subarray(0, count * PAGE_SIZE)
    of.frames.copyOut(page * of.unitPages, bytes, 0, count)
    return hasZeroPage(bytes) && !of.frames.present(page * of.unitPages, count) ? LOST_PAGE : bytes
  }

  /** The frame's bytes, whatever they are, into a buffer of the caller's as long as the unit. */
  copyInto(segment: SegmentId, page: Page, into: Uint8Array): void {
    const of = this.#get(segment)
    of.frames.copyOut(page * of.unitPages, into, 0, countOf(of, page))
  }

  /** Frames.diff of the page; -1: a local process has freed some of the frame. */
  diff(segment: SegmentId, page: Page, twin: Uint8Array, out: Uint8Array, at: number): number {
    const of = this.#get(segment)
    return of.frames.diff(page * of.unitPages, twin, out, at)
  }

  /** Frames.patch of the page, which is held; false: the diff is malformed. */
  patch(segment: SegmentId, page: Page, diff: Uint8Array, at: number, length: number): boolean {
    const of = this.#get(segment)
    return of.frames.patch(page * of.unitPages, diff, at, length, countOf(of, page) * PAGE_SIZE)
  }

  /** Whether all of the frame that the engine has given the page is there. */
  present(segment: SegmentId, page: Page): boolean {
    const of = this.#get(segment)
    return of.frames.present(page * of.unitPages, countOf(of, page))
  }

  /** A page arrives in its frame: the bytes given, as long as the unit, or zeros; of LOST_PAGE nothing, not even a frame. */
  fill(segment: SegmentId, page: Page, bytes: Uint8Array | undefined): void {
    if (!this.#bySegment.has(segment)) this.open(segment)
    const of = this.#get(segment)
    const count = countOf(of, page)
    if (bytes === undefined) of.frames.zero(page * of.unitPages, count)
    else if (bytes.length > 0) of.frames.copyIn(page * of.unitPages, bytes, 0, count)
    of.held += count
    this.#held += count
  }

  punch(segment: SegmentId, page: Page): void {
    const of = this.#get(segment)
    const count = countOf(of, page)
    of.frames.punch(page * of.unitPages, count)
    of.held -= count
    this.#held -= count
  }

  /** The page's bytes go, from every mapping too; the engine thinks that it has the page still. */
  destroy(segment: SegmentId, page: Page): void {
    const of = this.#get(segment)
    of.frames.punch(page * of.unitPages, countOf(of, page))
  }

  /** Zeros at the 4 KiB page at byte `offset`, beyond what the engine knows of the segment: not counted as held. */
  lendZeros(segment: SegmentId, offset: number): void {
    this.open(segment).zero(offset / PAGE_SIZE)
  }

  /** They go, from every mapping. */
  takeZeros(segment: SegmentId, offset: number): void {
    this.open(segment).punch(offset / PAGE_SIZE, 1)
  }

  residentPages(segment: SegmentId): number {
    return this.#bySegment.get(segment)?.frames.resident() ?? 0
  }

  /** The segment is gone everywhere. */
  drop(segment: SegmentId): void {
    const of = this.#bySegment.get(segment)
    if (of === undefined) return
    this.#bySegment.delete(segment)
    this.#held -= of.held
    this.dropped(segment)
    of.frames.close()
  }

  close(): void {
    for (const { frames } of this.#bySegment.values()) frames.close()
    this.#bySegment.clear()
  }
}

/** 4 KiB pages of the unit. */
function countOf(of: SegmentFrames, page: Page): number {
  return Math.min(of.unitPages, of.pages - page * of.unitPages)
}

function hasZeroPage(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
    if (bytes.compare(ZEROS, 0, PAGE_SIZE, at, at + PAGE_SIZE) === 0) return true
  }
  return false
}
