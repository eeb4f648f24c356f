/**
 * One lock as a node sees it that has its token, or asks for it. Local processes queue here, and pass
 * the lock on among themselves without a message. After each step that leaves somebody waiting in None
 * or Idle, Next follows (lock.ts).
 */
import { to, type Table } from '../coherence/table.js'

export const LOCK_STATES = [
  'None', // the absence of a record
  'Asked', // TokenAsk is sent; whoever asked may have ended since
  'Idle', // the token is here, and nobody holds the lock
  'Held',
  'Wanted', // held, and the token has been recalled
  'Leaving', // the token is here, and leaves as soon as all that was written here is known
] as const
export type LockStateName = (typeof LOCK_STATES)[number]

export const LOCK_EVENTS = [
  'Lock',
  'LockFull', // too many wait here
  'Next', // somebody waits
  'HandOver', // the holder is through, and the next one here may follow
  'Unlock', // the holder is through, and nobody waits here or it is another node's turn
  'Died', // the holder's process has ended; HandOver or Unlock follows
  'Quit', // a waiter's process has ended
  'Grant',
  'Pass',
  'Late', // a second grant of a turn: the manager could not know that the lost node's had arrived
  'Refused',
  'Recall', // for another node
  'RecallBack', // for nobody: the node it was recalled for is lost
  'RecallGone', // of a turn that is over
  'GiveUp', // too many tokens are idle here
  'NextLost', // the node it was recalled for is lost
  'ReleasedPass', // the edge is over, and another node is next
  'ReleasedBack', // the same, and no node is
  'ManagerLost',
] as const
export type LockEvent = (typeof LOCK_EVENTS)[number]

export type LockAction =
  | 'enqueue'
  | 'refuseFull'
  | 'sendAsk'
  | 'grantNext'
  | 'countHandOver'
  | 'taint'
  | 'removeWaiter'
  | 'take'
  | 'sendTook'
  | 'setNext'
  | 'release'
  | 'sendPass'
  | 'sendBack'
  | 'sendGone'
  | 'refuseAll'
  | 'refuseLost'

export const lockTable: Table<LockStateName, LockEvent, LockAction> = {
  None: {
    Lock: to('None', 'enqueue'),
    LockFull: 'never',
    Next: to('Asked', 'sendAsk'),
    HandOver: 'never',
    Unlock: 'never',
    Died: 'never',
    Quit: 'never',
    Grant: 'never',
    Pass: 'never',
    Late: to('None'),
    Refused: 'never',
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
    LockFull: to('Asked', 'refuseFull'),
    Next: 'never',
    HandOver: 'never',
    Unlock: 'never',
    Died: 'never',
    Quit: to('Asked', 'removeWaiter'),
    // The edge comes first: whoever holds the lock then sees what its last holder wrote.
    Grant: to('Idle', 'take'),
    Pass: to('Idle', 'take', 'sendTook'),
    Late: to('Asked'),
    Refused: to('None', 'refuseAll'),
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
    LockFull: 'never',
    Next: to('Held', 'grantNext'),
    HandOver: 'never',
    Unlock: 'never',
    Died: 'never',
    Quit: 'never',
    Grant: 'never',
    Pass: 'never',
    Late: to('Idle'),
    Refused: 'never',
    Recall: to('Leaving', 'setNext', 'release'),
    RecallBack: 'never',
    RecallGone: to('Idle', 'sendGone'),
    GiveUp: to('Leaving', 'setNext', 'release'),
    NextLost: 'never',
    ReleasedPass: 'never',
    ReleasedBack: 'never',
    ManagerLost: to('None'),
  },
  Held: {
    Lock: to('Held', 'enqueue'),
    LockFull: to('Held', 'refuseFull'),
    Next: 'never',
    HandOver: to('Held', 'grantNext'),
    Unlock: to('Idle'),
    Died: to('Held', 'taint'),
    Quit: to('Held', 'removeWaiter'),
    Grant: 'never',
    Pass: 'never',
    Late: to('Held'),
    Refused: 'never',
    Recall: to('Wanted', 'setNext'),
    RecallBack: 'never',
    RecallGone: to('Held', 'sendGone'),
    GiveUp: 'never',
    NextLost: 'never',
    ReleasedPass: 'never',
    ReleasedBack: 'never',
    ManagerLost: to('None', 'refuseLost'),
  },
  Wanted: {
    Lock: to('Wanted', 'enqueue'),
    LockFull: to('Wanted', 'refuseFull'),
    Next: 'never',
    HandOver: to('Wanted', 'countHandOver', 'grantNext'),
    Unlock: to('Leaving', 'release'),
    Died: to('Wanted', 'taint'),
    Quit: to('Wanted', 'removeWaiter'),
    Grant: 'never',
    Pass: 'never',
    Late: to('Wanted'),
    Refused: 'never',
    Recall: 'never',
    RecallBack: to('Wanted', 'setNext'),
    // It came before the recall that made this Wanted.
    RecallGone: 'never',
    GiveUp: 'never',
    NextLost: to('Wanted', 'setNext'),
    ReleasedPass: 'never',
    ReleasedBack: 'never',
    ManagerLost: to('None', 'refuseLost'),
  },
  Leaving: {
    Lock: to('Leaving', 'enqueue'),
    LockFull: to('Leaving', 'refuseFull'),
    Next: 'never',
    HandOver: 'never',
    Unlock: 'never',
    Died: 'never',
    Quit: to('Leaving', 'removeWaiter'),
    Grant: 'never',
    Pass: 'never',
    Late: to('Leaving'),
    Refused: 'never',
    // It was given up, and now somebody wants it: it goes straight there.
    Recall: to('Leaving', 'setNext'),
    RecallBack: to('Leaving', 'setNext'),
    RecallGone: to('Leaving', 'sendGone'),
    GiveUp: 'never',
    NextLost: to('Leaving', 'setNext'),
    ReleasedPass: to('None', 'sendPass'),
    ReleasedBack: to('None', 'sendBack'),
    ManagerLost: to('None', 'refuseLost'),
  },
}
