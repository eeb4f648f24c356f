/**
 * mrsw: one page as one node sees it. Multiple readers, single writer, write-invalidate, fixed
 * distributed homes: Li & Hudak, "Memory Coherence in Shared Virtual Memory Systems", TOCS 7(4)
 * 1989, section 3.1 (the fixed distributed manager); differing from it, the home invalidates.
 *
 *   I no copy   S readable   M writable   X lost: every access is SIGBUS
 *   IS_D IM_D awaiting the page; SM_A readable, awaiting ownership
 *   SE_A ME_A readable, writable, and to be evicted: awaiting the home's word; IE_A the same, gone meanwhile
 *
 * A copy is evicted with its home's word only, for the home counts on it: whoever has a copy need not be sent
 * the bytes, and may be told to send them. The home says Drop where others have the page, else Take, or Keep if it
 * has no memory either. What is wanted here meanwhile, and cannot be had, is tried again afterwards (Retry).
 *
 * The order of the actions that take a page away is law 4: Downgrade, Copy, Punch, then send.
 */
import { to, type Table } from '../table.js'
import type { CopyAction } from './actions.js'

export const COPY_STATES = ['I', 'S', 'M', 'IS_D', 'IM_D', 'SM_A', 'SE_A', 'ME_A', 'IE_A', 'X'] as const
export type CopyState = (typeof COPY_STATES)[number]

export const COPY_EVENTS = [
  'Read', // a local thread faulted, the page's home lives
  'Write',
  'ReadHomeless', // a local thread faulted, the page's home is lost
  'WriteHomeless',
  'HomeLost', // the page's home has just been lost
  'PageRead', // the awaited answers: a copy to read
  'PageReadConfirm', // the same, and the home awaits Done
  'PageWrite', // the only copy
  'PageWriteConfirm', // the same, and the home awaits Done
  'PageKept', // the copy here is the only one now
  'PageLost', // no live node has the bytes
  'Inv',
  'FetchRead',
  'FetchWrite',
  'Evict', // no memory here for it any more
  'Drop', // the home's word
  'Keep',
  'Take',
  'Here', // this node is the home, and the page was put
  'Stale', // an answer that nobody awaits any more: its sender was lost and the home asked again
] as const
export type CopyEvent = (typeof COPY_EVENTS)[number]

const never = 'never'

/** No Put of this node is under way, and it is no home that has just taken the page. */
const NO_PUT = { Drop: never, Keep: never, Take: never, Here: never } as const
const NO_PAGE = {
  PageRead: never,
  PageReadConfirm: never,
  PageWrite: never,
  PageWriteConfirm: never,
  PageKept: never,
  PageLost: never,
} as const

export const copyTable: Table<CopyState, CopyEvent, CopyAction> = {
  I: {
    Read: to('IS_D', 'GetRead'),
    Write: to('IM_D', 'GetWrite'),
    ReadHomeless: to('X', 'Poison'),
    WriteHomeless: to('X', 'Poison'),
    HomeLost: to('I'),
    ...NO_PAGE,
    Inv: never,
    FetchRead: never,
    FetchWrite: never,
    Evict: to('I'),
    Drop: never,
    Keep: never,
    Take: never,
    Here: to('M'),
    Stale: to('I'),
  },
  S: {
    Read: to('S', 'KeepRead'), // another view, or the same fault twice
    Write: to('SM_A', 'GetWrite'),
    ReadHomeless: to('S', 'KeepRead'),
    WriteHomeless: to('X', 'Punch', 'Poison'),
    HomeLost: to('S'),
    ...NO_PAGE,
    Inv: to('I', 'Punch', 'InvAck'),
    FetchRead: to('S', 'Copy', 'SendRead'),
    FetchWrite: to('I', 'Copy', 'Punch', 'SendWrite'),
    Evict: to('SE_A', 'Put'),
    ...NO_PUT,
    Stale: to('S'),
  },
  M: {
    Read: to('M', 'KeepWrite'),
    Write: to('M', 'KeepWrite'),
    ReadHomeless: to('M', 'KeepWrite'),
    WriteHomeless: to('M', 'KeepWrite'),
    HomeLost: to('M'),
    ...NO_PAGE,
    Inv: never, // the only copy is fetched, not invalidated
    FetchRead: to('S', 'Downgrade', 'Copy', 'SendRead'),
    FetchWrite: to('I', 'Downgrade', 'Copy', 'Punch', 'SendWrite'),
    Evict: to('ME_A', 'Put'),
    ...NO_PUT,
    Stale: to('M'),
  },
  IS_D: {
    Read: to('IS_D'),
    Write: to('IS_D'), // faults again once it can read
    ReadHomeless: never, // HomeLost has come before
    WriteHomeless: never,
    HomeLost: to('X', 'Poison'),
    PageRead: to('S', 'InstallRead'),
    PageReadConfirm: to('S', 'InstallRead', 'Done'),
    PageWrite: never,
    PageWriteConfirm: never,
    PageKept: never,
    PageLost: to('X', 'Poison', 'LostAck'),
    Inv: never, // behind the page on the home's link, or after Done
    FetchRead: never,
    FetchWrite: never,
    Evict: to('IS_D'),
    Drop: never,
    Keep: never,
    Take: never,
    Here: to('M', 'KeepWrite'),
    Stale: to('IS_D'),
  },
  IM_D: {
    Read: to('IM_D'),
    Write: to('IM_D'),
    ReadHomeless: never,
    WriteHomeless: never,
    HomeLost: to('X', 'Poison'),
    PageRead: never,
    PageReadConfirm: never,
    PageWrite: to('M', 'InstallWrite'),
    PageWriteConfirm: to('M', 'InstallWrite', 'Done'),
    PageKept: never,
    PageLost: to('X', 'Poison', 'LostAck'),
    Inv: never,
    FetchRead: never,
    FetchWrite: never,
    Evict: to('IM_D'),
    Drop: never,
    Keep: never,
    Take: never,
    Here: to('M', 'KeepWrite'),
    Stale: to('IM_D'),
  },
  SM_A: {
    Read: to('SM_A', 'KeepRead'),
    Write: to('SM_A'),
    ReadHomeless: never,
    WriteHomeless: never,
    HomeLost: to('X', 'Punch', 'Poison'),
    PageRead: never,
    PageReadConfirm: never,
    PageWrite: never, // a sharer at the home keeps its bytes; one that lost them is IM_D by now
    PageWriteConfirm: never,
    PageKept: to('M', 'KeepWrite'),
    PageLost: never,
    Inv: to('IM_D', 'Punch', 'InvAck'), // another writer came first
    FetchRead: to('SM_A', 'Copy', 'SendRead'),
    FetchWrite: to('IM_D', 'Copy', 'Punch', 'SendWrite'),
    Evict: to('SM_A'),
    ...NO_PUT,
    Stale: to('SM_A'),
  },
  SE_A: {
    Read: to('SE_A', 'KeepRead'),
    Write: to('SE_A'),
    ReadHomeless: never,
    WriteHomeless: never,
    HomeLost: to('S', 'Retry'),
    ...NO_PAGE,
    Inv: to('IE_A', 'Punch', 'InvAck'),
    FetchRead: to('SE_A', 'Copy', 'SendRead'),
    FetchWrite: to('IE_A', 'Copy', 'Punch', 'SendWrite'),
    Evict: to('SE_A'),
    Drop: to('I', 'Punch', 'InvAck', 'Retry'),
    Keep: to('S', 'Retry'),
    Take: to('I', 'Copy', 'Punch', 'SendHome', 'Retry'),
    Here: never,
    Stale: to('SE_A'),
  },
  ME_A: {
    Read: to('ME_A', 'KeepWrite'),
    Write: to('ME_A', 'KeepWrite'),
    ReadHomeless: never,
    WriteHomeless: never,
    HomeLost: to('M', 'Retry'),
    ...NO_PAGE,
    Inv: never,
    FetchRead: to('SE_A', 'Downgrade', 'Copy', 'SendRead'),
    FetchWrite: to('IE_A', 'Downgrade', 'Copy', 'Punch', 'SendWrite'),
    Evict: to('ME_A'),
    Drop: never, // nobody else has a copy
    Keep: to('M', 'Retry'),
    Take: to('I', 'Downgrade', 'Copy', 'Punch', 'SendHome', 'Retry'),
    Here: never,
    Stale: to('ME_A'),
  },
  IE_A: {
    Read: to('IE_A'), // a node asks its home for one thing at a time
    Write: to('IE_A'),
    ReadHomeless: never,
    WriteHomeless: never,
    HomeLost: to('I', 'Retry'),
    ...NO_PAGE,
    Inv: never,
    FetchRead: never,
    FetchWrite: never,
    Evict: to('IE_A'),
    Drop: to('I', 'Retry'),
    Keep: never,
    Take: never,
    Here: never,
    Stale: to('IE_A'),
  },
  X: {
    Read: to('X', 'Poison'), // another view
    Write: to('X', 'Poison'),
    ReadHomeless: to('X', 'Poison'),
    WriteHomeless: to('X', 'Poison'),
    HomeLost: to('X'),
    ...NO_PAGE,
    Inv: never, // a node that lost the page is in no copyset
    FetchRead: never,
    FetchWrite: never,
    Evict: to('X'),
    ...NO_PUT,
    Stale: to('X'),
  },
}
