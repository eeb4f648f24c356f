/** What node 0 answers, on the node that asked. */
import { expectOfPeer, isCount, refusalOf } from '../base/expect.js'
import type { SegmentId } from '../base/ids.js'
import type { SegmentStat } from '../base/requests.js'
import type { NamesEffect } from './effects.js'
import type { NamesMessage } from './messages.js'
import type { KnownSegment, NamesState, PendingName } from './state.js'

type Answered = Extract<
  NamesMessage,
  { type: 'SegmentGrant' | 'StatAnswer' | 'ListPart' | 'UnlinkDone' | 'ResizeDone' | 'NamesRefused' }
>

const ANSWERS: Readonly<Record<PendingName['op'], Answered['type']>> = {
  create: 'SegmentGrant',
  open: 'SegmentGrant',
  stat: 'StatAnswer',
  unlink: 'UnlinkDone',
  list: 'ListPart',
  resize: 'ResizeDone',
}

/** @param message of node 0 */
export function takeAnswer(state: NamesState, message: Answered, effects: NamesEffect[]): void {
  const { type, ticket } = message
  const pending = state.pending.get(ticket)
  // Each ask is answered once, and nothing comes from a node after its loss: no answer can be late.
  expectOfPeer(pending !== undefined, `${type} for ticket ${ticket}, which asks nothing`)
  expectOfPeer(type === ANSWERS[pending.op] || type === 'NamesRefused', `${type} in answer to ${pending.op}`)
  const effect = answerOf(state, pending, message)
  if (effect === undefined) return
  state.pending.delete(ticket)
  if (message.type === 'SegmentGrant') effects.push({ do: 'Acquire' }) // of whoever has used it and ended
  effects.push(effect)
}

/** Undefined while more of a list is to come. */
function answerOf(state: NamesState, pending: PendingName, message: Answered): NamesEffect | undefined {
  const { ticket } = message
  switch (message.type) {
    case 'SegmentGrant': {
      const known = namedSegment(state, pending, message.segment)
      known.grants++
      return { do: 'Answer', ticket, answer: { is: 'segment', attributes: known.attributes } }
    }
    case 'StatAnswer': {
      const known = namedSegment(state, pending, message.segment)
      return { do: 'Answer', ticket, answer: { is: 'stat', stat: statOf(known, message.linked, message.holders) } }
    }
    case 'ListPart':
      takeListed(state, pending, message)
      if (!message.last) return undefined
      return { do: 'Answer', ticket, answer: { is: 'list', segments: pending.listed } }
    case 'UnlinkDone':
      return { do: 'Answer', ticket, answer: { is: 'done' } }
    case 'ResizeDone':
      expectOfPeer(isCount(message.bytes), `resized to ${message.bytes}`)
      return { do: 'Answer', ticket, answer: { is: 'sized', bytes: message.bytes } }
    case 'NamesRefused':
      return refusalOf(ticket, message.error, message.detail)
  }
}

function takeListed(
  state: NamesState,
  pending: PendingName,
  part: Extract<NamesMessage, { readonly type: 'ListPart' }>,
): void {
  const { segments, linked, holders } = part
  expectOfPeer(linked.length === segments.length && holders.length === segments.length, 'ListPart is uneven')
  const stats = segments.map((segment, i) =>
    statOf(knownSegment(state, segment), linked[i] === 1, holders[i] as number),
  )
  pending.listed.push(...stats)
}

function namedSegment(state: NamesState, pending: PendingName, segment: SegmentId): KnownSegment {
  const known = knownSegment(state, segment)
  expectOfPeer(known.attributes.name === pending.name, `answered with segment ${segment}, which has another name`)
  return known
}

function knownSegment(state: NamesState, segment: SegmentId): KnownSegment {
  const known = state.known.get(segment)
  expectOfPeer(known !== undefined, `answered with segment ${segment}, which is unknown here`)
  return known
}

function statOf(known: KnownSegment, linked: boolean, holders: number): SegmentStat {
  expectOfPeer(isCount(holders), `${holders} holders`)
  return { ...known.attributes, linked, holders, heapBytes: 0, heapBlocks: 0 }
}
