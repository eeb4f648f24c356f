/**
 * One node in a barrier's tree, for as long as the tree stands (tree.ts). Nodes below it are its kids.
 */
import { to, type Table } from '../coherence/table.js'

export const BRANCH_STATES = [
  'Open', // not all of this node's share are here
  'Ready', // they are, and what they wrote is known; kids are awaited
  'Up', // all below are there, and that is told to the parent
  'Cut', // the manager is told that the tree will not do any more, and will ask; nothing is told to the parent
  'CutUp', // the same, but the parent had been told before
] as const
export type BranchStateName = (typeof BRANCH_STATES)[number]

export const BRANCH_EVENTS = [
  'Own', // this node's share is there
  'OwnLast', // and all kids
  'Kid', // all below a kid are there
  'KidLast', // and all else
  'Down', // all are there
  'Cut', // something that a tree cannot tell: more have come than last time, one has died, or does not want to wait any more
] as const
export type BranchEvent = (typeof BRANCH_EVENTS)[number]

export type BranchAction = 'noteKid' | 'sendUp' | 'sendDown' | 'sendUproot'

export const branchTable: Table<BranchStateName, BranchEvent, BranchAction> = {
  Open: {
    Own: to('Ready'),
    OwnLast: to('Up', 'sendUp'),
    Kid: to('Open', 'noteKid'),
    KidLast: 'never',
    Down: 'never',
    Cut: to('Cut', 'sendUproot'),
  },
  Ready: {
    Own: 'never',
    OwnLast: 'never',
    Kid: to('Ready', 'noteKid'),
    KidLast: to('Up', 'noteKid', 'sendUp'),
    Down: 'never',
    Cut: to('Cut', 'sendUproot'),
  },
  Up: {
    Own: 'never',
    OwnLast: 'never',
    Kid: 'never', // each has said so, and says it again after the next Down only
    KidLast: 'never',
    Down: to('Open', 'sendDown'),
    Cut: to('CutUp', 'sendUproot'),
  },
  Cut: {
    Own: to('Cut'),
    OwnLast: to('Cut'),
    Kid: to('Cut', 'noteKid'),
    KidLast: 'never',
    Down: 'never',
    Cut: to('Cut'),
  },
  CutUp: {
    Own: 'never',
    OwnLast: 'never',
    Kid: 'never',
    KidLast: 'never',
    Down: to('Cut', 'sendDown'),
    Cut: to('CutUp'),
  },
}
