/**
 * Law 11: a page installed for a waiting thread is not taken away before that thread can have used
 * it. Requests and orders of other nodes for such a page, and the home's going on with requests that
 * wait for it (`resume`), are held for a grace, which doubles while the same thread loses the page
 * and faults on it again. Delaying a request or an order is delaying a message: the protocol cannot
 * tell, so this is not the engine's. Answers are not held, unless an order of the same node for the
 * same page is: what a node says about a page stays in order. (A home whose requester is lost may
 * grant the page to a node that has yet to take in the order to send it to the lost one.)
 */
import { globalPage, pageOf as pageIn, segmentOf, type NodeId, type Page, type SegmentId } from '../ts/base/ids.js'
import { CLASS, type CoherenceType } from '../ts/coherence/messages.js'
import { native, type MicroTimer } from '../ts/native/index.js'
import type { NodeEvent } from '../ts/node/events.js'
import { isCoherence } from '../ts/node/messages.js'

export const GRACE_US = 20
export const GRACE_US_MAX = 320
/** Graces remembered, a power of two: a page's is overwritten by that of another page of its slot. */
const SLOTS = 4096

export class Hold {
  /** Events held so far. */
  count = 0
  // One grace a slot, without an object: every installed page passes here.
  readonly #page = new Float64Array(SLOTS)
  /** The clock's time until which the page stays. */
  readonly #until = new Float64Array(SLOTS)
  readonly #graceUs = new Uint16Array(SLOTS)
  readonly #thread = new Int32Array(SLOTS)
  readonly #held = new Map<number, NodeEvent[]>()
  readonly #timer: MicroTimer

  /** @param deliver takes what was held, when its time has come @param clock gives milliseconds */
  constructor(
    private readonly deliver: (event: NodeEvent) => void,
    private readonly clock = () => performance.now(),
    timer = (expired: () => void): MicroTimer => new native.MicroTimer(expired),
  ) {
    this.#timer = timer(() => this.#release())
  }

  /** The page has just been installed for `thread`. */
  installed(page: number, thread: number): void {
    const slot = slotOf(page)
    const again = this.#page[slot] === page && this.#thread[slot] === thread
    const graceUs = again ? Math.min(this.#graceUs[slot]! * 2, GRACE_US_MAX) : GRACE_US
    this.#page[slot] = page
    this.#thread[slot] = thread
    this.#graceUs[slot] = graceUs
    this.#until[slot] = this.clock() + graceUs / 1000
  }

  /** Whether the page is in its grace. */
  keeps(page: number): boolean {
    return this.#graceEnd(page) > this.clock()
  }

  /** Takes the event when it is of that kind and its page is in its grace; it is delivered later. */
  takes(event: NodeEvent): boolean {
    const page = pageOf(event)
    if (page === undefined) return false
    const held = this.#held.get(page)
    if (!takesAway(event) && (held === undefined || !isBehind(held, event))) return false
    if (held !== undefined) {
      this.count++
      held.push(event) // behind those that wait already: links are FIFO
      return true
    }
    const now = this.clock()
    if (this.#graceEnd(page) <= now) return false
    this.count++
    this.#held.set(page, [event])
    this.#arm(now)
    return true
  }

  /** Nothing of a lost node is delivered any more. */
  lost(node: NodeId): void {
    for (const [page, held] of this.#held) {
      const left = held.filter((event) => event.is !== 'message' || event.from !== node)
      if (left.length === 0) this.#held.delete(page)
      else this.#held.set(page, left)
    }
  }

  /** The segment has no pages from this one on any more: what is held about them is late. */
  forget(segment: SegmentId, first: Page): void {
    for (const page of this.#held.keys()) {
      if (segmentOf(page) === segment && pageIn(page) >= first) this.#held.delete(page)
    }
  }

  close(): void {
    this.#timer.close()
  }

  #release(): void {
    const now = this.clock()
    for (const [page, held] of [...this.#held]) {
      if (this.#graceEnd(page) > now) continue
      this.#held.delete(page)
      for (const event of held) this.deliver(event)
    }
    this.#arm(this.clock())
  }

  /** When the page may be taken away; 0 when it has no grace. */
  #graceEnd(page: number): number {
    const slot = slotOf(page)
    return this.#page[slot] === page ? this.#until[slot]! : 0
  }

  #arm(now: number): void {
    let first = Infinity
    for (const page of this.#held.keys()) first = Math.min(first, this.#graceEnd(page))
    if (this.#held.size > 0) this.#timer.arm(Math.max(1, Math.ceil((first - now) * 1000)))
  }
}

/** Fibonacci hashing of both halves of the page's number (Knuth, TAOCP 3, 6.4). */
function slotOf(page: number): number {
  return (Math.imul((page % 2 ** 32) ^ ((page / 2 ** 32) * 0x85ebca6b), 0x9e3779b1) >>> 20) & (SLOTS - 1)
}

/** The global page that the event is about; undefined for events that are never held. */
function pageOf(event: NodeEvent): number | undefined {
  if (event.is === 'resume') return globalPage(event.segment, event.page)
  if (event.is !== 'message' || !isCoherence(event.message)) return undefined
  return globalPage(event.message.segment, event.message.page)
}

/** May it take the page away from this node? */
function takesAway(event: NodeEvent): boolean {
  return event.is === 'resume' || (event.is === 'message' && classOf(event) !== 'answer')
}

/** Is it an answer of a node of which an order is held? It brings no page: this node has the page. */
function isBehind(held: readonly NodeEvent[], event: NodeEvent): boolean {
  if (event.is !== 'message' || !isCoherence(event.message) || event.message.bytes === 'page') return false
  return held.some((other) => other.is === 'message' && other.from === event.from && classOf(other) === 'order')
}

/** Of a message about a page. */
function classOf({ message }: NodeEvent & { is: 'message' }): (typeof CLASS)[CoherenceType] {
  return CLASS[message.type as CoherenceType]
}
