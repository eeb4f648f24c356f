/**
 * What one node's kernel and pager do, as far as a protocol can tell: frames, the views of each
 * thread, faults. A page's bytes are a number, that of the write that made them.
 * Every thread has a view of its own, as threads of different processes do: access is per view, the
 * frame is shared by all; write access can be taken from each view, read access only by punching.
 */
import type { Access, Page } from '../base/ids.js'
import { changes, PLACES_MAX, readPlace, writePlace, type Change } from './places.js'
import type { Ask } from './requests.js'
import { Violation } from './violation.js'

export type ViewAccess = Access | 'none' | 'poison'

export interface Thread {
  /** Accesses yet to be made. */
  opsLeft: number
  /** The access that faulted and is to be tried again. */
  page: Page
  /** Of the page, which byte. */
  place: number
  access: Access | undefined
  /** Locks and blocks that it holds, and what it has asked for and awaits. */
  holds: readonly number[]
  asks: Ask | undefined
  /** Of a program: accesses made, and what its registers hold. */
  done: number
  registers: readonly number[]
  /** Blocked in the kernel. */
  waiting: boolean
}

export interface Fault {
  readonly thread: number
  readonly page: Page
  readonly access: Access
}

const HOLE = -1
const IDLE = {
  page: 0,
  place: 0,
  access: undefined,
  waiting: false,
  holds: [],
  asks: undefined,
  done: 0,
  registers: [],
}

export class Kernel {
  readonly frames: number[]
  /** By page; HOLE: there is none. */
  readonly twins: number[]
  /** By thread * pages + page. */
  readonly views: ViewAccess[]
  readonly threads: Thread[]
  /** Raised, not yet read by the daemon. */
  faults: Fault[] = []
  /** Read by the daemon, not yet answered by an Install. */
  waiting: Fault[] = []

  constructor(
    threads: number,
    readonly pages: number,
    ops: number,
  ) {
    this.frames = Array.from({ length: pages }, () => HOLE)
    this.twins = Array.from({ length: pages }, () => HOLE)
    this.views = Array.from({ length: threads * pages }, () => 'none')
    this.threads = Array.from({ length: threads }, () => ({ ...IDLE, opsLeft: ops }))
  }

  copy(): Kernel {
    const copy = new Kernel(0, this.pages, 0)
    copy.frames.splice(0, this.pages, ...this.frames)
    copy.twins.splice(0, this.pages, ...this.twins)
    copy.views.push(...this.views)
    for (const thread of this.threads) copy.threads.push({ ...thread })
    copy.faults = this.faults.slice()
    copy.waiting = this.waiting.slice()
    return copy
  }

  tryAccess(thread: number, page: Page, access: Access): 'done' | 'SIGBUS' | 'faults on' {
    const view = this.views[thread * this.pages + page]!
    const who = this.threads[thread]!
    const outcome = view === 'poison' ? 'SIGBUS' : view === 'write' || view === access ? 'done' : 'faults on'
    if (outcome !== 'faults on') {
      who.opsLeft--
      who.access = undefined
      who.page = 0
      who.place = 0
      return outcome
    }
    who.page = page
    who.access = access
    who.waiting = true
    this.faults.push({ thread, page, access })
    return outcome
  }

  faultAgain(thread: number): void {
    const { page, access } = this.threads[thread]!
    if (access !== undefined) this.faults.push({ thread, page, access })
  }

  readFault(thread: number, page: Page, access: Access): void {
    const at = this.faults.findIndex(
      (fault) => fault.thread === thread && fault.page === page && fault.access === access,
    )
    const [fault] = this.faults.splice(at, 1)
    if (!this.waiting.some((other) => other.thread === thread && other.page === page)) this.waiting.push(fault!)
  }

  install(page: Page, access: Access, bytes: number | 'zero' | 'kept' | undefined): void {
    if (bytes === undefined) throw new Violation(`p${page} is installed, but did not come`)
    if (bytes !== 'kept') this.frames[page] = bytes === 'zero' ? 0 : bytes
    if (this.frames[page] === HOLE) throw new Violation(`p${page} is installed without a frame`)
    for (const { thread } of this.waiting.filter((fault) => fault.page === page)) {
      this.views[thread * this.pages + page] = access
      this.#wake(thread, page)
    }
    this.waiting = this.waiting.filter((fault) => fault.page !== page)
  }

  downgrade(page: Page): void {
    this.#change(page, (view) => (view === 'write' ? 'read' : view))
  }

  /** The bytes arrive, for nobody here. */
  fill(page: Page, bytes: number | undefined): void {
    if (bytes === undefined) throw new Violation(`p${page} is filled, but did not come`)
    if (this.frames[page] !== HOLE) throw new Violation(`p${page} is filled over a frame`)
    this.frames[page] = bytes
  }

  makeTwin(page: Page): void {
    if (this.twins[page] !== HOLE) throw new Violation(`p${page} gets a second twin`)
    this.twins[page] = this.copyOut(page)
  }

  dropTwin(page: Page): void {
    this.twins[page] = HOLE
  }

  diff(page: Page): Change[] {
    const twin = this.twins[page]!
    if (twin === HOLE) throw new Violation(`p${page} has no twin to differ from`)
    if (this.access(page) === 'write') throw new Violation(`p${page} is diffed while threads can write it`)
    this.dropTwin(page)
    return changes(this.copyOut(page), twin)
  }

  /** Every place of the page, as a diff. */
  whole(page: Page): Change[] {
    if (this.access(page) === 'write') throw new Violation(`p${page} is sent along while threads can write it`)
    const bytes = this.copyOut(page)
    return Array.from({ length: PLACES_MAX }, (_, place) => ({ place, write: readPlace(bytes, place) }))
  }

  patch(page: Page, diff: readonly Change[]): void {
    for (const { place, write } of diff) this.frames[page] = writePlace(this.copyOut(page), place, write)
  }

  copyOut(page: Page): number {
    const bytes = this.frames[page]!
    if (bytes === HOLE) throw new Violation(`p${page} is copied without a frame`)
    return bytes
  }

  punch(page: Page): void {
    if (this.frames[page] === HOLE) throw new Violation(`p${page} is punched without a frame`)
    this.frames[page] = HOLE
    this.#change(page, (view) => (view === 'poison' ? view : 'none'))
  }

  poison(page: Page): void {
    this.#change(page, () => 'poison')
    this.threads.forEach((_, thread) => this.#wake(thread, page))
    this.waiting = this.waiting.filter((fault) => fault.page !== page)
  }

  /** Who waits is woken with nothing, and tries again. */
  retry(page: Page): void {
    for (const { thread } of this.waiting.filter((fault) => fault.page === page)) this.#wake(thread, page)
    this.waiting = this.waiting.filter((fault) => fault.page !== page)
  }

  hasFrame(page: Page): boolean {
    return this.frames[page] !== HOLE
  }

  /** The node is lost. */
  clear(): void {
    this.frames.fill(HOLE)
    this.twins.fill(HOLE)
    this.views.fill('none')
    this.faults = []
    this.waiting = []
    for (const thread of this.threads) Object.assign(thread, { ...IDLE, opsLeft: 0 })
  }

  /** The thread is a process, and that has ended. */
  end(thread: number): void {
    this.views.fill('none', thread * this.pages, (thread + 1) * this.pages)
    this.faults = this.faults.filter((fault) => fault.thread !== thread)
    this.waiting = this.waiting.filter((fault) => fault.thread !== thread)
    Object.assign(this.threads[thread]!, { ...IDLE, opsLeft: 0 })
  }

  /** The most that any thread here may do. */
  access(page: Page): Access | 'none' {
    let most: Access | 'none' = 'none'
    for (let at = page; at < this.views.length; at += this.pages) {
      const view = this.views[at]!
      if (view === 'write') return view
      if (view === 'read') most = view
    }
    return most
  }

  #wake(thread: number, page: Page): void {
    const who = this.threads[thread]!
    if (who.access !== undefined && who.page === page) who.waiting = false
  }

  #change(page: Page, to: (view: ViewAccess) => ViewAccess): void {
    for (let at = page; at < this.views.length; at += this.pages) this.views[at] = to(this.views[at]!)
  }
}
