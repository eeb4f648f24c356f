/**
 * The token of one lock as its manager sees it. Nobody has the token: that is the absence of a record.
 * After each step that leaves somebody waiting, Next is tried until it cannot be (token.ts): so no
 * other event asks whether somebody waits, and At with a queue is no state to rest in.
 */
import { to, type Table } from '../coherence/table.js'

export const TOKEN_STATES = [
  'None',
  'At', // on a node, or on its way there from this manager
  'Moving', // recalled from `at`, which passes it to `to`; `to` has not confirmed yet
  'Returning', // `to` was lost meanwhile: recalled to here from `at`, if that has it still
  'Orphan', // nobody has it, and whoever gets it is told that its holder died
] as const
export type TokenStateName = (typeof TOKEN_STATES)[number]

export const TOKEN_EVENTS = [
  'Ask',
  'AskAgain', // by a node that has the token, gets it, or waits already
  'AskFull', // too many tokens are known
  'Next', // somebody waits
  'Took', // by `to`
  'TookLate', // its turn was granted a second time meanwhile, since the node that passed it on is lost
  'Back',
  'BackTainted',
  'Gone',
  'GoneLate', // a recall that crossed TokenBack
  'LostAt',
  'LostTo',
  'LostWaiter',
] as const
export type TokenEvent = (typeof TOKEN_EVENTS)[number]

export type TokenAction =
  | 'enqueue'
  | 'refuse'
  | 'grantNext'
  | 'grantNextDead'
  | 'grantTo'
  | 'grantToDead'
  | 'recallForNext'
  | 'recallBack'
  | 'arrived'
  | 'removeWaiter'

export const tokenTable: Table<TokenStateName, TokenEvent, TokenAction> = {
  None: {
    Ask: to('None', 'enqueue'),
    AskAgain: 'never',
    AskFull: to('None', 'refuse'),
    Next: to('At', 'grantNext'),
    Took: 'never',
    TookLate: to('None'),
    Back: 'never',
    BackTainted: 'never',
    Gone: 'never',
    GoneLate: to('None'),
    LostAt: 'never',
    LostTo: 'never',
    LostWaiter: 'never',
  },
  At: {
    Ask: to('At', 'enqueue'),
    AskAgain: 'never',
    AskFull: 'never',
    Next: to('Moving', 'recallForNext'),
    Took: 'never',
    TookLate: to('At'),
    Back: to('None'),
    BackTainted: to('Orphan'),
    Gone: 'never',
    GoneLate: to('At'),
    // Held or idle there: what its processes wrote under the lock may be lost with it, so it is told.
    LostAt: to('Orphan'),
    LostTo: 'never',
    LostWaiter: 'never',
  },
  Moving: {
    Ask: to('Moving', 'enqueue'),
    AskAgain: 'never',
    AskFull: 'never',
    Next: 'never',
    Took: to('At', 'arrived'),
    TookLate: to('Moving'),
    // Given up by itself, before the recall came.
    Back: to('At', 'grantTo'),
    BackTainted: to('At', 'grantToDead'),
    Gone: 'never',
    GoneLate: to('Moving'),
    // If `to` has got it from there already, it has had the grant of its turn and ignores this one.
    LostAt: to('At', 'grantToDead'),
    LostTo: to('Returning', 'recallBack'),
    LostWaiter: to('Moving', 'removeWaiter'),
  },
  Returning: {
    Ask: to('Returning', 'enqueue'),
    AskAgain: 'never',
    AskFull: 'never',
    Next: 'never',
    Took: 'never',
    TookLate: to('Returning'),
    Back: to('None'),
    BackTainted: to('Orphan'),
    Gone: to('Orphan'),
    GoneLate: to('Returning'),
    LostAt: to('Orphan'),
    LostTo: 'never',
    LostWaiter: to('Returning', 'removeWaiter'),
  },
  Orphan: {
    Ask: to('Orphan', 'enqueue'),
    AskAgain: 'never',
    AskFull: 'never',
    Next: to('At', 'grantNextDead'),
    Took: 'never',
    TookLate: to('Orphan'),
    Back: 'never',
    BackTainted: 'never',
    Gone: 'never',
    GoneLate: to('Orphan'),
    LostAt: 'never',
    LostTo: 'never',
    LostWaiter: 'never',
  },
}
