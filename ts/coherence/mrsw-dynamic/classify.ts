/** mrsw-dynamic: which event of the tables a cause is. All guards of the protocol are here. */
import type { Access, NodeId } from '../../base/ids.js'
import { hasNode } from '../../base/node-set.js'
import { countSharers, isSharer } from '../copyset.js'
import type { CoherenceMessage } from '../messages.js'
import { copyStateNumber, homeStateNumber, type Transaction } from '../state.js'
import { blame, type Context } from '../table.js'
import { others, refugeOf } from './actions.js'
import { COPY_STATES, type CopyEvent, type CopyState } from './copy.table.js'
import { SOUGHT, hintLives, hintOf, versionOf } from './hint.js'
import { OWNER_STATES, type OwnerEvent, type OwnerState } from './owner.table.js'

const AWAITING: ReadonlySet<CopyState> = new Set(['IS_D', 'IM_D', 'SM_A'])
const ASKING: ReadonlySet<OwnerState> = new Set(['R', 'W', 'R_Q', 'W_Q'])
const ASKING_ALL: ReadonlySet<OwnerState> = new Set(['R_Q', 'W_Q'])

export function faultEvent(_: Context, access: Access): CopyEvent {
  return access === 'read' ? 'Read' : 'Write'
}

/** A copy whose owner is lost may be the last. An owner's page that nobody else has goes to its refuge, and stays there. */
export function evictEvent(context: Context): CopyEvent | undefined {
  const { state, pages, page } = context
  if (!owns(context)) return hintLives(context) ? 'Evict' : undefined
  const mayGo = countSharers(pages, page) > 0 || refugeOf(context) !== state.self
  return ownerState(context) === 'O' && mayGo ? 'EvictOwned' : undefined
}

/** A message to this node as a holder of, or waiter for, the page. */
export function copyEvent(context: Context, message: CoherenceMessage, now: CopyState): CopyEvent {
  const { state, from } = context
  const { type, bytes, requester } = message
  switch (type) {
    case 'FetchRead':
    case 'FetchWrite':
      if (from !== state.self) throw blame(context, `${type} by another node`)
      return bytes === 'kept' ? 'FetchKept' : type
    case 'PageLost':
      if (from !== state.self) throw blame(context, `${type} by another node`)
      return type
    case 'Inv':
      if (requester === state.self) throw blame(context, `${type} for this very node`)
      if (owns(context) && now !== 'X') throw blame(context, `${type} to the owner`)
      return type
    case 'PageRead':
      if (requester !== state.self) throw blame(context, `${type} for node ${requester}`)
      if (bytes !== 'page') throw blame(context, `${type} with bytes ${bytes}`)
      return now === 'IS_D' ? type : 'Stale'
    case 'PageWrite':
      if (requester !== state.self) throw blame(context, `${type} for node ${requester}`)
      return bytes === 'kept' ? 'PageKept' : type
    case 'Put':
      if (requester === state.self) throw blame(context, `${type} of this very node`)
      return putEvent(context, requester, now)
    case 'Keep':
      if (requester !== state.self) throw blame(context, `${type} for node ${requester}`)
      return type
    default:
      throw blame(context, `${type}, which mrsw-dynamic does not have`)
  }
}

function putEvent(context: Context, requester: NodeId, now: CopyState): CopyEvent {
  const { state, from } = context
  if (owns(context) || !hasNode(state.nodes, requester)) return 'PutStray'
  if (now !== 'I') return 'Put'
  const refuge = refugeOf(context)
  if (refuge === state.self) return state.full ? 'PutVain' : 'Put'
  return refuge === requester || from !== requester ? 'PutVain' : 'PutOn'
}

/** A message to this node as an owner, or one who may know the owner. */
export function ownerEvent(context: Context, message: CoherenceMessage, serving: Transaction | undefined): OwnerEvent {
  const { state, from } = context
  const { type, requester } = message
  switch (type) {
    case 'GetRead':
    case 'GetWrite':
      return aside(context, message) ?? requestEvent(context, message, type)
    case 'InvAck':
      if (serving === undefined || !serving.awaited.includes(from)) return 'StrayInvAck'
      return serving.awaited.length === 1 ? 'LastInvAck' : 'InvAck'
    case 'Done':
      if (from !== state.self) throw blame(context, `${type} by another node`)
      return owns(context) ? 'Owned' : 'Got'
    case 'LostAck':
      if (requester !== state.self) throw blame(context, `${type} for node ${requester}`)
      return answerEvent(context, message, serving)
    default:
      throw blame(context, `${type}, which mrsw-dynamic does not have`)
  }
}

/** A request while another is being served, or waits. */
export function busyEvent(context: Context, message: CoherenceMessage): OwnerEvent {
  return aside(context, message) ?? 'Busy'
}

/** One that follows hints and one that goes to all nodes do not stand for each other: the second is to be
 * answered in any case, and may be of a fault that is over. */
export function isAgain({ type, requester, serial }: CoherenceMessage, earlier: CoherenceMessage): boolean {
  if (earlier.type !== type || earlier.requester !== requester) return false
  return serial >= SOUGHT === earlier.serial >= SOUGHT
}

/** What the loss of a node (context.from) means for a page. */
export function lossEvent(context: Context, serving: Transaction | undefined): OwnerEvent | undefined {
  const { pages, page, from } = context
  if (ASKING.has(ownerState(context))) return againEvent(context)
  if (serving?.requester === from) return 'RequesterLost'
  if (serving?.awaited.includes(from)) return serving.awaited.length === 1 ? 'LastInvAck' : 'InvAck'
  return isSharer(pages, page, from) ? 'SharerLost' : undefined
}

/** What it means for a page that another node has learnt of a loss. */
export function learntEvent(context: Context): OwnerEvent | undefined {
  return ASKING.has(ownerState(context)) ? againEvent(context) : undefined
}

/** Requests that need not wait for others, and are for nobody to serve. */
function aside(context: Context, { requester, serial }: CoherenceMessage): OwnerEvent | undefined {
  const { state, from } = context
  if (!hasNode(state.nodes, requester)) return 'OfLost'
  if (requester !== state.self)
    return serial >= SOUGHT && (!owns(context) || ownerState(context) === 'L') ? 'Sought' : undefined
  if (from === state.self) return undefined
  if (serial >= SOUGHT) throw blame(context, `a request of this very node`)
  const now = ownerState(context)
  return ASKING.has(now) && !ASKING_ALL.has(now) ? againEvent(context) : 'Stray' // it has come back
}

function requestEvent(context: Context, message: CoherenceMessage, type: 'GetRead' | 'GetWrite'): OwnerEvent {
  const { state, pages, page } = context
  const { requester, serial } = message
  const mine = requester === state.self
  if (mine && !AWAITING.has(COPY_STATES[copyStateNumber(pages, page)] ?? 'I')) return 'Stray'
  if (!owns(context)) {
    if (mine) return `${type === 'GetRead' ? 'Read' : 'Write'}${wayOn(context)}`
    if (!hintLives(context)) return 'NoWay'
    return type === 'GetRead' ? 'ReadOn' : 'WriteOn'
  }
  if (ownerState(context) === 'U') return 'GetFresh'
  if (type === 'GetRead') return type
  const has = isSharer(pages, page, requester)
  const inv = countSharers(pages, page) > (has ? 1 : 0)
  if (mine) return inv ? 'UpgradeMineInv' : 'UpgradeMine'
  const current = has && serial % SOUGHT === versionOf(pages, page)
  if (current) return inv ? 'UpgradeInv' : 'Upgrade'
  return inv ? 'GetWriteInv' : 'GetWrite'
}

function wayOn(context: Context): 'Mine' | 'Lost' | 'Alone' {
  if (hintLives(context)) return 'Mine'
  return others(context.state).length > 0 ? 'Lost' : 'Alone'
}

function answerEvent(context: Context, { serial }: CoherenceMessage, serving: Transaction | undefined): OwnerEvent {
  const now = ownerState(context)
  if (!ASKING_ALL.has(now)) return serial < SOUGHT && ASKING.has(now) ? againEvent(context) : 'Stray'
  const round = Math.floor(serial / SOUGHT)
  if (serving?.serial !== round || !serving.awaited.includes(context.from)) return 'Stray'
  if (serving.awaited.length > 1) return 'Nowhere'
  return round % 2 === 1 ? 'LastNowhere' : 'Verdict'
}

function againEvent({ state }: Context): 'Again' | 'AgainAlone' {
  return others(state).length > 0 ? 'Again' : 'AgainAlone'
}

function owns({ state, pages, page }: Context): boolean {
  return hintOf(pages, page) === state.self
}

function ownerState({ pages, page }: Context): OwnerState {
  return OWNER_STATES[homeStateNumber(pages, page)] ?? 'U'
}
