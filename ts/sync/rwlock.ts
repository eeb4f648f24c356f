/** Reader-writer locks at their manager: classify what comes, look up the cell, perform it. */
import { assert } from '../base/assert.js'
import { expectOfPeer } from '../base/expect.js'
import { done, grant, isFull, refuse, refuseFull, type Desk, type ObjectAsk } from './desk.js'
import { admit, dismiss, takeOut, type Asker, type ObjectsState, type Rwlock } from './object-state.js'
import { rwlockTable, type RwlockAction, type RwlockEvent } from './rwlock.table.js'
import type { SyncEffect } from './state.js'
import { lookUp, type Source } from './table.js'

interface Cause {
  readonly key: string
  readonly lock: Rwlock
  readonly asker: Asker
  readonly write?: boolean
}

export const rwlockDesk: Desk = {
  ask(objects, asker, ask, effects) {
    const cause = { ...causeOf(objects, ask.key, asker), write: ask.deed === 'write' }
    change(objects, cause, classify(objects, cause, ask), 'message', effects)
  },
  leave(objects, asker, key, effects) {
    const cause = causeOf(objects, key, asker)
    change(objects, cause, cause.lock.queue.some(isOf(asker)) ? 'Leave' : 'Stray', 'message', effects)
  },
  giveBack(objects, asker, { key, tainted }, effects) {
    const cause = causeOf(objects, key, asker)
    expectOfPeer(cause.lock.holders.some(isOf(asker)), 'ObjectReturn of a lock that is not held')
    change(objects, cause, returned(cause.lock, tainted), 'message', effects)
  },
  lost(objects, node, effects) {
    for (const [key, lock] of [...objects.rwlocks]) {
      // Waits first, so that nothing is granted to the node that is lost.
      for (const asker of lock.queue.filter((one) => one.node === node)) {
        step(objects, { key, lock, asker }, 'Leave', 'local', effects)
      }
      for (const asker of lock.holders.filter((one) => one.node === node)) {
        step(objects, { key, lock, asker }, returned(lock, true), 'local', effects)
      }
      serve(objects, { key, lock, asker: { node, number: 0 } }, effects)
    }
  },
}

function classify(objects: ObjectsState, { lock, asker, write }: Cause, { deed, patient }: ObjectAsk): RwlockEvent {
  const { state, holders, queue } = lock
  if (deed === 'destroy') return holders.length + queue.length > 0 ? 'DestroyBusy' : 'Destroy'
  const mayEnter = queue.length === 0 && (holders.length === 0 || (write === false && state !== 'Write'))
  if (!patient && !mayEnter) return 'AskBusy'
  return isFull(objects, asker, state === 'Free' ? objects.rwlocks.size : undefined) ? 'AskFull' : 'Ask'
}

/** By one of the holders. Nothing that a reader leaves behind needs repair. */
function returned({ state, holders }: Rwlock, tainted: boolean): RwlockEvent {
  if (holders.length > 1) return 'Return'
  return tainted && state === 'Write' ? 'ReturnTainted' : 'ReturnLast'
}

function change(objects: ObjectsState, cause: Cause, event: RwlockEvent, source: Source, effects: SyncEffect[]): void {
  step(objects, cause, event, source, effects)
  serve(objects, cause, effects)
}

/** While somebody waits, and may have the lock. */
function serve(objects: ObjectsState, cause: Cause, effects: SyncEffect[]): void {
  const { lock } = cause
  for (let next = lock.queue[0]; next !== undefined; next = lock.queue[0]) {
    if (next.write ? lock.holders.length > 0 : lock.state === 'Write') return
    step(objects, cause, next.write ? 'NextWrite' : 'NextRead', 'local', effects)
  }
}

function step(objects: ObjectsState, cause: Cause, event: RwlockEvent, source: Source, effects: SyncEffect[]): void {
  const { key, lock } = cause
  const { next, actions } = lookUp(rwlockTable, lock.state, event, source)
  for (const action of actions) ACTIONS[action](objects, cause, effects)
  lock.state = next
  if (next === 'Free' && lock.queue.length === 0) objects.rwlocks.delete(key)
  else objects.rwlocks.set(key, lock)
}

const ACTIONS: Readonly<Record<RwlockAction, (objects: ObjectsState, cause: Cause, effects: SyncEffect[]) => void>> = {
  enqueue: (objects, { lock, asker, write }) => {
    lock.queue.push({ ...asker, write: write === true })
    admit(objects, asker)
  },
  refuseBusy: (_objects, { asker }, effects) => refuse(asker, 'BUSY', 'the lock is held', effects),
  refuseFull: (_objects, { asker }, effects) => refuseFull(asker, 'rwlock', effects),
  grantNext: (_objects, cause, effects) => grantNext(cause, false, effects),
  grantNextDead: (_objects, cause, effects) => grantNext(cause, true, effects),
  removeHolder: (objects, { lock, asker }) => {
    takeOut(lock.holders, asker)
    dismiss(objects, asker)
  },
  removeWaiter: (objects, { lock, asker }) => {
    takeOut(lock.queue, asker)
    dismiss(objects, asker)
  },
  done: (_objects, { asker }, effects) => done(asker, 0n, effects),
  refuseDestroy: (_objects, { lock: { holders, queue }, asker }, effects) => {
    const detail = `${holders.length} hold the lock, and ${queue.length} wait for it`
    refuse(asker, 'BUSY', detail, effects)
  },
}

function grantNext({ key, lock }: Cause, ownerDied: boolean, effects: SyncEffect[]): void {
  const next = lock.queue.shift()
  assert(next !== undefined, 'rwlock: granted to nobody')
  lock.holders.push(next)
  grant('rwlock', key, next, ownerDied, effects)
}

function causeOf({ rwlocks }: ObjectsState, key: string, asker: Asker): Cause {
  return { key, lock: rwlocks.get(key) ?? { state: 'Free', holders: [], queue: [] }, asker }
}

function isOf({ node, number }: Asker): (one: Asker) => boolean {
  return (one) => one.node === node && one.number === number
}
