/**
 * One barrier as its manager sees it. Empty is the absence of a record: barriers are reusable. After each
 * event of the upper part those of the lower part follow for as long as they can (barrier.ts).
 */
import { to, type Table } from '../coherence/table.js'

export const BARRIER_STATES = [
  'Empty',
  'Resting', // nobody waits, as far as is known; nodes have shares, or are being asked
  'Gathering', // some wait
  'Clearing', // what nodes hold back must be known before more is decided
] as const
export type BarrierStateName = (typeof BARRIER_STATES)[number]

export const BARRIER_EVENTS = [
  'Arrive',
  'ArriveOther', // for another count
  'ArriveFull', // too many barriers are known
  'Answer', // a node holds nothing back any more; its Arrive, if any, follows
  'Leave', // a participant's process has ended, or a node is lost that has participants, or may have
  'Quit', // a participant takes its arrival back
  'LeaveLate', // one that is to be decided later leaves or quits
  'Stray', // BarrierLeave or BarrierQuit of one that no longer waits: it crossed its final answer
  'Destroy',
  'Evict', // too many are Resting
  'Up', // all below a node that the manager listens to are there
  'LastUp', // and all are
  'Uproot', // the tree will not do any more

  'Complete', // all that were waited for are here
  'CompleteMore', // and more than that
  'Surplus', // a node has more than its share here, so others may hold back for somebody who never comes; or there is a tree
  'Emptied', // all that waited have quit
  'Forget', // Resting, and no node holds back
  'ClearedBroken', // no node holds back any more: somebody died
  'ClearedSome', // somebody waits
  'ClearedNone', // nobody does
] as const
export type BarrierEvent = (typeof BARRIER_EVENTS)[number]

export type BarrierAction =
  | 'join'
  | 'answered'
  | 'askAll'
  | 'noteDeath'
  | 'takeOut'
  | 'postpone'
  | 'destroyed'
  | 'refuseDestroy'
  | 'noteUp'
  | 'sendDown'
  | 'releaseAll'
  | 'breakUp'
  | 'refuseOther'
  | 'refuseFull'

export const barrierTable: Table<BarrierStateName, BarrierEvent, BarrierAction> = {
  Empty: {
    Arrive: to('Gathering', 'join'),
    ArriveOther: 'never',
    ArriveFull: to('Empty', 'refuseFull'),
    Answer: 'never',
    Leave: 'never',
    Quit: 'never',
    LeaveLate: 'never',
    Stray: to('Empty'),
    Destroy: to('Empty', 'destroyed'),
    Evict: 'never',
    Up: 'never',
    LastUp: 'never',
    Uproot: 'never',
    Complete: 'never',
    CompleteMore: 'never',
    Surplus: 'never',
    Emptied: 'never',
    Forget: 'never',
    ClearedBroken: 'never',
    ClearedSome: 'never',
    ClearedNone: 'never',
  },
  Resting: {
    Arrive: to('Gathering', 'join'),
    // Whether somebody waits for the count that was is not known here.
    ArriveOther: to('Clearing', 'askAll', 'postpone'),
    ArriveFull: 'never',
    Answer: to('Resting', 'answered'),
    Leave: to('Clearing', 'askAll', 'noteDeath'),
    Quit: 'never',
    LeaveLate: 'never',
    Stray: to('Resting'),
    Destroy: to('Clearing', 'askAll', 'postpone'),
    Evict: to('Resting', 'askAll'),
    Up: to('Resting', 'noteUp'),
    LastUp: to('Resting', 'noteUp', 'sendDown'),
    Uproot: to('Resting', 'askAll'),
    Complete: 'never',
    CompleteMore: 'never',
    Surplus: 'never',
    Emptied: 'never',
    Forget: to('Empty'),
    ClearedBroken: 'never',
    ClearedSome: 'never',
    ClearedNone: 'never',
  },
  Gathering: {
    Arrive: to('Gathering', 'join'),
    ArriveOther: to('Gathering', 'refuseOther'),
    ArriveFull: 'never',
    Answer: to('Gathering', 'answered'),
    // Those that are held back wait with the dead one too: they come first, and hear of it.
    Leave: to('Clearing', 'askAll', 'noteDeath'),
    Quit: to('Gathering', 'takeOut'),
    LeaveLate: 'never',
    Stray: to('Gathering'),
    Destroy: to('Gathering', 'refuseDestroy'),
    Evict: 'never',
    Up: 'never',
    LastUp: 'never',
    Uproot: 'never',
    Complete: to('Resting', 'releaseAll'),
    CompleteMore: to('Gathering', 'releaseAll'),
    Surplus: to('Gathering', 'askAll'),
    Emptied: to('Resting'),
    Forget: 'never',
    ClearedBroken: 'never',
    ClearedSome: 'never',
    ClearedNone: 'never',
  },
  Clearing: {
    Arrive: to('Clearing', 'join'),
    ArriveOther: to('Clearing', 'postpone'),
    ArriveFull: 'never',
    Answer: to('Clearing', 'answered'),
    Leave: to('Clearing', 'noteDeath'),
    Quit: to('Clearing', 'takeOut'),
    LeaveLate: to('Clearing', 'postpone'),
    Stray: to('Clearing'),
    Destroy: to('Clearing', 'postpone'),
    Evict: 'never',
    Up: 'never',
    LastUp: 'never',
    Uproot: 'never',
    Complete: 'never',
    CompleteMore: 'never',
    Surplus: 'never',
    Emptied: 'never',
    Forget: 'never',
    ClearedBroken: to('Empty', 'breakUp'),
    ClearedSome: to('Gathering'),
    ClearedNone: to('Empty'),
  },
}
