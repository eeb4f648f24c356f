/**
 * The translation table of one registered process: virtual page -> global page, and back: a sorted
 * list of views that never overlap. Pure, so it can be
 * tested without a kernel; userfaultfd's address events (remap, unmap) keep it true.
 */
import { assert } from '../ts/base/assert.js'
import { PAGE_SIZE, type Page, type SegmentId } from '../ts/base/ids.js'

/** [start, end) of the process shows the segment from byte `offset`. All are multiples of PAGE_SIZE. */
export interface View {
  readonly start: number
  readonly end: number
  readonly segment: SegmentId
  readonly offset: number
}

export interface GlobalPage {
  readonly segment: SegmentId
  readonly page: Page
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

  /** The global page that `address` shows, or undefined where no view is. */
  lookup(address: number): GlobalPage | undefined {
    const view = this.#views[this.#after(address)]
    if (view === undefined || address < view.start) return undefined
    return { segment: view.segment, page: Math.floor((address - view.start + view.offset) / PAGE_SIZE) }
  }

  /** Calls `visit` with the address of every page of this process that shows (segment, page). */
  forEachAddress(segment: SegmentId, page: Page, visit: (address: number) => void): void {
    const offset = page * PAGE_SIZE
    for (const view of this.#views) {
      if (view.segment !== segment || offset < view.offset) continue
      const address = view.start + (offset - view.offset)
      if (address < view.end) visit(address)
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

function part(view: View, start: number, end: number): View {
  return { start, end, segment: view.segment, offset: view.offset + (start - view.start) }
}
