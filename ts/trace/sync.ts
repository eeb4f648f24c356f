/**
 * What happens to locks, barriers and other objects on one node, as tools can draw it: one event when
 * something is asked, one when that wait ends, and for locks when a hold begins and ends and when the
 * token goes from node to node. docs/JSON.md lists the fields.
 *
 * Nothing is noted before begin() and after end(); whoever calls note() asks `on` first.
 */
import type { NodeId } from '../base/ids.js'
import { Ring } from './ring.js'

export const SYNC_TRACE_EVENTS = 65_536

/** Who: the process by its pid, and its name for the thread; 0: barriers do not tell. */
export interface Who {
  readonly pid: number
  readonly holder: number
}

export type SyncEvent =
  /** what: 'lock', 'barrier', or of an object kind and deed: 'rwlock read'. */
  | ({ readonly is: 'request'; readonly ticket: number; readonly what: string; readonly key: string } & Who)
  /** The request is answered, and with it the wait is over. */
  | { readonly is: 'grant'; readonly ticket: number; readonly key: string }
  /** The same, in vain: of a wait that took too long the error is TIMEOUT. */
  | { readonly is: 'refuse'; readonly ticket: number; readonly key: string; readonly error: string }
  /** Its process has ended while it waited. */
  | { readonly is: 'gone'; readonly ticket: number; readonly key: string }
  /** A lock's holder from here on. */
  | ({ readonly is: 'hold'; readonly key: string } & Who)
  /** The lock's holder is through. */
  | { readonly is: 'release'; readonly key: string }
  /** The token of the lock leaves for another node, or has come from one. */
  | { readonly is: 'pass'; readonly key: string; readonly to: NodeId }
  | { readonly is: 'arrive'; readonly key: string; readonly from: NodeId }

export interface SyncTraceHead {
  readonly trace: 'sync'
  readonly version: 1
  readonly node: NodeId
  readonly on: boolean
  /** When the trace began: since the epoch, and by the machine's monotonic clock; in ns, as decimal texts. */
  readonly wallNs: string
  readonly monotonicNs: string
  /** Events before the first of these that the ring had no room for. */
  readonly lost: number
}

/** monotonicNs, wallNs: what the clocks say. */
export interface Clocks {
  monotonicNs(): bigint
  wallNs(): bigint
}

export class SyncTrace {
  on = false
  #ring = new Ring<SyncEvent & { readonly ns: number }>(1)
  #wallNs = 0n
  #monotonicNs = 0n

  constructor(
    private readonly clocks: Clocks,
    private readonly room = SYNC_TRACE_EVENTS,
  ) {}

  /** Begins anew: what was noted before is forgotten. */
  begin(): void {
    this.on = true
    this.#ring = new Ring(this.room)
    this.#wallNs = this.clocks.wallNs()
    this.#monotonicNs = this.clocks.monotonicNs()
  }

  /** What was noted stays, to be read. */
  end(): void {
    this.on = false
  }

  note(event: SyncEvent): void {
    this.#ring.push({ ns: Number(this.clocks.monotonicNs() - this.#monotonicNs), ...event })
  }

  /** JSON lines: the head, then the events, the oldest first. `ns` is since the trace began. */
  lines(node: NodeId): string {
    const head: SyncTraceHead = {
      trace: 'sync',
      version: 1,
      node,
      on: this.on,
      wallNs: String(this.#wallNs),
      monotonicNs: String(this.#monotonicNs),
      lost: this.#ring.lost,
    }
    return [head, ...this.#ring.events()].map((line) => `${JSON.stringify(line)}\n`).join('')
  }
}
