/**
 * Runs protocols that are tables: finds the page's record, lets the protocol classify the cause,
 * looks the cell up, sets the next state, performs the actions. Knows no protocol.
 *
 * Requests that find their page busy wait here, as home, in order of arrival. When the page settles
 * and some wait, `Resume` is emitted, and the event `resume` lets the first go on: not within the
 * same step, or a page that has just been installed here would be taken away before the thread
 * that waited for it could run (law 11).
 */
import { AssertionError, assert } from '../base/assert.js'
import type { EdgeName, PageRange } from '../base/effects.js'
import { hasNode, addNode, deleteNode } from '../base/node-set.js'
import type { Access, NodeId, Page, SegmentId } from '../base/ids.js'
import { NODES_MAX } from '../base/ids.js'
import { PeerError } from '../base/peer-error.js'
import type { CoherenceEffect } from './effects.js'
import type { EdgeMessage } from './lrc/messages.js'
import type { CoherenceMessage, CoherenceType } from './messages.js'
import type { AnyProtocol, Cells, Edges, Observe } from './protocol.js'
import { makeReady, type ReadyCell, type ReadyProtocol, type ReadySide } from './ready.js'
import { recordPages } from './record-store.js'
import {
  copyStateNumber,
  homeOf,
  homeStateNumber,
  pageOfHomeIndex,
  setCopyState,
  setHomeState,
  type CoherenceState,
  type SegmentPages,
} from './state.js'
import { blame, type Context } from './table.js'

const TO_HOME: ReadonlySet<CoherenceType> = new Set([
  'GetRead',
  'GetWrite',
  'InvAck',
  'Done',
  'LostAck',
  'PageHome',
  'Put',
  'MovedHere',
  'MovedNoted',
])
const REQUESTS: ReadonlySet<CoherenceType> = new Set(['GetRead', 'GetWrite', 'Put'])

export class Engine {
  readonly #ready: ReadonlyMap<string, ReadyProtocol>
  /** Most events are about pages of the protocol of the event before. */
  #last: ReadyProtocol
  readonly #edges: readonly Edges[]
  readonly #cells: Cells = {
    copy: (context, event) => this.#copy(context, event),
    home: (context, event) => this.#home(context, event),
  }

  constructor(
    protocols: readonly [AnyProtocol, ...AnyProtocol[]],
    private readonly observe?: Observe,
  ) {
    this.#ready = new Map(protocols.map((protocol) => [protocol.name, makeReady(protocol)]))
    this.#last = makeReady(protocols[0])
    this.#edges = protocols.flatMap(({ edges }) => (edges === undefined ? [] : [edges]))
    assert(this.#edges.length <= 1, 'one protocol with acquires and releases is what messages are made for')
  }

  protocols(): AnyProtocol[] {
    return [...this.#ready.values()].map(({ protocol }) => protocol)
  }

  protocolOf(pages: SegmentPages): AnyProtocol {
    return this.#readyOf(pages).protocol
  }

  #readyOf({ protocol }: SegmentPages): ReadyProtocol {
    if (this.#last.protocol.name === protocol) return this.#last
    const ready = this.#ready.get(protocol)
    if (ready === undefined) throw new AssertionError(`no protocol ${protocol}`)
    this.#last = ready
    return ready
  }

  fault(state: CoherenceState, segment: SegmentId, page: Page, access: Access, effects: CoherenceEffect[]): void {
    const pages = state.segments.get(segment)
    if (pages === undefined) {
      effects.push({ do: 'Poison', segment, page }) // the segment has just gone; its thread must not wait
      return
    }
    if (page >= pages.limit) {
      effects.push({ do: 'Retry', segment, page }) // the segment has just shrunk: it faults again, beyond the end
      return
    }
    assert(page >= 0 && page < pages.pages, `fault on page ${page} of segment ${segment} of ${pages.pages} pages`)
    const context: Context = { state, pages, page, from: state.self, message: undefined, effects }
    this.#copy(context, this.protocolOf(pages).faultEvent(context, access))
  }

  /** There is no memory for the page here any more: it goes, if it can, at once or when its home has answered. */
  evict(state: CoherenceState, segment: SegmentId, page: Page, effects: CoherenceEffect[]): void {
    const pages = state.segments.get(segment)
    if (pages === undefined) return
    const protocol = this.protocolOf(pages)
    const context: Context = { state, pages, page, from: state.self, message: undefined, effects }
    const before = effects.length
    const event = protocol.evictEvent(context)
    if (protocol.edges?.evict !== undefined) protocol.edges.evict(this.#cells, context)
    else if (event !== undefined) this.#copy(context, event)
    if (effects.length === before) effects.push({ do: 'Retry', segment, page }) // it stays
  }

  message(state: CoherenceState, from: NodeId, message: CoherenceMessage, effects: CoherenceEffect[]): void {
    const { segment, page, type } = message
    const pages = state.segments.get(segment)
    if (pages === undefined) {
      if (segment <= state.highest) return
      throw new PeerError(`${type} for segment ${segment}, which was never made, from ${from}`)
    }
    const context: Context = { state, pages, page, from, message, effects }
    if (!(page >= 0 && page < pages.pages)) throw blame(context, `${type} beyond the segment's ${pages.pages} pages`)
    if (page >= pages.limit) return // late: the segment has shrunk meanwhile
    if (!(message.requester >= 0 && message.requester < NODES_MAX)) throw blame(context, `${type} for no node`)
    if (!hasNode(state.nodes, from)) throw blame(context, `${type} of a node that is not a member`)
    if (TO_HOME.has(type) && !this.protocolOf(pages).roaming?.toCopies.has(type)) this.#toHome(context, message)
    else if (type === 'Learnt') this.#learnt(context)
    else this.#copy(context, this.protocolOf(pages).copyEvent(context, message, this.#copyState(context)))
  }

  /** The first request that waits for the page goes on. */
  resume(state: CoherenceState, segment: SegmentId, page: Page, effects: CoherenceEffect[]): void {
    const pages = state.segments.get(segment)
    const waiting = pages?.stalled.get(page)
    if (pages === undefined || waiting === undefined) return // gone, or its requesters are lost
    const protocol = this.protocolOf(pages)
    const from = waiting[0]?.requester ?? state.self
    const context: Context = { state, pages, page, from, message: waiting[0], effects }
    if (!this.#isSettled(protocol, context)) return // it was resumed twice
    const message = waiting.shift()
    if (waiting.length === 0) pages.stalled.delete(page)
    if (message !== undefined) this.#home(context, protocol.homeEvent(context, message, undefined), true)
  }

  /** What other nodes have made known is seen from now on: in the scope, or everywhere. */
  acquire(state: CoherenceState, effects: CoherenceEffect[], scope?: PageRange): void {
    for (const edges of this.#edges) edges.acquire(this.#cells, state, effects, scope)
  }

  /** What this node has written, in the scope or everywhere, becomes known, to `to` or to everybody: then, perhaps at
   * once, comes `Released` with the edge. */
  release(state: CoherenceState, edge: EdgeName, effects: CoherenceEffect[], scope?: PageRange, to?: NodeId): void {
    for (const edges of this.#edges) edges.release(this.#cells, state, edge, effects, scope, to)
    if (this.#edges.length === 0) effects.push({ do: 'Released', edge })
  }

  edgeMessage(state: CoherenceState, from: NodeId, message: EdgeMessage, effects: CoherenceEffect[]): void {
    const [edges] = this.#edges
    if (edges === undefined) throw new PeerError(`${message.type}, and no protocol here has acquires`)
    edges.message(this.#cells, state, from, message, effects)
  }

  joined(state: CoherenceState, node: NodeId): void {
    addNode(state.nodes, node)
  }

  /** Goes through every touched page: losses are rare. */
  lost(state: CoherenceState, node: NodeId, effects: CoherenceEffect[]): void {
    deleteNode(state.nodes, node)
    for (const pages of state.segments.values()) {
      const protocol = this.protocolOf(pages)
      for (const page of recordPages(pages.copies)) {
        const context: Context = { state, pages, page, from: state.self, message: undefined, effects }
        const home = protocol.moves?.reliesOn(context) ?? homeOf(pages, page)
        if (protocol.homeLost !== undefined && home === node) this.#copy(context, protocol.homeLost)
      }
      for (const index of recordPages(pages.home)) {
        const page = pageOfHomeIndex(pages, state.self, index)
        const context: Context = { state, pages, page, from: node, message: undefined, effects }
        this.#forget(context)
        const event = protocol.lossEvent(context, pages.transactions.get(page))
        if (event !== undefined) this.#home(context, event)
      }
      protocol.roaming?.tellLearnt({ state, pages, page: 0, from: node, message: undefined, effects }, node)
    }
    for (const edges of this.#edges) edges.lost(this.#cells, state, node, effects)
  }

  #toHome(context: Context, message: CoherenceMessage): void {
    const { state, pages, page } = context
    const protocol = this.protocolOf(pages)
    const { roaming } = protocol
    const isRequest = REQUESTS.has(message.type)
    if (roaming === undefined) {
      const isHome = protocol.moves !== undefined || homeOf(pages, page) === state.self
      if (!isHome) throw blame(context, `${message.type} to a node that is not the home`)
      if (isRequest && message.requester !== context.from) {
        throw blame(context, `${message.type} on behalf of node ${message.requester}`)
      }
    }
    const serving = pages.transactions.get(page)
    const busy = isRequest && (serving !== undefined || pages.stalled.has(page))
    if (!busy) this.#home(context, protocol.homeEvent(context, message, serving))
    else this.#home(context, roaming === undefined ? protocol.busy : roaming.busyEvent(context, message))
  }

  /** Goes through every touched page: losses are rare. */
  #learnt(cause: Context): void {
    const { state, pages, from, message, effects } = cause
    const { roaming } = this.protocolOf(pages)
    if (roaming === undefined) throw blame(cause, 'Learnt of a segment whose pages have homes')
    for (const index of recordPages(pages.home)) {
      const page = pageOfHomeIndex(pages, state.self, index)
      const context: Context = { state, pages, page, from, message, effects }
      const event = roaming.learntEvent(context)
      if (event !== undefined) this.#home(context, event)
    }
  }

  #copyState({ pages, page }: Context): string {
    return this.protocolOf(pages).copy.states[copyStateNumber(pages, page)] ?? ''
  }

  #isSettled(protocol: AnyProtocol, { pages, page }: Context): boolean {
    return protocol.settled.has(protocol.home.states[homeStateNumber(pages, page)] ?? '')
  }

  #copy(context: Context, event: string): void {
    const { pages, page } = context
    const { protocol, copy } = this.#readyOf(pages)
    const now = copyStateNumber(pages, page)
    const ready = this.#cell(protocol, 'copy', copy, context, now, event)
    if (ready.cell === 'stall') throw blame(context, `copy: ${event} cannot wait`)
    if (ready.next !== now) setCopyState(pages, page, ready.next)
    for (const action of ready.actions) action(context)
  }

  /** @param resumed the event is a request that has waited: the next one may have to be let on */
  #home(context: Context, event: string, resumed = false): void {
    const { pages, page, effects } = context
    const { protocol, home } = this.#readyOf(pages)
    const now = homeStateNumber(pages, page)
    const ready = this.#cell(protocol, 'home', home, context, now, event)
    if (ready.cell === 'stall') return this.#stall(context)
    if (ready.next !== now) setHomeState(pages, page, ready.next)
    for (const action of ready.actions) action(context)
    if (!ready.settled) return
    const served = pages.transactions.delete(page)
    const resumes = (served || resumed) && pages.stalled.has(page)
    if (resumes) effects.push({ do: 'Resume', segment: pages.segment, page })
  }

  #cell(
    protocol: AnyProtocol,
    name: 'copy' | 'home',
    side: ReadySide,
    context: Context,
    now: number,
    event: string,
  ): ReadyCell {
    const ready = side[now]?.get(event)
    if (this.observe !== undefined) {
      this.observe(name, context, protocol[name].states[now] ?? '', event, ready?.cell ?? 'never')
    }
    if (ready === undefined || ready.cell === 'never') {
      throw blame(context, `${name}: ${event} in state ${protocol[name].states[now]}`)
    }
    return ready
  }

  #stall(context: Context): void {
    const { pages, page, message } = context
    if (message === undefined) throw blame(context, 'only messages can wait')
    const { type, requester } = message
    const waiting = pages.stalled.get(page) ?? []
    const { roaming } = this.protocolOf(pages)
    if (roaming !== undefined) {
      const at = waiting.findIndex((other) => roaming.isAgain(message, other))
      waiting.splice(at < 0 ? waiting.length : at, 1, message)
      pages.stalled.set(page, waiting)
      return
    }
    const served = pages.transactions.get(page)?.requester
    // a node asks once and waits, so that no more can wait than there are nodes
    if (served === requester || waiting.some((other) => other.requester === requester)) {
      throw blame(context, `${type} of a node that has asked already`)
    }
    waiting.push(message)
    pages.stalled.set(page, waiting)
  }

  /** Requests of the lost node wait no more. Those that the page is settled for go on: the lost
   * node may have been fenced for its own, in place of which nothing went on. */
  #forget(context: Context): void {
    const { pages, page, from, effects } = context
    const waiting = pages.stalled.get(page)
    if (waiting === undefined) return
    const left = waiting.filter((message) => message.requester !== from)
    if (left.length === 0) pages.stalled.delete(page)
    else pages.stalled.set(page, left)
    const goesOn = left.length > 0 && this.#isSettled(this.protocolOf(pages), context)
    if (goesOn) effects.push({ do: 'Resume', segment: pages.segment, page })
  }
}
