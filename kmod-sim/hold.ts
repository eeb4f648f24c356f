/**
 * Law 11: a page installed for a waiting thread is not taken away before that thread can have used
 * it. Requests and orders of other nodes for such a page, and the home's going on with requests that
 * wait for it (`resume`), are held for a grace, which doubles while the same thread loses the page
 * and faults on it again. Answers are never held. Delaying a request or an order is delaying a
 * message: the protocol cannot tell, so this is not the engine's.
 */
import { globalPage, type NodeId } from '../ts/base/ids.js'
import { native, type MicroTimer } from '../ts/native/index.js'
import type { NodeEvent } from '../ts/node/events.js'

export const GRACE_US = 20
export const GRACE_US_MAX = 320
/** Pages whose last grace is remembered; the oldest is forgotten first. */
const REMEMBERED_MAX = 4096

const HELD: ReadonlySet<string> = new Set(['GetRead', 'GetWrite', 'FetchRead', 'FetchWrite', 'Inv'])

interface Grace {
  /** microseconds */
  length: number
  /** performance.now() until which the page stays. */
  until: number
  thread: number
}

export class Hold {
  readonly #graces = new Map<number, Grace>()
  readonly #held = new Map<number, NodeEvent[]>()
  readonly #timer: MicroTimer

  /** @param deliver takes what was held, when its time has come */
  constructor(private readonly deliver: (event: NodeEvent) => void) {
    this.#timer = new native.MicroTimer(() => this.#release())
  }

  /** The page has just been installed for `thread`. */
  installed(page: number, thread: number): void {
    const now = performance.now()
    const last = this.#graces.get(page)
    const again = last !== undefined && last.thread === thread
    const length = again ? Math.min(last.length * 2, GRACE_US_MAX) : GRACE_US
    this.#graces.delete(page) // re-inserted last: the map is in order of installation
    this.#graces.set(page, { length, until: now + length / 1000, thread })
    if (this.#graces.size > REMEMBERED_MAX) this.#graces.delete(this.#graces.keys().next().value!)
  }

  /** Takes the event when it is of that kind and its page is in its grace; it is delivered later. */
  takes(event: NodeEvent): boolean {
    const page = pageOf(event)
    if (page === undefined) return false
    const held = this.#held.get(page)
    if (held !== undefined) {
      held.push(event) // behind those that wait already: links are FIFO
      return true
    }
    const grace = this.#graces.get(page)
    const now = performance.now()
    if (grace === undefined || grace.until <= now) return false
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

  close(): void {
    this.#timer.close()
  }

  #release(): void {
    const now = performance.now()
    for (const [page, held] of [...this.#held]) {
      const grace = this.#graces.get(page)
      if (grace !== undefined && grace.until > now) continue
      this.#held.delete(page)
      for (const event of held) this.deliver(event)
    }
    this.#arm(performance.now())
  }

  #arm(now: number): void {
    let first = Infinity
    for (const page of this.#held.keys()) first = Math.min(first, this.#graces.get(page)?.until ?? now)
    if (first < Infinity) this.#timer.arm(Math.max(1, Math.ceil((first - now) * 1000)))
  }
}

/** The global page that the event would take away from this node; undefined for every other event. */
function pageOf(event: NodeEvent): number | undefined {
  if (event.is === 'resume') return globalPage(event.segment, event.page)
  if (event.is !== 'message' || !HELD.has(event.message.type)) return undefined
  const { segment, page } = event.message as { segment: number; page: number }
  return globalPage(segment, page)
}
