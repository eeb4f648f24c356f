/**
 * The runtime drives the engine: events go in one at a time, the effects of each are performed in
 * order, to the end, before the next goes in (law 3). Whatever turns up meanwhile waits in a queue.
 */
import { AssertionError, assert } from '../ts/base/assert.js'
import { PeerError } from '../ts/base/peer-error.js'
import { LOST_PAGE, type NodeId, type SegmentId } from '../ts/base/ids.js'
import type { Answer, LocalRequest } from '../ts/base/requests.js'
import { GshmError } from '../ts/base/errors.js'
import type { CoherenceMessage } from '../ts/coherence/messages.js'
import { attributesOf } from '../ts/names/index.js'
import type { Effect } from '../ts/node/effects.js'
import type { NodeEvent } from '../ts/node/events.js'
import type { Message } from '../ts/node/messages.js'
import { step } from '../ts/node/step.js'
import type { NodeState } from '../ts/node/state.js'
import { findDiffs } from './diffs.js'
import type { Pager } from './pager.js'
import type { LockLines } from './lock-lines.js'
import type { LockWords } from './lock-words.js'
import type { Caller, Reflexes } from './reflexes.js'
import { SyncWatch } from './sync-watch.js'
import { diffsOf } from '../ts/coherence/lrc/messages.js'
import { unitBytes } from './units.js'

const NO_BYTES = new Uint8Array(0)

export interface RuntimeHost {
  send(to: NodeId, message: Message, payload: Uint8Array | undefined): void
  /** A message has been sent already. */
  sent(): void
  /** The peer broke the protocol: nothing of it is believed any more. */
  fence(node: NodeId, why: string): void
  /** May take an event that must not happen yet, and submit it later (hold.ts). */
  holds(event: NodeEvent): boolean
  /** Whether somebody on this node holds the segment (again). */
  held(segment: SegmentId): boolean
  segmentSized(effect: Extract<Effect, { do: 'SegmentSized' }>): void
  segmentGone(effect: Extract<Effect, { do: 'SegmentGone' }>): void
  spanQuery(effect: Extract<Effect, { do: 'SpanQuery' }>): void
  /** What is to be done about the lines of direct barriers. */
  readonly lines: {
    introduce(effect: Extract<Effect, { do: 'Introduce' }>): void
    part(effect: Extract<Effect, { do: 'Part' }>): void
  }
  /** Of a process by its number here; 0: it is not known. */
  pidOf(process: number): number
}

type Settle = (outcome: Answer | GshmError) => void

interface Pending {
  readonly settle: Settle
  /** Whose it is, if the engine is told: when that process ends there will be no answer. */
  readonly process: number | undefined
  readonly caller: Caller | undefined
}

export class Runtime {
  readonly #queue: NodeEvent[] = []
  readonly #tickets = new Map<number, Pending>()
  #nextTicket = 1
  #busy = false
  readonly watch = new SyncWatch((process) => this.host.pidOf(process))
  pager!: Pager
  words!: LockWords
  reflexes!: Reflexes
  lockLines!: LockLines

  constructor(
    readonly state: NodeState,
    private readonly host: RuntimeHost,
  ) {}

  /** Steps the engine now, or after the step in progress. */
  submit(event: NodeEvent, payload?: Uint8Array): void {
    if (this.#busy) {
      // Only events of the effects' own doing arrive here: faults and exits that a drain has found, resumes.
      assert(payload === undefined, 'runtime: a page arrived in the middle of a step')
      this.#queue.push(event)
      return
    }
    this.#busy = true
    try {
      this.#step(event, payload)
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#step(next, undefined)
    } finally {
      this.#busy = false
    }
  }

  /** A local request; `settle` is called once, possibly before this returns. Gives its ticket.
   * @param caller whom a reflex may answer before that */
  request(request: LocalRequest, settle: Settle, caller?: Caller): number {
    const ticket = this.#nextTicket++
    this.#tickets.set(ticket, { settle, process: 'process' in request ? request.process : undefined, caller })
    this.watch.asked(ticket, request)
    this.submit({ is: 'request', ticket, request })
    return ticket
  }

  callerOf(ticket: number): Caller | undefined {
    return this.#tickets.get(ticket)?.caller
  }

  /** Local requests without an answer yet. */
  get pending(): number {
    return this.#tickets.size
  }

  #step(event: NodeEvent, payload: Uint8Array | undefined): void {
    // A queued let may have been overtaken by the answer to another process's open.
    if (event.is === 'let' && this.host.held(event.segment)) return
    if (event.is === 'word' || event.is === 'exit') {
      const now = this.#asOfNow(event)
      if (now === undefined) return
      event = now
    }
    const effects: Effect[] = []
    if (event.is === 'message') event = { ...event, message: this.lockLines.arrived(event.message) }
    try {
      if (event.is === 'message') {
        const { message } = event
        this.watch.received(event.from, message)
        if (message.type === 'TokenPass') this.reflexes.begin(message.key)
        const diffs = diffsOf(message)
        if (diffs > 0) this.pager.arrived = findDiffs(payload ?? NO_BYTES, diffs)
        if ('bytes' in message && message.bytes === 'page') this.#expectUnit(message, payload ?? NO_BYTES)
      }
      step(this.state, event, effects)
      if (event.is === 'exit') this.#forget(event.process)
      for (const effect of effects) this.#perform(effect, payload)
      // It may have ended between giving a lock back and ringing.
      if (event.is === 'exit') for (const key of this.words.free()) this.#queue.push({ is: 'word', key, held: false })
      this.lockLines.end() // before reflexes, which leave it what it does
      this.reflexes.end()
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      const peer = error.peer ?? (event.is === 'message' ? event.from : undefined)
      if (peer === undefined) throw error
      this.host.fence(peer, error.message)
    }
    this.pager.copied = undefined
  }

  /** What words of locks say is looked up when it is stepped: events that wait before it may have changed it. */
  #asOfNow(event: Extract<NodeEvent, { is: 'word' | 'exit' }>): NodeEvent | undefined {
    if (event.is === 'exit') {
      const held = this.words.bury(event.process)
      for (const key of held) this.watch.released(key)
      this.lockLines.buried(event.process, held)
      return { ...event, held }
    }
    const held = this.reflexes.begin(event.key) ? false : this.words.held(event.key)
    if (held === false) this.watch.released(event.key)
    if (held === undefined) return undefined
    return held ? { ...event, held } : { ...event, held, passed: this.lockLines.passed(event.key) }
  }

  /** The decoder knows how long a page may be, the segment how long it is. A page beyond its end is the engine's to refuse. */
  #expectUnit({ type, segment, page }: CoherenceMessage, { length }: Uint8Array): void {
    const attributes = attributesOf(this.state.names, segment)
    if (attributes === undefined || length === LOST_PAGE.length) return
    const bytes = unitBytes(attributes, page)
    if (bytes > 0 && length !== bytes) throw new PeerError(`${type} with ${length} bytes of a page of ${bytes}`)
  }

  /** The process has ended: nothing is answered to it any more. */
  #forget(ended: number): void {
    for (const [ticket, { process }] of this.#tickets) {
      if (process !== ended) continue
      this.#tickets.delete(ticket)
      this.watch.gone(ticket)
    }
  }

  #perform(effect: Effect, payload: Uint8Array | undefined): void {
    this.watch.performed(effect)
    switch (effect.do) {
      case 'Send': {
        const message = effect.message
        if (message.type === 'TokenPass') this.lockLines.sent(message.key, effect.to)
        if (this.reflexes.did(effect)) return this.host.sent()
        return this.host.send(effect.to, message, this.#payloadOf(message))
      }
      case 'Answer':
        return this.#settle(effect.ticket, effect.answer)
      case 'Refuse':
        return this.#settle(effect.ticket, new GshmError(effect.error, effect.detail))
      case 'SegmentMade':
        return // its frames are made when somebody here opens it
      case 'Resume': {
        const { segment, page } = effect
        const event = { is: 'resume', segment, page } as const
        if (!this.host.holds(event)) this.#queue.push(event)
        return
      }
      case 'Acquire':
      case 'Release':
      case 'Released':
        throw new AssertionError(`${effect.do} has left its step`)
      case 'Lend':
        return this.#lend(effect)
      case 'Want':
      case 'Forget':
        return this.words.perform(effect)
      case 'Introduce':
        return this.host.lines.introduce(effect)
      case 'Part':
        return this.host.lines.part(effect)
      case 'Arena':
      case 'ArenaSized':
        throw new AssertionError(`${effect.do} has left its step`)
      case 'SegmentSized':
        return this.host.segmentSized(effect)
      case 'SegmentGone':
        return this.host.segmentGone(effect)
      case 'SpanQuery':
        return this.host.spanQuery(effect)
      default:
        return this.pager.perform(effect, payload)
    }
  }

  #lend(effect: Extract<Effect, { do: 'Lend' }>): void {
    const did = this.reflexes.did(effect)
    if (!this.lockLines.lend(effect, did)) return this.words.perform(effect, did)
    this.words.perform(effect, true)
    this.lockLines.settle(effect, effect.shut || this.words.keptShut)
  }

  #payloadOf(message: Message): Uint8Array | undefined {
    if (message.type === 'Flush' || message.type === 'Notice') {
      return diffsOf(message) > 0 ? this.pager.diffs.take() : NO_BYTES
    }
    return 'bytes' in message && message.bytes === 'page' ? this.pager.copied : undefined
  }

  #settle(ticket: number, outcome: Answer | GshmError): void {
    const pending = this.#tickets.get(ticket)
    if (pending === undefined) return // its process has ended
    this.#tickets.delete(ticket)
    this.watch.ended(ticket, outcome)
    pending.settle(outcome)
  }
}
