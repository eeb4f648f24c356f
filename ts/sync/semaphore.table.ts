/**
 * One counting semaphore as its manager sees it. It is made by the first request that says what it begins with, and
 * stays until it is destroyed. Make and Next follow other events as soon as they can (semaphore.ts).
 */
import { to, type Table } from '../coherence/table.js'

export const SEMAPHORE_STATES = [
  'None',
  'Units', // there are some
  'Empty', // there are none: who comes waits
] as const
export type SemaphoreStateName = (typeof SEMAPHORE_STATES)[number]

export const SEMAPHORE_EVENTS = [
  'Make',
  'MakeEmpty',
  'Missing', // there is none, and the request does not say what it would begin with
  'Full', // too many are known, or too much of that node
  'Take',
  'TakeBusy', // by one that does not wait, and would have to
  'Next', // somebody waits, and there are units
  'NextLast', // and there is one
  'Post',
  'PostOver', // more units than there may be
  'Value',
  'Back', // a unit was granted to one that did not wait any more
  'Leave', // one that waits does not any more
  'Stray', // the same of one that has been granted a unit meanwhile
  'Destroy',
  'DestroyBusy', // somebody waits
] as const
export type SemaphoreEvent = (typeof SEMAPHORE_EVENTS)[number]

export type SemaphoreAction =
  | 'begin'
  | 'refuseMissing'
  | 'refuseFull'
  | 'refuseBusy'
  | 'refuseOver'
  | 'refuseDestroy'
  | 'enqueue'
  | 'grantNext'
  | 'add'
  | 'addOne'
  | 'done'
  | 'tell'
  | 'removeWaiter'

export const semaphoreTable: Table<SemaphoreStateName, SemaphoreEvent, SemaphoreAction> = {
  None: {
    Make: to('Units', 'begin'),
    MakeEmpty: to('Empty', 'begin'),
    Missing: to('None', 'refuseMissing'),
    Full: to('None', 'refuseFull'),
    Take: 'never',
    TakeBusy: 'never',
    Next: 'never',
    NextLast: 'never',
    Post: 'never',
    PostOver: 'never',
    Value: 'never',
    Back: to('None'),
    Leave: 'never',
    Stray: to('None'),
    Destroy: 'never',
    DestroyBusy: 'never',
  },
  Units: {
    Make: 'never',
    MakeEmpty: 'never',
    Missing: 'never',
    Full: to('Units', 'refuseFull'),
    Take: to('Units', 'enqueue'),
    TakeBusy: 'never',
    Next: to('Units', 'grantNext'),
    NextLast: to('Empty', 'grantNext'),
    Post: to('Units', 'add', 'done'),
    PostOver: to('Units', 'refuseOver'),
    Value: to('Units', 'tell'),
    Back: to('Units', 'addOne'),
    Leave: 'never',
    Stray: to('Units'),
    Destroy: to('None', 'done'),
    DestroyBusy: 'never',
  },
  Empty: {
    Make: 'never',
    MakeEmpty: 'never',
    Missing: 'never',
    Full: to('Empty', 'refuseFull'),
    Take: to('Empty', 'enqueue'),
    TakeBusy: to('Empty', 'refuseBusy'),
    Next: 'never',
    NextLast: 'never',
    Post: to('Units', 'add', 'done'),
    PostOver: 'never',
    Value: to('Empty', 'tell'),
    Back: to('Units', 'addOne'),
    Leave: to('Empty', 'removeWaiter'),
    Stray: to('Empty'),
    Destroy: to('None', 'done'),
    DestroyBusy: to('Empty', 'refuseDestroy'),
  },
}
