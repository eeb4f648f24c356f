/**
 * Finds links that have gone silent: the peer's machine is gone, the network drops packets, or its
 * daemon hangs. A peer with nothing to say pings every second. Silence counts only while our own loop
 * was awake to hear: after a stall of ours every link gets a fresh period.
 */
import type { Link } from './link.js'

export const SILENCE_MS_MAX = 4000
const PING_MS = 1000
/** Looks often enough that a loss is seen within five seconds of the last sign of life. */
const TICK_MS = 250
const LATE_MS_MAX = 1000

interface Watched {
  heardMs: number
  spokeMs: number
}

export class Heartbeat {
  readonly #links = new Map<Link, Watched>()
  readonly #timer = setInterval(() => this.#tick(), TICK_MS)
  #lastMs = performance.now()

  /** @param stalled our own loop stood still for so long */
  constructor(private readonly stalled: (ms: number) => void) {}

  watch(link: Link): void {
    const now = performance.now()
    this.#links.set(link, { heardMs: now, spokeMs: now })
  }

  /** All links that are not over, those of nodes that are no members yet included. */
  links(): Link[] {
    return [...this.#links.keys()].filter((link) => !link.over)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = performance.now()
    const late = now - this.#lastMs - TICK_MS
    this.#lastMs = now
    if (late > LATE_MS_MAX) this.stalled(late)
    for (const [link, watched] of this.#links) {
      if (link.over) this.#links.delete(link)
      else this.#look(link, watched, now, late > LATE_MS_MAX)
    }
  }

  #look(link: Link, watched: Watched, now: number, fresh: boolean): void {
    if (link.heard || fresh) watched.heardMs = now
    if (link.spoke) watched.spokeMs = now
    link.heard = false
    link.spoke = false
    if (now - watched.heardMs > SILENCE_MS_MAX) return link.silent(`silent for ${SILENCE_MS_MAX / 1000} s`)
    if (now - watched.spokeMs < PING_MS - TICK_MS) return
    link.send({ type: 'Ping' })
  }
}
