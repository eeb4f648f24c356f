/**
 * lrc: which event of the tables a cause is. All guards of the protocol about one page are here; what
 * many pages have to do with each other is in edges.ts.
 */
import type { Access, NodeId } from '../../base/ids.js'
import { hasNode } from '../../base/node-set.js'
import { countSharers, isSharer, sharersOf } from '../copyset.js'
import type { CoherenceMessage } from '../messages.js'
import { askedOf, copySerial, copyStateNumber, firstHomeOf, homeOf, homeStateNumber } from '../state.js'
import { blame, type Context } from '../table.js'
import { COPY_STATES, type CopyEvent, type CopyState } from './copy.table.js'
import { HOME_STATES, type HomeEvent, type HomeState } from './home.table.js'
import { isFlushed, isUnderWay } from './state.js'

function isHome({ state, pages, page }: Context): boolean {
  return homeOf(pages, page) === state.self
}

export function faultEvent(context: Context, access: Access): CopyEvent {
  const homeLives = hasNode(context.state.nodes, reliesOn(context))
  if (access === 'read') return homeLives ? 'Read' : 'ReadHomeless'
  if (!homeLives) return 'WriteHomeless'
  return isHome(context) ? 'WriteHome' : 'Write'
}

const CAN_GO: ReadonlySet<CopyState> = new Set(['R', 'RU', 'RS', 'W', 'WS', 'E'])

export function evictEvent(context: Context): CopyEvent | undefined {
  const { state, pages, page } = context
  const now = copyState(context)
  if (!CAN_GO.has(now)) return undefined
  if (isHome(context)) return now === 'E' && canGoBack(context) ? 'Evict' : 'EvictHome'
  return isFlushed(state.edges, pages.segment, page) ? 'EvictFlushed' : 'Evict'
}

function canGoBack({ state, pages, page }: Context): boolean {
  const first = firstHomeOf(pages, page)
  if (first === state.self || !hasNode(state.nodes, first)) return false
  return !pages.stalled.has(page) && !isUnderWay(state.edges, pages.segment, page)
}

export function copyEvent(context: Context, message: CoherenceMessage, now: CopyState): CopyEvent {
  const { state, from } = context
  const { type, requester } = message
  if (type === 'Moved') return movedEvent(context, requester, now)
  switch (type) {
    case 'FetchRead':
    case 'Here':
      if (from !== state.self || !isHome(context)) throw blame(context, `${type} by a node that is not the home`)
      return type
    case 'PageRead':
    case 'PageWrite':
    case 'PageOnly':
    case 'PageLost': {
      if (requester !== state.self) throw blame(context, `${type} for node ${requester}`)
      // Only who was asked answers, each request once, and nothing of a lost node comes any more.
      if (!isAwaited(context, message, now)) throw blame(context, `${type} that answers nothing`)
      return (type === 'PageWrite' || type === 'PageOnly') && isHome(context) ? `${type}Home` : type
    }
    default:
      throw blame(context, `${type} to a node that is not the home`)
  }
}

/** The node whose loss is felt here: who was asked for the page, or its home. */
export function reliesOn(context: Context): NodeId {
  const { pages, page } = context
  return askedOf(pages, page) ?? homeOf(pages, page)
}

function isAwaited({ pages, page, from }: Context, { serial }: CoherenceMessage, now: CopyState): boolean {
  return (isAsking(now) || now === 'RW_A') && askedOf(pages, page) === from && serial === copySerial(pages, page)
}

/** @param to who is the home, or knows more */
function movedEvent(context: Context, to: NodeId, now: CopyState): CopyEvent {
  const { state, pages, page, from } = context
  if (!isAsking(now) || askedOf(pages, page) !== from) throw blame(context, 'Moved that answers nothing')
  const next = to === state.self ? homeOf(pages, page) : to
  if (!hasNode(state.nodes, next)) return 'MovedLost'
  return to === state.self ? 'MovedElse' : 'Moved'
}

export function homeEvent(context: Context, message: CoherenceMessage): HomeEvent {
  const { state, pages, page, from } = context
  const { type, requester } = message
  switch (type) {
    case 'GetRead':
    case 'GetWrite': {
      if (!isHome(context)) return hasNode(state.nodes, homeOf(pages, page)) ? 'Astray' : 'AstrayLost'
      const here = requester === state.self
      if (type === 'GetRead') return here ? 'GetReadHome' : type
      const others = countSharers(pages, page) - (isSharer(pages, page, requester) ? 1 : 0)
      if (here) return others === 0 ? 'GetWriteHomeAlone' : 'GetWriteHome'
      return others === 0 && !isUnderWay(state.edges, pages.segment, page) ? 'GetWriteAlone' : type
    }
    case 'MovedHere':
      if (from === state.self) return mineEvent(context, requester)
      if (firstHomeOf(pages, page) !== state.self) throw blame(context, `${type} to a node that is not the first home`)
      return type
    case 'MovedNoted':
      if (!state.edges.untold.get(pages.segment)?.has(page) || firstHomeOf(pages, page) !== from) {
        throw blame(context, `${type} of what it was not told`)
      }
      return 'Noted'
    case 'PageHome':
      if (firstHomeOf(pages, page) !== state.self || message.bytes !== 'page')
        throw blame(context, `${type} to no home`)
      if (homeOf(pages, page) !== from) throw blame(context, `${type} of another's page`)
      return type
    default:
      throw blame(context, `${type} to the page's home`)
  }
}

/** The page was given to this node. */
export function mineEvent({ state, pages, page }: Context, giver: NodeId): 'Mine' | 'MineTell' {
  const first = firstHomeOf(pages, page)
  return first === state.self || first === giver || !hasNode(state.nodes, first) ? 'Mine' : 'MineTell'
}

/** May the page be given to the node, which has a copy and has just flushed it? Nobody else may have one; this
 * node's own goes, if nothing is written in it. */
export function mayGive(context: Context, node: NodeId): boolean {
  const { state, pages, page } = context
  if (homeState(context) !== 'S' || pages.stalled.has(page) || !isSharer(pages, page, node)) return false
  if (sharersOf(pages, page).some((one) => one !== node && one !== state.self)) return false
  if (isSharer(pages, page, state.self) && copyState(context) !== 'R') return false
  return !isUnderWay(state.edges, pages.segment, page)
}

/** Others have changed the page, and its bytes have come along. Where something of this node's own is on its way to the
 * home still, they may be older than that. */
export function noticeAlongEvent({ state, pages, page }: Context): 'Notice' | 'NoticeAlong' {
  return isFlushed(state.edges, pages.segment, page) ? 'Notice' : 'NoticeAlong'
}

/** A sharer flushes; or who was given the page since, before it knew. */
export function mayFlush(context: Context): boolean {
  if (isHome(context)) return isSharer(context.pages, context.page, context.from)
  return homeState(context) === 'A'
}

/** What the loss of a node (context.from) means for a page whose home is, or was, this node. */
export function lossEvent(context: Context): HomeEvent | undefined {
  const { pages, page, from } = context
  if (homeState(context) === 'A' && homeOf(pages, page) === from) return 'OwnerLost'
  return isSharer(pages, page, from) ? 'SharerLost' : undefined
}

/** Is the master copy here? */
export function isMaster(context: Context): boolean {
  const now = homeState(context)
  return now === 'S' || now === 'E'
}

function copyState({ pages, page }: Context): CopyState {
  return COPY_STATES[copyStateNumber(pages, page)]!
}

function isAsking(now: CopyState): boolean {
  return now === 'IR_D' || now === 'IW_D'
}

function homeState({ pages, page }: Context): HomeState {
  return HOME_STATES[homeStateNumber(pages, page)]!
}
