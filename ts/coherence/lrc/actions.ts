/** lrc: what the names in the cells do. No action decides anything. */
import { NO_NODE, type NodeId } from '../../base/ids.js'
import { addSharer, clearSharers, dropSharer, sharersOf } from '../copyset.js'
import type { CoherenceMessage, CoherenceType } from '../messages.js'
import { copySerial, homeOf, nextSerial, ownerOf, setOwner } from '../state.js'
import { blame, type Context } from '../table.js'
import type { Batch } from './batch.js'
import type { CopyAction } from './copy.table.js'
import type { HomeAction } from './home.table.js'
import { addPage, deletePage } from './state.js'

type Actions<A extends string> = Readonly<Record<A, (context: Context) => void>>

export const copyActions: Actions<CopyAction> = {
  GetRead: (c) => ask(c, 'GetRead'),
  GetWrite: (c) => ask(c, 'GetWrite'),
  KeepRead: (c) => install(c, 'read', 'kept', false),
  KeepWrite: (c) => install(c, 'write', 'kept', false),
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
  SendHome: (c) => sendHome(c, 'page'),
  SendHomeKept: (c) => sendHome(c, 'kept'),
  AckKept: (c) => void (batch(c).kept[batch(c).at] = 1),
  NotifySharers: notifySharers,
  Punch: (c) => pageEffect(c, 'Punch'),
  Poison: (c) => pageEffect(c, 'Poison'),
}

export const homeActions: Actions<HomeAction> = {
  /** The page is on its way home, for the request in hand. */
  Begin: (c) => {
    const { requester, serial } = order(c)
    c.pages.transactions.set(c.page, { requester, serial, awaited: [] })
  },
  /** The request in hand waits, before all others. */
  Wait: (c) => void c.pages.stalled.set(c.page, [order(c), ...(c.pages.stalled.get(c.page) ?? [])]),
  FetchRead: (c) => {
    const { requester, serial } = order(c)
    send(c, ownerOf(c.pages, c.page), 'FetchRead', requester, serial, 'none')
  },
  MasterZero: (c) => fill(c, 'zero'),
  MasterPage: (c) => fill(c, 'page'),
  MasterGone: (c) => pageEffect(c, 'Punch'),
  Patch: (c) => c.effects.push({ do: 'Patch', segment: c.pages.segment, page: c.page, diff: batch(c).at }),
  NotifySharers: notifySharers,
  AddSharer: (c) => addSharer(c.pages, c.page, order(c).requester),
  DropSender: (c) => dropSharer(c.pages, c.page, c.from),
  DropLost: (c) => dropSharer(c.pages, c.page, c.from),
  /** The requester has the page alone. */
  Own: (c) => own(c, order(c).requester),
  OwnSender: (c) => own(c, c.from),
  /** Who had the page alone goes on as a sharer. */
  ShareOwn: (c) => setOwner(c.pages, c.page, NO_NODE),
  Forget: (c) => {
    clearSharers(c.pages, c.page)
    setOwner(c.pages, c.page, NO_NODE)
  },
  Copy: (c) => pageEffect(c, 'Copy'),
  SendRead: (c) => answer(c, 'PageRead', 'page'),
  SendWrite: (c) => answer(c, 'PageWrite', 'page'),
  SendOnly: (c) => answer(c, 'PageOnly', 'page'),
  GrantReadZero: (c) => answer(c, 'PageRead', 'zero'),
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

function ask(c: Context, type: 'GetRead' | 'GetWrite'): void {
  send(c, homeOf(c.pages, c.page), type, c.state.self, nextSerial(c.pages, c.page), 'none')
}

function answer(c: Context, type: CoherenceType, bytes: CoherenceMessage['bytes']): void {
  const { requester, serial } = order(c)
  send(c, requester, type, requester, serial, bytes)
}

function sendHome(c: Context, bytes: 'page' | 'kept'): void {
  send(c, homeOf(c.pages, c.page), 'PageHome', c.state.self, copySerial(c.pages, c.page), bytes)
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
  what: 'Downgrade' | 'Copy' | 'Punch' | 'Poison' | 'DropTwin',
): void {
  effects.push({ do: what, segment: pages.segment, page })
}

function diff(c: Context, stale: 0 | 1): void {
  const { pages, page, effects } = c
  effects.push({ do: 'Diff', segment: pages.segment, page })
  batch(c).flushed.push({ segment: pages.segment, page, stale })
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

function received(c: Context): 'page' | 'zero' | 'kept' {
  const { bytes } = order(c)
  if (bytes === 'none') throw blame(c, 'a page without bytes')
  return bytes
}
