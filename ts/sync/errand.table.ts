/**
 * What one local thread has asked of an object, as its node sees it. The manager gives each ask exactly one
 * answer, and a watch one Wake besides, at most. Whoever does not wait any more is forgotten here at once
 * (Over: the absence of a record), and the manager is told; a grant that crosses this finds nobody, and
 * is given back (errand.ts).
 */
import { to, type Table } from '../coherence/table.js'

export const ERRAND_STATES = [
  'Over',
  'Releasing', // it tells others to go on: first what was written here is made known
  'Asked', // the manager's answer is awaited
  'Held', // a reader-writer lock is
  'Returning', // given back as soon as what was written here is known
  'Watching', // among those who are notified, and not asleep yet
  'Woken', // notified before it slept
  'Sleeping',
] as const
export type ErrandStateName = (typeof ERRAND_STATES)[number]

export const ERRAND_EVENTS = [
  'Ask',
  'AskRelease', // what tells others to go on
  'Released',
  'Done',
  'DoneSeen', // of what lets its thread see what others wrote
  'Registered', // a watch
  'Grant', // a unit of a semaphore
  'GrantLock',
  'Wake',
  'Refused',
  'Unlock',
  'Sleep',
  'Unwatch',
  'Cancel',
  'CancelLate', // of what waits for nobody: its answer is on the way
  'Died',
  'DiedLate',
  'ManagerLost',
] as const
export type ErrandEvent = (typeof ERRAND_EVENTS)[number]

export type ErrandAction =
  | 'release'
  | 'sendAsk'
  | 'sendLeave'
  | 'sendReturn'
  | 'acquire'
  | 'answer'
  | 'answerLocked'
  | 'answerDone'
  | 'refuse'
  | 'refuseTimeout'
  | 'refuseLost'
  | 'noteAsker'
  | 'noteDeath'
  | 'dropAsker'

export const errandTable: Table<ErrandStateName, ErrandEvent, ErrandAction> = {
  Over: {
    Ask: to('Asked', 'noteAsker', 'sendAsk'),
    AskRelease: to('Releasing', 'noteAsker', 'release'),
    Released: 'never',
    Done: 'never',
    DoneSeen: 'never',
    Registered: 'never',
    Grant: 'never',
    GrantLock: 'never',
    Wake: 'never',
    Refused: 'never',
    Unlock: 'never',
    Sleep: 'never',
    Unwatch: 'never',
    Cancel: 'never',
    CancelLate: 'never',
    Died: 'never',
    DiedLate: 'never',
    ManagerLost: 'never',
  },
  Releasing: {
    Ask: 'never',
    AskRelease: 'never',
    Released: to('Asked', 'sendAsk'),
    Done: 'never',
    DoneSeen: 'never',
    Registered: 'never',
    Grant: 'never',
    GrantLock: 'never',
    Wake: 'never',
    Refused: 'never',
    Unlock: 'never',
    Sleep: 'never',
    Unwatch: 'never',
    Cancel: 'never',
    CancelLate: to('Releasing'),
    Died: 'never',
    DiedLate: to('Over'),
    ManagerLost: to('Over', 'refuseLost'),
  },
  Asked: {
    Ask: 'never',
    AskRelease: 'never',
    Released: 'never',
    Done: to('Over', 'answer'),
    DoneSeen: to('Over', 'acquire', 'answer'),
    Registered: to('Watching', 'acquire', 'answer'),
    Grant: to('Over', 'acquire', 'answerDone'),
    GrantLock: to('Held', 'acquire', 'answerLocked'),
    Wake: 'never',
    Refused: to('Over', 'refuse'),
    Unlock: 'never',
    Sleep: 'never',
    Unwatch: 'never',
    Cancel: to('Over', 'sendLeave', 'refuseTimeout'),
    CancelLate: to('Asked'),
    Died: to('Over', 'sendLeave'),
    DiedLate: to('Over'),
    ManagerLost: to('Over', 'refuseLost'),
  },
  Held: {
    Ask: 'never',
    AskRelease: 'never',
    Released: 'never',
    Done: 'never',
    DoneSeen: 'never',
    Registered: 'never',
    Grant: 'never',
    GrantLock: 'never',
    Wake: 'never',
    Refused: 'never',
    Unlock: to('Returning', 'noteAsker', 'release'),
    Sleep: 'never',
    Unwatch: 'never',
    Cancel: 'never',
    CancelLate: 'never',
    Died: to('Returning', 'noteDeath', 'release'),
    DiedLate: 'never',
    ManagerLost: to('Over'),
  },
  Returning: {
    Ask: 'never',
    AskRelease: 'never',
    Released: to('Over', 'sendReturn', 'answerDone'),
    Done: 'never',
    DoneSeen: 'never',
    Registered: 'never',
    Grant: 'never',
    GrantLock: 'never',
    Wake: 'never',
    Refused: 'never',
    Unlock: 'never',
    Sleep: 'never',
    Unwatch: 'never',
    Cancel: to('Returning'),
    CancelLate: 'never',
    // It was through: nobody is told of a death.
    Died: to('Returning', 'dropAsker'),
    DiedLate: 'never',
    ManagerLost: to('Over', 'refuseLost'),
  },
  Watching: {
    Ask: 'never',
    AskRelease: 'never',
    Released: 'never',
    Done: 'never',
    DoneSeen: 'never',
    Registered: 'never',
    Grant: 'never',
    GrantLock: 'never',
    Wake: to('Woken'),
    Refused: 'never',
    Unlock: 'never',
    Sleep: to('Sleeping', 'noteAsker'),
    Unwatch: to('Over', 'sendLeave', 'noteAsker', 'answerDone'),
    Cancel: 'never',
    CancelLate: 'never',
    Died: to('Over', 'sendLeave'),
    DiedLate: 'never',
    ManagerLost: to('Over'),
  },
  // Whoever was notified and goes without it passes it on: another may wait for it.
  Woken: {
    Ask: 'never',
    AskRelease: 'never',
    Released: 'never',
    Done: 'never',
    DoneSeen: 'never',
    Registered: 'never',
    Grant: 'never',
    GrantLock: 'never',
    Wake: 'never',
    Refused: 'never',
    Unlock: 'never',
    Sleep: to('Over', 'acquire', 'noteAsker', 'answerDone'),
    Unwatch: to('Over', 'sendReturn', 'noteAsker', 'answerDone'),
    Cancel: 'never',
    CancelLate: 'never',
    Died: to('Over', 'sendReturn'),
    DiedLate: 'never',
    ManagerLost: to('Over'),
  },
  Sleeping: {
    Ask: 'never',
    AskRelease: 'never',
    Released: 'never',
    Done: 'never',
    DoneSeen: 'never',
    Registered: 'never',
    Grant: 'never',
    GrantLock: 'never',
    Wake: to('Over', 'acquire', 'answerDone'),
    Refused: 'never',
    Unlock: 'never',
    Sleep: 'never',
    Unwatch: 'never',
    Cancel: to('Over', 'sendLeave', 'refuseTimeout'),
    CancelLate: 'never',
    Died: to('Over', 'sendLeave'),
    DiedLate: 'never',
    ManagerLost: to('Over', 'refuseLost'),
  },
}
