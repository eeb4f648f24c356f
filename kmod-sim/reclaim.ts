/**
 * Memory for frames when --memory is used up: pages leave this node, so that others can come.
 *
 * A fault that needs a frame which there is no room for is parked, and victims are evicted: the engine
 * knows which way a page can go (the protocols' Evict), and whether it can. They are taken round the page
 * directory in turn (a clock without reference bits, for the kernel tells nobody what was only used), of
 * those that are looked at in one go copies to read first: these need not be sent anywhere. A page in its
 * grace (law 11), or that a thread waits for, stays.
 *
 * Most copies to read go at once, others when their home has answered. As room comes (a frame is freed), who is
 * parked goes on, in order; at once, whose page has come by another thread's fault. Whoever is parked for
 * PATIENCE_MS gets SIGBUS: every node that could take a page in is full as well. At once, where no page of this
 * node could go anywhere, no answer is awaited, and none is on its way here that could.
 */
import { globalPage, pageOf, segmentOf, type Access, type Page, type SegmentId } from '../ts/base/ids.js'
import type { Process } from './process-registry.js'

export const PATIENCE_MS = 2000
/** Victims are asked for again this often while somebody is parked; and not sooner, when no page could go. */
const AGAIN_MS = 5
/** An eviction that no answer has come to after this time is no longer counted on. */
const LEAVING_MS = 100
/** Pages looked at in one go, of which the copies to read go first. */
const LOOK = 64
/** Pages that are told to go at most, before others have a turn. */
const TRIES = 512
/** Evicted together at most, and left free then: not every fault shall have to look for victims. */
const BATCH = 16
const FULL = "the node's frames are used up, and no page can leave: raise --memory"

/** A fault that waits for room, on a page that is not here. */
export interface Parked {
  readonly process: Process
  readonly address: number
  readonly access: Access
  readonly thread: number
}

export interface ReclaimHost {
  /** Is there room for so many further frames? */
  hasRoom(frames: number): boolean
  /** Room for how many frames there is in all. */
  readonly capacity: number
  /** Every page of which the directory knows a copy, of all segments, as global pages. */
  pages(): Iterable<number>
  /** Frames of one page of the segment. */
  framesOf(segment: SegmentId): number
  /** What the page allows here; where that is 'none' there is nothing to go. */
  access(segment: SegmentId, page: Page): Access | 'none'
  /** Must it stay for now: somebody waits for it, or has only just got it? */
  stays(page: number): boolean
  /** Are pages on their way here? They can go when they have been used. */
  awaits(): boolean
  /** The page is to go; `left` or `stayed` is called for it, now or later. */
  evict(segment: SegmentId, page: Page): void
  /** Frames that a fault that is parked takes now; 0: its page is here, or on its way, by another thread's fault. */
  needs(fault: Parked): number
  /** Serves a fault that was parked. */
  serve(fault: Parked): void
  /** There will be no room for it. */
  refuse(fault: Parked, why: string): void
}

export class Reclaim {
  /** Pages that have left for want of room, so far. */
  evicted = 0
  /** Faults that ended in SIGBUS because there was no room, so far. */
  refused = 0
  readonly #parked: (Parked & { since: number })[] = []
  /** Pages that were told to go, and when. Their frames in all. */
  readonly #leaving = new Map<number, { readonly since: number; readonly frames: number }>()
  #leavingFrames = 0
  /** Until then an answer may come of a page that is no longer counted on. */
  #hopeUntil = 0
  /** The clock: pages yet to be looked at in this round, and those that were looked at last. */
  #round: Iterator<number> = [][Symbol.iterator]()
  readonly #candidates: number[] = []
  #rounds = 0
  #vainUntil = 0
  #timer: NodeJS.Timeout | undefined
  #serving: NodeJS.Immediate | undefined

  constructor(
    private readonly host: ReclaimHost,
    private readonly clock = () => performance.now(),
  ) {}

  /** Makes room for so many frames; false: there is none yet, or others wait for it already. */
  makeRoom(frames: number): boolean {
    if (this.#parked.length > 0) return false
    return this.evictFor(frames)
  }

  /** The same, whoever is waiting: for pages that come from other nodes without a fault. */
  evictFor(frames: number): boolean {
    if (this.host.hasRoom(frames)) return true
    if (this.clock() < this.#vainUntil) return false // to look through the directory for each page would take too long
    this.#evict(frames)
    return this.host.hasRoom(frames)
  }

  /** The fault waits until there is room. One that is parked already is parked once. */
  park(fault: Parked): void {
    const same = (other: Parked) => other.process === fault.process && other.address === fault.address
    if (this.#parked.some(same)) return
    this.#parked.push({ ...fault, since: this.clock() })
    this.#timer ??= setInterval(() => this.#again(), AGAIN_MS)
  }

  /** Nobody in [start, end) of the process waits any more. */
  forget(process: Process, start = 0, end = Infinity): void {
    for (let at = this.#parked.length - 1; at >= 0; at--) {
      const { process: whose, address } = this.#parked[at]!
      if (whose === process && address >= start && address < end) this.#parked.splice(at, 1)
    }
  }

  /** A frame has been freed. */
  left(segment: SegmentId, page: Page): void {
    this.#vainUntil = 0
    if (this.#settled(globalPage(segment, page))) this.evicted++
    if (this.#parked.length > 0) this.#serving ??= setImmediate(() => this.#serve())
  }

  /** The page could not go. */
  stayed(segment: SegmentId, page: Page): void {
    this.#settled(globalPage(segment, page))
  }

  close(): void {
    clearInterval(this.#timer)
    clearImmediate(this.#serving)
  }

  #serve(): void {
    this.#serving = undefined
    let full = false
    for (let at = 0; at < this.#parked.length; ) {
      const needs = this.host.needs(this.#parked[at]!)
      full ||= !this.host.hasRoom(needs)
      if (full && needs > 0) at++
      else this.host.serve(this.#parked.splice(at, 1)[0]!)
    }
    if (this.#parked.length === 0) this.#rest()
    else this.#evict(this.#wanted())
  }

  #again(): void {
    const now = this.clock()
    for (const [page, { since }] of this.#leaving) {
      if (now - since <= LEAVING_MS) continue
      this.#settled(page)
      this.#hopeUntil = Math.max(this.#hopeUntil, since + PATIENCE_MS)
    }
    this.#serve() // first: who goes on may bring what can leave for those behind
    const hopeless = !this.#evict(this.#wanted()) && now >= this.#hopeUntil
    while (this.#parked.length > 0 && (hopeless || now - this.#parked[0]!.since > PATIENCE_MS)) {
      this.refused++
      this.host.refuse(this.#parked.shift()!, FULL)
    }
    if (this.#parked.length === 0) this.#rest()
  }

  #rest(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #wanted(): number {
    return this.#parked.reduce((sum, fault) => sum + this.host.needs(fault), 0)
  }

  /** Evicts until there is room for so many frames and some more. False: no page at all can go, now or soon. */
  #evict(frames: number): boolean {
    const { host } = this
    const more = frames + Math.min(BATCH, Math.floor(host.capacity / 8))
    const end = this.#rounds + 3 // the first began before; of the last, what was looked at is tried
    let hope = this.#leaving.size > 0 || host.awaits()
    for (let tries = 0; tries < TRIES && !host.hasRoom(more - this.#leavingFrames); ) {
      const page = this.#victim()
      if (this.#rounds === end) {
        if (!hope) this.#vainUntil = this.clock() + AGAIN_MS
        return hope
      }
      if (page === undefined || this.#access(page) === 'none') continue
      tries++
      if (host.stays(page) || this.#goes(page)) hope = true
    }
    return true
  }

  /** Tells the page to go. False: it cannot. */
  #goes(page: number): boolean {
    const before = this.evicted
    const frames = this.host.framesOf(segmentOf(page))
    this.#leaving.set(page, { since: this.clock(), frames })
    this.#leavingFrames += frames
    this.host.evict(segmentOf(page), pageOf(page))
    return this.#leaving.has(page) || this.evicted > before
  }

  /** The next of those that were looked at, copies to read first; undefined: there was none in the rest of the round. */
  #victim(): number | undefined {
    if (this.#candidates.length === 0) this.#look()
    const clean = this.#candidates.findIndex((page) => this.#access(page) === 'read')
    return this.#candidates.splice(Math.max(0, clean), 1)[0]
  }

  #look(): void {
    while (this.#candidates.length < LOOK) {
      const next = this.#round.next()
      if (next.done === true) {
        this.#round = this.host.pages()[Symbol.iterator]()
        this.#rounds++
        return
      }
      if (this.#access(next.value) !== 'none') this.#candidates.push(next.value)
    }
  }

  #access(page: number): Access | 'none' {
    return this.#leaving.has(page) ? 'none' : this.host.access(segmentOf(page), pageOf(page))
  }

  /** It has gone, or will not. */
  #settled(page: number): boolean {
    const leaving = this.#leaving.get(page)
    if (leaving === undefined) return false
    this.#leaving.delete(page)
    this.#leavingFrames -= leaving.frames
    return true
  }
}
