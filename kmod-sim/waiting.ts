/** Threads that wait for a page of the engine's: (process, address, thread) by global page. A fault seen twice is one. */
import type { Process } from './process-registry.js'

export interface Waiter {
  readonly process: Process
  /** Of the 4 KiB page in that process. */
  readonly address: number
  /** NO_THREAD: none has faulted yet; the page is fetched ahead. */
  readonly thread: number
  /** Whether its page was mapped, if write-protected, when it faulted. */
  readonly mapped: boolean
  /** 4 KiB frames of the unit that it waits for. */
  readonly frames: number
}

export const NO_THREAD = -1
const NOBODY: readonly Waiter[] = []
const NO_PAGE = -1

export class Waiting {
  readonly #byPage = new Map<number, Waiter[]>()
  /** Most faults are served before the next one comes: the first that waits needs no map. */
  #firstPage = NO_PAGE
  #first: Waiter | undefined

  #frames = 0

  /** Pages that are being waited for. */
  get pages(): number {
    return this.#byPage.size + (this.#first === undefined ? 0 : 1)
  }

  /** The frames of those pages, of 4 KiB each. */
  get frames(): number {
    return this.#frames
  }

  has(page: number): boolean {
    return this.#firstPage === page || this.#byPage.has(page)
  }

  add(page: number, waiter: Waiter): void {
    if (this.#first === undefined && !this.#byPage.has(page)) {
      this.#firstPage = page
      this.#first = waiter
      this.#frames += waiter.frames
      return
    }
    if (this.#firstPage === page) this.#intoMap()
    const waiters = this.#byPage.get(page)
    if (waiters === undefined) {
      this.#byPage.set(page, [waiter])
      this.#frames += waiter.frames
      return
    }
    const known = waiters.findIndex(({ process, address }) => process === waiter.process && address === waiter.address)
    if (known < 0) waiters.push(waiter)
    else if (waiters[known]!.thread === NO_THREAD) waiters[known] = waiter
  }

  take(page: number): readonly Waiter[] {
    if (this.#firstPage === page) {
      const waiter = this.#first!
      this.#firstPage = NO_PAGE
      this.#first = undefined
      this.#frames -= waiter.frames
      return [waiter]
    }
    const waiters = this.#byPage.get(page)
    if (waiters === undefined) return NOBODY
    this.#byPage.delete(page)
    this.#frames -= waiters[0]!.frames
    return waiters
  }

  /** Nobody in [start, end) of the process waits any more: the kernel has woken them, or they have ended. */
  forget(process: Process, start = 0, end = Infinity): void {
    if (this.pages === 0) return
    if (this.#first !== undefined) this.#intoMap()
    for (const [page, waiters] of this.#byPage) {
      const left = waiters.filter((one) => one.process !== process || one.address < start || one.address >= end)
      if (left.length === waiters.length) continue
      if (left.length > 0) this.#byPage.set(page, left)
      else {
        this.#byPage.delete(page)
        this.#frames -= waiters[0]!.frames
      }
    }
  }

  #intoMap(): void {
    this.#byPage.set(this.#firstPage, [this.#first!])
    this.#firstPage = NO_PAGE
    this.#first = undefined
  }
}
