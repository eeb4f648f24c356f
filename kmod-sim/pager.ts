/**
 * The pager performs the page effects of a step: it moves bytes between messages and frames and
 * changes what every local view of a page allows. All native calls that change access are made here.
 *
 * EAGAIN (`again`) means that address events of that process are unread: they are read and applied
 * at once, and the change is repeated over the views as they then are (law 12). A process that
 * cannot be protected in time (patience.ts) is killed: nobody may go on writing a page that has moved.
 *
 * A process can free a frame (MADV_REMOVE, or a hole in the memfd that it was given). No bytes are
 * left then, and nobody is given zeros for them: local views get SIGBUS, other nodes LOST_PAGE.
 */
import { assert, unreachable } from '../ts/base/assert.js'
import { PeerError } from '../ts/base/peer-error.js'
import { globalPage, LOST_PAGE, PAGE_SIZE, type Page, type SegmentId } from '../ts/base/ids.js'
import type { PageEffect } from '../ts/coherence/effects.js'
import { Change } from '../ts/native/index.js'
import { DiffWriter } from './diffs.js'
import type { FrameStore } from './frame-store.js'
import { Patience, PROTECT_MS } from './patience.js'
import type { Process, ProcessRegistry } from './process-registry.js'
import type { TwinStore } from './twin-store.js'
import type { Waiting } from './waiting.js'

const PAUSE_MS = 0.02
const PAUSE = new Int32Array(new SharedArrayBuffer(4)) // never changes: waiting on it is a pause

export interface PagerHost {
  /** Reads the process's queued events now; address events are applied before it returns. */
  drain(process: Process): void
  /** Ends a process that cannot be protected. */
  kill(process: Process, why: string): void
  /** A frame has been freed. */
  left(segment: SegmentId, page: Page): void
  /** The page was to leave this node, and could not. */
  stayed(segment: SegmentId, page: Page): void
  /** Something a user should read. */
  warn(text: string): void
}

export class Pager {
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
      case 'DropTwin':
        return this.twins.drop(segment, page)
      case 'Downgrade':
        return this.#everyView(segment, page, (process, address) => process.faults.protect(address, PAGE_SIZE, true))
      case 'Copy':
        this.copied = this.frames.copyOut(segment, page)
        if (this.copied === LOST_PAGE) this.#destroyed(segment, page)
        return
      case 'Punch':
        this.frames.punch(segment, page)
        return this.host.left(segment, page)
      case 'Poison':
        return this.#poison(segment, page)
      case 'Retry':
        return this.#retry(segment, page)
      default:
        unreachable(effect)
    }
  }

  /** SIGBUS for one address of one process, now and later. */
  poisonAddress(process: Process, address: number): void {
    this.#insist(process, () => {
      const cleared = process.faults.protect(address, PAGE_SIZE, false) // a marker would refuse the poison
      if (cleared === Change.again || cleared === Change.gone) return cleared
      return process.faults.poison(address, PAGE_SIZE)
    })
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
    for (const { process, address, thread, mapped } of this.waiting.take(globalPage(segment, page))) {
      if (bytes !== 'kept' || access === 'write') this.installed(segment, page, thread)
      const change = this.#insist(process, () => {
        // The view may have been unmapped, or moved, since its thread faulted.
        const shown = process.table.lookup(address)
        if (shown === undefined || shown.segment !== segment || shown.page !== page) return Change.gone
        // Both make the page writable if it is mapped; the first is one system call, but wakes a
        // thread in vain if the mapping has gone meanwhile.
        if (mapped && access === 'write') return process.faults.protect(address, PAGE_SIZE, false)
        return process.faults.resume(address, PAGE_SIZE, access === 'write')
      })
      if (change === Change.hole) this.#hole(segment, page, process, address)
    }
  }

  #retry(segment: SegmentId, page: Page): void {
    for (const { process, address } of this.waiting.take(globalPage(segment, page))) {
      if (!process.ended) process.faults.wake(address, PAGE_SIZE)
    }
    this.host.stayed(segment, page)
  }

  #diff(segment: SegmentId, page: Page): void {
    this.diffs.add((out, at) => {
      const length = this.twins.diff(segment, page, out, at)
      if (length < 0) this.#destroyed(segment, page)
      return Math.max(length, 0)
    })
    this.twins.drop(segment, page)
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

  /** The kernel finds no frame for a page that is here. */
  #hole(segment: SegmentId, page: Page, process: Process, address: number): void {
    if (!this.frames.present(segment, page)) {
      this.#destroyed(segment, page)
      return this.#poison(segment, page)
    }
    const where = `at 0x${address.toString(16)}, where it has mapped something in place of segment ${segment}`
    this.host.warn(`process ${process.pid} gets SIGBUS ${where}`)
    this.poisonAddress(process, address)
  }

  #destroyed(segment: SegmentId, page: Page): void {
    const why = 'a process of this node has freed its frame (MADV_REMOVE, or a hole punched)'
    this.host.warn(`page ${page} of segment ${segment} is lost, accesses get SIGBUS: ${why}`)
  }

  #poison(segment: SegmentId, page: Page): void {
    for (const { process, address } of this.waiting.take(globalPage(segment, page)))
      this.poisonAddress(process, address)
    for (const process of this.processes.all()) {
      const addresses: number[] = []
      process.table.forEachAddress(segment, page, (address) => addresses.push(address))
      for (const address of addresses) this.poisonAddress(process, address)
    }
  }

  /** Makes `change` in every view of the page; views that a fork adds meanwhile are covered too. */
  #everyView(segment: SegmentId, page: Page, change: (process: Process, address: number) => Change): void {
    for (const process of this.processes.all()) {
      this.#insist(process, () => {
        let worst: Change = Change.ok
        process.table.forEachAddress(segment, page, (address) => {
          if (change(process, address) === Change.again) worst = Change.again
        })
        return worst
      })
    }
  }

  #insist(process: Process, change: () => Change): Change {
    if (process.ended) return Change.gone // an earlier change of this effect may have ended it
    let now = this.#attempt(process, change)
    if (now !== Change.again) return now
    const goOn = this.patience.with(process.pid)
    do {
      this.host.drain(process)
      // The answer stays EAGAIN until the process's own thread has gone on: let it run.
      Atomics.wait(PAUSE, 0, 0, PAUSE_MS)
      if (process.ended) return Change.gone
      now = this.#attempt(process, change)
      if (now !== Change.again) return now
    } while (goOn())
    this.host.kill(process, `its memory could not be protected within ${PROTECT_MS} ms of its own`)
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
