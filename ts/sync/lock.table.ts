/** One mutex lock as its manager sees it. Free locks are not stored: Free is the absence of a record. */
import { to, type Table } from '../coherence/table.js'

export const LOCK_STATES = [
  'Free',
  'Held',
  'Orphan', // free, but the last holder died holding it: the next one is told
] as const
export type LockStateName = (typeof LOCK_STATES)[number]

export const LOCK_EVENTS = [
  'Ask',
  'AskAgain', // by the present holder: its own node refuses that
  'AskFull', // a bound is reached: locks known (Free) or waiters (Held)
  'Free', // the holder unlocks, or gives back a clean grant unused; nobody waits
  'FreeNext', // the same, somebody waits
  'Dead', // the holder died in the critical section, or gives back unused a grant that told of a death
  'DeadNext',
  'Quit', // a waiter's process has ended
  'WaitersLost', // waiters' node is lost
  'NotHolder', // LockFree or LockDead for a grant that does not hold
  'Stray', // LockCancel for what neither holds nor waits: it crossed a refusal
] as const
export type LockEvent = (typeof LOCK_EVENTS)[number]

export type LockAction =
  | 'grant'
  | 'grantDead'
  | 'enqueue'
  | 'grantNext'
  | 'grantNextDead'
  | 'removeWaiter'
  | 'confirmQuit'
  | 'removeLost'
  | 'refuseFull'

export const lockTable: Table<LockStateName, LockEvent, LockAction> = {
  Free: {
    Ask: to('Held', 'grant'),
    AskAgain: 'never',
    AskFull: to('Free', 'refuseFull'),
    Free: 'never',
    FreeNext: 'never',
    Dead: 'never',
    DeadNext: 'never',
    Quit: 'never',
    WaitersLost: 'never',
    NotHolder: 'never',
    Stray: to('Free'),
  },
  Held: {
    Ask: to('Held', 'enqueue'),
    AskAgain: 'never',
    AskFull: to('Held', 'refuseFull'),
    Free: to('Free'),
    FreeNext: to('Held', 'grantNext'),
    Dead: to('Orphan'),
    DeadNext: to('Held', 'grantNextDead'),
    Quit: to('Held', 'removeWaiter', 'confirmQuit'),
    WaitersLost: to('Held', 'removeLost'),
    NotHolder: 'never',
    Stray: to('Held'),
  },
  Orphan: {
    Ask: to('Held', 'grantDead'),
    AskAgain: 'never',
    AskFull: 'never',
    Free: 'never',
    FreeNext: 'never',
    Dead: 'never',
    DeadNext: 'never',
    Quit: 'never',
    WaitersLost: 'never',
    NotHolder: 'never',
    Stray: to('Orphan'),
  },
}
