/**
 * lrc: which event of the tables a cause is. All guards of the protocol about one page are here; what
 * many pages have to do with each other is in edges.ts.
 */
import type { Access } from '../../base/ids.js'
import { hasNode } from '../../base/node-set.js'
import { countSharers, isSharer } from '../copyset.js'
import type { CoherenceMessage } from '../messages.js'
import { NO_SLOT, findRecord } from '../record-store.js'
import { copySerial, copyStateNumber, homeOf, ownerOf } from '../state.js'
import { blame, type Context } from '../table.js'
import { COPY_STATES, type CopyEvent, type CopyState } from './copy.table.js'
import type { HomeEvent } from './home.table.js'
import { isFlushed } from './state.js'

export function isHome({ state, pages, page }: Context): boolean {
  return homeOf(pages, page) === state.self
}

export function faultEvent(context: Context, access: Access): CopyEvent {
  const { state, pages, page } = context
  const homeLives = hasNode(state.nodes, homeOf(pages, page))
  if (access === 'read') return homeLives ? 'Read' : 'ReadHomeless'
  if (!homeLives) return 'WriteHomeless'
  return isHome(context) ? 'WriteHome' : 'Write'
}

const CAN_GO: ReadonlySet<CopyState | undefined> = new Set(['R', 'RS', 'W', 'WS', 'E'])

export function evictEvent(context: Context): CopyEvent | undefined {
  const { state, pages, page } = context
  if (!CAN_GO.has(COPY_STATES[copyStateNumber(pages, page)])) return undefined
  if (isHome(context)) return 'EvictHome'
  return isFlushed(state.edges, pages.segment, page) ? 'EvictFlushed' : 'Evict'
}

export function copyEvent(context: Context, message: CoherenceMessage, now: CopyState): CopyEvent {
  const { state, pages, page, from } = context
  const { type, requester } = message
  if (from !== homeOf(pages, page)) throw blame(context, `${type} by a node that is not the home`)
  switch (type) {
    case 'FetchRead':
      if (findRecord(pages.copies, page) === NO_SLOT) throw blame(context, `${type} of a page that never was here`)
      return isHome(context) ? 'FetchReadHome' : 'FetchRead'
    case 'PageRead':
    case 'PageWrite':
    case 'PageOnly':
    case 'PageLost': {
      if (requester !== state.self) throw blame(context, `${type} for node ${requester}`)
      const pending = now === 'IR_D' || now === 'IW_D' || now === 'RW_A'
      // Only the home answers, each request once, and nothing of a lost home comes any more.
      if (!pending || message.serial !== copySerial(pages, page)) throw blame(context, `${type} that answers nothing`)
      return type === 'PageWrite' && isHome(context) ? 'PageWriteHome' : type
    }
    default:
      throw blame(context, `${type} to a node that is not the home`)
  }
}

export function homeEvent(context: Context, message: CoherenceMessage): HomeEvent {
  const { state, pages, page, from } = context
  const { type, requester, bytes } = message
  switch (type) {
    case 'GetRead':
    case 'GetWrite': {
      const here = requester === state.self
      if (type === 'GetRead') return here ? 'GetReadHome' : type
      const others = countSharers(pages, page) - (isSharer(pages, page, requester) ? 1 : 0)
      if (here) return others === 0 ? 'GetWriteHomeAlone' : 'GetWriteHome'
      return others === 0 ? 'GetWriteAlone' : type
    }
    case 'PageHome':
      if (ownerOf(pages, page) !== from) throw blame(context, `${type} of a node that did not have it alone`)
      if ((bytes === 'kept') !== (from === state.self)) throw blame(context, `${type} with bytes ${bytes}`)
      return bytes === 'kept' ? 'PageHomeKept' : type
    default:
      throw blame(context, `${type} to the page's home`)
  }
}

/** What the loss of a node (context.from) means for a page whose home is this node. */
export function lossEvent({ pages, page, from }: Context): HomeEvent | undefined {
  if (ownerOf(pages, page) === from) return 'OwnerLost'
  return isSharer(pages, page, from) ? 'SharerLost' : undefined
}
