/**
 * mrsw: one page as one node sees it. Multiple readers, single writer, write-invalidate, fixed
 * distributed homes: Li & Hudak, "Memory Coherence in Shared Virtual Memory Systems", TOCS 7(4)
 * 1989, section 3.1 (the fixed distributed manager); differing from it, the home invalidates.
 *
 *   I no copy   S readable   M writable   X lost: every access is SIGBUS
 *   IS_D IM_D awaiting the page; SM_A readable, awaiting ownership
 *
 * The order of the actions that take a page away is law 4: Downgrade, Copy, Punch, then send.
 */
import { to, type Table } from '../table.js'
import type { CopyAction } from './actions.js'

export const COPY_STATES = ['I', 'S', 'M', 'IS_D', 'IM_D', 'SM_A', 'X'] as const
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
  'Stale', // an answer that nobody awaits any more: its sender was lost and the home asked again
] as const
export type CopyEvent = (typeof COPY_EVENTS)[number]

const never = 'never'

export const copyTable: Table<CopyState, CopyEvent, CopyAction> = {
  I: {
    Read: to('IS_D', 'GetRead'),
    Write: to('IM_D', 'GetWrite'),
    ReadHomeless: to('X', 'Poison'),
    WriteHomeless: to('X', 'Poison'),
    HomeLost: to('I'),
    PageRead: never,
    PageReadConfirm: never,
    PageWrite: never,
    PageWriteConfirm: never,
    PageKept: never,
    PageLost: never,
    Inv: never,
    FetchRead: never,
    FetchWrite: never,
    Stale: to('I'),
  },
  S: {
    Read: to('S', 'KeepRead'), // another view, or the same fault twice
    Write: to('SM_A', 'GetWrite'),
    ReadHomeless: to('S', 'KeepRead'),
    WriteHomeless: to('X', 'Punch', 'Poison'),
    HomeLost: to('S'),
    PageRead: never,
    PageReadConfirm: never,
    PageWrite: never,
    PageWriteConfirm: never,
    PageKept: never,
    PageLost: never,
    Inv: to('I', 'Punch', 'InvAck'),
    FetchRead: to('S', 'Copy', 'SendRead'),
    FetchWrite: to('I', 'Copy', 'Punch', 'SendWrite'),
    Stale: to('S'),
  },
  M: {
    Read: to('M', 'KeepWrite'),
    Write: to('M', 'KeepWrite'),
    ReadHomeless: to('M', 'KeepWrite'),
    WriteHomeless: to('M', 'KeepWrite'),
    HomeLost: to('M'),
    PageRead: never,
    PageReadConfirm: never,
    PageWrite: never,
    PageWriteConfirm: never,
    PageKept: never,
    PageLost: never,
    Inv: never, // the only copy is fetched, not invalidated
    FetchRead: to('S', 'Downgrade', 'Copy', 'SendRead'),
    FetchWrite: to('I', 'Downgrade', 'Copy', 'Punch', 'SendWrite'),
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
    Stale: to('SM_A'),
  },
  X: {
    Read: to('X', 'Poison'), // another view
    Write: to('X', 'Poison'),
    ReadHomeless: to('X', 'Poison'),
    WriteHomeless: to('X', 'Poison'),
    HomeLost: to('X'),
    PageRead: never,
    PageReadConfirm: never,
    PageWrite: never,
    PageWriteConfirm: never,
    PageKept: never,
    PageLost: never,
    Inv: never, // a node that lost the page is in no copyset
    FetchRead: never,
    FetchWrite: never,
    Stale: to('X'),
  },
}
