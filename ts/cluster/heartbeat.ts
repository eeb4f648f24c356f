/**
 * Finds links that have gone silent: the peer's machine is gone, the network drops packets, or its
 * daemon hangs. A peer with nothing to say pings every second. Silence counts only while our own loop
 * was awake to hear: after a stall of ours every link gets a fresh period.
 */
import type { Link } from './link.js'

/** What the heartbeat needs of a link. */
export type Pulse = Pick<Link, 'heard' | 'spoke' | 'over' | 'send' | 'silent' | 'bye'>

export const SILENCE_MS_MAX = 4000
/** After so long a pause of its own a daemon asks whether it is still a member: a ping may have been a second old,
 * and others look only every quarter of one. */
export const PAUSE_MS_MAX = SILENCE_MS_MAX - 1500

/** Looks often enough that a loss is seen within five seconds of the last sign of life. */
const TIMES = { silenceMs: SILENCE_MS_MAX, pingMs: 1000, tickMs: 250, lateMs: 1000 }

interface Watched {
  heardMs: number
  spokeMs: number
}

export class Heartbeat {
  readonly #links = new Map<Pulse, Watched>()
  readonly #timer: NodeJS.Timeout
  #lastMs = performance.now()

  /** @param stalled our own loop stood still for so long */
  constructor(
    private readonly stalled: (ms: number) => void,
    private readonly times = TIMES,
  ) {
    this.#timer = setInterval(() => this.#tick(), times.tickMs)
  }

  watch(link: Pulse): void {
    const now = performance.now()
    this.#links.set(link, { heardMs: now, spokeMs: now })
  }

  /** All links that are not over, those of nodes that are no members yet included. */
  links(): Pulse[] {
    return [...this.#links.keys()].filter((link) => !link.over)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = performance.now()
    const late = now - this.#lastMs - this.times.tickMs
    const fresh = late > this.times.lateMs
    this.#lastMs = now
    if (fresh) this.stalled(late)
    for (const [link, watched] of this.#links) {
      if (link.over) this.#links.delete(link)
      else this.#look(link, watched, now, fresh)
    }
  }

  #look(link: Pulse, watched: Watched, now: number, fresh: boolean): void {
    if (link.heard || fresh) watched.heardMs = now
    if (link.spoke) watched.spokeMs = now
    link.heard = false
    link.spoke = false
    const { silenceMs, pingMs, tickMs } = this.times
    if (now - watched.heardMs > silenceMs) return link.silent(`silent for ${silenceMs / 1000} s`)
    if (now - watched.spokeMs < pingMs - tickMs) return
    link.send({ type: 'Ping' })
  }
}
