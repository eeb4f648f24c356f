/**
 * What nodes say to each other about locks and barriers; about objects: object-messages.ts.
 *
 * `turn` is the asking node's number for its TokenAsk, never used again: (node, turn) names the ask,
 * the one grant that it gets, and the token's stay on that node. So whatever is repeated or comes late
 * (after a node's loss) is known by its turn, and nobody needs to remember locks that it does not have.
 *
 * Those who wait at a barrier on one node, for one count, stand in a queue there. BarrierArrive reports the
 * next of them, BarrierGo and BarrierRefused are the final answer for the first of those that are reported.
 * Each gets exactly one, whatever its process does meanwhile; who takes its arrival back (BarrierQuit) by BarrierOut, or
 * as the others when that is too late.
 */
import type { NodeId } from '../base/ids.js'
import type { BarrierShape } from '../base/requests.js'
import type { MessageFields } from '../base/message-fields.js'
import { OBJECT_FIELDS, type ObjectMessage } from './object-messages.js'

export type SyncMessage =
  | ObjectMessage
  /** To the manager: this node wants the token. It has one ask for a key at a time. */
  | { readonly type: 'TokenAsk'; readonly key: string; readonly turn: number }
  /** From the manager: the token is there. Not confirmed: what the manager says next comes behind it. */
  | { readonly type: 'TokenGrant'; readonly key: string; readonly turn: number; readonly ownerDied: boolean }
  /** From the manager: the token of `turn` is to go to `next`, whose ask was `nextTurn`. Or to come back:
   * `next` is NO_NODE. */
  | {
      readonly type: 'TokenRecall'
      readonly key: string
      readonly turn: number
      readonly next: NodeId
      readonly nextTurn: number
    }
  /** From the node that had it: the token is there. Confirmed to the manager by TokenTook. */
  | { readonly type: 'TokenPass'; readonly key: string; readonly turn: number; readonly ownerDied: boolean }
  | { readonly type: 'TokenTook'; readonly key: string; readonly turn: number }
  /** To the manager: nobody on the node wants the token any more, or it was recalled for nobody.
   * `tainted`: its last holder died, and nobody has been told. */
  | { readonly type: 'TokenBack'; readonly key: string; readonly turn: number; readonly tainted: boolean }
  /** To the manager: recalled, but it has left already. */
  | { readonly type: 'TokenGone'; readonly key: string; readonly turn: number }
  /** From the node that has it, or the manager: the lock is held, or others come first; the token will come, but not
   * at once. */
  | { readonly type: 'TokenBusy'; readonly key: string; readonly turn: number }
  /** From the manager: as many tokens as it may know are out. */
  | { readonly type: 'TokenRefused'; readonly key: string; readonly turn: number }
  /** To the manager: so many more wait here, whom the node numbers from `first`. What they wrote is known.
   * `answers`: that is all, and no share (BarrierGo) is waited for; there may be none. */
  | {
      readonly type: 'BarrierArrive'
      readonly key: string
      readonly count: number
      readonly first: number
      readonly arrived: number
      readonly answers: boolean
      readonly shape: BarrierShape
      /** It is one, who may meet the others directly; and the offer for which its lines are made, 0: none. */
      readonly willing: boolean
      readonly ready: number
    }
  /** Final answer: all have arrived. Next time the node may wait for `share` to come before it reports them; 0: it has
   * no share. With a tree (0: none) it reports them to its parent there, when its kids have. With an offer (0: none, or
   * taken back) lines are to be made for who goes: on `root` one to each of `peers`, on those one to the root.
   * `direct`: they are made everywhere, and from the next episode on these meet by themselves. */
  | {
      readonly type: 'BarrierGo'
      readonly key: string
      readonly count: number
      readonly arrived: number
      readonly share: number
      readonly tree: number
      readonly parent: NodeId
      readonly kids: readonly NodeId[]
      readonly offer: number
      readonly root: NodeId
      readonly peers: readonly NodeId[]
      readonly direct: boolean
      /** The manager's number for this episode. */
      readonly meeting: number
    }
  /** From the manager, to a node that has a share: how many are there? It has no share from here on. */
  | {
      readonly type: 'BarrierAsk'
      readonly key: string
      readonly count: number
      /** In which it stood, and how many episodes are over there; it stands no more. 0, 0: in none. */
      readonly tree: number
      readonly episode: number
    }
  /** To the parent in a tree: all below are there, for the episode of that number. What they wrote is known. */
  | {
      readonly type: 'BarrierUp'
      readonly key: string
      readonly count: number
      readonly tree: number
      readonly episode: number
    }
  /** From the parent in a tree: all have arrived. Final answer for the node's share. */
  | {
      readonly type: 'BarrierDown'
      readonly key: string
      readonly count: number
      readonly tree: number
      readonly episode: number
    }
  /** To the manager: something has happened that the tree cannot tell, or who meets directly. BarrierAsk follows,
   * unless it is on the way. `died`: the process that met the others directly has ended; it may have been waiting. */
  | { readonly type: 'BarrierUproot'; readonly key: string; readonly tree: number; readonly died: boolean }
  /** To the manager: one that was in that episode (after so many more of a tree) has died. */
  | {
      readonly type: 'BarrierDied'
      readonly key: string
      readonly count: number
      readonly meeting: number
      readonly episode: number
    }
  /** From the manager, to the nodes of that episode: whoever was in it and has not been told so is to be told. */
  | {
      readonly type: 'BarrierBroken'
      readonly key: string
      readonly count: number
      readonly meeting: number
      readonly episode: number
    }
  /** The process of the one with that number has ended. */
  | { readonly type: 'BarrierLeave'; readonly key: string; readonly number: number }
  /** The one with that number would wait no more. It is answered by BarrierOut, if it waits still; else its final
   * answer is on the way. */
  | { readonly type: 'BarrierQuit'; readonly key: string; readonly number: number }
  /** Final answer for the one with that number: it does not count any more. */
  | { readonly type: 'BarrierOut'; readonly key: string; readonly count: number; readonly number: number }
  /** Final answer. The node has no share. */
  | {
      readonly type: 'BarrierRefused'
      readonly key: string
      readonly count: number
      readonly arrived: number
      readonly error: string
      readonly detail: string
    }

export const SYNC_FIELDS = {
  TokenAsk: { key: 'string', turn: 'number' },
  TokenGrant: { key: 'string', turn: 'number', ownerDied: 'boolean' },
  TokenRecall: { key: 'string', turn: 'number', next: 'number', nextTurn: 'number' },
  TokenPass: { key: 'string', turn: 'number', ownerDied: 'boolean' },
  TokenTook: { key: 'string', turn: 'number' },
  TokenBack: { key: 'string', turn: 'number', tainted: 'boolean' },
  TokenGone: { key: 'string', turn: 'number' },
  TokenRefused: { key: 'string', turn: 'number' },
  TokenBusy: { key: 'string', turn: 'number' },
  BarrierArrive: {
    key: 'string',
    count: 'number',
    first: 'number',
    arrived: 'number',
    answers: 'boolean',
    shape: 'string',
    willing: 'boolean',
    ready: 'number',
  },
  BarrierGo: {
    key: 'string',
    count: 'number',
    arrived: 'number',
    share: 'number',
    tree: 'number',
    parent: 'number',
    kids: 'numbers',
    offer: 'number',
    root: 'number',
    peers: 'numbers',
    direct: 'boolean',
    meeting: 'number',
  },
  BarrierAsk: { key: 'string', count: 'number', tree: 'number', episode: 'number' },
  BarrierUp: { key: 'string', count: 'number', tree: 'number', episode: 'number' },
  BarrierDown: { key: 'string', count: 'number', tree: 'number', episode: 'number' },
  BarrierUproot: { key: 'string', tree: 'number', died: 'boolean' },
  BarrierLeave: { key: 'string', number: 'number' },
  BarrierQuit: { key: 'string', number: 'number' },
  BarrierOut: { key: 'string', count: 'number', number: 'number' },
  BarrierRefused: { key: 'string', count: 'number', arrived: 'number', error: 'string', detail: 'string' },
  BarrierDied: { key: 'string', count: 'number', meeting: 'number', episode: 'number' },
  BarrierBroken: { key: 'string', count: 'number', meeting: 'number', episode: 'number' },
  ...OBJECT_FIELDS,
} as const satisfies MessageFields<SyncMessage>
