/**
 * Law 11: a page installed for a waiting thread is not taken away before that thread can have used
 * it. Requests and orders of other nodes for such a page are held for a grace, which doubles while
 * the same thread loses the page and faults on it again. Answers are never held. Delaying a
 * request or an order is delaying a message: the protocol cannot tell, so this is not the engine's.
 */
import type { NodeId } from '../ts/base/ids.js'
import { globalPage } from '../ts/base/ids.js'
import type { CoherenceMessage, CoherenceType } from '../ts/coherence/messages.js'
import { native, type MicroTimer } from '../ts/native/index.js'

export const GRACE_US = 20
export const GRACE_US_MAX = 320
/** Pages whose last grace is remembered; the oldest is forgotten first. */
const REMEMBERED_MAX = 4096

const HELD: ReadonlySet<CoherenceType> = new Set(['GetRead', 'GetWrite', 'FetchRead', 'FetchWrite', 'Inv'])

interface Grace {
  /** microseconds */
  length: number
  /** performance.now() until which the page stays. */
  until: number
  thread: number
}

interface Held {
  readonly from: NodeId
  readonly message: CoherenceMessage
}

export class Hold {
  readonly #graces = new Map<number, Grace>()
  readonly #held = new Map<number, Held[]>()
  readonly #timer: MicroTimer

  constructor(private readonly deliver: (from: NodeId, message: CoherenceMessage) => void) {
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

  /** Takes the message when its page is in its grace; then it will be delivered later. */
  takes(from: NodeId, message: CoherenceMessage): boolean {
    if (!HELD.has(message.type)) return false
    const page = globalPage(message.segment, message.page)
    const held = this.#held.get(page)
    if (held !== undefined) {
      held.push({ from, message }) // behind those that wait already: links are FIFO
      return true
    }
    const grace = this.#graces.get(page)
    const now = performance.now()
    if (grace === undefined || grace.until <= now) return false
    this.#held.set(page, [{ from, message }])
    this.#arm(now)
    return true
  }

  /** Nothing of a lost node is delivered any more. */
  lost(node: NodeId): void {
    for (const [page, held] of this.#held) {
      const left = held.filter(({ from }) => from !== node)
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
      for (const { from, message } of held) this.deliver(from, message)
    }
    this.#arm(performance.now())
  }

  #arm(now: number): void {
    let first = Infinity
    for (const page of this.#held.keys()) first = Math.min(first, this.#graces.get(page)?.until ?? now)
    if (first < Infinity) this.#timer.arm(Math.max(1, (first - now) * 1000))
  }
}
