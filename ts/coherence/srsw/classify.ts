/** srsw: which event of the tables a cause is. All guards of the protocol are here. */
import { hasNode } from '../../base/node-set.js'
import { pageHomeEvent, wordEvent } from '../home-classify.js'
import type { CoherenceMessage } from '../messages.js'
import { copySerial, homeOf, ownerOf, type Transaction } from '../state.js'
import { blame, type Context } from '../table.js'
import type { CopyEvent, CopyState } from './copy.table.js'
import type { HomeEvent } from './home.table.js'

export function faultEvent({ state, pages, page }: Context): CopyEvent {
  return hasNode(state.nodes, homeOf(pages, page)) ? 'Fault' : 'FaultHomeless'
}

/** A message to this node as a holder of, or waiter for, the page. */
export function copyEvent(context: Context, message: CoherenceMessage, now: CopyState): CopyEvent {
  const { state, pages, page, from } = context
  const { type, bytes, requester } = message
  const ordered = from === homeOf(pages, page)
  switch (type) {
    case 'FetchWrite':
      if (!ordered) throw blame(context, `${type} by a node that is not the home`)
      if (requester === state.self) throw blame(context, `${type} for this very node`)
      return type
    case 'Drop':
    case 'Keep':
    case 'Take':
    case 'Here':
      return wordEvent(context, type, message)
    case 'PageWrite':
    case 'PageLost':
      if (requester !== state.self) throw blame(context, `${type} for node ${requester}`)
      if (!ordered && bytes !== 'page') throw blame(context, `${type} ${bytes} by a node that is not the home`)
      if (bytes === 'kept') throw blame(context, `${type} with bytes kept`)
      if (now !== 'IM_D' || message.serial !== copySerial(pages, page)) return 'Stale'
      return message.confirm && type === 'PageWrite' ? 'PageWriteConfirm' : type
    default:
      throw blame(context, `${type}, which srsw does not have, or not to this node`)
  }
}

/** A message to this node as the page's home. */
export function homeEvent(context: Context, message: CoherenceMessage, serving: Transaction | undefined): HomeEvent {
  const { state, pages, page, from } = context
  const { type, requester, serial } = message
  if (requester !== from) throw blame(context, `${type} on behalf of node ${requester}`)
  switch (type) {
    case 'GetWrite': {
      const owner = ownerOf(pages, page)
      if (owner === from) return 'GetWriteAgain'
      return owner === state.self ? 'GetWriteHere' : 'GetWrite'
    }
    case 'Put':
      if (ownerOf(pages, page) !== from) return 'PutStray'
      return state.full || from === state.self ? 'PutKeep' : 'PutLast'
    case 'PageHome':
      return pageHomeEvent(context, message, serving)
    case 'Done':
      return serving?.requester === from && serving.serial === serial ? 'Done' : 'StrayDone'
    case 'LostAck':
      return type
    default:
      throw blame(context, `${type}, which srsw does not have, to the page's home`)
  }
}

/** What the loss of a node (context.from) means for a page whose home is this node. */
export function lossEvent(context: Context, serving: Transaction | undefined): HomeEvent | undefined {
  const { pages, page, from } = context
  if (serving?.requester === from) return 'RequesterLost'
  return ownerOf(pages, page) === from ? 'OwnerLost' : undefined
}
