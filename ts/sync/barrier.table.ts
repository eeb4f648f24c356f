/** One barrier as its manager sees it. Empty is the absence of a record: barriers are reusable. */
import { to, type Table } from '../coherence/table.js'

export const BARRIER_STATES = ['Empty', 'Gathering'] as const
export type BarrierStateName = (typeof BARRIER_STATES)[number]

export const BARRIER_EVENTS = [
  'Arrive',
  'ArriveLast', // all that were waited for
  'ArriveMismatch', // others wait with another count
  'ArriveFull', // too many barriers are known
  'Leave', // a waiting participant's process has ended, or its node is lost
  'Stray', // BarrierLeave of one that no longer waits: it crossed its final answer
] as const
export type BarrierEvent = (typeof BARRIER_EVENTS)[number]

export type BarrierAction = 'join' | 'releaseAll' | 'breakUp' | 'refuseMismatch' | 'refuseFull'

export const barrierTable: Table<BarrierStateName, BarrierEvent, BarrierAction> = {
  Empty: {
    Arrive: to('Gathering', 'join'),
    ArriveLast: to('Empty', 'join', 'releaseAll'),
    ArriveMismatch: 'never',
    ArriveFull: to('Empty', 'refuseFull'),
    Leave: 'never',
    Stray: to('Empty'),
  },
  Gathering: {
    Arrive: to('Gathering', 'join'),
    ArriveLast: to('Empty', 'join', 'releaseAll'),
    ArriveMismatch: to('Gathering', 'refuseMismatch'),
    ArriveFull: 'never',
    Leave: to('Empty', 'breakUp'),
    Stray: to('Gathering'),
  },
}
