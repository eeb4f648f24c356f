/**
 * lrc, one page as its home sees it. The home's frame is the master copy, except while another node
 * has the page alone. Nothing is serialised but that: reads, writes and diffs of many nodes may be
 * under way at once.
 */
import { to, type Table } from '../table.js'

export const HOME_STATES = [
  'U', // untouched: zeros, no frame anywhere
  'S', // the master copy is here; the copyset has every node with a copy that an acquire may find
  'E', // the owner has the page alone: here, or elsewhere, and then nothing is here
  'B', // the owner was told to send the page home; requests wait
  'L', // lost with the node that had it alone
] as const
export type HomeState = (typeof HOME_STATES)[number]

export const HOME_SETTLED: ReadonlySet<HomeState> = new Set(['U', 'S', 'E', 'L'])

export const HOME_EVENTS = [
  'GetRead',
  'GetReadHome', // of this very node
  'GetWrite', // others have copies
  'GetWriteAlone', // nobody else has one
  'GetWriteHome',
  'GetWriteHomeAlone',
  'Busy', // a request that finds another being served, or waiting already
  'PageHome', // the page of the node that had it alone
  'PageHomeKept', // the same: it was this node
  'Diff', // a sharer's changes; it keeps its copy
  'DiffStale', // the same, and it drops its copy
  'Alone', // a sharer has flushed it, and nobody else has it
  'Dropped', // a sharer has taken in a notice and has nothing to lose: it drops its copy
  'SharerLost',
  'OwnerLost', // the node that had the page alone, or was told to send it
] as const
export type HomeEvent = (typeof HOME_EVENTS)[number]

export type HomeAction =
  | 'Begin'
  | 'Wait'
  | 'FetchRead'
  | 'MasterZero'
  | 'MasterPage'
  | 'MasterGone'
  | 'Patch'
  | 'NotifySharers'
  | 'AddSharer'
  | 'DropSender'
  | 'DropLost'
  | 'Own'
  | 'OwnSender'
  | 'ShareOwn'
  | 'Forget'
  | 'Copy'
  | 'SendRead'
  | 'SendWrite'
  | 'SendOnly'
  | 'GrantReadZero'
  | 'GrantOnlyZero'
  | 'GrantReadKept'
  | 'GrantWriteKept'
  | 'GrantOnlyKept'
  | 'TellLost'

export const homeTable: Table<HomeState, HomeEvent, HomeAction> = {
  U: {
    GetRead: to('S', 'MasterZero', 'AddSharer', 'GrantReadZero'),
    GetReadHome: to('S', 'MasterZero', 'AddSharer', 'GrantReadKept'),
    GetWrite: 'never',
    GetWriteAlone: to('E', 'Own', 'GrantOnlyZero'),
    GetWriteHome: 'never',
    GetWriteHomeAlone: to('E', 'MasterZero', 'Own', 'GrantOnlyKept'),
    Busy: 'never',
    PageHome: 'never',
    PageHomeKept: 'never',
    Diff: 'never',
    DiffStale: 'never',
    Alone: 'never',
    Dropped: 'never',
    SharerLost: 'never',
    OwnerLost: 'never',
  },
  S: {
    GetRead: to('S', 'AddSharer', 'Copy', 'SendRead'),
    GetReadHome: to('S', 'AddSharer', 'GrantReadKept'),
    GetWrite: to('S', 'AddSharer', 'Copy', 'SendWrite'),
    GetWriteAlone: to('E', 'Own', 'Copy', 'MasterGone', 'SendOnly'),
    GetWriteHome: to('S', 'AddSharer', 'GrantWriteKept'),
    GetWriteHomeAlone: to('E', 'Own', 'GrantOnlyKept'),
    Busy: 'stall',
    PageHome: 'never',
    PageHomeKept: 'never',
    Diff: to('S', 'Patch', 'NotifySharers'),
    DiffStale: to('S', 'Patch', 'NotifySharers', 'DropSender'),
    Alone: to('E', 'OwnSender', 'MasterGone'),
    Dropped: to('S', 'DropSender'),
    SharerLost: to('S', 'DropLost'),
    OwnerLost: 'never',
  },
  E: {
    // The request is served as from S, when the page is back.
    GetRead: to('B', 'Begin', 'Wait', 'FetchRead'),
    GetReadHome: to('B', 'Begin', 'Wait', 'FetchRead'),
    GetWrite: to('B', 'Begin', 'Wait', 'FetchRead'),
    GetWriteAlone: 'never',
    GetWriteHome: to('B', 'Begin', 'Wait', 'FetchRead'),
    GetWriteHomeAlone: 'never',
    Busy: 'stall',
    PageHome: to('S', 'MasterPage', 'Forget'), // evicted
    PageHomeKept: 'never',
    Diff: to('E'), // of before it was told that it is alone: it has the whole page
    DiffStale: 'never',
    Alone: 'never',
    Dropped: 'never',
    SharerLost: 'never',
    OwnerLost: to('L', 'Forget'),
  },
  B: {
    GetRead: 'never',
    GetReadHome: 'never',
    GetWrite: 'never',
    GetWriteAlone: 'never',
    GetWriteHome: 'never',
    GetWriteHomeAlone: 'never',
    Busy: 'stall',
    PageHome: to('S', 'MasterPage', 'ShareOwn'), // or evicted meanwhile: as a clean copy is, untold
    PageHomeKept: to('S', 'ShareOwn'),
    Diff: to('B'), // of before it was told that it is alone: it has the whole page
    DiffStale: 'never',
    Alone: 'never',
    Dropped: 'never',
    SharerLost: 'never',
    OwnerLost: to('L', 'Forget'),
  },
  L: {
    GetRead: to('L', 'TellLost'),
    GetReadHome: to('L', 'TellLost'),
    GetWrite: 'never',
    GetWriteAlone: to('L', 'TellLost'),
    GetWriteHome: 'never',
    GetWriteHomeAlone: to('L', 'TellLost'),
    Busy: 'stall',
    PageHome: 'never',
    PageHomeKept: 'never',
    Diff: 'never',
    DiffStale: 'never',
    Alone: 'never',
    Dropped: 'never',
    SharerLost: 'never',
    OwnerLost: 'never',
  },
}
