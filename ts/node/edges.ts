/**
 * The edges at which lazy release consistency works. Whoever wants one asks for it by an effect: locks
 * and barriers (ts/sync), memory that is given back (ts/heap), processes that say so themselves
 * (`acquire` and `release`, below), the end of a process. A release carries the name of who asked, and
 * by that name it is told when it is over.
 */
import type { EdgeName, PageRange } from '../base/effects.js'
import type { ByteRange, LocalRequest, SegmentAttributes } from '../base/requests.js'
import type { CoherenceEffect } from '../coherence/effects.js'
import type { Engine } from '../coherence/engine.js'
import { heapReleased, type HeapEffect } from '../heap/index.js'
import { syncReleased, type SyncEffect } from '../sync/index.js'
import type { EdgeEffect, Effect } from './effects.js'
import type { NodeState } from './state.js'

type EdgeRequest = Extract<LocalRequest, { readonly op: 'acquire' | 'release' }>

/** What comes of an edge that a room has asked for, or of a release that is over. */
export function edge(engine: Engine, state: NodeState, effect: EdgeEffect): Effect[] {
  const made: Effect[] = []
  switch (effect.do) {
    case 'Acquire':
      engine.acquire(state.coherence, made as CoherenceEffect[], effect.scope)
      break
    case 'Release':
      engine.release(state.coherence, effect.edge, made as CoherenceEffect[], effect.scope, effect.to)
      break
    case 'Released':
      RELEASED[effect.edge.of](state, effect.edge.number, made)
  }
  return made
}

const RELEASED: Readonly<Record<EdgeName['of'], (state: NodeState, number: number, effects: Effect[]) => void>> = {
  sync: (state, edge, effects) => syncReleased(state.sync, edge, effects as SyncEffect[]),
  heap: (state, ticket, effects) => heapReleased(state.heap, ticket, effects as HeapEffect[]),
  request: (_state, ticket, effects) => effects.push({ do: 'Answer', ticket, answer: { is: 'done' } }),
  nobody: () => {},
}

/** A process says itself what is to be seen or known. @param attributes of the range's segment */
export function edgeRequest(
  attributes: SegmentAttributes | undefined,
  ticket: number,
  { op, range }: EdgeRequest,
  effects: Effect[],
): void {
  const refusal = range && refusalOf(attributes, ticket, op, range)
  if (refusal !== undefined) {
    effects.push(refusal)
    return
  }
  const scope = range && attributes && pagesOf(attributes, range)
  if (op === 'release') {
    effects.push({ do: 'Release', edge: { of: 'request', number: ticket }, scope })
    return
  }
  effects.push({ do: 'Acquire', scope })
  effects.push({ do: 'Answer', ticket, answer: { is: 'done' } })
}

function refusalOf(
  attributes: SegmentAttributes | undefined,
  ticket: number,
  op: string,
  { segment, offset, bytes }: ByteRange,
): Effect | undefined {
  if (attributes === undefined) {
    return { do: 'Refuse', ticket, error: 'NOT_FOUND', detail: `no segment has number ${segment}` }
  }
  const { maxBytes } = attributes
  if (offset < maxBytes && bytes <= maxBytes - offset) return undefined
  const detail = `${op}: offset ${offset}, length ${bytes} end beyond the segment's ${maxBytes} bytes`
  return { do: 'Refuse', ticket, error: 'BEYOND_END', detail }
}

/** The pages of which the range has some byte; beyond the segment's end there are none. */
function pagesOf({ segment, bytes: size, unit }: SegmentAttributes, { offset, bytes }: ByteRange): PageRange {
  const end = bytes === 0 ? size : Math.min(size, offset + bytes)
  return { segment, first: Math.floor(offset / unit), last: Math.floor((end - 1) / unit) }
}
