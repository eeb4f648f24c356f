/**
 * mrsw: which event of the tables a cause is. All guards of the protocol are here, so that the
 * cells stay flat. What no protocol run can produce is blamed on who caused it, before anything has
 * been changed.
 */
import { hasNode } from '../../base/node-set.js'
import type { Access } from '../../base/ids.js'
import { countSharers, isSharer } from '../copyset.js'
import { pageHomeEvent, wordEvent } from '../home-classify.js'
import type { CoherenceMessage } from '../messages.js'
import { copySerial, homeOf, ownerOf, type Transaction } from '../state.js'
import { blame, type Context } from '../table.js'
import type { CopyEvent, CopyState } from './copy.table.js'
import type { HomeEvent } from './home.table.js'

export function faultEvent({ state, pages, page }: Context, access: Access): CopyEvent {
  const homeLives = hasNode(state.nodes, homeOf(pages, page))
  if (access === 'read') return homeLives ? 'Read' : 'ReadHomeless'
  return homeLives ? 'Write' : 'WriteHomeless'
}

/** A message to this node as a holder of, or waiter for, the page. */
export function copyEvent(context: Context, message: CoherenceMessage, now: CopyState): CopyEvent {
  const { state, pages, page, from } = context
  const { type, bytes } = message
  const ordered = from === homeOf(pages, page)
  switch (type) {
    case 'Inv':
    case 'FetchRead':
    case 'FetchWrite':
      if (!ordered) throw blame(context, `${type} by a node that is not the home`)
      if (message.requester === state.self) throw blame(context, `${type} for this very node`)
      return type
    case 'Drop':
    case 'Keep':
    case 'Take':
    case 'Here':
      return wordEvent(context, type, message)
    case 'PageRead':
    case 'PageWrite':
    case 'PageLost': {
      if (message.requester !== state.self) throw blame(context, `${type} for node ${message.requester}`)
      if (!ordered && bytes !== 'page') throw blame(context, `${type} ${bytes} by a node that is not the home`)
      const pending = now === 'IS_D' || now === 'IM_D' || now === 'SM_A'
      if (!pending || message.serial !== copySerial(pages, page)) return 'Stale'
      if (bytes !== 'kept') return message.confirm && type !== 'PageLost' ? `${type}Confirm` : type
      if (type !== 'PageWrite') throw blame(context, `${type} with bytes kept`)
      return 'PageKept'
    }
    default:
      throw blame(context, `${type} to a node that is not the home`)
  }
}

/** A message to this node as the page's home. */
export function homeEvent(context: Context, message: CoherenceMessage, serving: Transaction | undefined): HomeEvent {
  const { pages, page, from } = context
  const { type, requester, serial } = message
  if (type === 'InvAck') {
    if (serving === undefined || serving.serial !== serial || !serving.awaited.includes(from)) return 'StrayInvAck'
    return serving.awaited.length === 1 ? 'LastInvAck' : 'InvAck'
  }
  if (requester !== from) throw blame(context, `${type} on behalf of node ${requester}`)
  switch (type) {
    case 'GetRead':
      if (isSharer(pages, page, from)) return 'GetReadAgain'
      return ownedHere(context) ? 'GetReadHere' : 'GetRead'
    case 'GetWrite': {
      const others = countSharers(pages, page)
      if (isSharer(pages, page, from)) return others === 1 ? 'Upgrade' : 'UpgradeInv'
      if (others > 1) return 'GetWriteInv'
      return ownedHere(context) ? 'GetWriteHere' : 'GetWrite'
    }
    case 'Put':
      return putEvent(context)
    case 'PageHome':
      return pageHomeEvent(context, message, serving)
    case 'Done':
      return serving?.requester === from && serving.serial === serial ? 'Done' : 'StrayDone'
    case 'LostAck':
      return type
    default:
      throw blame(context, `${type} to the page's home`)
  }
}

function putEvent({ state, pages, page, from }: Context): HomeEvent {
  if (!isSharer(pages, page, from)) return 'PutStray'
  if (countSharers(pages, page) === 1) return state.full || from === state.self ? 'PutKeep' : 'PutLast'
  return ownerOf(pages, page) === from ? 'PutOwner' : 'Put'
}

/** What the loss of a node (context.from) means for a page whose home is this node. A node has one
 * part at most in a page's affairs: it is served, or awaited, or has a copy. */
export function lossEvent(context: Context, serving: Transaction | undefined): HomeEvent | undefined {
  const { pages, page, from } = context
  if (serving !== undefined) {
    if (serving.requester === from) return 'RequesterLost'
    if (serving.awaited.includes(from)) return serving.awaited.length === 1 ? 'LastInvAck' : 'InvAck'
  }
  if (!isSharer(pages, page, from)) return undefined
  if (ownerOf(pages, page) !== from) return 'SharerLost'
  return countSharers(pages, page) > 1 ? 'OwnerLost' : 'LastCopyLost'
}

function ownedHere({ state, pages, page }: Context): boolean {
  return ownerOf(pages, page) === state.self
}
