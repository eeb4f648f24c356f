/**
 * Objects at their managers: what comes is checked here, and performed by the kind. A request is one message, and
 * its answer another; the manager knows every holder and waiter by its node and number, so that one that
 * dies, or whose node is lost, is taken out.
 */
import { expectOfPeer, isCount } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import { OBJECT_KINDS, canDo, type ObjectDeed, type ObjectKind } from '../base/objects.js'
import { barrierDestroyed } from './barrier.js'
import { counterDesk } from './counter.js'
import type { Desk, ObjectAsk } from './desk.js'
import { expectManaged } from './manager.js'
import type { ObjectMessage } from './object-messages.js'
import { NOTIFY_MAX, UNITS_MAX } from './object-state.js'
import { rwlockDesk } from './rwlock.js'
import { semaphoreDesk } from './semaphore.js'
import type { SyncEffect, SyncState } from './state.js'
import { watchDesk } from './watch.js'

/** Of a barrier nothing is asked here but to destroy it. */
const DESKS: Readonly<Record<Exclude<ObjectKind, 'barrier'>, Desk>> = {
  rwlock: rwlockDesk,
  semaphore: semaphoreDesk,
  condition: watchDesk('condition'),
  word: watchDesk('word'),
  counter: counterDesk,
}
/** What the asking node sees to itself. */
const LOCAL: readonly ObjectDeed[] = ['unlock', 'sleep', 'unwatch']

type ManagerMessage = Extract<ObjectMessage, { readonly type: 'ObjectAsk' | 'ObjectLeave' | 'ObjectReturn' }>

export function objectMessage(state: SyncState, from: NodeId, message: ManagerMessage, effects: SyncEffect[]): void {
  const { type, kind, key, number } = message
  expectManaged(state, key, type)
  expectOfPeer(OBJECT_KINDS.includes(kind), `${type} of an object of the kind '${kind}'`)
  expectOfPeer(isCount(number) && number > 0, `${type} of errand ${number}`)
  const asker = { node: from, number }
  const { objects } = state
  if (message.type === 'ObjectAsk') expectAsk(message)
  if (kind === 'barrier') {
    expectOfPeer(message.type === 'ObjectAsk', `${type} of a barrier`)
    return barrierDestroyed(state, from, message, effects)
  }
  switch (type) {
    case 'ObjectAsk':
      return DESKS[kind].ask(objects, asker, message, effects)
    case 'ObjectLeave':
      return DESKS[kind].leave(objects, asker, key, effects)
    case 'ObjectReturn':
      return DESKS[kind].giveBack(objects, asker, message, effects)
  }
}

/** A node is lost: what it held is free, and it waits no more. */
export function objectsLost({ objects }: SyncState, node: NodeId, effects: SyncEffect[]): void {
  for (const desk of Object.values(DESKS)) desk.lost(objects, node, effects)
  objects.asks.delete(node)
}

/** What is wrong with the number that goes with the deed; undefined: nothing. */
export function badValue(deed: ObjectDeed, value: bigint, initial: number): string | undefined {
  if (!Number.isInteger(initial) || initial < -1 || initial > UNITS_MAX) {
    return `a semaphore begins with 0 to ${UNITS_MAX} units, not ${initial}`
  }
  switch (deed) {
    case 'post':
      return value >= 1n && value <= BigInt(UNITS_MAX) ? undefined : `post is of 1 to ${UNITS_MAX} units, not ${value}`
    case 'notify':
      return value >= 1n && value <= BigInt(NOTIFY_MAX) ? undefined : `notify wakes 1 to ${NOTIFY_MAX}, not ${value}`
    case 'add':
      return BigInt.asIntN(64, value) === value ? undefined : `a counter has 64 bits, not those of ${value}`
    default:
      return undefined
  }
}

function expectAsk({ kind, deed, value, initial }: ObjectAsk): void {
  expectOfPeer(canDo(kind, deed) && !LOCAL.includes(deed), `ObjectAsk of a ${kind} to ${deed}`)
  const why = badValue(deed, value, initial)
  expectOfPeer(why === undefined, `ObjectAsk: ${why}`)
}
