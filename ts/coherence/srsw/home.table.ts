/**
 * srsw: one page as its home sees it: who owns it. The home serves one request per page at a time, as in
 * mrsw: at once where it sends the page itself, else until the requester's Done.
 *
 *   U untouched (reads as zeros)   M {owner}   L lost: no live node has it
 *   MM_D the owner sends the page, awaiting Done
 *   P_D the owner has no memory for it, and it comes here; awaiting PageHome
 *   LM_D the owner is lost: the bytes are too, unless the requester has installed them: Done or LostAck
 */
import { to, type Table } from '../table.js'
import type { HomeAction } from './actions.js'

export const HOME_STATES = ['U', 'M', 'L', 'MM_D', 'P_D', 'LM_D'] as const
export type HomeState = (typeof HOME_STATES)[number]
/** In these no request is being served: a waiting one may go on. */
export const HOME_SETTLED: ReadonlySet<HomeState> = new Set(['U', 'M', 'L'])

export const HOME_EVENTS = [
  'GetWrite',
  'GetWriteHere', // the same, and the home owns the page
  'GetWriteAgain', // of the owner
  'PutLast', // of the owner, which has no memory for the page
  'PutKeep', // the same, and there is none here, or it is this node
  'PutStray', // its copy has gone meanwhile
  'Busy', // any of these while another is being served, or waits already
  'PageHome', // what was taken
  'Done',
  'StrayDone', // of a node that is not being served
  'LostAck',
  'RequesterLost', // the node being served was lost
  'OwnerLost',
] as const
export type HomeEvent = (typeof HOME_EVENTS)[number]

const never = 'never'
const stall = 'stall'

/** Every request waits while one is being served. */
const BUSY = {
  GetWrite: never,
  GetWriteHere: never,
  GetWriteAgain: never,
  PutLast: never,
  PutKeep: never,
  PutStray: never,
  Busy: stall,
} as const
const NO_DONE = { PageHome: never, Done: never, StrayDone: never, LostAck: never } as const
const NO_LOSS = { RequesterLost: never, OwnerLost: never } as const

export const homeTable: Table<HomeState, HomeEvent, HomeAction> = {
  U: {
    GetWrite: to('M', 'GrantWriteZero', 'Own'),
    GetWriteHere: never,
    GetWriteAgain: never,
    PutLast: never,
    PutKeep: never,
    PutStray: never,
    Busy: never,
    ...NO_DONE,
    ...NO_LOSS,
  },
  M: {
    GetWrite: to('MM_D', 'Begin', 'FetchWrite'),
    GetWriteHere: to('M', 'FetchWrite', 'Own'),
    GetWriteAgain: never,
    PutLast: to('P_D', 'Begin', 'Take'),
    PutKeep: to('M', 'GrantKeep'),
    PutStray: to('M', 'GrantDrop'),
    Busy: stall,
    ...NO_DONE,
    RequesterLost: never,
    OwnerLost: to('L', 'Forget'),
  },
  L: {
    GetWrite: to('L', 'TellLost'),
    GetWriteHere: never,
    GetWriteAgain: never,
    PutLast: never,
    PutKeep: never,
    PutStray: to('L', 'GrantDrop'),
    Busy: stall,
    PageHome: never,
    Done: never,
    StrayDone: never,
    LostAck: to('L'),
    ...NO_LOSS,
  },
  MM_D: {
    ...BUSY,
    PageHome: never,
    Done: to('M', 'Own'),
    StrayDone: never,
    LostAck: never,
    RequesterLost: to('L', 'Forget'), // with what it may have written
    OwnerLost: to('LM_D', 'Forget', 'TellLost'),
  },
  P_D: {
    ...BUSY,
    ...NO_DONE,
    PageHome: to('M', 'Here'),
    RequesterLost: to('L', 'Forget'),
    OwnerLost: never, // it is the requester
  },
  LM_D: {
    ...BUSY,
    PageHome: never,
    Done: to('M', 'Own'),
    StrayDone: never,
    LostAck: to('L'),
    RequesterLost: to('L'),
    OwnerLost: never,
  },
}
