/**
 * One lock as a node sees it that has its token, or asks for it. While nobody waits the lock is lent to the
 * node's processes, which take it and give it back by its word, and nothing is heard of that (lock.ts).
 * Where somebody waits, or the token is to leave, the word is shut, and whether somebody holds the lock
 * comes as an event, now or when the holder is through. After each step that leaves somebody waiting in
 * None or Idle, Next follows.
 */
import { to, type Table } from '../coherence/table.js'

export const LOCK_STATES = [
  'None', // the absence of a record
  'Asked', // TokenAsk is sent; whoever asked may have ended since
  'Idle', // the token is here, the word is shut, and nobody holds the lock
  'Held', // lent: by whom it is held, if it is, only its word says
  'Wanted', // the same, its word is shut, and the token is to leave
  'Leaving', // the token is here, and leaves as soon as all that was written here is known
] as const
export type LockStateName = (typeof LOCK_STATES)[number]

export const LOCK_EVENTS = [
  'Lock',
  'LockBehind', // others wait, so its word is shut already
  'LockFull', // too many wait here
  'LockBusy', // by who would not wait, and will not get it at once
  'Next', // somebody waits
  'HandOver', // nobody holds it (any more), and the next one here may follow
  'Unlock', // nobody holds it, and nobody waits here or it is another node's turn
  'Busy', // it is held
  'Died', // the holder's process has ended; HandOver or Unlock follows
  'Quit', // a waiter waits no more
  'Grant',
  'Pass',
  'Late', // a second grant of a turn: the manager could not know that the lost node's had arrived
  'Refused',
  'Elsewhere', // held on the node that has it, or others come first
  'ElsewhereLate', // the same of a turn that is over
  'Recall', // for another node
  'RecallBack', // for nobody: the node it was recalled for is lost
  'RecallGone', // of a turn that is over
  'GiveUp', // too many tokens are lent or idle here
  'NextLost', // the node it was recalled for is lost
  'ReleasedPass', // the edge is over, and another node is next
  'ReleasedBack', // the same, and no node is
  'ManagerLost',
] as const
export type LockEvent = (typeof LOCK_EVENTS)[number]

export type LockAction =
  | 'enqueue'
  | 'refuseFull'
  | 'refuseBusy'
  | 'sendAsk'
  | 'grantNext'
  | 'countHandOver'
  | 'taint'
  | 'removeWaiter'
  | 'take'
  | 'sendTook'
  | 'setNext'
  | 'release'
  | 'releaseAhead'
  | 'sendPass'
  | 'sendBack'
  | 'sendGone'
  | 'want'
  | 'sendBusy'
  | 'refuseTries'
  | 'forget'
  | 'refuseAll'
  | 'refuseLost'

export const lockTable: Table<LockStateName, LockEvent, LockAction> = {
  None: {
    Lock: to('None', 'enqueue'),
    LockBehind: 'never',
    LockFull: 'never',
    LockBusy: 'never',
    Next: to('Asked', 'sendAsk'),
    HandOver: 'never',
    Unlock: to('None'),
    Busy: to('None'),
    Died: 'never',
    Quit: 'never',
    Grant: 'never',
    Pass: 'never',
    Late: to('None'),
    Refused: 'never',
    Elsewhere: 'never',
    ElsewhereLate: to('None'),
    Recall: 'never',
    RecallBack: 'never',
    RecallGone: to('None', 'sendGone'),
    GiveUp: 'never',
    NextLost: 'never',
    ReleasedPass: 'never',
    ReleasedBack: 'never',
    ManagerLost: 'never',
  },
  Asked: {
    Lock: to('Asked', 'enqueue'),
    LockBehind: 'never',
    LockFull: to('Asked', 'refuseFull'),
    LockBusy: to('Asked', 'refuseBusy'),
    Next: 'never',
    HandOver: 'never',
    Unlock: to('Asked'),
    Busy: to('Asked'),
    Died: 'never',
    Quit: to('Asked', 'removeWaiter'),
    // The edge comes first: whoever holds the lock then sees what its last holder wrote.
    Grant: to('Idle', 'take'),
    Pass: to('Idle', 'take', 'sendTook'),
    Late: to('Asked'),
    Refused: to('None', 'refuseAll'),
    Elsewhere: to('Asked', 'refuseTries'),
    ElsewhereLate: to('Asked'),
    Recall: 'never',
    RecallBack: 'never',
    RecallGone: to('Asked', 'sendGone'),
    GiveUp: 'never',
    NextLost: 'never',
    ReleasedPass: 'never',
    ReleasedBack: 'never',
    ManagerLost: to('None', 'refuseLost'),
  },
  Idle: {
    Lock: to('Idle', 'enqueue'),
    LockBehind: 'never',
    LockFull: 'never',
    LockBusy: 'never',
    Next: to('Held', 'grantNext'),
    HandOver: 'never',
    Unlock: to('Idle'),
    Busy: to('Idle'),
    Died: 'never',
    Quit: 'never',
    Grant: 'never',
    Pass: 'never',
    Late: to('Idle'),
    Refused: 'never',
    Elsewhere: 'never',
    ElsewhereLate: to('Idle'),
    Recall: to('Leaving', 'setNext', 'release'),
    RecallBack: 'never',
    RecallGone: to('Idle', 'sendGone'),
    GiveUp: to('Leaving', 'setNext', 'release'),
    NextLost: 'never',
    ReleasedPass: 'never',
    ReleasedBack: 'never',
    ManagerLost: to('None', 'forget'),
  },
  Held: {
    Lock: to('Held', 'enqueue', 'want'),
    LockBehind: to('Held', 'enqueue'),
    LockFull: to('Held', 'refuseFull'),
    LockBusy: to('Held', 'refuseBusy'),
    Next: 'never',
    HandOver: to('Held', 'grantNext'),
    Unlock: to('Idle'),
    Busy: to('Held', 'refuseTries'),
    Died: to('Held', 'taint'),
    Quit: to('Held', 'removeWaiter'),
    Grant: 'never',
    Pass: 'never',
    Late: to('Held'),
    Refused: 'never',
    Elsewhere: 'never',
    ElsewhereLate: to('Held'),
    Recall: to('Wanted', 'setNext', 'want'),
    RecallBack: 'never',
    RecallGone: to('Held', 'sendGone'),
    GiveUp: to('Wanted', 'setNext', 'want'),
    NextLost: 'never',
    ReleasedPass: 'never',
    ReleasedBack: 'never',
    ManagerLost: to('None', 'want', 'forget', 'refuseLost'),
  },
  Wanted: {
    Lock: to('Wanted', 'enqueue'),
    LockBehind: 'never',
    LockFull: to('Wanted', 'refuseFull'),
    LockBusy: to('Wanted', 'refuseBusy'),
    Next: 'never',
    // Whoever would not wait there must not wait for the next one here.
    HandOver: to('Wanted', 'countHandOver', 'grantNext', 'sendBusy'),
    Unlock: to('Leaving', 'release'),
    Busy: to('Wanted', 'sendBusy', 'refuseTries', 'releaseAhead'),
    Died: to('Wanted', 'taint'),
    Quit: to('Wanted', 'removeWaiter'),
    Grant: 'never',
    Pass: 'never',
    Late: to('Wanted'),
    Refused: 'never',
    Elsewhere: 'never',
    ElsewhereLate: to('Wanted'),
    Recall: to('Wanted', 'setNext', 'want'),
    RecallBack: to('Wanted', 'setNext'),
    RecallGone: to('Wanted', 'sendGone'),
    GiveUp: 'never',
    NextLost: to('Wanted', 'setNext'),
    ReleasedPass: 'never',
    ReleasedBack: 'never',
    ManagerLost: to('None', 'forget', 'refuseLost'),
  },
  Leaving: {
    Lock: to('Leaving', 'enqueue'),
    LockBehind: 'never',
    LockFull: to('Leaving', 'refuseFull'),
    LockBusy: to('Leaving', 'refuseBusy'),
    Next: 'never',
    HandOver: 'never',
    Unlock: to('Leaving'),
    Busy: to('Leaving'),
    Died: 'never',
    Quit: to('Leaving', 'removeWaiter'),
    Grant: 'never',
    Pass: 'never',
    Late: to('Leaving'),
    Refused: 'never',
    Elsewhere: 'never',
    ElsewhereLate: to('Leaving'),
    // It was given up, and now somebody wants it: it goes straight there.
    Recall: to('Leaving', 'setNext'),
    RecallBack: to('Leaving', 'setNext'),
    RecallGone: to('Leaving', 'sendGone'),
    GiveUp: 'never',
    NextLost: to('Leaving', 'setNext'),
    ReleasedPass: to('None', 'forget', 'sendPass'),
    ReleasedBack: to('None', 'forget', 'sendBack'),
    ManagerLost: to('None', 'forget', 'refuseLost'),
  },
}
