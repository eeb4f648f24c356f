/** The node's frames: one memfd per segment, made when first needed, and the --memory that bounds them. */
import { LOST_PAGE, PAGE_SIZE, type Page, type SegmentId } from '../ts/base/ids.js'
import { assert } from '../ts/base/assert.js'
import { native, type Frames } from '../ts/native/index.js'

const ZEROS = Buffer.alloc(PAGE_SIZE)

interface SegmentFrames {
  readonly frames: Frames
  /** Frames that hold a page of the engine's. */
  held: number
}

export class FrameStore {
  readonly #bySegment = new Map<SegmentId, SegmentFrames>()
  #held = 0 // over all segments
  #twins = 0

  /** @param memoryBytes frames may take this much @param made called with each new memfd (the keeper wants it) */
  constructor(
    readonly memoryBytes: number,
    private readonly made: (segment: SegmentId, frames: Frames) => void,
    private readonly dropped: (segment: SegmentId) => void,
    /** How long the segment is: for frames of one that nobody here has opened, a home's master copies. */
    private readonly bytesOf: (segment: SegmentId) => number,
  ) {}

  /** Frames that hold a page of the engine's, in bytes. */
  get heldBytes(): number {
    return this.#held * PAGE_SIZE
  }

  /** May `more` further pages be held? Twins count: a node that writes to all its pages has two of each. */
  hasRoom(more: number): boolean {
    return (this.#held + this.#twins + more) * PAGE_SIZE <= this.memoryBytes
  }

  /** Of how many pages there are twins (TwinStore says so). */
  set twins(pages: number) {
    this.#twins = pages
  }

  open(segment: SegmentId, bytes: number): Frames {
    const known = this.#bySegment.get(segment)
    if (known !== undefined) return known.frames
    const frames = new native.Frames(`gshm:${segment}`, bytes / PAGE_SIZE)
    this.#bySegment.set(segment, { frames, held: 0 })
    this.made(segment, frames)
    return frames
  }

  #get(segment: SegmentId): SegmentFrames {
    const found = this.#bySegment.get(segment)
    assert(found !== undefined, `segment ${segment} has no frames here`)
    return found
  }

  /** The page's bytes; LOST_PAGE when a local process has freed the frame: a hole reads as zeros, too. */
  copyOut(segment: SegmentId, page: Page): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(PAGE_SIZE) // of its own: it lives until the socket has taken it
    const { frames } = this.#get(segment)
    frames.copyOut(page, bytes, 0)
    return bytes.equals(ZEROS) && !frames.present(page) ? LOST_PAGE : bytes
  }

  /** The frame's bytes, whatever they are, into a buffer of the caller's of PAGE_SIZE bytes. */
  copyInto(segment: SegmentId, page: Page, into: Uint8Array): void {
    this.#get(segment).frames.copyOut(page, into, 0)
  }

  /** Frames.diff of the page; -1: a local process has freed the frame. */
  diff(segment: SegmentId, page: Page, twin: Uint8Array, out: Uint8Array, at: number): number {
    return this.#get(segment).frames.diff(page, twin, out, at)
  }

  /** Frames.patch of the page, which is held; false: the diff is malformed. */
  patch(segment: SegmentId, page: Page, diff: Uint8Array, at: number, length: number): boolean {
    return this.#get(segment).frames.patch(page, diff, at, length)
  }

  /** Whether the frame that the engine has given the page is there. */
  present(segment: SegmentId, page: Page): boolean {
    return this.#get(segment).frames.present(page)
  }

  /** A page arrives in its frame: the bytes given, or zeros; of LOST_PAGE nothing, not even a frame. */
  fill(segment: SegmentId, page: Page, bytes: Uint8Array | undefined): void {
    if (!this.#bySegment.has(segment)) this.open(segment, this.bytesOf(segment))
    const of = this.#get(segment)
    if (bytes === undefined) of.frames.zero(page)
    else if (bytes.length > 0) of.frames.copyIn(page, bytes, 0)
    of.held++
    this.#held++
  }

  punch(segment: SegmentId, page: Page): void {
    const of = this.#get(segment)
    of.frames.punch(page, 1)
    of.held--
    this.#held--
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
