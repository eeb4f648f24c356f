/**
 * Those who watch one condition, or one word of a segment, as its manager sees them. None is the absence of a
 * record: a notify that nobody watches is lost on purpose, for whoever comes later looks first.
 * Left follows other events when nobody is there any more (watch.ts).
 */
import { to, type Table } from '../coherence/table.js'

export const WATCH_STATES = ['None', 'Watched'] as const
export type WatchStateName = (typeof WATCH_STATES)[number]

export const WATCH_EVENTS = [
  'Watch',
  'WatchFull', // too many are known
  'Notify',
  'Back', // one was notified that did not wait any more
  'Leave', // one that watches does not any more
  'Stray', // the same of one that has been notified meanwhile
  'Left',
  'Destroy',
  'DestroyBusy',
] as const
export type WatchEvent = (typeof WATCH_EVENTS)[number]

export type WatchAction =
  | 'enqueue'
  | 'register'
  | 'refuseFull'
  | 'wake'
  | 'wakeOne'
  | 'tellNone'
  | 'removeWatcher'
  | 'done'
  | 'refuseDestroy'

export const watchTable: Table<WatchStateName, WatchEvent, WatchAction> = {
  None: {
    Watch: to('Watched', 'enqueue', 'register'),
    WatchFull: to('None', 'refuseFull'),
    Notify: to('None', 'tellNone'),
    Back: to('None'),
    Leave: 'never',
    Stray: to('None'),
    Left: 'never',
    Destroy: to('None', 'done'),
    DestroyBusy: 'never',
  },
  Watched: {
    Watch: to('Watched', 'enqueue', 'register'),
    WatchFull: to('Watched', 'refuseFull'),
    Notify: to('Watched', 'wake'),
    Back: to('Watched', 'wakeOne'),
    Leave: to('Watched', 'removeWatcher'),
    Stray: to('Watched'),
    Left: to('None'),
    Destroy: 'never',
    DestroyBusy: to('Watched', 'refuseDestroy'),
  },
}
