/**
 * One reader-writer lock as its manager sees it: first come, first served, readers that stand together
 * go together, and a writer that waits holds back the readers behind it. Free with nobody waiting is
 * the absence of a record. After each step the Next events are tried until they cannot be (rwlock.ts).
 *
 * When a writer dies, all are told that get the lock until a writer has: readers cannot repair what it left.
 */
import { to, type Table } from '../coherence/table.js'

export const RWLOCK_STATES = [
  'Free',
  'Orphan', // free, and a writer died
  'Read',
  'ReadOrphan', // readers have it, and a writer died before
  'Write',
] as const
export type RwlockStateName = (typeof RWLOCK_STATES)[number]

export const RWLOCK_EVENTS = [
  'Ask',
  'AskBusy', // by one that does not wait, and would have to
  'AskFull', // too many are known
  'NextRead', // a reader is next, and no writer holds it
  'NextWrite', // a writer is next, and nobody holds it
  'Return', // by one of several readers
  'ReturnLast',
  'ReturnTainted', // by a writer that died, or that was to be told of a death and never got it
  'Leave', // one that waits does not any more
  'Stray', // the same of one that has been granted it meanwhile
  'Destroy',
  'DestroyBusy', // somebody holds it, or waits
] as const
export type RwlockEvent = (typeof RWLOCK_EVENTS)[number]

export type RwlockAction =
  | 'enqueue'
  | 'refuseBusy'
  | 'refuseFull'
  | 'grantNext'
  | 'grantNextDead'
  | 'removeHolder'
  | 'removeWaiter'
  | 'done'
  | 'refuseDestroy'

export const rwlockTable: Table<RwlockStateName, RwlockEvent, RwlockAction> = {
  Free: {
    Ask: to('Free', 'enqueue'),
    AskBusy: 'never',
    AskFull: to('Free', 'refuseFull'),
    NextRead: to('Read', 'grantNext'),
    NextWrite: to('Write', 'grantNext'),
    Return: 'never',
    ReturnLast: 'never',
    ReturnTainted: 'never',
    Leave: 'never',
    Stray: to('Free'),
    Destroy: to('Free', 'done'),
    DestroyBusy: 'never',
  },
  Orphan: {
    Ask: to('Orphan', 'enqueue'),
    AskBusy: 'never',
    AskFull: to('Orphan', 'refuseFull'),
    NextRead: to('ReadOrphan', 'grantNextDead'),
    NextWrite: to('Write', 'grantNextDead'),
    Return: 'never',
    ReturnLast: 'never',
    ReturnTainted: 'never',
    Leave: 'never',
    Stray: to('Orphan'),
    Destroy: to('Free', 'done'),
    DestroyBusy: 'never',
  },
  Read: {
    Ask: to('Read', 'enqueue'),
    AskBusy: to('Read', 'refuseBusy'),
    AskFull: to('Read', 'refuseFull'),
    NextRead: to('Read', 'grantNext'),
    NextWrite: 'never',
    Return: to('Read', 'removeHolder'),
    ReturnLast: to('Free', 'removeHolder'),
    ReturnTainted: 'never',
    Leave: to('Read', 'removeWaiter'),
    Stray: to('Read'),
    Destroy: 'never',
    DestroyBusy: to('Read', 'refuseDestroy'),
  },
  ReadOrphan: {
    Ask: to('ReadOrphan', 'enqueue'),
    AskBusy: to('ReadOrphan', 'refuseBusy'),
    AskFull: to('ReadOrphan', 'refuseFull'),
    NextRead: to('ReadOrphan', 'grantNextDead'),
    NextWrite: 'never',
    Return: to('ReadOrphan', 'removeHolder'),
    ReturnLast: to('Orphan', 'removeHolder'),
    ReturnTainted: 'never',
    Leave: to('ReadOrphan', 'removeWaiter'),
    Stray: to('ReadOrphan'),
    Destroy: 'never',
    DestroyBusy: to('ReadOrphan', 'refuseDestroy'),
  },
  Write: {
    Ask: to('Write', 'enqueue'),
    AskBusy: to('Write', 'refuseBusy'),
    AskFull: to('Write', 'refuseFull'),
    NextRead: 'never',
    NextWrite: 'never',
    Return: 'never',
    ReturnLast: to('Free', 'removeHolder'),
    ReturnTainted: to('Orphan', 'removeHolder'),
    Leave: to('Write', 'removeWaiter'),
    Stray: to('Write'),
    Destroy: 'never',
    DestroyBusy: to('Write', 'refuseDestroy'),
  },
}
