/** lrc: what the names in the cells do. No action decides anything. */
import { NO_NODE, type NodeId } from '../../base/ids.js'
import { addSharer, clearSharers, dropSharer, sharersOf } from '../copyset.js'
import type { CoherenceMessage, CoherenceType } from '../messages.js'
import { askedOf, copySerial, firstHomeOf, homeOf, nextSerial, setAsked, setHomeOf, setOwner } from '../state.js'
import { blame, type Context } from '../table.js'
import type { Batch } from './batch.js'
import type { CopyAction } from './copy.table.js'
import type { HomeAction } from './home.table.js'
import { addPage, deletePage } from './state.js'

type Actions<A extends string> = Readonly<Record<A, (context: Context) => void>>

export const copyActions: Actions<CopyAction> = {
  GetRead: (c) => ask(c, 'GetRead', homeOf(c.pages, c.page)),
  GetWrite: (c) => ask(c, 'GetWrite', homeOf(c.pages, c.page)),
  PursueRead: (c) => ask(c, 'GetRead', order(c).requester),
  PursueWrite: (c) => ask(c, 'GetWrite', order(c).requester),
  /** Who answers with the page is its home. */
  Found: (c) => setHomeOf(c.pages, c.page, c.from),
  KeepRead: (c) => install(c, 'read', 'kept', false),
  KeepWrite: (c) => {
    setAsked(c.pages, c.page, undefined)
    install(c, 'write', 'kept', false)
  },
  KeepTwin: (c) => install(c, 'write', 'kept', true),
  InstallRead: (c) => install(c, 'read', received(c), false),
  InstallWrite: (c) => install(c, 'write', received(c), false),
  InstallTwin: (c) => install(c, 'write', received(c), true),
  Dirty: (c) => addPage(c.state.edges.dirty, c.pages.segment, c.page),
  Clean: (c) => deletePage(c.state.edges.dirty, c.pages.segment, c.page),
  Noticed: (c) => addPage(c.state.edges.stale, c.pages.segment, c.page),
  Forgotten: (c) => deletePage(c.state.edges.stale, c.pages.segment, c.page),
  Downgrade: (c) => pageEffect(c, 'Downgrade'),
  Diff: (c) => diff(c, 0),
  DiffStale: (c) => diff(c, 1),
  DropTwin: (c) => pageEffect(c, 'DropTwin'),
  Copy: (c) => pageEffect(c, 'Copy'),
  SendBack: (c) => send(c, firstHomeOf(c.pages, c.page), 'PageHome', c.state.self, copySerial(c.pages, c.page), 'page'),
  /** Whom from, and whether its first home has to be told, says the message. */
  TakeHome: (c) => send(c, c.state.self, 'MovedHere', c.from, 0, 'none'),
  MasterPage: (c) => fill(c, 'page'),
  AckKept: (c) => void (batch(c).kept[batch(c).at] = 1),
  NotifySharers: notifySharers,
  Patch: patch,
  Whole: (c) => pageEffect(c, 'Whole'),
  Punch: (c) => pageEffect(c, 'Punch'),
  Poison: (c) => over(c, 'Poison'),
  Retry: (c) => over(c, 'Retry'),
}

export const homeActions: Actions<HomeAction> = {
  /** The request in hand waits, before all others, until this node's threads have stopped writing. */
  Begin: (c) => {
    const { requester, serial } = order(c)
    c.pages.transactions.set(c.page, { requester, serial, awaited: [] })
  },
  Wait: (c) => void c.pages.stalled.set(c.page, [order(c), ...(c.pages.stalled.get(c.page) ?? [])]),
  FetchRead: (c) => send(c, c.state.self, 'FetchRead', order(c).requester, order(c).serial, 'none'),
  MasterZero: (c) => fill(c, 'zero'),
  MasterGone: (c) => pageEffect(c, 'Punch'),
  Patch: patch,
  NotifySharers: notifySharers,
  AddSharer: (c) => addSharer(c.pages, c.page, order(c).requester),
  DropSender: (c) => dropSharer(c.pages, c.page, c.from),
  DropLost: (c) => dropSharer(c.pages, c.page, c.from),
  /** The requester, this node, has the page alone. */
  Own: (c) => own(c, c.state.self),
  OwnHere: (c) => {
    setHomeOf(c.pages, c.page, c.state.self)
    own(c, c.state.self)
  },
  /** Who had the page alone goes on as a sharer. */
  ShareOwn: (c) => setOwner(c.pages, c.page, NO_NODE),
  /** Who has flushed it last. */
  Writer: (c) => setOwner(c.pages, c.page, c.from),
  NoWriter: (c) => setOwner(c.pages, c.page, NO_NODE),
  Give: (c) => give(c, order(c).requester),
  GiveSender: (c) => give(c, c.from),
  GoBack: (c) => give(c, firstHomeOf(c.pages, c.page)),
  HomeHere: (c) => give(c, c.state.self),
  Follow: (c) => setHomeOf(c.pages, c.page, c.from),
  Note: (c) => send(c, c.from, 'MovedNoted', c.from, 0, 'none'),
  TellFirst: (c) => {
    addPage(c.state.edges.untold, c.pages.segment, c.page)
    send(c, firstHomeOf(c.pages, c.page), 'MovedHere', c.state.self, 0, 'none')
  },
  Settled: (c) => deletePage(c.state.edges.untold, c.pages.segment, c.page),
  Back: (c) => send(c, c.state.self, 'Here', c.state.self, 0, 'none'),
  TellMoved: (c) => send(c, order(c).requester, 'Moved', homeOf(c.pages, c.page), 0, 'none'),
  Copy: (c) => pageEffect(c, 'Copy'),
  SendRead: (c) => answer(c, 'PageRead', 'page'),
  SendWrite: (c) => answer(c, 'PageWrite', 'page'),
  SendOnly: (c) => answer(c, 'PageOnly', 'page'),
  GrantOnlyZero: (c) => answer(c, 'PageOnly', 'zero'),
  GrantReadKept: (c) => answer(c, 'PageRead', 'kept'),
  GrantWriteKept: (c) => answer(c, 'PageWrite', 'kept'),
  GrantOnlyKept: (c) => answer(c, 'PageOnly', 'kept'),
  TellLost: (c) => answer(c, 'PageLost', 'none'),
}

function own({ pages, page }: Context, node: NodeId): void {
  clearSharers(pages, page)
  addSharer(pages, page, node)
  setOwner(pages, page, node)
}

/** Nobody has a copy that this node knows of. */
function give({ pages, page }: Context, home: NodeId): void {
  clearSharers(pages, page)
  setOwner(pages, page, NO_NODE)
  setHomeOf(pages, page, home)
}

function send(
  { pages, page, effects }: Context,
  to: NodeId,
  type: CoherenceType,
  requester: NodeId,
  serial: number,
  bytes: CoherenceMessage['bytes'],
): void {
  const message = { type, segment: pages.segment, page, requester, serial, bytes, confirm: false }
  effects.push({ do: 'Send', to, message })
}

/** A request that goes on to another node keeps its number. */
function ask(c: Context, type: 'GetRead' | 'GetWrite', home: NodeId): void {
  const { pages, page, state } = c
  const serial = askedOf(pages, page) === undefined ? nextSerial(pages, page) : copySerial(pages, page)
  setAsked(pages, page, home)
  send(c, home, type, state.self, serial, 'none')
}

function answer(c: Context, type: CoherenceType, bytes: CoherenceMessage['bytes']): void {
  const { requester, serial } = order(c)
  send(c, requester, type, requester, serial, bytes)
}

function install(c: Context, access: 'read' | 'write', bytes: 'page' | 'zero' | 'kept', twin: boolean): void {
  const { pages, page, effects } = c
  effects.push({ do: 'Install', segment: pages.segment, page, access, bytes, twin })
}

function fill({ pages, page, effects }: Context, bytes: 'page' | 'zero'): void {
  effects.push({ do: 'Fill', segment: pages.segment, page, bytes })
}

function pageEffect(
  { pages, page, effects }: Context,
  what: 'Downgrade' | 'Copy' | 'Punch' | 'Poison' | 'Retry' | 'DropTwin' | 'Whole',
): void {
  effects.push({ do: what, segment: pages.segment, page })
}

/** Nothing is asked for any more. */
function over(c: Context, what: 'Poison' | 'Retry'): void {
  setAsked(c.pages, c.page, undefined)
  pageEffect(c, what)
}

function diff(c: Context, stale: 0 | 1): void {
  const { pages, page, effects } = c
  effects.push({ do: 'Diff', segment: pages.segment, page })
  batch(c).flushed.push({ segment: pages.segment, page, stale })
}

function patch(c: Context): void {
  c.effects.push({ do: 'Patch', segment: c.pages.segment, page: c.page, diff: batch(c).at })
}

function notifySharers(c: Context): void {
  const { state, pages, page, from } = c
  const { told } = batch(c)
  for (const node of sharersOf(pages, page)) {
    if (node === from || node === state.self) continue
    const list = told.get(node)
    const name = { segment: pages.segment, page }
    if (list === undefined) told.set(node, [name])
    else list.push(name)
  }
}

function batch(c: Context): Batch {
  if (c.batch === undefined) throw blame(c, 'an action of an acquire, a release or a notice outside of one')
  return c.batch
}

function order(c: Context): CoherenceMessage {
  if (c.message === undefined) throw blame(c, 'an action without the message that it answers')
  return c.message
}

/** What was asked for has come. */
function received(c: Context): 'page' | 'zero' | 'kept' {
  setAsked(c.pages, c.page, undefined)
  const { bytes } = order(c)
  if (bytes === 'none') throw blame(c, 'a page without bytes')
  return bytes
}
