/**
 * A local process's business with a lock or a barrier, from its request to the end. Each has
 * exactly one final answer of the manager to wait for, even when the process ends before it.
 */
import { to, type Table } from '../coherence/table.js'

export const HOLD_STATES = [
  'Over', // the absence of a record
  'Asking',
  'Held',
  'Cancelling', // the process has ended while asking: the final answer is awaited and thrown away
] as const
export type HoldStateName = (typeof HOLD_STATES)[number]
export const HOLD_EVENTS = ['Ask', 'Granted', 'Refused', 'Cancelled', 'Unlock', 'Exit', 'ManagerLost'] as const
export type HoldEvent = (typeof HOLD_EVENTS)[number]
export type HoldAction =
  | 'sendAsk'
  | 'answerLocked'
  | 'refuse'
  | 'refuseLost'
  | 'sendFree'
  | 'answerDone'
  | 'sendDead'
  | 'sendCancel'

export const holdTable: Table<HoldStateName, HoldEvent, HoldAction> = {
  Over: {
    Ask: to('Asking', 'sendAsk'),
    Granted: 'never',
    Refused: 'never',
    Cancelled: 'never',
    Unlock: 'never',
    Exit: 'never',
    ManagerLost: 'never',
  },
  Asking: {
    Ask: 'never',
    Granted: to('Held', 'answerLocked'),
    Refused: to('Over', 'refuse'),
    Cancelled: 'never',
    Unlock: 'never',
    Exit: to('Cancelling', 'sendCancel'),
    ManagerLost: to('Over', 'refuseLost'),
  },
  Held: {
    Ask: 'never',
    Granted: 'never',
    Refused: 'never',
    Cancelled: 'never',
    // Answered at once: on a link in order, the manager sees it before anything else of this node.
    Unlock: to('Over', 'sendFree', 'answerDone'),
    Exit: to('Over', 'sendDead'),
    ManagerLost: to('Over'),
  },
  Cancelling: {
    Ask: 'never',
    // The grant crossed LockCancel, by which the manager takes it back: see LockEvent Free and Dead.
    Granted: to('Over'),
    Refused: to('Over'),
    Cancelled: to('Over'),
    Unlock: 'never',
    Exit: 'never',
    ManagerLost: to('Over'),
  },
}

export const STAY_STATES = [
  'Over', // the absence of a record
  'Waiting',
  'Left', // the process has ended while waiting: the final answer is awaited and thrown away
] as const
export type StayStateName = (typeof STAY_STATES)[number]
export const STAY_EVENTS = ['Arrive', 'Go', 'Refused', 'Exit', 'ManagerLost'] as const
export type StayEvent = (typeof STAY_EVENTS)[number]
export type StayAction = 'sendArrive' | 'answerDone' | 'refuse' | 'refuseLost' | 'sendLeave'

export const stayTable: Table<StayStateName, StayEvent, StayAction> = {
  Over: {
    Arrive: to('Waiting', 'sendArrive'),
    Go: 'never',
    Refused: 'never',
    Exit: 'never',
    ManagerLost: 'never',
  },
  Waiting: {
    Arrive: 'never',
    Go: to('Over', 'answerDone'),
    Refused: to('Over', 'refuse'),
    Exit: to('Left', 'sendLeave'),
    ManagerLost: to('Over', 'refuseLost'),
  },
  Left: {
    Arrive: 'never',
    Go: to('Over'),
    Refused: to('Over'),
    Exit: 'never',
    ManagerLost: to('Over'),
  },
}
