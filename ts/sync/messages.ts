/**
 * What nodes say to each other about locks and barriers.
 *
 * `turn` is the asking node's number for its TokenAsk, never used again: (node, turn) names the ask,
 * the one grant that it gets, and the token's stay on that node. So whatever is repeated or comes late
 * (after a node's loss) is known by its turn, and nobody needs to remember locks that it does not have.
 *
 * `ticket` is the asking node's number for a wait at a barrier. Every BarrierArrive gets exactly one
 * final answer, whatever its process does meanwhile.
 */
import type { NodeId } from '../base/ids.js'
import type { MessageFields } from '../base/message-fields.js'

export type SyncMessage =
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
  /** From the manager: as many tokens as it may know are out. */
  | { readonly type: 'TokenRefused'; readonly key: string; readonly turn: number }
  | {
      readonly type: 'BarrierArrive'
      readonly key: string
      readonly ticket: number
      readonly process: number
      readonly count: number
    }
  /** Final answer: all have arrived. */
  | { readonly type: 'BarrierGo'; readonly ticket: number }
  /** The process that waits with `ticket` has ended. */
  | { readonly type: 'BarrierLeave'; readonly key: string; readonly ticket: number }
  /** Final answer. */
  | { readonly type: 'BarrierRefused'; readonly ticket: number; readonly error: string; readonly detail: string }

export const SYNC_FIELDS = {
  TokenAsk: { key: 'string', turn: 'number' },
  TokenGrant: { key: 'string', turn: 'number', ownerDied: 'boolean' },
  TokenRecall: { key: 'string', turn: 'number', next: 'number', nextTurn: 'number' },
  TokenPass: { key: 'string', turn: 'number', ownerDied: 'boolean' },
  TokenTook: { key: 'string', turn: 'number' },
  TokenBack: { key: 'string', turn: 'number', tainted: 'boolean' },
  TokenGone: { key: 'string', turn: 'number' },
  TokenRefused: { key: 'string', turn: 'number' },
  BarrierArrive: { key: 'string', ticket: 'number', process: 'number', count: 'number' },
  BarrierGo: { ticket: 'number' },
  BarrierLeave: { key: 'string', ticket: 'number' },
  BarrierRefused: { ticket: 'number', error: 'string', detail: 'string' },
} as const satisfies MessageFields<SyncMessage>
