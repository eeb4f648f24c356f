/**
 * What nodes say to each other about objects (base/objects.ts). `number` is the asking node's for its errand, never
 * used again. Each ObjectAsk gets one answer: a grant, which is something to hold and can be given back, or
 * ObjectDone, or ObjectRefused. A watch is answered with ObjectDone, and its grant comes with a notify, if any.
 */
import type { MessageFields } from '../base/message-fields.js'
import type { ObjectDeed, ObjectKind } from '../base/objects.js'

export type ObjectMessage =
  /** To the manager. */
  | {
      readonly type: 'ObjectAsk'
      readonly kind: ObjectKind
      readonly key: string
      readonly number: number
      readonly deed: ObjectDeed
      readonly value: bigint
      readonly initial: number
      readonly patient: boolean
    }
  /** To the manager: that errand does not wait any more. Not answered. */
  | { readonly type: 'ObjectLeave'; readonly kind: ObjectKind; readonly key: string; readonly number: number }
  /** To the manager: what was granted is given back: by its holder, or because nobody waited any more. tainted: a
   * writer died that held it, or whoever was to hear of one did not. */
  | {
      readonly type: 'ObjectReturn'
      readonly kind: ObjectKind
      readonly key: string
      readonly number: number
      readonly tainted: boolean
    }
  /** From the manager: the lock, or a unit of the semaphore, or who watches is notified. */
  | {
      readonly type: 'ObjectGrant'
      readonly kind: ObjectKind
      readonly key: string
      readonly number: number
      readonly ownerDied: boolean
    }
  | { readonly type: 'ObjectDone'; readonly number: number; readonly value: bigint }
  | { readonly type: 'ObjectRefused'; readonly number: number; readonly error: string; readonly detail: string }

export const OBJECT_FIELDS = {
  ObjectAsk: {
    kind: 'string',
    key: 'string',
    number: 'number',
    deed: 'string',
    value: 'bigint',
    initial: 'number',
    patient: 'boolean',
  },
  ObjectLeave: { kind: 'string', key: 'string', number: 'number' },
  ObjectReturn: { kind: 'string', key: 'string', number: 'number', tainted: 'boolean' },
  ObjectGrant: { kind: 'string', key: 'string', number: 'number', ownerDied: 'boolean' },
  ObjectDone: { number: 'number', value: 'bigint' },
  ObjectRefused: { number: 'number', error: 'string', detail: 'string' },
} as const satisfies MessageFields<ObjectMessage>
