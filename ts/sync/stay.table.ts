/**
 * One thread's wait at a barrier, from its request to the end. Once it has arrived it has exactly one
 * final answer of the manager to wait for, even when its process ends before it.
 */
import { to, type Table } from '../coherence/table.js'

export const STAY_STATES = [
  'Over', // the absence of a record
  'Releasing', // arrives as soon as all that was written here is known
  'Waiting',
  'Left', // the process has ended while waiting: the final answer is awaited and thrown away
] as const
export type StayStateName = (typeof STAY_STATES)[number]
export const STAY_EVENTS = ['Arrive', 'Released', 'Go', 'Refused', 'Exit', 'ManagerLost'] as const
export type StayEvent = (typeof STAY_EVENTS)[number]
export type StayAction = 'release' | 'sendArrive' | 'acquire' | 'answerDone' | 'refuse' | 'refuseLost' | 'sendLeave'

export const stayTable: Table<StayStateName, StayEvent, StayAction> = {
  Over: {
    Arrive: to('Releasing', 'release'),
    Released: 'never',
    Go: 'never',
    Refused: 'never',
    Exit: 'never',
    ManagerLost: 'never',
  },
  Releasing: {
    Arrive: 'never',
    Released: to('Waiting', 'sendArrive'),
    Go: 'never',
    Refused: 'never',
    // Nobody knows of it yet, so the others do not wait for this one.
    Exit: to('Over'),
    ManagerLost: to('Over', 'refuseLost'),
  },
  Waiting: {
    Arrive: 'never',
    Released: 'never',
    Go: to('Over', 'acquire', 'answerDone'),
    Refused: to('Over', 'refuse'),
    Exit: to('Left', 'sendLeave'),
    ManagerLost: to('Over', 'refuseLost'),
  },
  Left: {
    Arrive: 'never',
    Released: 'never',
    Go: to('Over'),
    Refused: to('Over'),
    Exit: 'never',
    ManagerLost: to('Over'),
  },
}
