/**
 * Conditions and words of segments at their manager: who watches one is notified, the longest first.
 * Whoever waits is among them before it gives its mutex back, or looks at the word: so what is changed after
 * that is followed by a notify that reaches it, and what was changed before, it sees.
 */
import { assert } from '../base/assert.js'
import type { NodeId } from '../base/ids.js'
import { done, grant, isFull, refuse, refuseFull, type Desk } from './desk.js'
import { admit, dismiss, takeOut, type Asker, type ObjectsState, type Watch } from './object-state.js'
import type { SyncEffect } from './state.js'
import { lookUp, type Source } from './table.js'
import { watchTable, type WatchAction, type WatchEvent } from './watch.table.js'

interface Cause {
  readonly kind: 'condition' | 'word'
  readonly key: string
  readonly watch: Watch
  readonly asker: Asker
  /** How many are to be woken at most. */
  readonly count?: number
}

export function watchDesk(kind: 'condition' | 'word'): Desk {
  const causeOf = (objects: ObjectsState, key: string, asker: Asker): Cause => {
    return { kind, key, watch: watchesOf(objects, kind).get(key) ?? { state: 'None', queue: [] }, asker }
  }
  return {
    ask(objects, asker, { key, deed, value }, effects) {
      const cause = { ...causeOf(objects, key, asker), count: Number(value) }
      const { watch } = cause
      switch (deed) {
        case 'notify':
          return change(objects, cause, 'Notify', 'message', effects)
        case 'destroy':
          return change(objects, cause, watch.queue.length > 0 ? 'DestroyBusy' : 'Destroy', 'message', effects)
        default: {
          const known = watch.state === 'None' ? watchesOf(objects, kind).size : undefined
          return change(objects, cause, isFull(objects, asker, known) ? 'WatchFull' : 'Watch', 'message', effects)
        }
      }
    },
    leave(objects, asker, key, effects) {
      const cause = causeOf(objects, key, asker)
      const isThere = cause.watch.queue.some(({ node, number }) => node === asker.node && number === asker.number)
      change(objects, cause, isThere ? 'Leave' : 'Stray', 'message', effects)
    },
    giveBack(objects, asker, { key }, effects) {
      change(objects, causeOf(objects, key, asker), 'Back', 'message', effects)
    },
    lost(objects, node: NodeId, effects) {
      for (const [key, watch] of [...watchesOf(objects, kind)]) {
        for (const asker of watch.queue.filter((one) => one.node === node)) {
          change(objects, { kind, key, watch, asker }, 'Leave', 'local', effects)
        }
      }
    },
  }
}

function watchesOf({ conditions, words }: ObjectsState, kind: 'condition' | 'word'): Map<string, Watch> {
  return kind === 'condition' ? conditions : words
}

function change(objects: ObjectsState, cause: Cause, event: WatchEvent, source: Source, effects: SyncEffect[]): void {
  step(objects, cause, event, source, effects)
  const { watch } = cause
  if (watch.state === 'Watched' && watch.queue.length === 0) step(objects, cause, 'Left', 'local', effects)
}

function step(objects: ObjectsState, cause: Cause, event: WatchEvent, source: Source, effects: SyncEffect[]): void {
  const { kind, key, watch } = cause
  const { next, actions } = lookUp(watchTable, watch.state, event, source)
  for (const action of actions) ACTIONS[action](objects, cause, effects)
  watch.state = next
  if (next === 'None') watchesOf(objects, kind).delete(key)
  else watchesOf(objects, kind).set(key, watch)
}

const ACTIONS: Readonly<Record<WatchAction, (objects: ObjectsState, cause: Cause, effects: SyncEffect[]) => void>> = {
  enqueue: (objects, { watch, asker }) => {
    watch.queue.push(asker)
    admit(objects, asker)
  },
  register: (_objects, { asker }, effects) => done(asker, 0n, effects),
  refuseFull: (_objects, { kind, asker }, effects) => refuseFull(asker, kind, effects),
  wake: (objects, cause, effects) => {
    assert(cause.count !== undefined, 'watch: nobody is to be woken')
    const woken = Math.min(cause.count, cause.watch.queue.length)
    wake(objects, cause, woken, effects)
    done(cause.asker, BigInt(woken), effects)
  },
  wakeOne: (objects, cause, effects) => wake(objects, cause, 1, effects),
  tellNone: (_objects, { asker }, effects) => done(asker, 0n, effects),
  removeWatcher: (objects, { watch, asker }) => {
    takeOut(watch.queue, asker)
    dismiss(objects, asker)
  },
  done: (_objects, { asker }, effects) => done(asker, 0n, effects),
  refuseDestroy: (_objects, { kind, watch: { queue }, asker }, effects) => {
    refuse(asker, 'BUSY', `${queue.length} wait at the ${kind}`, effects)
  },
}

function wake(objects: ObjectsState, { kind, key, watch }: Cause, count: number, effects: SyncEffect[]): void {
  for (const watcher of watch.queue.splice(0, count)) {
    dismiss(objects, watcher)
    grant(kind, key, watcher, false, effects)
  }
}
