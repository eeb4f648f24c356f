/**
 * The translation table of one registered process: virtual address -> byte of a segment, and back: a sorted
 * list of views that never overlap. It knows 4 KiB pages, and no coherence units: a view may begin and end in the middle
 * of one. Pure, so it can be tested without a kernel; userfaultfd's address events (remap, unmap) keep it true.
 */
import { assert } from '../ts/base/assert.js'
import { PAGE_SIZE, type SegmentId } from '../ts/base/ids.js'

/** [start, end) of the process shows the segment from byte `offset`. All are multiples of PAGE_SIZE. */
export interface View {
  readonly start: number
  readonly end: number
  readonly segment: SegmentId
  readonly offset: number
}

export class TranslationTable {
  #views: View[] = []

  get views(): readonly View[] {
    return this.#views
  }

  /** A copy that shares nothing: what a forked child starts with. */
  clone(): TranslationTable {
    const copy = new TranslationTable()
    copy.#views = this.#views.slice() // views themselves are never changed
    return copy
  }

  overlaps(start: number, end: number): boolean {
    const view = this.#views[this.#after(start)]
    return view !== undefined && view.start < end
  }

  add(view: View): void {
    assert(view.start < view.end && view.start % PAGE_SIZE === 0 && view.end % PAGE_SIZE === 0, 'view: whole pages')
    assert(!this.overlaps(view.start, view.end), 'view: overlaps another')
    this.#views.splice(this.#after(view.start), 0, view)
  }

  /** The view that `address` lies in, or undefined where none is. */
  lookup(address: number): View | undefined {
    const view = this.#views[this.#after(address)]
    return view === undefined || address < view.start ? undefined : view
  }

  /** Calls `visit` for every range of this process that shows some of the segment's `bytes` from byte `offset` on. */
  forEachPart(segment: SegmentId, offset: number, bytes: number, visit: (start: number, length: number) => void): void {
    for (const view of this.#views) {
      if (view.segment !== segment) continue
      const start = partStart(view, offset)
      const end = partEnd(view, offset + bytes)
      if (start < end) visit(start, end - start)
    }
  }

  hasSegment(segment: SegmentId): boolean {
    return this.#views.some((view) => view.segment === segment)
  }

  /** Cuts [start, end) out of every view; what is cut is returned. */
  cut(start: number, end: number): View[] {
    const first = this.#after(start)
    const cut: View[] = []
    const kept: View[] = []
    let next = first
    for (; next < this.#views.length; next++) {
      const view = this.#views[next]!
      if (view.start >= end) break
      const from = Math.max(view.start, start)
      const to = Math.min(view.end, end)
      cut.push(part(view, from, to))
      if (view.start < from) kept.push(part(view, view.start, from))
      if (to < view.end) kept.push(part(view, to, view.end))
    }
    this.#views.splice(first, next - first, ...kept)
    return cut
  }

  /** mremap: what was shown at [from, from + length) is shown at `to` now. Returns the moved views. */
  move(from: number, to: number, length: number): View[] {
    const moved = this.cut(from, from + length).map((view) => ({
      ...view,
      start: view.start - from + to,
      end: view.end - from + to,
    }))
    this.cut(to, to + length) // what lay there is gone: its unmap event may still be on its way
    for (const view of moved) this.add(view)
    return moved
  }

  /** Index of the first view that ends beyond `address`. */
  #after(address: number): number {
    let low = 0
    let high = this.#views.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#views[middle]!.end <= address) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Where in the view what it shows from the segment's byte `offset` on begins. */
export function partStart(view: View, offset: number): number {
  return Math.max(view.start, view.start + (offset - view.offset))
}

/** Where in the view what it shows up to the segment's byte `offset` ends. */
export function partEnd(view: View, offset: number): number {
  return Math.min(view.end, view.start + (offset - view.offset))
}

function part(view: View, start: number, end: number): View {
  return { start, end, segment: view.segment, offset: view.offset + (start - view.start) }
}
