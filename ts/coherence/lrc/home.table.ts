/**
 * lrc, one page as its home sees it, or a node that is not. The home's frame is the master copy. Nothing is
 * serialised: reads, writes and diffs of many nodes may be under way at once.
 *
 * Homes move. A page that was never touched is given to the first node that touches it, and one of which nobody
 * else has a copy to the node that writes it: that has it alone then (E) and is its home, in one. A page is given
 * with PageOnly or FlushAck, when no telling of it and no flush of this node is under way, so that nothing of
 * before can come late. Who gives it away knows where to, and says so to who asks (Moved); the first home, which the
 * segment's attributes name, is told by the new home (MovedHere), which keeps the page until that has noted it: so
 * a request goes over two nodes at most, once all that is under way has arrived.
 */
import { to, type Table } from '../table.js'

export const HOME_STATES = [
  'U', // never home here; at the first home: zeros, no frame anywhere
  'A', // away: this node was its home, and gave it away
  'S', // the master copy is here; the copyset has every node with a copy that an acquire may find
  'E', // and this node has the page alone
  'L', // lost with the node that it was given to
] as const
export type HomeState = (typeof HOME_STATES)[number]

export const HOME_SETTLED: ReadonlySet<HomeState> = new Set(['U', 'A', 'S', 'E', 'L'])

export const HOME_EVENTS = [
  'GetRead',
  'GetReadHome', // of this very node
  'GetWrite', // others have copies, or of something before not all is over
  'GetWriteAlone', // nobody else has one
  'GetWriteHome',
  'GetWriteHomeAlone',
  'Busy', // a request that finds others waiting
  'Astray', // a request for a page whose home is elsewhere
  'AstrayLost', // the same, and lost
  'Mine', // it was given to this node
  'MineTell', // the same, and its first home does not know
  'MovedHere', // to its first home: it was given to the sender
  'Noted', // the first home knows
  'PageHome', // to its first home: the sender, its home, has no memory for it
  'Evicted', // no memory for it here: it goes to its first home
  'Diff', // a sharer's changes; it keeps its copy
  'DiffStale', // the same, and it drops its copy
  'Alone', // a sharer has flushed it: it is given to that
  'Dropped', // a sharer has taken in a notice and has nothing to lose: it drops its copy
  'Kept', // a sharer has taken in a notice, and has or awaits a copy that is noticed already
  'SharerLost',
  'OwnerLost', // the node that it was given to
] as const
export type HomeEvent = (typeof HOME_EVENTS)[number]

export type HomeAction =
  | 'Begin'
  | 'Wait'
  | 'FetchRead'
  | 'MasterZero'
  | 'MasterGone'
  | 'Patch'
  | 'NotifySharers'
  | 'AddSharer'
  | 'DropSender'
  | 'DropLost'
  | 'Own'
  | 'OwnHere'
  | 'ShareOwn'
  | 'Writer'
  | 'NoWriter'
  | 'Give'
  | 'GiveSender'
  | 'GoBack'
  | 'Follow'
  | 'Note'
  | 'TellFirst'
  | 'Settled'
  | 'Back'
  | 'HomeHere'
  | 'TellMoved'
  | 'Copy'
  | 'SendRead'
  | 'SendWrite'
  | 'SendOnly'
  | 'GrantOnlyZero'
  | 'GrantReadKept'
  | 'GrantWriteKept'
  | 'GrantOnlyKept'
  | 'TellLost'

const never = 'never'
/** No node asks its home for what it has; and requests do not come here. */
const NO_REQUEST = {
  GetRead: never,
  GetReadHome: never,
  GetWrite: never,
  GetWriteAlone: never,
  GetWriteHome: never,
  GetWriteHomeAlone: never,
  Busy: never,
} as const
/** Nobody has a copy that this node has given. */
const NO_SHARER = {
  Diff: never,
  DiffStale: never,
  Alone: never,
  Dropped: never,
  Kept: never,
  SharerLost: never,
} as const
/** The page is here. */
const HERE = {
  Astray: never,
  AstrayLost: never,
  Mine: never,
  MineTell: never,
  MovedHere: never,
  PageHome: never,
  OwnerLost: never,
} as const

export const homeTable: Table<HomeState, HomeEvent, HomeAction> = {
  U: {
    ...NO_SHARER,
    GetRead: to('A', 'Give', 'GrantOnlyZero'), // first touch
    GetReadHome: to('S', 'MasterZero', 'AddSharer', 'GrantReadKept'),
    GetWrite: never,
    GetWriteAlone: to('A', 'Give', 'GrantOnlyZero'),
    GetWriteHome: never,
    GetWriteHomeAlone: to('E', 'MasterZero', 'Own', 'GrantOnlyKept'),
    Busy: never,
    Astray: to('U', 'TellMoved'), // it is on its way here, perhaps
    AstrayLost: to('U', 'TellLost'), // it was on its way here
    Mine: to('E', 'OwnHere'),
    MineTell: to('E', 'OwnHere', 'TellFirst'),
    MovedHere: never,
    Noted: never,
    PageHome: never,
    Evicted: never,
    OwnerLost: never,
  },
  A: {
    ...NO_REQUEST,
    ...NO_SHARER,
    Astray: to('A', 'TellMoved'),
    AstrayLost: never,
    Mine: to('E', 'OwnHere'),
    MineTell: to('E', 'OwnHere', 'TellFirst'),
    MovedHere: to('A', 'Follow', 'Note'),
    Noted: never,
    PageHome: to('S', 'HomeHere', 'Back'),
    Evicted: never,
    Diff: to('A'), // of before it was told that the page is its own: it has the whole page
    OwnerLost: to('L', 'HomeHere'),
  },
  S: {
    ...HERE,
    GetRead: to('S', 'AddSharer', 'Copy', 'SendRead'),
    GetReadHome: to('S', 'AddSharer', 'GrantReadKept'),
    GetWrite: to('S', 'AddSharer', 'Copy', 'SendWrite'),
    GetWriteAlone: to('A', 'Give', 'Copy', 'MasterGone', 'SendOnly'),
    GetWriteHome: to('S', 'NoWriter', 'AddSharer', 'GrantWriteKept'),
    GetWriteHomeAlone: to('E', 'Own', 'GrantOnlyKept'),
    Busy: 'stall',
    Noted: to('S', 'Settled'),
    Evicted: never,
    Diff: to('S', 'Patch', 'NotifySharers', 'Writer'),
    DiffStale: to('S', 'Patch', 'NotifySharers', 'DropSender', 'NoWriter'),
    Alone: to('A', 'GiveSender', 'MasterGone'),
    Dropped: to('S', 'DropSender'),
    Kept: to('S', 'NoWriter'),
    SharerLost: to('S', 'DropLost'),
  },
  E: {
    ...HERE,
    ...NO_SHARER,
    // Its own threads stop writing; then the request is served as from S.
    GetRead: to('S', 'Begin', 'Wait', 'ShareOwn', 'FetchRead'),
    GetReadHome: never,
    GetWrite: to('S', 'Begin', 'Wait', 'ShareOwn', 'FetchRead'),
    GetWriteAlone: never,
    GetWriteHome: never,
    GetWriteHomeAlone: never,
    Busy: 'stall',
    Noted: to('E', 'Settled'),
    Evicted: to('A', 'GoBack'),
  },
  L: {
    ...HERE,
    ...NO_SHARER,
    GetRead: to('L', 'TellLost'),
    GetReadHome: to('L', 'TellLost'),
    GetWrite: never,
    GetWriteAlone: to('L', 'TellLost'),
    GetWriteHome: never,
    GetWriteHomeAlone: to('L', 'TellLost'),
    Busy: never,
    MovedHere: to('A', 'Follow', 'Note'), // whom it was given to gave it on
    Noted: never,
    Evicted: never,
  },
}
