/**
 * srsw: one page as one node sees it. Single reader or single writer: there is one copy, and every
 * fault, to read or to write, brings it here (page migration: Li & Hudak, "Memory Coherence in Shared
 * Virtual Memory Systems", TOCS 7(4) 1989, section 2; Stumm & Zhou, "Algorithms Implementing
 * Distributed Shared Memory", IEEE Computer 23(5) 1990). Homes as in mrsw.
 *
 *   I no copy   M the only copy, writable   X lost: every access is SIGBUS   IM_D awaiting the page
 *   ME_A writable, and to be evicted: awaiting the home's word; IE_A the same, gone meanwhile (mrsw has why)
 *
 * A page that comes for a read is writable at once. Nobody else has a copy that a write would have to
 * be kept from, so a readable state would protect nothing, and cost each first write after a read a
 * fault of its own. So all requests are GetWrite.
 *
 * The order of the actions that take a page away is law 4: Downgrade, Copy, Punch, then send.
 */
import { to, type Table } from '../table.js'
import type { CopyAction } from './actions.js'

export const COPY_STATES = ['I', 'M', 'IM_D', 'ME_A', 'IE_A', 'X'] as const
export type CopyState = (typeof COPY_STATES)[number]

export const COPY_EVENTS = [
  'Fault', // of a local thread, to read or to write; the page's home lives
  'FaultHomeless', // the same, and the page's home is lost
  'HomeLost', // the page's home has just been lost
  'PageWrite', // the awaited answer
  'PageWriteConfirm', // the same, and the home awaits Done
  'PageLost', // no live node has the bytes
  'FetchWrite',
  'Evict', // no memory here for it any more
  'Drop', // the home's word
  'Keep',
  'Take',
  'Here', // this node is the home, and the page was put
  'Stale', // PageLost, and the page has come after all; or the page, and PageLost has come before
] as const
export type CopyEvent = (typeof COPY_EVENTS)[number]

const never = 'never'

const NO_PUT = { Drop: never, Keep: never, Take: never, Here: never } as const

export const copyTable: Table<CopyState, CopyEvent, CopyAction> = {
  I: {
    Fault: to('IM_D', 'GetWrite'),
    FaultHomeless: to('X', 'Poison'),
    HomeLost: to('I'),
    PageWrite: never,
    PageWriteConfirm: never,
    PageLost: never,
    FetchWrite: never,
    Evict: to('I'),
    Drop: never,
    Keep: never,
    Take: never,
    Here: to('M'),
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
    Evict: to('ME_A', 'Put'),
    ...NO_PUT,
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
    Evict: to('IM_D'),
    Drop: never,
    Keep: never,
    Take: never,
    Here: to('M', 'KeepWrite'),
    Stale: never,
  },
  ME_A: {
    Fault: to('ME_A', 'KeepWrite'),
    FaultHomeless: never,
    HomeLost: to('M', 'Retry'),
    PageWrite: never,
    PageWriteConfirm: never,
    PageLost: never,
    FetchWrite: to('IE_A', 'Downgrade', 'Copy', 'Punch', 'SendWrite'),
    Evict: to('ME_A'),
    Drop: never, // nobody else has a copy
    Keep: to('M', 'Retry'),
    Take: to('I', 'Downgrade', 'Copy', 'Punch', 'SendHome', 'Retry'),
    Here: never,
    Stale: to('ME_A'),
  },
  IE_A: {
    Fault: to('IE_A'), // a node asks its home for one thing at a time
    FaultHomeless: never,
    HomeLost: to('I', 'Retry'),
    PageWrite: never,
    PageWriteConfirm: never,
    PageLost: never,
    FetchWrite: never,
    Evict: to('IE_A'),
    Drop: to('I', 'Retry'),
    Keep: never,
    Take: never,
    Here: never,
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
    Evict: to('X'),
    ...NO_PUT,
    Stale: to('X'),
  },
}
