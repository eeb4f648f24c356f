/**
 * What the names in the cells of srsw and mrsw do: of protocols in which a page's home serialises. Each
 * takes those that its tables name. No action decides anything: no `if` here depends on a protocol's
 * state.
 */
import { NO_NODE, type NodeId } from '../base/ids.js'
import { addSharer, clearSharers, dropSharer, sharersOf } from './copyset.js'
import type { CoherenceMessage, CoherenceType } from './messages.js'
import { copySerial, homeOf, nextSerial, ownerOf, setOwner, type Transaction } from './state.js'
import { blame, type Context } from './table.js'

export const copyActions = {
  GetRead: (c: Context) => ask(c, 'GetRead'),
  GetWrite: (c: Context) => ask(c, 'GetWrite'),
  KeepRead: (c: Context) => install(c, 'read', 'kept'),
  KeepWrite: (c: Context) => install(c, 'write', 'kept'),
  InstallRead: (c: Context) => install(c, 'read', received(c)),
  InstallWrite: (c: Context) => install(c, 'write', received(c)),
  /** No memory here for this copy. */
  Put: (c: Context) => ask(c, 'Put'),
  SendHome: (c: Context) => {
    const { requester, serial } = order(c)
    send(c, c.from, 'PageHome', requester, serial, 'page')
  },
  Done: (c: Context) => reportHome(c, 'Done'),
  LostAck: (c: Context) => reportHome(c, 'LostAck'),
  InvAck: (c: Context) => {
    const { requester, serial } = order(c)
    send(c, c.from, 'InvAck', requester, serial, 'none')
  },
  SendRead: (c: Context) => sendPage(c, 'PageRead'),
  SendWrite: (c: Context) => sendPage(c, 'PageWrite'),
  Downgrade: (c: Context) => pageEffect(c, 'Downgrade'),
  Copy: (c: Context) => pageEffect(c, 'Copy'),
  Punch: (c: Context) => pageEffect(c, 'Punch'),
  Poison: (c: Context) => pageEffect(c, 'Poison'),
  Retry: (c: Context) => pageEffect(c, 'Retry'),
} as const

export const homeActions = {
  /** The request in hand is the one that is served from now on, over several steps. */
  Begin: (c: Context) => {
    const { requester, serial } = order(c)
    c.pages.transactions.set(c.page, { requester, serial, awaited: [] })
  },
  GrantReadZero: (c: Context) => grant(c, 'PageRead', 'zero'),
  GrantWriteZero: (c: Context) => grant(c, 'PageWrite', 'zero'),
  GrantKept: (c: Context) => grant(c, 'PageWrite', 'kept'),
  TellLost: (c: Context) => grant(c, 'PageLost', 'none'),
  FetchRead: (c: Context) => fetch(c, 'FetchRead'),
  FetchWrite: (c: Context) => fetch(c, 'FetchWrite'),
  /** All copies but the owner's go. */
  InvSharers: (c: Context) => invalidateBut(c, ownerOf(c.pages, c.page)),
  /** All copies but the requester's go, and it owns the page. */
  InvOthers: (c: Context) => invalidateBut(c, serving(c).requester),
  Acked: (c: Context) => {
    const now = serving(c)
    now.awaited = now.awaited.filter((node) => node !== c.from)
  },
  AddSharer: (c: Context) => addSharer(c.pages, c.page, served(c).requester),
  /** The requester owns the page and is the only one with a copy. */
  Own: (c: Context) => own(c, served(c).requester),
  /** The bytes are gone. */
  Forget: (c: Context) => {
    clearSharers(c.pages, c.page)
    setOwner(c.pages, c.page, NO_NODE)
  },
  GrantDrop: (c: Context) => grant(c, 'Drop', 'none'),
  GrantKeep: (c: Context) => grant(c, 'Keep', 'none'),
  Take: (c: Context) => grant(c, 'Take', 'none'),
  /** The page that was put is this node's own copy now. What a thread here has asked for is in it. */
  Here: (c: Context) => {
    const { pages, page, state, effects } = c
    const waiting = pages.stalled.get(page)?.filter(({ requester }) => requester !== state.self)
    if (waiting?.length === 0) pages.stalled.delete(page)
    else if (waiting !== undefined) pages.stalled.set(page, waiting)
    effects.push({ do: 'Fill', segment: pages.segment, page, bytes: 'page' })
    own(c, state.self)
    send(c, state.self, 'Here', state.self, 0, 'none')
  },
  /** Whose acknowledgement is awaited: others may not write before its threads cannot read any more. */
  DropSender: (c: Context) => {
    dropSharer(c.pages, c.page, c.from)
    serving(c).awaited = [c.from]
  },
  DropLost: (c: Context) => dropSharer(c.pages, c.page, c.from),
  /** Any node with a copy will do: while the page is shared all copies are equal. */
  ElectOwner: (c: Context) => setOwner(c.pages, c.page, sharersOf(c.pages, c.page)[0] ?? NO_NODE),
} as const

function send(
  { pages, page, effects }: Context,
  to: NodeId,
  type: CoherenceType,
  requester: NodeId,
  serial: number,
  bytes: CoherenceMessage['bytes'],
  confirm = false,
): void {
  effects.push({ do: 'Send', to, message: { type, segment: pages.segment, page, requester, serial, bytes, confirm } })
}

function ask(c: Context, type: 'GetRead' | 'GetWrite' | 'Put'): void {
  send(c, homeOf(c.pages, c.page), type, c.state.self, nextSerial(c.pages, c.page), 'none')
}

function reportHome(c: Context, type: 'Done' | 'LostAck'): void {
  send(c, homeOf(c.pages, c.page), type, c.state.self, copySerial(c.pages, c.page), 'none')
}

function sendPage(c: Context, type: 'PageRead' | 'PageWrite'): void {
  const { requester, serial, confirm } = order(c)
  send(c, requester, type, requester, serial, 'page', confirm)
}

function grant(c: Context, type: CoherenceType, bytes: 'zero' | 'kept' | 'none'): void {
  const { requester, serial } = served(c)
  send(c, requester, type, requester, serial, bytes)
}

function fetch(c: Context, type: 'FetchRead' | 'FetchWrite'): void {
  const { requester, serial } = served(c)
  // A request that is served over several steps ends with Done.
  send(c, ownerOf(c.pages, c.page), type, requester, serial, 'none', c.pages.transactions.has(c.page))
}

function invalidateBut(c: Context, keeper: NodeId): void {
  const now = serving(c)
  now.awaited = sharersOf(c.pages, c.page).filter((node) => node !== keeper)
  for (const node of now.awaited) send(c, node, 'Inv', now.requester, now.serial, 'none')
  own(c, keeper)
}

function own(c: Context, owner: NodeId): void {
  clearSharers(c.pages, c.page)
  addSharer(c.pages, c.page, owner)
  setOwner(c.pages, c.page, owner)
}

function install({ pages, page, effects }: Context, access: 'read' | 'write', bytes: 'page' | 'zero' | 'kept'): void {
  effects.push({ do: 'Install', segment: pages.segment, page, access, bytes, twin: false })
}

function pageEffect(
  { pages, page, effects }: Context,
  what: 'Downgrade' | 'Copy' | 'Punch' | 'Poison' | 'Retry',
): void {
  effects.push({ do: what, segment: pages.segment, page })
}

function order(c: Context): CoherenceMessage {
  if (c.message === undefined) throw blame(c, 'an action without the message that it answers')
  return c.message
}

function received(c: Context): 'page' | 'zero' {
  const { bytes } = order(c)
  if (bytes === 'page' || bytes === 'zero') return bytes
  throw blame(c, `a page with bytes ${bytes}`)
}

/** The request that is served: over several steps, or in this one. */
function served(c: Context): Pick<Transaction, 'requester' | 'serial'> {
  return c.pages.transactions.get(c.page) ?? order(c)
}

/** The request that is served over several steps. */
function serving(c: Context): Transaction {
  const now = c.pages.transactions.get(c.page)
  if (now === undefined) throw blame(c, 'an action without a request that is served')
  return now
}
