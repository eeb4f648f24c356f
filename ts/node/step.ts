/**
 * The one `step` that gshmd and the simulator run: an event goes in, effects come out, and nothing
 * else happens: no I/O, clock, promise or randomness.
 *
 * Messages of a node to itself are delivered within the step, first in first out, so that a page's
 * home and its requester may be one node without a special case anywhere. Effects are in the order in
 * which things happened. The caller performs them in that order, to the end, before the next step.
 * Messages to lost nodes may be among them: the transport drops those.
 *
 * Throws PeerError when a peer broke the protocol (nothing has changed that matters to others, no
 * effect of this step is to be performed), AssertionError when this node is wrong itself.
 */
import { AssertionError, assert, unreachable } from '../base/assert.js'
import type { NodeId } from '../base/ids.js'
import { PeerError } from '../base/peer-error.js'
import type { CoherenceEffect } from '../coherence/effects.js'
import type { Engine } from '../coherence/engine.js'
import { EDGE_FIELDS } from '../coherence/lrc/messages.js'
import { COHERENCE_TYPES } from '../coherence/messages.js'
import { segmentSized } from '../coherence/resize.js'
import { segmentGone, segmentMade } from '../coherence/state.js'
import { heapGone, heapLost, heapMade, heapMessage, heapRequest, heapArena, type HeapEffect } from '../heap/index.js'
import { HEAP_FIELDS } from '../heap/messages.js'
import {
  attributesOf,
  namesArena,
  namesJoined,
  namesLet,
  namesLost,
  namesMessage,
  namesRequest,
} from '../names/index.js'
import type { NamesEffect } from '../names/effects.js'
import { NAMES_FIELDS } from '../names/messages.js'
import {
  syncCancel,
  syncDied,
  syncExit,
  syncLine,
  syncLost,
  syncMessage,
  syncRequest,
  syncWord,
  type SyncEffect,
} from '../sync/index.js'
import { SYNC_FIELDS } from '../sync/messages.js'
import { edge, edgeRequest } from './edges.js'
import type { Effect } from './effects.js'
import type { NodeEvent } from './events.js'
import type { Message } from './messages.js'
import { engine as production, type NodeState } from './state.js'

export type Step = (state: NodeState, event: NodeEvent, effects: Effect[]) => void

type Receive = (state: NodeState, from: NodeId, message: Message, effects: Effect[]) => void

/** A step over other coherence tables than the production ones: the simulator's mutants. */
export function createStep(engine: Engine): Step {
  const receivers = createReceivers(engine)

  function enter(state: NodeState, event: NodeEvent, effects: Effect[]): void {
    switch (event.is) {
      case 'fault':
        return engine.fault(state.coherence, event.segment, event.page, event.access, effects as CoherenceEffect[])
      case 'message':
        if (event.from === state.self) throw new AssertionError('a message of a node to itself left its step')
        return receive(state, event.from, event.message, effects)
      case 'resume':
        return engine.resume(state.coherence, event.segment, event.page, effects as CoherenceEffect[])
      case 'evict':
        return engine.evict(state.coherence, event.segment, event.page, effects as CoherenceEffect[])
      case 'full':
        state.coherence.full = event.full
        return
      case 'request':
        return request(state, event.ticket, event.request, effects)
      case 'cancel':
        return syncCancel(state.sync, event.ticket, effects as SyncEffect[])
      case 'word':
        return syncWord(state.sync, event.key, event.held, effects as SyncEffect[], event.passed)
      case 'line':
        return syncLine(state.sync, event, effects as SyncEffect[])
      case 'exit':
        effects.push({ do: 'Release', edge: { of: 'nobody', number: 0 } }) // what it wrote stays
        return syncExit(
          state.sync,
          event.process,
          event.held,
          event.died,
          event.waited ?? false,
          effects as SyncEffect[],
        )
      case 'let':
        return namesLet(state.names, event.segment, effects as NamesEffect[])
      case 'joined':
        engine.joined(state.coherence, event.node)
        return namesJoined(state.names, event.node, effects as NamesEffect[])
      case 'lost':
        assert(event.node !== state.self, 'a node cannot lose itself')
        engine.lost(state.coherence, event.node, effects as CoherenceEffect[])
        namesLost(state.names, event.node, effects as NamesEffect[])
        syncLost(state.sync, event.node, effects as SyncEffect[])
        return heapLost(state.heap, event.node, effects as HeapEffect[])
      default:
        return unreachable(event)
    }
  }

  function receive(state: NodeState, from: NodeId, message: Message, effects: Effect[]): void {
    const receiver = receivers.get(message.type)
    if (receiver === undefined) throw new PeerError(`a message of unknown type from node ${from}`)
    receiver(state, from, message, effects)
  }

  return (state, event, effects) => {
    if (state.sync.changed.size > 0) state.sync.changed.clear()
    const inbox: Message[] = []
    const first = effects.length
    enter(state, event, effects)
    sift(engine, state, effects, first, inbox)
    for (let next = 0; next < inbox.length; next++) {
      const made = effects.length
      receive(state, state.self, inbox[next]!, effects)
      sift(engine, state, effects, made, inbox)
    }
  }
}

/** The step of production. */
export const step: Step = createStep(production)

/** Of the effects made since `first`: moves the messages to this node into the inbox, tells the rooms of
 * segments that have come or gone, and exchanges what the rooms want of each other for what comes of it. */
function sift(engine: Engine, state: NodeState, effects: Effect[], first: number, inbox: Message[]): void {
  let kept = first
  for (let at = first; at < effects.length; at++) {
    const effect = effects[at]!
    if (effect.do === 'Acquire' || effect.do === 'Release' || effect.do === 'Released') {
      effects.splice(at--, 1, ...edge(engine, state, effect))
      continue
    }
    if (effect.do === 'Send' && effect.to === state.self) {
      const { message } = effect
      assert(!('bytes' in message) || message.bytes !== 'page', 'a node sends a page to itself')
      inbox.push(message)
      continue
    }
    if (effect.do === 'Arena') {
      const made: HeapEffect[] = []
      heapArena(state.heap, effect.segment, effect.bytes, made)
      effects.splice(at--, 1, ...made)
      continue
    }
    if (effect.do === 'ArenaSized') {
      const made: NamesEffect[] = []
      namesArena(effect.segment, effect.bytes, effect.used, made)
      effects.splice(at--, 1, ...made)
      continue
    }
    // A node that gives up waiting for a growth (bytes as before) goes on with messages of those that do not.
    if (effect.do === 'SegmentSized' && (effect.bytes !== effect.before || effect.coming > effect.bytes)) {
      const made: CoherenceEffect[] = []
      segmentSized(engine, state.coherence, effect.segment, Math.max(effect.bytes, effect.coming), made)
      effects.splice(at + 1, 0, ...made)
    }
    if (effect.do === 'SegmentMade') {
      segmentMade(state.coherence, effect.attributes)
      heapMade(state.heap, effect.attributes)
    } else if (effect.do === 'SegmentGone') {
      segmentGone(state.coherence, effect.segment)
      heapGone(state.heap, effect.segment)
    }
    effects[kept++] = effect
  }
  while (effects.length > kept) effects.pop()
}

function request(
  state: NodeState,
  ticket: number,
  request: Extract<NodeEvent, { is: 'request' }>['request'],
  effects: Effect[],
): void {
  switch (request.op) {
    case 'create':
    case 'open':
    case 'stat':
    case 'unlink':
    case 'list':
    case 'resize':
      return namesRequest(state.names, ticket, request, effects as NamesEffect[])
    case 'alloc':
    case 'realloc':
    case 'free':
    case 'heapStat':
    case 'lease':
    case 'spans': {
      const attributes = attributesOf(state.names, request.segment)
      return heapRequest(state.heap, attributes, ticket, request, effects as HeapEffect[])
    }
    case 'died':
      return syncDied(state.sync, ticket, request.key, effects as SyncEffect[])
    case 'lock':
    case 'barrier':
    case 'object':
      return syncRequest(state.sync, ticket, request, effects as SyncEffect[])
    case 'acquire':
    case 'release': {
      const attributes = request.range && attributesOf(state.names, request.range.segment)
      return edgeRequest(attributes, ticket, request, effects)
    }
    default:
      return unreachable(request)
  }
}

/** Who takes a message, by its type. The casts hold because each room lists the types of its own
 * messages, and ts/node's test that no two rooms list the same. */
function createReceivers(engine: Engine): ReadonlyMap<string, Receive> {
  const receivers = new Map<string, Receive>()
  for (const type of COHERENCE_TYPES) {
    receivers.set(type, ({ coherence }, from, message, effects) =>
      engine.message(coherence, from, message as never, effects as CoherenceEffect[]),
    )
  }
  for (const type of Object.keys(EDGE_FIELDS)) {
    receivers.set(type, ({ coherence }, from, message, effects) =>
      engine.edgeMessage(coherence, from, message as never, effects as CoherenceEffect[]),
    )
  }
  for (const type of Object.keys(SYNC_FIELDS)) {
    receivers.set(type, ({ sync }, from, message, effects) =>
      syncMessage(sync, from, message as never, effects as SyncEffect[]),
    )
  }
  for (const type of Object.keys(HEAP_FIELDS)) {
    receivers.set(type, ({ heap }, from, message, effects) =>
      heapMessage(heap, from, message as never, effects as HeapEffect[]),
    )
  }
  for (const type of Object.keys(NAMES_FIELDS)) {
    receivers.set(type, ({ names }, from, message, effects) =>
      namesMessage(names, from, message as never, effects as NamesEffect[]),
    )
  }
  return receivers
}
