/**
 * One barrier as a node sees it whose threads wait there. Whoever has arrived is reported, and has then
 * exactly one final answer to wait for, even when its process ends before it, or it wants to wait no more: Out is one, too.
 * Report and Left follow other events as soon as they can (gate.ts).
 */
import { to, type Table } from '../coherence/table.js'

export const GATE_STATES = [
  'Empty', // nobody is here; without a share: the absence of a record
  'Holding', // some are not reported yet: the node's share has not come
  'Releasing', // some are reported as soon as all that was written here is known
  'Told', // all that are here are reported
] as const
export type GateStateName = (typeof GATE_STATES)[number]

export const GATE_EVENTS = [
  'Arrive',
  'Report', // those who are not reported are to be: the share has come, or there is none
  'Released', // all that are here are reported
  'ReleasedSome', // others have come meanwhile
  'ReleasedTree', // the share of a tree is here
  'ReleasedTreeSome', // and others
  'ReleasedShort', // it is not, or was reported: the manager will ask
  'Ask', // the manager wants to know all
  'AskTold', // and has not been told directly of those who are reported
  'Died', // the process of one that is not reported has ended
  'DiedTold', // of one that is
  'Go',
  'Down', // the same, by the tree
  'Refused',
  'QuitHeld', // one that is not reported waits no more; others are not reported either
  'QuitLast', // one that is not reported waits no more; all others are reported
  'QuitTold', // one that is reported wants to wait no more
  'Out', // it does not count any more, says the manager
  'Left', // nobody is here any more
  'ManagerLost',
] as const
export type GateEvent = (typeof GATE_EVENTS)[number]
export type GateAction =
  | 'enter'
  | 'release'
  | 'sendArrive'
  | 'tell'
  | 'uncover'
  | 'retell'
  | 'sendLeave'
  | 'sendQuit'
  | 'withdraw'
  | 'takeOut'
  | 'loseShare'
  | 'oweAnswer'
  | 'answer'
  | 'acquire'
  | 'letGo'
  | 'letGoShare'
  | 'refuse'
  | 'refuseLost'

export const gateTable: Table<GateStateName, GateEvent, GateAction> = {
  Empty: {
    Arrive: to('Holding', 'enter'),
    Report: 'never',
    Released: 'never',
    ReleasedSome: 'never',
    ReleasedTree: 'never',
    ReleasedTreeSome: 'never',
    ReleasedShort: 'never',
    Ask: to('Empty', 'loseShare', 'answer'),
    AskTold: 'never',
    Died: 'never',
    DiedTold: 'never',
    Go: 'never',
    Down: 'never',
    Refused: 'never',
    QuitHeld: 'never',
    QuitLast: 'never',
    QuitTold: 'never',
    Out: 'never',
    Left: 'never',
    ManagerLost: to('Empty', 'loseShare'),
  },
  Holding: {
    Arrive: to('Holding', 'enter'),
    Report: to('Releasing', 'release'),
    Released: 'never',
    ReleasedSome: 'never',
    ReleasedTree: 'never',
    ReleasedTreeSome: 'never',
    ReleasedShort: 'never',
    Ask: to('Holding', 'loseShare', 'oweAnswer'),
    AskTold: to('Holding', 'loseShare', 'retell'),
    // It is reported as one that has come and left, so that those who wait with it hear of it.
    Died: to('Holding', 'loseShare'),
    DiedTold: to('Holding', 'sendLeave'),
    Go: to('Holding', 'acquire', 'letGo'),
    Down: to('Holding', 'acquire', 'letGoShare'),
    Refused: 'never', // whoever has a share is asked before
    QuitHeld: to('Holding', 'withdraw'),
    QuitLast: to('Told', 'withdraw'),
    QuitTold: to('Holding', 'sendQuit'),
    Out: to('Holding', 'takeOut'),
    Left: 'never',
    ManagerLost: to('Empty', 'loseShare', 'refuseLost'),
  },
  Releasing: {
    Arrive: to('Releasing', 'enter'),
    Report: 'never',
    Released: to('Told', 'sendArrive'),
    ReleasedSome: to('Holding', 'sendArrive'),
    ReleasedTree: to('Told', 'tell'),
    ReleasedTreeSome: to('Holding', 'tell'),
    ReleasedShort: to('Holding', 'uncover'),
    Ask: to('Releasing', 'loseShare', 'oweAnswer'),
    AskTold: 'never',
    Died: to('Releasing', 'loseShare'),
    DiedTold: to('Releasing', 'sendLeave'),
    Go: to('Releasing', 'acquire', 'letGo'),
    Down: 'never',
    Refused: to('Releasing', 'refuse'),
    // Perhaps nobody is left for whom the release is.
    QuitHeld: to('Releasing', 'withdraw'),
    QuitLast: to('Releasing', 'withdraw'),
    QuitTold: to('Releasing', 'sendQuit'),
    Out: to('Releasing', 'takeOut'),
    Left: 'never',
    ManagerLost: to('Empty', 'loseShare', 'refuseLost'),
  },
  Told: {
    Arrive: to('Holding', 'enter'),
    Report: 'never',
    Released: 'never',
    ReleasedSome: 'never',
    ReleasedTree: 'never',
    ReleasedTreeSome: 'never',
    ReleasedShort: 'never',
    Ask: to('Told', 'loseShare', 'answer'),
    AskTold: to('Told', 'loseShare', 'retell'),
    Died: 'never',
    DiedTold: to('Told', 'sendLeave'),
    Go: to('Told', 'acquire', 'letGo'),
    Down: to('Told', 'acquire', 'letGoShare'),
    Refused: to('Told', 'refuse'),
    QuitHeld: 'never',
    QuitLast: 'never',
    QuitTold: to('Told', 'sendQuit'),
    Out: to('Told', 'takeOut'),
    Left: to('Empty'),
    ManagerLost: to('Empty', 'loseShare', 'refuseLost'),
  },
}
