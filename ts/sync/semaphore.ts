/** Semaphores at their manager: classify what comes, look up the cell, perform it. First come, first served. */
import { assert } from '../base/assert.js'
import { done, grant, isFull, refuse, refuseFull, type Desk, type ObjectAsk } from './desk.js'
import { UNITS_MAX, admit, dismiss, takeOut, type Asker, type ObjectsState, type Semaphore } from './object-state.js'
import { semaphoreTable, type SemaphoreAction, type SemaphoreEvent } from './semaphore.table.js'
import type { SyncEffect } from './state.js'
import { lookUp, type Source } from './table.js'

interface Cause {
  readonly key: string
  readonly semaphore: Semaphore
  readonly asker: Asker
  readonly ask?: ObjectAsk
}

export const semaphoreDesk: Desk = {
  ask(objects, asker, ask, effects) {
    const cause = { ...causeOf(objects, ask.key, asker), ask }
    const first = making(objects, cause, ask)
    if (first !== undefined) step(objects, cause, first, 'message', effects)
    if (cause.semaphore.state === 'None') return
    step(objects, cause, classify(objects, cause, ask), 'message', effects)
    serve(objects, cause, effects)
  },
  leave(objects, asker, key, effects) {
    const cause = causeOf(objects, key, asker)
    const waits = cause.semaphore.queue.some(({ node, number }) => node === asker.node && number === asker.number)
    step(objects, cause, waits ? 'Leave' : 'Stray', 'message', effects)
  },
  giveBack(objects, asker, { key }, effects) {
    const cause = causeOf(objects, key, asker)
    step(objects, cause, 'Back', 'message', effects)
    serve(objects, cause, effects)
  },
  lost(objects, node, effects) {
    for (const [key, semaphore] of objects.semaphores) {
      for (const asker of semaphore.queue.filter((one) => one.node === node)) {
        step(objects, { key, semaphore, asker }, 'Leave', 'local', effects)
      }
    }
  },
}

/** What comes first where there is none yet. */
function making(
  objects: ObjectsState,
  { semaphore, asker }: Cause,
  { deed, initial }: ObjectAsk,
): SemaphoreEvent | undefined {
  if (semaphore.state !== 'None') return undefined
  if (initial < 0 || deed === 'destroy') return 'Missing'
  if (isFull(objects, asker, objects.semaphores.size)) return 'Full'
  return initial === 0 ? 'MakeEmpty' : 'Make'
}

function classify(objects: ObjectsState, { semaphore, asker }: Cause, ask: ObjectAsk): SemaphoreEvent {
  const { units, queue } = semaphore
  switch (ask.deed) {
    case 'take':
      if (isFull(objects, asker, undefined)) return 'Full'
      return units === 0 && !ask.patient ? 'TakeBusy' : 'Take'
    case 'post':
      return units + Number(ask.value) > UNITS_MAX ? 'PostOver' : 'Post'
    case 'destroy':
      return queue.length > 0 ? 'DestroyBusy' : 'Destroy'
    default:
      return 'Value'
  }
}

/** While somebody waits, and there are units. */
function serve(objects: ObjectsState, cause: Cause, effects: SyncEffect[]): void {
  const { semaphore } = cause
  while (semaphore.queue.length > 0 && semaphore.units > 0) {
    step(objects, cause, semaphore.units > 1 ? 'Next' : 'NextLast', 'local', effects)
  }
}

function step(objects: ObjectsState, cause: Cause, event: SemaphoreEvent, source: Source, effects: SyncEffect[]): void {
  const { key, semaphore } = cause
  const { next, actions } = lookUp(semaphoreTable, semaphore.state, event, source)
  for (const action of actions) ACTIONS[action](objects, cause, effects)
  semaphore.state = next
  if (next === 'None') objects.semaphores.delete(key)
  else objects.semaphores.set(key, semaphore)
}

type Act = (objects: ObjectsState, cause: Cause, effects: SyncEffect[]) => void

const ACTIONS: Readonly<Record<SemaphoreAction, Act>> = {
  begin: (_objects, cause) => {
    cause.semaphore.units = askOf(cause).initial
  },
  refuseMissing: (_objects, { asker }, effects) => refuse(asker, 'NOT_FOUND', 'there is no such semaphore', effects),
  refuseFull: (_objects, { asker }, effects) => refuseFull(asker, 'semaphore', effects),
  refuseBusy: (_objects, { asker }, effects) => refuse(asker, 'BUSY', 'the semaphore has no unit now', effects),
  refuseOver: (_objects, { asker, semaphore: { units } }, effects) => {
    refuse(asker, 'LIMIT', `the semaphore has ${units} units, and may have ${UNITS_MAX}`, effects)
  },
  refuseDestroy: (_objects, { asker, semaphore: { queue } }, effects) => {
    refuse(asker, 'BUSY', `${queue.length} wait for the semaphore`, effects)
  },
  enqueue: (objects, { semaphore, asker }) => {
    semaphore.queue.push(asker)
    admit(objects, asker)
  },
  grantNext: (objects, { key, semaphore }, effects) => {
    const next = semaphore.queue.shift()
    assert(next !== undefined, 'semaphore: granted to nobody')
    semaphore.units--
    dismiss(objects, next)
    grant('semaphore', key, next, false, effects)
  },
  add: (_objects, cause) => {
    cause.semaphore.units += Number(askOf(cause).value)
  },
  // One more than there may be is nobody's any more: others have posted that many since.
  addOne: (_objects, { semaphore }) => {
    semaphore.units = Math.min(semaphore.units + 1, UNITS_MAX)
  },
  done: (_objects, { asker }, effects) => done(asker, 0n, effects),
  tell: (_objects, { asker, semaphore: { units } }, effects) => done(asker, BigInt(units), effects),
  removeWaiter: (objects, { semaphore, asker }) => {
    takeOut(semaphore.queue, asker)
    dismiss(objects, asker)
  },
}

function askOf({ ask }: Cause): ObjectAsk {
  assert(ask !== undefined, 'semaphore: nothing is asked')
  return ask
}

function causeOf({ semaphores }: ObjectsState, key: string, asker: Asker): Cause {
  return { key, semaphore: semaphores.get(key) ?? { state: 'None', units: 0, queue: [] }, asker }
}
