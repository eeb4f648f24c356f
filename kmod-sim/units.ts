/**
 * Coherence units. What the engine calls a page of a segment is a unit of it: its `unit` bytes, one page of
 * 4 KiB or some, from byte `page * unit` on. The last one ends with the segment's max_size: nothing beyond it would have
 * to be kept, sent or counted, and no process can map it. The size that a segment has meanwhile is a number of whole units.
 */
import { PAGE_SIZE, type Page, type SegmentId } from '../ts/base/ids.js'
import type { SegmentAttributes } from '../ts/base/requests.js'

export type Shape = Pick<SegmentAttributes, 'maxBytes' | 'unit'>

export class Units {
  /** What was asked for last: several times a fault. A segment's shape never changes, and its number is not used again. */
  #segment: SegmentId = 0
  #shape: Shape | undefined

  constructor(private readonly shapeOf: (segment: SegmentId) => Shape | undefined) {}

  #get(segment: SegmentId): Shape | undefined {
    if (segment === this.#segment) return this.#shape
    const shape = this.shapeOf(segment)
    if (shape === undefined) return undefined
    this.#segment = segment
    this.#shape = shape
    return shape
  }

  /** What the segment may have, if it exists. */
  bytesOf(segment: SegmentId): number {
    return this.#get(segment)?.maxBytes ?? 0
  }

  /** Bytes of every unit of the segment but perhaps the last. A segment that is gone is as good as one of pages. */
  of(segment: SegmentId): number {
    return this.#get(segment)?.unit ?? PAGE_SIZE
  }

  /** Bytes of that unit. */
  bytes(segment: SegmentId, page: Page): number {
    const shape = this.#get(segment)
    return shape === undefined ? PAGE_SIZE : unitBytes(shape, page)
  }

  /** 4 KiB frames of that unit. */
  frames(segment: SegmentId, page: Page): number {
    return this.bytes(segment, page) / PAGE_SIZE
  }
}

/** 0 or less for a page that the segment can never have. */
export function unitBytes({ maxBytes, unit }: Shape, page: Page): number {
  return Math.min(unit, maxBytes - page * unit)
}
