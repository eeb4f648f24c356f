/**
 * mrsw-dynamic: who owns a page, as one node sees it: itself, or the node that its hint names (probOwner).
 * A node that is not the owner forwards a request along its hint, and after a request to write its hint is
 * the requester, who will own the page; so it is after giving the page up, and after an Inv. Of a page
 * never touched the first owner is homes[page % homes.length]: there it is zeros, and whoever asks first
 * gets it to write, for nobody else has a copy.
 *
 *   U untouched   N not the owner   O the owner   L lost: this node could not find the page
 *   R not the owner, has asked for a copy: forwards what comes
 *   W has asked for ownership: what comes waits here, for this node is, or will be, in others' hints
 *   OM_A owner, awaiting InvAcks to write itself
 *   ON_A owner, awaiting InvAcks to give the page away; ON_AK the same, and the requester has the bytes
 *   OO_A owner, awaiting InvAcks; the requester is lost
 *   R_Q W_Q have asked every node for the page, awaiting their answers
 *
 * A request takes N-1 hops at most when nothing else moves. A version is made by each write fault; a request
 * says which version the requester has a copy of, and where that is the owner's, no bytes are sent.
 *
 * Losses. A request may have been lost with a node on its way, and nobody can tell. So whoever waits asks all
 * others when it learns of a loss, and again whenever another says that it has learnt of it (Learnt): then
 * nobody forwards anything to the lost node any more. So does whoever is told that a hint leads to a lost node.
 * Asked like that, the owner serves as always, everybody else says LostAck at once and forwards nothing, so
 * this ends. When all have said so twice, the page is lost for the asker. It may be wrong in that: the page may
 * have been on its way from node to node both times, and who cannot tell must say lost rather than wait.
 * A request that was made twice may be served twice: the page then comes unasked, which is no harm.
 * A page is lost with its owner, also while others have copies to read: those stay readable.
 */
import { to, type Table } from '../table.js'
import type { OwnerAction } from './actions.js'

export const OWNER_STATES = ['U', 'N', 'R', 'W', 'O', 'L', 'OM_A', 'ON_A', 'ON_AK', 'OO_A', 'R_Q', 'W_Q'] as const
export type OwnerState = (typeof OWNER_STATES)[number]
/** In these a request that waits may go on. */
export const OWNER_SETTLED: ReadonlySet<OwnerState> = new Set(['U', 'N', 'R', 'O', 'L'])

export const OWNER_EVENTS = [
  'ReadMine', // this node asks, and does not own the page
  'WriteMine',
  'ReadLost', // the same, and the hint is a lost node
  'WriteLost',
  'ReadAlone', // the same, and there is no other node to ask
  'WriteAlone',
  'GetFresh', // to the first owner of an untouched page
  'GetRead', // to the owner
  'GetWrite', // to the owner; nobody but the requester may have a copy, and not of this version
  'GetWriteInv', // the same, and others have copies
  'Upgrade', // to the owner, of a node with a copy of this version; nobody else has one
  'UpgradeInv', // the same, and others have
  'UpgradeMine', // the owner itself would write; nobody else has a copy
  'UpgradeMineInv', // the same, and others have
  'ReadOn', // to a node that is not the owner
  'WriteOn',
  'NoWay', // to a node whose hint is a lost node
  'Sought', // to a node that is not the owner, as to all nodes
  'OfLost', // of a node that is lost
  'Busy', // any of these while another is being served, or waits already
  'InvAck', // more are awaited; also: an awaited node was lost
  'LastInvAck',
  'StrayInvAck', // was not awaited
  'Owned', // ownership has come
  'Got', // a copy to read has come
  'Nowhere', // an answer to a node that asks all: not here; more are awaited
  'LastNowhere', // none are awaited after this, for the first time
  'Verdict', // for the second time
  'Again', // this node waits, and its request may be lost
  'AgainAlone', // the same, and there is no other node to ask
  'Stray', // an answer that nobody awaits, or a request that has been answered
  'RequesterLost', // the node being served
  'SharerLost',
] as const
export type OwnerEvent = (typeof OWNER_EVENTS)[number]

const never = 'never'
const stall = 'stall'

const NO_MINE = {
  ReadMine: never,
  WriteMine: never,
  ReadLost: never,
  WriteLost: never,
  ReadAlone: never,
  WriteAlone: never,
} as const
const NO_SERVICE = {
  GetFresh: never,
  GetRead: never,
  GetWrite: never,
  GetWriteInv: never,
  Upgrade: never,
  UpgradeInv: never,
  UpgradeMine: never,
  UpgradeMineInv: never,
} as const
const NO_WAY_ON = { ReadOn: never, WriteOn: never, NoWay: never } as const
const NO_ACKS = { InvAck: never, LastInvAck: never, StrayInvAck: never } as const
const NO_PAGE = { Owned: never, Got: never } as const
const NO_ANSWERS = { Nowhere: never, LastNowhere: never, Verdict: never } as const
const NO_AGAIN = { Again: never, AgainAlone: never } as const
const NO_LOSS = { RequesterLost: never, SharerLost: never } as const
/** What this node itself asks for when it is not the owner. */
const ASKS = {
  ReadMine: to('R', 'Forward'),
  WriteMine: to('W', 'Begin', 'Forward'),
  ReadLost: to('R_Q', 'AskAllToRead'),
  WriteLost: to('W_Q', 'AskAllToWrite'),
  ReadAlone: to('L', 'GiveUp'),
  WriteAlone: to('L', 'GiveUp'),
} as const

export const ownerTable: Table<OwnerState, OwnerEvent, OwnerAction> = {
  U: {
    ...ASKS,
    ...NO_SERVICE,
    GetFresh: to('N', 'GrantZero', 'HintRequester'),
    ...NO_WAY_ON, // no hint leads here but to the first owner
    Sought: to('U', 'NoWay'),
    OfLost: never,
    Busy: never,
    ...NO_ACKS,
    ...NO_PAGE,
    ...NO_ANSWERS,
    ...NO_AGAIN,
    Stray: never,
    ...NO_LOSS,
  },
  N: {
    ...ASKS,
    ...NO_SERVICE,
    ReadOn: to('N', 'Forward'),
    WriteOn: to('N', 'Forward', 'HintRequester'),
    NoWay: to('N', 'NoWay'),
    Sought: to('N', 'NoWay'),
    OfLost: to('N'),
    Busy: stall,
    ...NO_ACKS,
    Owned: to('O'),
    Got: to('N'), // in answer to a request that was made twice, while the later one waits here
    ...NO_ANSWERS,
    ...NO_AGAIN,
    Stray: to('N'),
    ...NO_LOSS,
  },
  R: {
    ...NO_MINE,
    ...NO_SERVICE,
    ReadOn: to('R', 'Forward'),
    WriteOn: to('R', 'Forward', 'HintRequester'),
    NoWay: never, // R_Q since its hint was lost
    Sought: to('R', 'NoWay'),
    OfLost: to('R'),
    Busy: stall,
    ...NO_ACKS,
    Owned: to('O'),
    Got: to('N'),
    ...NO_ANSWERS,
    Again: to('R_Q', 'AskAllToRead'),
    AgainAlone: to('L', 'GiveUp'),
    Stray: to('R'),
    ...NO_LOSS,
  },
  W: {
    ...NO_MINE,
    ...NO_SERVICE,
    ...NO_WAY_ON,
    Sought: to('W', 'NoWay'),
    OfLost: to('W'),
    Busy: stall,
    ...NO_ACKS,
    Owned: to('O'),
    Got: never,
    ...NO_ANSWERS,
    Again: to('W_Q', 'AskAllToWrite'),
    AgainAlone: to('L', 'GiveUp'),
    Stray: to('W'),
    ...NO_LOSS,
  },
  O: {
    ...NO_MINE,
    GetFresh: never,
    GetRead: to('O', 'FetchRead', 'AddSharer'),
    GetWrite: to('N', 'FetchWrite', 'HintRequester'),
    GetWriteInv: to('ON_A', 'Begin', 'InvOthers'),
    Upgrade: to('N', 'FetchKept', 'HintRequester'),
    UpgradeInv: to('ON_AK', 'Begin', 'InvOthers'),
    UpgradeMine: to('O', 'GrantMine'),
    UpgradeMineInv: to('OM_A', 'Begin', 'InvOthers'),
    ...NO_WAY_ON,
    Sought: never,
    OfLost: to('O'),
    Busy: stall,
    ...NO_ACKS,
    Owned: to('O'),
    Got: never,
    ...NO_ANSWERS,
    ...NO_AGAIN,
    Stray: to('O'),
    RequesterLost: never,
    SharerLost: to('O', 'DropLost'),
  },
  L: {
    ...NO_MINE,
    ...NO_SERVICE,
    GetRead: to('L', 'NoWay'),
    GetWrite: to('L', 'NoWay'),
    ...NO_WAY_ON,
    Sought: to('L', 'NoWay'),
    OfLost: to('L'),
    Busy: stall,
    ...NO_ACKS,
    ...NO_PAGE,
    ...NO_ANSWERS,
    ...NO_AGAIN,
    Stray: to('L'),
    ...NO_LOSS,
  },
  OM_A: {
    ...NO_MINE,
    ...NO_SERVICE,
    ...NO_WAY_ON,
    Sought: never,
    OfLost: to('OM_A'),
    Busy: stall,
    InvAck: to('OM_A', 'Told'),
    LastInvAck: to('O', 'Told', 'GrantMine'),
    StrayInvAck: never,
    ...NO_PAGE,
    ...NO_ANSWERS,
    ...NO_AGAIN,
    Stray: to('OM_A'),
    ...NO_LOSS,
  },
  ON_A: {
    ...NO_MINE,
    ...NO_SERVICE,
    ...NO_WAY_ON,
    Sought: never,
    OfLost: to('ON_A'),
    Busy: stall,
    InvAck: to('ON_A', 'Told'),
    LastInvAck: to('N', 'Told', 'FetchWrite', 'HintRequester'),
    StrayInvAck: never,
    ...NO_PAGE,
    ...NO_ANSWERS,
    ...NO_AGAIN,
    Stray: to('ON_A'),
    RequesterLost: to('OO_A'),
    SharerLost: never,
  },
  ON_AK: {
    ...NO_MINE,
    ...NO_SERVICE,
    ...NO_WAY_ON,
    Sought: never,
    OfLost: to('ON_AK'),
    Busy: stall,
    InvAck: to('ON_AK', 'Told'),
    LastInvAck: to('N', 'Told', 'FetchKept', 'HintRequester'),
    StrayInvAck: never,
    ...NO_PAGE,
    ...NO_ANSWERS,
    ...NO_AGAIN,
    Stray: to('ON_AK'),
    RequesterLost: to('OO_A'),
    SharerLost: never,
  },
  OO_A: {
    ...NO_MINE,
    ...NO_SERVICE,
    ...NO_WAY_ON,
    Sought: never,
    OfLost: to('OO_A'),
    Busy: stall,
    InvAck: to('OO_A', 'Told'),
    LastInvAck: to('O', 'Told'),
    StrayInvAck: never,
    ...NO_PAGE,
    ...NO_ANSWERS,
    ...NO_AGAIN,
    Stray: to('OO_A'),
    ...NO_LOSS,
  },
  R_Q: {
    ...NO_MINE,
    ...NO_SERVICE,
    ...NO_WAY_ON,
    Sought: to('R_Q', 'NoWay'),
    OfLost: to('R_Q'),
    Busy: stall,
    ...NO_ACKS,
    Owned: to('O'),
    Got: to('N'),
    Nowhere: to('R_Q', 'Told'),
    LastNowhere: to('R_Q', 'Told', 'AskAllAgainToRead'),
    Verdict: to('L', 'GiveUp'),
    Again: to('R_Q', 'AskAllToRead'),
    AgainAlone: to('L', 'GiveUp'),
    Stray: to('R_Q'),
    ...NO_LOSS,
  },
  W_Q: {
    ...NO_MINE,
    ...NO_SERVICE,
    ...NO_WAY_ON,
    Sought: to('W_Q', 'NoWay'),
    OfLost: to('W_Q'),
    Busy: stall,
    ...NO_ACKS,
    Owned: to('O'),
    Got: never,
    Nowhere: to('W_Q', 'Told'),
    LastNowhere: to('W_Q', 'Told', 'AskAllAgainToWrite'),
    Verdict: to('L', 'GiveUp'),
    Again: to('W_Q', 'AskAllToWrite'),
    AgainAlone: to('L', 'GiveUp'),
    Stray: to('W_Q'),
    ...NO_LOSS,
  },
}
