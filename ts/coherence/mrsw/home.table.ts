/**
 * mrsw: one page as its home sees it. The home serves one request per page at a time. It invalidates
 * the sharers and awaits their InvAcks; then the owner sends the page.
 *
 * Where the home sends what the requester waits for (it owns the page, the page is fresh, or the
 * requester has the bytes), the request is served in that very step: whatever the home orders next
 * travels behind it on the same link. Where another node is the owner, the page comes by another
 * link, so the home awaits the requester's Done before it orders anything else.
 *
 *   U untouched (reads as zeros)   S {owner, copyset}   M {owner}   L lost: no live node has it
 *   _D awaiting Done:   SS_D MS_D the owner sends a copy; SM_D MM_D the owner sends the page
 *   _A awaiting InvAcks: SM_A then the owner sends; SM_AK the requester keeps its bytes;
 *                       SS_A the requester is lost, or has put its copy; the owner stays
 *   P_D                 the only copy comes here, whose node has no memory for it; awaiting PageHome
 *   LS_D LM_D           the bytes are lost unless the requester has installed them: Done or LostAck
 *
 * Losses. An owner that is lost while it may be sending: the home cannot know whether the page
 * arrived. If another sharer has the bytes it sends them too (SS_D x OwnerLost); the requester takes
 * whichever comes first and knows the other by its serial. If not, the home sends PageLost: a
 * requester that had installed has sent its Done before, so Done arrives in place of LostAck.
 * A requester that is lost takes with it what it may have written: once the page could be on its
 * way to be written there, nobody else has the bytes any more, and the page is lost.
 */
import { to, type Table } from '../table.js'
import type { HomeAction } from './actions.js'

export const HOME_STATES = [
  'U',
  'S',
  'M',
  'L',
  'SS_D',
  'MS_D',
  'SM_D',
  'MM_D',
  'SM_A',
  'SM_AK',
  'SS_A',
  'P_D',
  'LS_D',
  'LM_D',
] as const
export type HomeState = (typeof HOME_STATES)[number]
/** In these no request is being served: a waiting one may go on. */
export const HOME_SETTLED: ReadonlySet<HomeState> = new Set(['U', 'S', 'M', 'L'])

export const HOME_EVENTS = [
  'GetRead', // of a node without a copy
  'GetReadHere', // the same, and the home owns the page
  'GetReadAgain', // of a node that has a copy
  'GetWrite', // of a node without a copy; nobody but the owner has one
  'GetWriteHere', // the same, and the home owns the page
  'GetWriteInv', // of a node without a copy; others than the owner have one
  'Upgrade', // to write, of the only node with a copy
  'UpgradeInv', // to write, of a node with a copy; others have one
  'Put', // of a node that has no memory for its copy; others have one
  'PutOwner', // the same, and it owns the page
  'PutLast', // nobody else has a copy
  'PutKeep', // nobody else has a copy, and there is no memory here, or it is this node's
  'PutStray', // its copy has gone meanwhile
  'Busy', // any of these while another is being served, or waits already
  'InvAck', // more are awaited; also: an awaited node was lost
  'LastInvAck', // none are awaited after this
  'StrayInvAck', // was not awaited
  'PageHome', // what was taken
  'Done',
  'StrayDone', // of a node that is not being served
  'LostAck',
  'RequesterLost', // the node being served was lost
  'OwnerLost', // another node has a copy
  'LastCopyLost', // the owner was lost, and nobody else has a copy
  'SharerLost', // neither of these was lost
] as const
export type HomeEvent = (typeof HOME_EVENTS)[number]

const never = 'never'
const stall = 'stall'

/** Every request waits while one is being served. */
const BUSY = {
  GetRead: never,
  GetReadHere: never,
  GetReadAgain: never,
  GetWrite: never,
  GetWriteHere: never,
  GetWriteInv: never,
  Upgrade: never,
  UpgradeInv: never,
  Put: never,
  PutOwner: never,
  PutLast: never,
  PutKeep: never,
  PutStray: never,
  Busy: stall,
} as const
const NO_ACKS = { InvAck: never, LastInvAck: never, StrayInvAck: never } as const
const NO_PUT = { Put: never, PutOwner: never, PutLast: never, PutKeep: never } as const
const NO_DONE = { PageHome: never, Done: never, StrayDone: never, LostAck: never } as const
const NO_LOSS = { RequesterLost: never, OwnerLost: never, LastCopyLost: never, SharerLost: never } as const

export const homeTable: Table<HomeState, HomeEvent, HomeAction> = {
  U: {
    GetRead: to('S', 'GrantReadZero', 'Own'),
    GetReadHere: never,
    GetReadAgain: never,
    GetWrite: to('M', 'GrantWriteZero', 'Own'),
    GetWriteHere: never,
    GetWriteInv: never,
    Upgrade: never,
    UpgradeInv: never,
    ...NO_PUT,
    PutStray: never,
    Busy: never,
    ...NO_ACKS,
    ...NO_DONE,
    ...NO_LOSS,
  },
  S: {
    GetRead: to('SS_D', 'Begin', 'FetchRead'),
    GetReadHere: to('S', 'FetchRead', 'AddSharer'),
    GetReadAgain: never,
    GetWrite: to('SM_D', 'Begin', 'FetchWrite'),
    GetWriteHere: to('M', 'FetchWrite', 'Own'),
    GetWriteInv: to('SM_A', 'Begin', 'InvSharers'),
    Upgrade: to('M', 'GrantKept', 'Own'),
    UpgradeInv: to('SM_AK', 'Begin', 'InvOthers'),
    Put: to('SS_A', 'Begin', 'DropSender', 'GrantDrop'),
    PutOwner: to('SS_A', 'Begin', 'DropSender', 'ElectOwner', 'GrantDrop'),
    PutLast: to('P_D', 'Begin', 'Take'),
    PutKeep: to('S', 'GrantKeep'),
    PutStray: to('S', 'GrantDrop'),
    Busy: stall,
    ...NO_ACKS,
    ...NO_DONE,
    RequesterLost: never,
    OwnerLost: to('S', 'DropLost', 'ElectOwner'),
    LastCopyLost: to('L', 'Forget'),
    SharerLost: to('S', 'DropLost'),
  },
  M: {
    GetRead: to('MS_D', 'Begin', 'FetchRead'),
    GetReadHere: to('S', 'FetchRead', 'AddSharer'),
    GetReadAgain: never,
    GetWrite: to('MM_D', 'Begin', 'FetchWrite'),
    GetWriteHere: to('M', 'FetchWrite', 'Own'),
    GetWriteInv: never,
    Upgrade: never,
    UpgradeInv: never,
    Put: never,
    PutOwner: never,
    PutLast: to('P_D', 'Begin', 'Take'),
    PutKeep: to('M', 'GrantKeep'),
    PutStray: to('M', 'GrantDrop'),
    Busy: stall,
    ...NO_ACKS,
    ...NO_DONE,
    RequesterLost: never,
    OwnerLost: never,
    LastCopyLost: to('L', 'Forget'),
    SharerLost: never,
  },
  L: {
    GetRead: to('L', 'TellLost'),
    GetReadHere: never,
    GetReadAgain: never,
    GetWrite: to('L', 'TellLost'),
    GetWriteHere: never,
    GetWriteInv: never,
    Upgrade: never,
    UpgradeInv: never,
    ...NO_PUT,
    PutStray: to('L', 'GrantDrop'),
    Busy: stall,
    InvAck: never,
    LastInvAck: never,

    StrayInvAck: to('L'), // the page was lost while it was being invalidated
    PageHome: never,
    Done: never,
    StrayDone: never,
    LostAck: to('L'),
    ...NO_LOSS,
  },
  SS_D: {
    ...BUSY,
    ...NO_ACKS,
    PageHome: never,
    Done: to('S', 'AddSharer'),
    StrayDone: never,
    LostAck: never,
    RequesterLost: to('S'),
    OwnerLost: to('SS_D', 'DropLost', 'ElectOwner', 'FetchRead'),
    LastCopyLost: to('LS_D', 'Forget', 'TellLost'),
    SharerLost: to('SS_D', 'DropLost'),
  },
  MS_D: {
    ...BUSY,
    ...NO_ACKS,
    PageHome: never,
    Done: to('S', 'AddSharer'),
    StrayDone: never,
    LostAck: never,
    RequesterLost: to('S'), // the owner has dropped to reading, or will before it sees anything later
    OwnerLost: never,
    LastCopyLost: to('LS_D', 'Forget', 'TellLost'),
    SharerLost: never,
  },
  SM_D: {
    ...BUSY,
    ...NO_ACKS,
    PageHome: never,
    Done: to('M', 'Own'),
    StrayDone: never,
    LostAck: never,
    RequesterLost: to('L', 'Forget'),
    OwnerLost: never,
    LastCopyLost: to('LM_D', 'Forget', 'TellLost'),
    SharerLost: never,
  },
  MM_D: {
    ...BUSY,
    ...NO_ACKS,
    PageHome: never,
    Done: to('M', 'Own'),
    StrayDone: never,
    LostAck: never,
    RequesterLost: to('L', 'Forget'),
    OwnerLost: never,
    LastCopyLost: to('LM_D', 'Forget', 'TellLost'),
    SharerLost: never,
  },
  SM_A: {
    ...BUSY,
    InvAck: to('SM_A', 'Acked'),
    LastInvAck: to('SM_D', 'Acked', 'FetchWrite'),
    StrayInvAck: never,
    ...NO_DONE,
    RequesterLost: to('SS_A'),
    OwnerLost: never,
    LastCopyLost: to('L', 'Forget', 'TellLost'),
    SharerLost: never,
  },
  SM_AK: {
    ...BUSY,
    InvAck: to('SM_AK', 'Acked'),
    LastInvAck: to('M', 'Acked', 'GrantKept'),
    StrayInvAck: never,
    ...NO_DONE,
    RequesterLost: to('L', 'Forget'),
    OwnerLost: never,
    LastCopyLost: never, // the requester is the owner already
    SharerLost: never,
  },
  SS_A: {
    ...BUSY,
    InvAck: to('SS_A', 'Acked'),
    LastInvAck: to('S', 'Acked'),
    StrayInvAck: never,
    ...NO_DONE,
    RequesterLost: to('S'), // who put its copy
    OwnerLost: to('SS_A', 'DropLost', 'ElectOwner'),
    LastCopyLost: to('L', 'Forget'),
    SharerLost: to('SS_A', 'DropLost'),
  },
  P_D: {
    ...BUSY,
    ...NO_ACKS,
    ...NO_DONE,
    PageHome: to('M', 'Here'),
    RequesterLost: to('L', 'Forget'),
    OwnerLost: never,
    LastCopyLost: never, // the requester is the owner
    SharerLost: never,
  },
  LS_D: {
    ...BUSY,
    ...NO_ACKS,
    PageHome: never,
    Done: to('S', 'Own'),
    StrayDone: never,
    LostAck: to('L'),
    ...NO_LOSS,
    RequesterLost: to('L'),
  },
  LM_D: {
    ...BUSY,
    ...NO_ACKS,
    PageHome: never,
    Done: to('M', 'Own'),
    StrayDone: never,
    LostAck: to('L'),
    ...NO_LOSS,
    RequesterLost: to('L'),
  },
}
