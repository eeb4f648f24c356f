/** Counters at their manager: 64 bits, two's complement, which wrap. */
import { PeerError } from '../base/peer-error.js'
import { counterTable, type CounterAction } from './counter.table.js'
import { done, isFull, refuse, refuseFull, type Desk } from './desk.js'
import type { Asker, Counter } from './object-state.js'
import type { SyncEffect } from './state.js'
import { lookUp } from './table.js'

interface Cause {
  readonly counter: Counter
  readonly asker: Asker
  readonly value: bigint
}

export const counterDesk: Desk = {
  ask(objects, asker, { key, deed, value }, effects) {
    const counter = objects.counters.get(key) ?? { state: 'None', value: 0n }
    const isNew = counter.state === 'None'
    const add = isNew && isFull(objects, asker, objects.counters.size) ? 'AddFull' : 'Add'
    const event = deed === 'destroy' ? 'Destroy' : add
    const { next, actions } = lookUp(counterTable, counter.state, event, 'message')
    for (const action of actions) ACTIONS[action]({ counter, asker, value }, effects)
    counter.state = next
    if (next === 'None') objects.counters.delete(key)
    else objects.counters.set(key, counter)
  },
  // Nobody waits for a counter, and nobody holds it.
  leave() {
    throw new PeerError('ObjectLeave of a counter')
  },
  giveBack() {
    throw new PeerError('ObjectReturn of a counter')
  },
  lost() {},
}

const ACTIONS: Readonly<Record<CounterAction, (cause: Cause, effects: SyncEffect[]) => void>> = {
  add: ({ counter, asker, value }, effects) => {
    done(asker, counter.value, effects)
    counter.value = BigInt.asIntN(64, counter.value + value)
  },
  refuseFull: ({ asker }, effects) => refuseFull(asker, 'counter', effects),
  refuseMissing: ({ asker }, effects) => refuse(asker, 'NOT_FOUND', 'there is no such counter', effects),
  done: ({ asker }, effects) => done(asker, 0n, effects),
}
