/**
 * srsw: one page as one node sees it. Single reader or single writer: there is one copy, and every
 * fault, to read or to write, brings it here (page migration: Li & Hudak, "Memory Coherence in Shared
 * Virtual Memory Systems", TOCS 7(4) 1989, section 2; Stumm & Zhou, "Algorithms Implementing
 * Distributed Shared Memory", IEEE Computer 23(5) 1990). Homes as in mrsw.
 *
 *   I no copy   M the only copy, writable   X lost: every access is SIGBUS   IM_D awaiting the page
 *
 * A page that comes for a read is writable at once. Nobody else has a copy that a write would have to
 * be kept from, so a readable state would protect nothing, and cost each first write after a read a
 * fault of its own. So all requests are GetWrite.
 *
 * The order of the actions that take a page away is law 4: Downgrade, Copy, Punch, then send.
 */
import { to, type Table } from '../table.js'
import type { CopyAction } from './actions.js'

export const COPY_STATES = ['I', 'M', 'IM_D', 'X'] as const
export type CopyState = (typeof COPY_STATES)[number]

export const COPY_EVENTS = [
  'Fault', // of a local thread, to read or to write; the page's home lives
  'FaultHomeless', // the same, and the page's home is lost
  'HomeLost', // the page's home has just been lost
  'PageWrite', // the awaited answer
  'PageWriteConfirm', // the same, and the home awaits Done
  'PageLost', // no live node has the bytes
  'FetchWrite',
  'Stale', // PageLost, and the page has come after all; or the page, and PageLost has come before
] as const
export type CopyEvent = (typeof COPY_EVENTS)[number]

const never = 'never'

export const copyTable: Table<CopyState, CopyEvent, CopyAction> = {
  I: {
    Fault: to('IM_D', 'GetWrite'),
    FaultHomeless: to('X', 'Poison'),
    HomeLost: to('I'),
    PageWrite: never,
    PageWriteConfirm: never,
    PageLost: never,
    FetchWrite: never,
    Stale: never, // PageLost is ahead of any order on the home's link
  },
  M: {
    Fault: to('M', 'KeepWrite'), // another view, or the same fault twice
    FaultHomeless: to('M', 'KeepWrite'),
    HomeLost: to('M'),
    PageWrite: never,
    PageWriteConfirm: never,
    PageLost: never,
    FetchWrite: to('I', 'Downgrade', 'Copy', 'Punch', 'SendWrite'),
    Stale: to('M'),
  },
  IM_D: {
    Fault: to('IM_D'),
    FaultHomeless: never, // HomeLost has come before
    HomeLost: to('X', 'Poison'),
    PageWrite: to('M', 'InstallWrite'),
    PageWriteConfirm: to('M', 'InstallWrite', 'Done'),
    PageLost: to('X', 'Poison', 'LostAck'),
    FetchWrite: never,
    Stale: never,
  },
  X: {
    Fault: to('X', 'Poison'), // another view
    FaultHomeless: to('X', 'Poison'),
    HomeLost: to('X'),
    PageWrite: never,
    PageWriteConfirm: never,
    PageLost: never,
    FetchWrite: never, // a node that lost the page does not own it
    Stale: to('X'),
  },
}
