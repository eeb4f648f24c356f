/** mrsw-dynamic: what the names in the cells do. No action decides anything. */
import type { NodeId } from '../../base/ids.js'
import { listNodes } from '../../base/node-set.js'
import { addSharer, clearSharers, dropSharer, sharersOf } from '../copyset.js'
import { copyActions as homed } from '../home-actions.js'
import type { CoherenceMessage, CoherenceType } from '../messages.js'
import { homeOf, setOwner, type Transaction } from '../state.js'
import { blame, type Context } from '../table.js'
import { SOUGHT, hintOf, nextVersion, setVersion, versionOf } from './hint.js'

export type CopyAction = keyof typeof copyActions
export type OwnerAction = keyof typeof ownerActions

export const copyActions = {
  GetRead: (c: Context) => tellSelf(c, 'GetRead', c.state.self, 0),
  GetWrite: (c: Context) => tellSelf(c, 'GetWrite', c.state.self, 0),
  /** To write, with a copy. */
  Upgrade: (c: Context) => tellSelf(c, 'GetWrite', c.state.self, versionOf(c.pages, c.page)),
  KeepRead: homed.KeepRead,
  KeepWrite: homed.KeepWrite,
  InstallRead: homed.InstallRead,
  InstallWrite: homed.InstallWrite,
  /** The sender owns the page. */
  Got: (c: Context) => arrived(c, c.from),
  Owned: (c: Context) => arrived(c, c.state.self),
  InvAck: (c: Context) => {
    setOwner(c.pages, c.page, order(c).requester)
    acknowledge(c)
  },
  AckOnly: acknowledge,
  SendRead: (c: Context) =>
    send(c, order(c).requester, 'PageRead', order(c).requester, versionOf(c.pages, c.page), 'page'),
  SendWrite: (c: Context) => sendOwnership(c, order(c).requester, 'page'),
  SendKept: (c: Context) => sendOwnership(c, order(c).requester, 'kept'),
  Downgrade: homed.Downgrade,
  Copy: homed.Copy,
  Punch: homed.Punch,
  Poison: homed.Poison,
  Retry: homed.Retry,
  /** There is no copy here any more that could be kept. */
  Unversion: (c: Context) => setVersion(c.pages, c.page, 0),
  /** Whoever has a copy needs no memory for it. */
  PutPage: (c: Context) => send(c, sharersOf(c.pages, c.page)[0] ?? refugeOf(c), 'Put', c.state.self, 0),
  PutOn: (c: Context) => send(c, refugeOf(c), 'Put', order(c).requester, 0),
  RefusePut: (c: Context) => send(c, order(c).requester, 'Keep', order(c).requester, 0),
} as const

export const ownerActions = {
  /** The request in hand is the one that is served, or awaited, from now on. */
  Begin: (c: Context) => {
    c.pages.transactions.set(c.page, { requester: order(c).requester, serial: 0, awaited: [] })
  },
  Forward: (c: Context) => {
    const { type, requester, serial } = order(c)
    send(c, hintOf(c.pages, c.page), type, requester, serial)
  },
  HintRequester: (c: Context) => setOwner(c.pages, c.page, served(c).requester),
  FetchRead: (c: Context) => tellSelf(c, 'FetchRead', order(c).requester, 0),
  FetchWrite: (c: Context) => giveUp(c, 'none'),
  FetchKept: (c: Context) => giveUp(c, 'kept'),
  AddSharer: (c: Context) => addSharer(c.pages, c.page, order(c).requester),
  DropLost: (c: Context) => dropSharer(c.pages, c.page, c.from),
  GrantZero: (c: Context) => sendOwnership(c, order(c).requester, 'zero'),
  GrantMine: (c: Context) => sendOwnership(c, c.state.self, 'kept'),
  /** All copies go but the owner's and the requester's. The bytes that stay are a version of their own, so
   * that one which was invalidated for a requester that is lost is not taken for it. */
  InvOthers: (c: Context) => {
    const now = serving(c)
    now.awaited = sharersOf(c.pages, c.page).filter((node) => node !== now.requester)
    for (const node of now.awaited) send(c, node, 'Inv', now.requester, versionOf(c.pages, c.page))
    clearSharers(c.pages, c.page)
    setVersion(c.pages, c.page, nextVersion(c.pages, c.page))
  },
  /** The answer that was awaited of c.from has come, or will not, for it is lost. */
  Told: (c: Context) => {
    const now = serving(c)
    now.awaited = now.awaited.filter((node) => node !== c.from)
  },
  NoWay: (c: Context) => {
    const { requester, serial } = order(c)
    send(c, requester, 'LostAck', requester, serial)
  },
  AskAllToRead: (c: Context) => askAll(c, 'GetRead', false),
  AskAllToWrite: (c: Context) => askAll(c, 'GetWrite', false),
  AskAllAgainToRead: (c: Context) => askAll(c, 'GetRead', true),
  AskAllAgainToWrite: (c: Context) => askAll(c, 'GetWrite', true),
  /** The page is lost, as far as this node can tell; whoever asks it hears so. */
  GiveUp: (c: Context) => {
    setOwner(c.pages, c.page, c.state.self)
    tellSelf(c, 'PageLost', c.state.self, 0)
  },
} as const

/** Once a segment, so that whoever waits knows when nothing is forwarded to the lost node any more. */
export function tellLearnt({ state, pages, effects }: Context, lost: NodeId): void {
  const rest = { segment: pages.segment, page: 0, requester: lost, serial: 0, bytes: 'none', confirm: false } as const
  for (const to of others(state)) effects.push({ do: 'Send', to, message: { type: 'Learnt', ...rest } })
}

export function others({ nodes, self }: Context['state']): NodeId[] {
  return listNodes(nodes).filter((node) => node !== self)
}

/** Where a page goes that nobody else has: its first owner, whom hints lead to; that one lost, the next node. */
export function refugeOf({ state, pages, page }: Context): NodeId {
  const nodes = listNodes(state.nodes)
  const first = homeOf(pages, page)
  return nodes.find((node) => node >= first) ?? nodes[0] ?? state.self
}

function send(
  { pages, page, effects }: Context,
  to: NodeId,
  type: CoherenceType,
  requester: NodeId,
  serial: number,
  bytes: CoherenceMessage['bytes'] = 'none',
): void {
  const message = { type, segment: pages.segment, page, requester, serial, bytes, confirm: false }
  effects.push({ do: 'Send', to, message })
}

function acknowledge(c: Context): void {
  const { requester, serial } = order(c)
  send(c, c.from, 'InvAck', requester, serial)
}

/** From one side to the other, within the step. */
function tellSelf(c: Context, type: CoherenceType, requester: NodeId, serial: number, bytes: 'none' | 'kept' = 'none') {
  send(c, c.state.self, type, requester, serial, bytes)
}

function arrived(c: Context, owner: NodeId): void {
  setVersion(c.pages, c.page, order(c).serial)
  setOwner(c.pages, c.page, owner)
  tellSelf(c, 'Done', c.state.self, 0)
}

function sendOwnership(c: Context, to: NodeId, bytes: 'page' | 'zero' | 'kept'): void {
  send(c, to, 'PageWrite', to, nextVersion(c.pages, c.page), bytes)
}

function giveUp(c: Context, bytes: 'none' | 'kept'): void {
  clearSharers(c.pages, c.page)
  tellSelf(c, 'FetchWrite', served(c).requester, 0, bytes)
}

/** Odd rounds are first ones, even ones ask again. Answers say of which round they are. */
function askAll(c: Context, type: 'GetRead' | 'GetWrite', again: boolean): void {
  const { state, pages, page } = c
  const before = pages.transactions.get(page)?.serial ?? 0
  const round = before + (again || before % 2 === 0 ? 1 : 2)
  const awaited = others(state)
  pages.transactions.set(page, { requester: state.self, serial: round, awaited })
  const version = type === 'GetWrite' ? versionOf(pages, page) : 0
  for (const node of awaited) send(c, node, type, state.self, round * SOUGHT + version)
}

function order(c: Context): CoherenceMessage {
  if (c.message === undefined) throw blame(c, 'an action without the message that it answers')
  return c.message
}

/** The request that is served: over several steps, or in this one. */
function served(c: Context): Pick<Transaction, 'requester'> {
  return c.pages.transactions.get(c.page) ?? order(c)
}

function serving(c: Context): Transaction {
  const now = c.pages.transactions.get(c.page)
  if (now === undefined) throw blame(c, 'an action without a request that is served')
  return now
}
