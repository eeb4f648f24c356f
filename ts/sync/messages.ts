/**
 * What nodes say to each other about locks and barriers. Asks go to the key's manager. Every LockAsk
 * and BarrierArrive gets exactly one final answer, whatever its process does meanwhile.
 * `ticket` is the asking node's number for the request; (node, ticket) names it everywhere.
 */
import type { MessageFields } from '../base/message-fields.js'

export type SyncMessage =
  | {
      readonly type: 'LockAsk'
      readonly key: string
      readonly ticket: number
      readonly process: number
      readonly holder: string
    }
  /** Final answer: the lock is held now. */
  | { readonly type: 'LockGrant'; readonly ticket: number; readonly ownerDied: boolean }
  /** The holder that was granted `ticket` unlocks. Not answered: the link's order is enough. */
  | { readonly type: 'LockFree'; readonly key: string; readonly ticket: number }
  /** The holder that was granted `ticket` died holding the lock. Not answered. */
  | { readonly type: 'LockDead'; readonly key: string; readonly ticket: number }
  /** The process that waits with `ticket` has ended. Final answer: LockCancelled, unless a grant or
   * refusal is on its way already; such a grant counts as given back. */
  | { readonly type: 'LockCancel'; readonly key: string; readonly ticket: number }
  | { readonly type: 'LockCancelled'; readonly ticket: number }
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
  /** Final answer to LockAsk or BarrierArrive. */
  | { readonly type: 'SyncRefused'; readonly ticket: number; readonly error: string; readonly detail: string }

export const SYNC_FIELDS = {
  LockAsk: { key: 'string', ticket: 'number', process: 'number', holder: 'string' },
  LockGrant: { ticket: 'number', ownerDied: 'boolean' },
  LockFree: { key: 'string', ticket: 'number' },
  LockDead: { key: 'string', ticket: 'number' },
  LockCancel: { key: 'string', ticket: 'number' },
  LockCancelled: { ticket: 'number' },
  BarrierArrive: { key: 'string', ticket: 'number', process: 'number', count: 'number' },
  BarrierGo: { ticket: 'number' },
  BarrierLeave: { key: 'string', ticket: 'number' },
  SyncRefused: { ticket: 'number', error: 'string', detail: 'string' },
} as const satisfies MessageFields<SyncMessage>
