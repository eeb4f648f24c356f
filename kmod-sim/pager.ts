/**
 * The pager performs the page effects of a step: it moves bytes between messages and frames and
 * changes what every local view of a page allows. All native calls that change access are made here.
 *
 * EAGAIN (`again`) means that address events of that process are unread: they are read and applied
 * at once, and the change is repeated over the views as they then are (law 12). A process that
 * cannot be protected in time (patience.ts) is killed: nobody may go on writing a page that has moved.
 *
 * A page of the engine's is a coherence unit (units.ts): in each view, the part of it that the view shows.
 *
 * A process can free a frame (MADV_REMOVE, or a hole in the memfd that it was given). Bytes are missing
 * then, and nobody is given zeros for them: local views get SIGBUS for all of the unit, other nodes LOST_PAGE.
 */
import { assert, unreachable } from '../ts/base/assert.js'
import { PeerError } from '../ts/base/peer-error.js'
import { globalPage, LOST_PAGE, PAGE_SIZE, type Page, type SegmentId } from '../ts/base/ids.js'
import type { PageEffect } from '../ts/coherence/effects.js'
import { Change } from '../ts/native/index.js'
import { beginWhole, DiffWriter, wholeRoom } from './diffs.js'
import type { FrameStore } from './frame-store.js'
import { Patience, pause, PROTECT_MS, SILENT_MS } from './patience.js'
import type { Process, ProcessRegistry } from './process-registry.js'
import { partEnd, partStart } from './translation-table.js'
import type { TwinStore } from './twin-store.js'
import { NO_THREAD, type Waiting } from './waiting.js'

const PAUSE_MS = 0.02

export interface PagerHost {
  /** Reads the process's queued events now; address events are applied before it returns. */
  drain(process: Process): void
  /** False: its memory has gone, by exec for example, and what has its pid now is not to be waited for, or ended. */
  isItself(process: Process): boolean
  /** Ends a process that cannot be protected. */
  kill(process: Process, why: string): void
  /** A frame has been freed. */
  left(segment: SegmentId, page: Page): void
  /** It is poisoned in every view, and beyond the segment's end from now on. */
  beyond(segment: SegmentId, page: Page): void
  /** The page was to leave this node, and could not. */
  stayed(segment: SegmentId, page: Page): void
  /** May threads here store to the page? */
  writable(segment: SegmentId, page: Page): boolean
  /** Something a user should read. */
  warn(text: string): void
}

export class Pager {
  /** Pages that are here already, from behind the (global) page on that is installed now, to be mapped with it. */
  run: { readonly page: number; readonly pages: number } | undefined
  /** The payload for the Sends that follow a Copy. */
  copied: Uint8Array | undefined
  /** The payload for the Flush that follows its Diffs. */
  readonly diffs = new DiffWriter()
  /** Where the diffs of the Flush in hand lie in its payload (findDiffs). */
  arrived: Uint32Array = new Uint32Array(0)

  constructor(
    private readonly processes: ProcessRegistry,
    private readonly frames: FrameStore,
    private readonly twins: TwinStore,
    private readonly waiting: Waiting,
    private readonly host: PagerHost,
    /** A page has been installed for this waiting thread (law 11). */
    private readonly installed: (segment: SegmentId, page: Page, thread: number) => void,
    private readonly patience = new Patience(),
  ) {}

  /** Performs one effect, to its end. @param payload the page that came with the message in hand */
  perform(effect: PageEffect, payload: Uint8Array | undefined): void {
    const { segment, page } = effect
    switch (effect.do) {
      case 'Install':
        return this.#install(effect, payload)
      case 'Fill':
        return this.#fill(segment, page, effect.bytes, payload)
      case 'Diff':
        return this.#diff(segment, page)
      case 'Patch':
        return this.#patch(segment, page, effect.diff, payload)
      case 'Whole':
        return this.#whole(segment, page)
      case 'DropTwin':
        return this.twins.drop(segment, page)
      case 'Downgrade':
        return this.#downgrade(segment, page)
      case 'Copy':
        this.copied = this.frames.copyOut(segment, page)
        if (this.copied === LOST_PAGE) this.#destroyed(segment, page)
        return
      case 'Punch':
        this.#revoke(segment, page)
        this.frames.punch(segment, page)
        return this.host.left(segment, page)
      case 'Poison':
        return this.#poison(segment, page)
      case 'Retry':
        return this.#retry(segment, page)
      case 'Beyond':
        this.#retry(segment, page)
        if (effect.poisoned) this.host.beyond(segment, page)
        return
      default:
        unreachable(effect)
    }
  }

  /** SIGBUS for a range of one process, whose pages have no frames, now and later. */
  poison(process: Process, address: number, length: number): void {
    this.#insist(process, () => {
      // A marker would refuse the poison.
      const cleared = process.faults.trapped ? Change.ok : process.faults.protect(address, length, false)
      if (cleared === Change.again || cleared === Change.gone) return cleared
      return process.faults.poison(address, length)
    })
  }

  /**
   * No view has poison any more at the 4 KiB page at byte `offset`, which no node may write now. Poison outlives
   * everything that a daemon can do but CONTINUE (`gshm doctor --facts`), so a page of zeros is mapped over it,
   * write-protected, and punched: the next access is a fault. A thread that reads meanwhile sees zeros. Trapped processes
   * have no poison: they ask each time.
   */
  unpoison(segment: SegmentId, offset: number): void {
    this.frames.lendZeros(segment, offset)
    this.#eachPart(segment, offset, PAGE_SIZE, (process, start, length) => {
      if (!process.faults.trapped) this.#insist(process, () => process.faults.resume(start, length, false))
    })
    this.frames.takeZeros(segment, offset)
  }

  /** Threads that wait for a page of the range go on, and fault again. */
  wake(segment: SegmentId, offset: number, bytes: number): void {
    this.#eachPart(segment, offset, bytes, (process, start, length) => process.faults.wake(start, length))
  }

  #fill(segment: SegmentId, page: Page, bytes: 'page' | 'zero', payload: Uint8Array | undefined): void {
    assert(bytes === 'zero' || payload !== undefined, 'the page has not come with the message')
    this.frames.fill(segment, page, bytes === 'page' ? payload : undefined)
  }

  #install(effect: Extract<PageEffect, { do: 'Install' }>, payload: Uint8Array | undefined): void {
    const { segment, page, access, bytes, twin } = effect
    if (bytes !== 'kept') {
      this.#fill(segment, page, bytes, payload)
      if (bytes === 'page' && payload?.length === 0) return this.#poison(segment, page)
    }
    if (twin) this.twins.make(segment, page) // before anybody here can write
    const waiters = this.waiting.take(globalPage(segment, page))
    if (waiters.length === 0) return
    const offset = page * this.frames.units.of(segment)
    const last = access === 'write' ? this.#lastOfRun(segment, page) : page
    const end = last * this.frames.units.of(segment) + this.frames.units.bytes(segment, last)
    let served: Process | undefined
    let from = 0
    let to = 0
    for (const { process, address, thread, mapped } of waiters) {
      // Those that nobody waits for yet have no grace.
      if (thread !== NO_THREAD && (bytes !== 'kept' || access === 'write')) this.installed(segment, page, thread)
      if (served === process && from <= address && address < to) continue // it waited beside another, and is awake
      served = undefined
      const change = this.#insist(process, () => {
        // The view may have been unmapped, or moved, since its thread faulted.
        const view = process.table.lookup(address)
        if (view === undefined || view.segment !== segment) return Change.gone
        from = partStart(view, offset)
        to = partEnd(view, end)
        if (address < from || address >= to) return Change.gone
        // All of the unit that the view shows. Both make pages writable that are mapped; the first is one system call,
        // but wakes a thread in vain if the mapping has gone meanwhile, and leaves what is not mapped to faults to come.
        if (mapped && access === 'write') return process.faults.protect(from, to - from, false)
        return process.faults.resume(from, to - from, access === 'write')
      })
      if (change === Change.ok || change === Change.already) served = process
      else if (change === Change.hole && !this.#hole(segment, page) && thread !== NO_THREAD) {
        // Other memory than the segment's lies somewhere in the range: is it where the thread is?
        const here = () => process.faults.resume(address, PAGE_SIZE, access === 'write')
        if (to - from === PAGE_SIZE || this.#insist(process, here) === Change.hole)
          this.#foreign(segment, process, address)
      }
    }
  }

  #lastOfRun(segment: SegmentId, page: Page): Page {
    if (this.run?.page !== globalPage(segment, page)) return page
    const end = page + this.run.pages
    let last = page
    while (last + 1 < end && this.host.writable(segment, last + 1)) last++
    return last
  }

  #retry(segment: SegmentId, page: Page): void {
    for (const { process, address } of this.waiting.take(globalPage(segment, page))) {
      if (!process.ended) process.faults.wake(address, PAGE_SIZE)
    }
    this.host.stayed(segment, page)
  }

  #diff(segment: SegmentId, page: Page): void {
    this.diffs.add(this.twins.room(segment, page), (out, at) => {
      const length = this.twins.diff(segment, page, out, at)
      if (length < 0) this.#destroyed(segment, page)
      return Math.max(length, 0)
    })
    this.twins.drop(segment, page)
  }

  #whole(segment: SegmentId, page: Page): void {
    const bytes = this.frames.units.bytes(segment, page)
    this.diffs.add(wholeRoom(bytes), (out, at) => {
      const start = beginWhole(out, at, bytes)
      this.frames.copyInto(segment, page, out.subarray(start, start + bytes))
      return wholeRoom(bytes)
    })
  }

  /** @param at the place of the page's diff in the payload */
  #patch(segment: SegmentId, page: Page, at: number, payload: Uint8Array | undefined): void {
    assert(payload !== undefined, 'patch: no diffs have come with the message')
    // Stored into a hole, the diff would make zeros of everything else.
    if (!this.frames.present(segment, page)) return this.#destroyed(segment, page)
    const start = this.arrived[2 * at]!
    const length = this.arrived[2 * at + 1]!
    if (length > 0 && !this.frames.patch(segment, page, payload, start, length))
      throw new PeerError('a diff that is none')
  }

  /** The kernel finds no frame for some of a page that is here: true when there is none. */
  #hole(segment: SegmentId, page: Page): boolean {
    if (this.frames.present(segment, page)) return false
    this.#destroyed(segment, page)
    this.#poison(segment, page)
    return true
  }

  #foreign(segment: SegmentId, process: Process, address: number): void {
    const where = `at 0x${address.toString(16)}, where it has mapped something in place of segment ${segment}`
    this.host.warn(`process ${process.pid} gets SIGBUS ${where}`)
    this.poison(process, address, PAGE_SIZE)
  }

  /** Some of the frame has been freed: the page is lost, all of it, here as elsewhere. */
  #destroyed(segment: SegmentId, page: Page): void {
    this.#revoke(segment, page)
    this.frames.destroy(segment, page)
    const why = 'a process of this node has freed its frame (MADV_REMOVE, or a hole punched)'
    this.host.warn(`page ${page} of segment ${segment} is lost, accesses get SIGBUS: ${why}`)
  }

  #poison(segment: SegmentId, page: Page): void {
    for (const { process, address } of this.waiting.take(globalPage(segment, page)))
      this.poison(process, address, PAGE_SIZE)
    const offset = page * this.frames.units.of(segment)
    const bytes = this.frames.units.bytes(segment, page)
    this.#eachPart(segment, offset, bytes, (process, start, length) => this.poison(process, start, length))
  }

  /** Of every view that shows some of the segment's `bytes` from byte `offset` on. `visit` may drain, and those of a
   * child which that brings follow. */
  #eachPart(
    segment: SegmentId,
    offset: number,
    bytes: number,
    visit: (process: Process, start: number, length: number) => void,
  ): void {
    for (const process of this.processes.all()) {
      const parts: [start: number, length: number][] = []
      process.table.forEachPart(segment, offset, bytes, (start, length) => parts.push([start, length]))
      for (const [start, length] of parts) if (!process.ended) visit(process, start, length)
    }
  }

  /** Trapped processes would go on reading what is about to be punched. */
  #revoke(segment: SegmentId, page: Page): void {
    if (!this.processes.anyTrapped) return
    const offset = page * this.frames.units.of(segment)
    this.#eachPart(segment, offset, this.frames.units.bytes(segment, page), (process, start, length) => {
      if (process.faults.trapped) this.#insist(process, () => process.faults.revoke(start, length))
    })
  }

  /** Write-protects the page in every view; views that a fork adds meanwhile are covered too. */
  #downgrade(segment: SegmentId, page: Page): void {
    const offset = page * this.frames.units.of(segment)
    const bytes = this.frames.units.bytes(segment, page)
    for (const process of this.processes.all()) {
      this.#insist(process, () => {
        let worst: Change = Change.ok
        process.table.forEachPart(segment, offset, bytes, (start, length) => {
          if (process.faults.protect(start, length, true) === Change.again) worst = Change.again
        })
        return worst
      })
    }
  }

  #insist(process: Process, change: () => Change): Change {
    if (process.ended) return Change.gone // an earlier change of this effect may have ended it
    let now = this.#attempt(process, change)
    if (now !== Change.again) return now
    const patienceMs = process.faults.trapped ? SILENT_MS : PROTECT_MS
    const goOn = this.patience.with(process.pid, patienceMs)
    do {
      this.host.drain(process)
      // The answer stays EAGAIN until the process's own thread has gone on: let it run.
      pause(PAUSE_MS)
      if (process.ended || !this.host.isItself(process)) return Change.gone
      now = this.#attempt(process, change)
      if (now !== Change.again) return now
    } while (goOn())
    this.host.kill(process, `its memory could not be protected within ${patienceMs} ms of its own`)
    return Change.gone
  }

  /** What the kernel refuses outright is the process's doing: it has other memory there than it said. */
  #attempt(process: Process, change: () => Change): Change {
    try {
      return change()
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_GSHM_SYSTEM') throw error
      this.host.kill(process, `its memory cannot be served: ${(error as Error).message}`)
      return Change.gone
    }
  }
}
