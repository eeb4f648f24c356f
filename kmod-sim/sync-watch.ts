/**
 * Who waits for what on this node, how long waits were, how often locks went to and fro: for `gshm locks`;
 * and the trace of it, when that is on. It sees what the runtime sees: requests, their outcomes, effects,
 * messages. What holders do by the word of a lock alone its word counts (native/abi/lock_words.h).
 */
import type { NodeId } from '../ts/base/ids.js'
import { GshmError } from '../ts/base/errors.js'
import type { Answer, LocalRequest } from '../ts/base/requests.js'
import type { Effect } from '../ts/node/effects.js'
import type { Message } from '../ts/node/messages.js'
import type { SyncRequest } from '../ts/sync/index.js'
import { SyncTrace } from '../ts/trace/sync.js'
import { native } from '../ts/native/index.js'

/** Locks whose counts are kept; those that were asked for first go first. */
const TALLIES_MAX = 65_536

/** What is counted of one lock, on this node. */
export interface Tally {
  /** By the daemon; by its word alone: LockPages.counts. */
  granted: number
  /** How often its token has left for another node. */
  passed: number
  /** How long those waited who asked the daemon and got the lock: counts in buckets as of holds. */
  readonly waits: Uint32Array
}

interface Asked {
  readonly request: SyncRequest
  /** performance.now() */
  readonly since: number
}

export class SyncWatch {
  readonly #asked = new Map<number, Asked>()
  readonly #tallies = new Map<string, Tally>()
  /** While tracing: locks whose hold has begun. */
  readonly #holds = new Set<string>()
  readonly trace = new SyncTrace({
    monotonicNs: () => process.hrtime.bigint(),
    wallNs: () => BigInt(Date.now()) * 1_000_000n,
  })

  /** @param pidOf the pid of a process by the daemon's number for it */
  constructor(private readonly pidOf: (process: number) => number) {}

  /** From now on everything is traced, or nothing. */
  tracing(on: boolean): void {
    this.#holds.clear()
    if (on) this.trace.begin()
    else this.trace.end()
  }

  /** Keys of locks of which something has been counted. */
  get keys(): Iterable<string> {
    return this.#tallies.keys()
  }

  tally(key: string): Tally | undefined {
    return this.#tallies.get(key)
  }

  /** For how long the request has been waiting, in microseconds. */
  waitedUs(ticket: number): number {
    const asked = this.#asked.get(ticket)
    return asked === undefined ? 0 : Math.round((performance.now() - asked.since) * 1000)
  }

  asked(ticket: number, request: LocalRequest): void {
    if (!isSync(request)) return
    this.#asked.set(ticket, { request, since: performance.now() })
    if (!this.trace.on) return
    const { key } = request
    const holder = request.op === 'barrier' ? 0 : request.holder
    const what = request.op === 'object' ? `${request.kind} ${request.deed}` : request.op
    this.trace.note({ is: 'request', ticket, what, key, pid: this.pidOf(request.process), holder })
  }

  /** The request has its outcome. */
  ended(ticket: number, outcome: Answer | GshmError): void {
    const asked = this.#asked.get(ticket)
    if (asked === undefined) return
    this.#asked.delete(ticket)
    const { op, key } = asked.request
    const isRefused = outcome instanceof GshmError
    if (op === 'lock' && !isRefused) this.#waited(key, (performance.now() - asked.since) * 1e6)
    if (!this.trace.on) return
    if (isRefused) this.trace.note({ is: 'refuse', ticket, key, error: outcome.reason })
    else this.trace.note({ is: 'grant', ticket, key })
  }

  /** The request's process has ended. */
  gone(ticket: number): void {
    const asked = this.#asked.get(ticket)
    if (asked === undefined) return
    this.#asked.delete(ticket)
    if (this.trace.on) this.trace.note({ is: 'gone', ticket, key: asked.request.key })
  }

  performed(effect: Effect): void {
    if (effect.do === 'Lend') {
      if (!this.trace.on) return
      const { key, holder } = effect
      this.#holds.add(key)
      this.trace.note({ is: 'hold', key, pid: this.pidOf(effect.process), holder })
    } else if (effect.do === 'Send' && effect.message.type === 'TokenPass') {
      const { key } = effect.message
      this.#tallyOf(key).passed++
      if (this.trace.on) this.trace.note({ is: 'pass', key, to: effect.to })
    }
  }

  received(from: NodeId, message: Message): void {
    if (this.trace.on && message.type === 'TokenPass') this.trace.note({ is: 'arrive', key: message.key, from })
  }

  /** Nobody holds the lock: its holder has given it back, or has died. May be told twice. */
  released(key: string): void {
    if (this.trace.on && this.#holds.delete(key)) this.trace.note({ is: 'release', key })
  }

  #waited(key: string, ns: number): void {
    const tally = this.#tallyOf(key)
    tally.granted++
    tally.waits[bucketOf(ns)]!++
  }

  #tallyOf(key: string): Tally {
    const known = this.#tallies.get(key)
    if (known !== undefined) return known
    if (this.#tallies.size >= TALLIES_MAX) {
      const [first] = this.#tallies.keys()
      this.#tallies.delete(first!)
    }
    const fresh = { granted: 0, passed: 0, waits: new Uint32Array(native.constants.HOLD_BUCKETS) }
    this.#tallies.set(key, fresh)
    return fresh
  }
}

function isSync(request: LocalRequest): request is SyncRequest {
  return request.op === 'lock' || request.op === 'barrier' || request.op === 'object'
}

/** As gshm_hold_bucket does. */
function bucketOf(ns: number): number {
  const bucket = Math.floor(Math.log2(Math.max(ns, 16))) - 4
  return Math.min(bucket, native.constants.HOLD_BUCKETS - 1)
}
