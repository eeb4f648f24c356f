/**
 * The fault path: decoded userfaultfd messages become engine events. A fault is translated to the
 * coherence unit that it hits, the engine's page, its thread is noted as waiting, and the engine decides
 * from the page directory (law 5). Where --memory is used up it may be parked before (reclaim.ts). Address
 * events change the translation table at once, within the call that delivers them, so that no access
 * change ever works on a stale table (law 12).
 */
import { globalPage, PAGE_SIZE, type Access, type Page, type SegmentId } from '../ts/base/ids.js'
import { FaultKind, native, RECORD_WIDTH } from '../ts/native/index.js'
import { AHEAD_PAGES_MAX, FaultAhead, type Ahead } from './fault-ahead.js'
import type { Process, ProcessRegistry } from './process-registry.js'
import type { Parked } from './reclaim.js'
import type { View } from './translation-table.js'
import type { Units } from './units.js'
import { NO_THREAD, type Waiting } from './waiting.js'

export interface FaultCounts {
  read: number
  write: number
  /** Write faults on a page that was readable here. */
  upgrade: number
  /** Faults served without another node, and with. */
  local: number
  remote: number
  /** Pages that were asked for before anybody had faulted on them. */
  ahead: number
}

export interface FaultHost {
  /** What the page allows on this node now. */
  access(segment: SegmentId, page: Page): Access | 'none'
  readonly units: Units
  /** How many frames more, of 4 KiB, it takes, twins among them, to have this access to the page. */
  frames(segment: SegmentId, page: Page, now: Access | 'none', access: Access): number
  /** Bytes that the segment has; and to which it is growing, or 0. */
  sizeOf(segment: SegmentId): number
  comingOf(segment: SegmentId): number
  /** A fault beyond the segment's end, at its byte `offset`. */
  beyond(process: Process, address: number, segment: SegmentId, offset: number): void
  /** Is its frame here, if only as a home's master copy that no thread may use yet? */
  isHere(segment: SegmentId, page: Page): boolean
  /** Makes room in --memory for so many further frames; false: there is none for now. */
  makeRoom(frames: number): boolean
  /** The fault waits for room; `serve` gets it back. */
  park(fault: Parked): void
  /** How many pages from this one on a first store to it gets at once (fresh-run.ts). */
  freshRun(segment: SegmentId, page: Page): number
  /** Bytes that are asked for ahead of a thread that goes through a segment page by page; 0: none. */
  readonly aheadBytes: number
  /** With what access a page is fetched that will be asked for with this one. */
  accessAhead(segment: SegmentId, page: Page, access: Access): Access
  /** Is there room in --memory for so many frames that nobody has asked for yet? */
  hasRoomAhead(frames: number): boolean
  /** @param pages so many from this one on are mapped where its thread waits, if this brings it write access at once */
  fault(segment: SegmentId, page: Page, access: Access, pages: number): void
  /** SIGBUS: `why` is logged. */
  refuse(process: Process, address: number, why: string): void
  forked(parent: Process, userfaultfd: number): void
  /** [start, end) of the process shows nothing any more. */
  unmapped(process: Process, start: number, end: number): void
  remapped(process: Process, from: number, to: number, length: number): void
  /** A fault where the table knows no view: looks at the process itself; true when one was found. */
  adopt(process: Process, address: number): boolean
  /** The thread `thread` belongs to this process (whose pid may not have been known). */
  sawThread(process: Process, thread: number, address: number): void
}

export class FaultPath {
  readonly counts: FaultCounts = { read: 0, write: 0, upgrade: 0, local: 0, remote: 0, ahead: 0 }
  readonly #ahead = new FaultAhead()
  /** Address events so far that move or take away views. */
  #moves = 0

  constructor(
    private readonly processes: ProcessRegistry,
    private readonly waiting: Waiting,
    private readonly host: FaultHost,
  ) {}

  /**
   * Takes a batch as FaultPoll delivers it. Address events come first, all of them: serving a fault
   * changes access, and no such change may work on a table that is behind what has been read.
   */
  readonly batch = (records: Float64Array, count: number): void => {
    const end = count * RECORD_WIDTH
    const movesBefore = this.#moves
    let faults = 0
    for (let at = 0; at < end; at += RECORD_WIDTH) {
      if (records[at + 1]! <= FaultKind.write) faults++
      else this.#addressEvent(records, at)
    }
    for (let at = 0; faults > 0 && at < end; at += RECORD_WIDTH) {
      const kind = records[at + 1]!
      if (kind > FaultKind.write) continue
      faults--
      const process = this.processes.byId(records[at]!)
      if (process === undefined) continue
      const access = kind === FaultKind.write ? 'write' : 'read'
      const moved = this.#moves !== movesBefore // by this batch, or by one that serving a fault has drained
      this.#fault(process, records[at + 2]!, access, records[at + 4]!, records[at + 3] === 1, moved)
    }
  }

  /** A fault that was parked: there is room now. */
  serve({ process, address, access, thread }: Parked): void {
    if (process.ended) return
    const shown = process.table.lookup(address)
    if (shown === undefined) process.faults.wake(address, PAGE_SIZE)
    else if (!this.#isBeyond(process, shown, address))
      this.#enter(shown, this.#pageAt(shown, address), process, address, access, thread, false)
  }

  /** Frames that a fault that was parked takes now. */
  needs({ process, address, access }: Parked): number {
    const shown = process.table.lookup(address)
    if (shown === undefined) return 0
    const { segment } = shown
    const page = this.#pageAt(shown, address)
    if (offsetOf(shown, address) >= this.host.sizeOf(segment)) return 0
    if (this.waiting.has(globalPage(segment, page)) || this.host.isHere(segment, page)) return 0
    return this.host.frames(segment, page, 'none', access)
  }

  /** A fault that was parked: there will be no room. SIGBUS, but where the page has come by another thread's fault: what
   * may be mapped cannot be poisoned. */
  refuse(parked: Parked, why: string): void {
    const { process, address } = parked
    const shown = process.table.lookup(address)
    if (shown !== undefined && this.host.isHere(shown.segment, this.#pageAt(shown, address))) this.serve(parked)
    else if (shown !== undefined && this.#isBeyond(process, shown, address)) return
    else this.host.refuse(process, address, why)
  }

  #addressEvent(records: Float64Array, at: number): void {
    const process = this.processes.byId(records[at]!)
    const address = records[at + 2]!
    const extra = records[at + 3]!
    switch (records[at + 1]) {
      case FaultKind.fork:
        if (process === undefined) native.closeFd(extra)
        else this.host.forked(process, extra)
        return
      case FaultKind.remap:
        this.#moves++
        if (process !== undefined) this.host.remapped(process, address, extra, records[at + 4]!)
        return
      case FaultKind.unmap:
        this.#moves++
        if (process !== undefined) this.host.unmapped(process, address, extra)
        return
      default:
        // FaultKind.remove: MADV_DONTNEED took the process's page-table entries; the frames and the
        // page directory are as they were, so the next access faults and is served from them.
        return
    }
  }

  /** @param moved views have moved or gone since it faulted */
  #fault(process: Process, address: number, access: Access, thread: number, mapped: boolean, moved: boolean): void {
    this.host.sawThread(process, thread, address)
    let shown = process.table.lookup(address)
    if (shown === undefined && moved) return process.faults.wake(address, PAGE_SIZE) // if it is still so, it faults again
    if (shown === undefined && this.host.adopt(process, address)) shown = process.table.lookup(address)
    if (shown === undefined) {
      this.host.refuse(process, address, 'a fault outside every view')
      return
    }
    if (this.#isBeyond(process, shown, address)) return
    const page = this.#pageAt(shown, address)
    const { segment } = shown
    const now = this.host.access(segment, page)
    const frames = this.waiting.has(globalPage(segment, page)) ? 0 : this.host.frames(segment, page, now, access)
    // Whose frame is here need not wait: the most that it takes is a twin.
    if (frames > 0 && !this.host.makeRoom(frames) && !this.host.isHere(segment, page))
      return this.host.park({ process, address, access, thread })
    this.#enter(shown, page, process, address, access, thread, mapped)
  }

  /** The pages behind this one that come with it, if any: first, so that all can be mapped at once. Gives their number. */
  #run(segment: SegmentId, page: Page): number {
    const run = this.host.freshRun(segment, page)
    let got = 1
    for (; got < run; got++) {
      this.host.fault(segment, page + got, 'write', 1)
      if (this.host.access(segment, page + got) !== 'write') break
    }
    return got
  }

  /** The engine's page, a coherence unit. */
  #pageAt(view: View, address: number): Page {
    return Math.floor(offsetOf(view, address) / this.host.units.of(view.segment))
  }

  /** True: the segment has no such byte. Who waits for it to grow that far is woken when it has; others get SIGBUS. */
  #isBeyond(process: Process, view: View, address: number): boolean {
    const { segment } = view
    const offset = offsetOf(view, address)
    if (offset < this.host.sizeOf(segment)) return false
    if (offset >= this.host.comingOf(segment)) this.host.beyond(process, address, segment, offset)
    return true
  }

  #enter(
    view: View,
    page: Page,
    process: Process,
    address: number,
    access: Access,
    thread: number,
    mapped: boolean,
  ): void {
    const { segment } = view
    const key = globalPage(segment, page)
    const now = this.host.access(segment, page)
    if (access === 'read') this.counts.read++
    else if (now === 'read') this.counts.upgrade++
    else this.counts.write++
    this.waiting.add(key, { process, address, thread, mapped, frames: this.host.units.frames(segment, page) })
    this.host.fault(segment, page, access, now === 'none' && access === 'write' ? this.#run(segment, page) : 1)
    const remote = this.waiting.has(key)
    if (remote) this.counts.remote++
    else this.counts.local++
    const most = Math.min(AHEAD_PAGES_MAX, Math.floor(this.host.aheadBytes / this.host.units.of(segment)))
    const ahead = this.#ahead.after(process.id, segment, page, access, remote, most)
    if (ahead !== undefined) this.#fetchAhead(view, process, ahead, access)
  }

  /** As if a thread had faulted on each of them, which are mapped when they come; as far as there is memory to spare. */
  #fetchAhead(view: View, process: Process, { first, end }: Ahead, wanted: Access): void {
    const { segment } = view
    const unit = this.host.units.of(segment)
    for (let page = first; page < end; page++) {
      const address = view.start + page * unit - view.offset
      if (address >= view.end || page * unit >= this.host.sizeOf(segment)) return
      const key = globalPage(segment, page)
      const now = this.host.access(segment, page)
      const access = this.host.accessAhead(segment, page, wanted)
      if (now === access || now === 'write' || this.waiting.has(key)) continue
      const frames = this.host.frames(segment, page, now, access)
      if (!this.host.hasRoomAhead(frames)) return
      this.counts.ahead++
      if (page > first) this.waiting.add(key, { process, address, thread: NO_THREAD, mapped: false, frames })
      this.host.fault(segment, page, access, 1)
    }
  }
}

/** The byte of the segment that is shown there. */
function offsetOf({ start, offset }: View, address: number): number {
  return address - start + offset
}
