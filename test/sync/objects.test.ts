import t from 'tap'
import type { ObjectDeed, ObjectKind } from '../../ts/base/objects.js'
import { PeerError } from '../../ts/base/peer-error.js'
import { counterTable } from '../../ts/sync/counter.table.js'
import { errandTable } from '../../ts/sync/errand.table.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { ASKS_MAX, ERRANDS_MAX, OBJECTS_MAX, UNITS_MAX } from '../../ts/sync/object-state.js'
import { rwlockTable } from '../../ts/sync/rwlock.table.js'
import { semaphoreTable } from '../../ts/sync/semaphore.table.js'
import { watchTable } from '../../ts/sync/watch.table.js'
import { syncMessage } from '../../ts/sync/index.js'
import { watchCells } from '../support/cells.js'
import { cluster } from '../support/sync-cluster.js'

const tables = { rwlockTable, semaphoreTable, watchTable, counterTable, errandTable }
const unmet = Object.entries(tables).map(([name, table]) => ({ name, cells: watchCells(table as typeof errandTable) }))

/** A cluster, and what its threads ask of objects. */
function objects(nodes: number) {
  const made = cluster(nodes)
  const { links, object } = made
  const ask = (node: number, kind: ObjectKind, deed: ObjectDeed, more: Parameters<typeof object>[3] = {}) =>
    object(node, kind, deed, more)
  /** Asks, and says how it ended when nothing is on the way any more. */
  const see = (...asked: Parameters<typeof ask>) => {
    const ticket = ask(...asked)
    links.settle()
    return links.outcome(ticket)
  }
  const value = (...asked: Parameters<typeof ask>) => {
    const ticket = ask(...asked)
    links.settle()
    return links.answer(ticket, 'value').value
  }
  const ownerDied = (ticket: number) => links.answer(ticket, 'locked').ownerDied
  return { ...made, ask, see, value, ownerDied }
}

t.test('rwlock: first come, first served: a writer that waits holds back the readers behind it', async (t) => {
  const { links, ask, see } = objects(3)
  t.equal(see(1, 'rwlock', 'read', { holder: 1 }), 'locked')
  t.equal(see(2, 'rwlock', 'read', { holder: 1 }), 'locked')
  const writer = ask(1, 'rwlock', 'write', { holder: 2 })
  links.settle()
  const readers = [ask(2, 'rwlock', 'read', { holder: 2 }), ask(0, 'rwlock', 'read', { holder: 1 })]
  links.settle()
  const outcomes = () => [writer, ...readers].map((ticket) => links.outcome(ticket))
  t.same(outcomes(), ['pending', 'pending', 'pending'])
  t.equal(see(0, 'rwlock', 'read', { holder: 9, patient: false }), 'BUSY', 'nor does one that does not wait pass it')
  see(1, 'rwlock', 'unlock', { holder: 1 })
  see(2, 'rwlock', 'unlock', { holder: 1 })
  t.same(outcomes(), ['locked', 'pending', 'pending'])
  see(1, 'rwlock', 'unlock', { holder: 2 })
  t.same(outcomes(), ['locked', 'locked', 'locked'])
})

t.test('rwlock: a writer dies -> readers are told until a writer has been', async (t) => {
  const { links, ask, see, exit, ownerDied } = objects(2)
  see(1, 'rwlock', 'write')
  exit(1)
  const told = (deed: 'read' | 'write', holder: number) => {
    const ticket = ask(0, 'rwlock', deed, { holder })
    links.settle()
    return ownerDied(ticket)
  }
  t.equal(told('read', 1), true)
  t.equal(told('read', 2), true)
  see(0, 'rwlock', 'unlock', { holder: 1 })
  see(0, 'rwlock', 'unlock', { holder: 2 })
  t.equal(told('write', 3), true)
  see(0, 'rwlock', 'unlock', { holder: 3 })
  t.equal(told('write', 4), false)
})

t.test('rwlock: a reader dies, or its node is lost -> nobody is told, and the next goes on', async (t) => {
  const { links, ask, see, exit, lose, ownerDied } = objects(3)
  see(1, 'rwlock', 'read')
  see(2, 'rwlock', 'read')
  const writer = ask(0, 'rwlock', 'write')
  exit(1)
  links.settle()
  t.equal(links.outcome(writer), 'pending')
  lose(2)
  links.settle()
  t.equal(ownerDied(writer), false)
})

t.test('rwlock: the next writer quits while it is to be told of a death -> the one after it is', async (t) => {
  const { links, ask, see, exit, cancel, ownerDied } = objects(3)
  see(0, 'rwlock', 'write')
  const quits = ask(1, 'rwlock', 'write')
  links.settle()
  exit(0)
  cancel(1, quits)
  t.equal(links.outcome(quits), 'TIMEOUT')
  const next = ask(2, 'rwlock', 'write')
  links.settle()
  t.equal(ownerDied(next), true)
})

t.test('rwlock: unlock by one who does not hold it, twice by one who does, recursion', async (t) => {
  const { see } = objects(2)
  t.equal(see(1, 'rwlock', 'unlock'), 'NOT_HOLDER')
  t.equal(see(1, 'rwlock', 'read'), 'locked')
  t.equal(see(1, 'rwlock', 'unlock', { holder: 2 }), 'NOT_HOLDER')
  for (const deed of ['read', 'write'] as const) t.equal(see(1, 'rwlock', deed), 'DEADLOCK')
  t.equal(see(1, 'rwlock', 'unlock'), 'done')
  t.equal(see(1, 'rwlock', 'unlock'), 'NOT_HOLDER')
})

t.test('rwlock: unlock is answered when it has left: a try that follows finds the lock free', async (t) => {
  const { links, ask, slow, release } = objects(2)
  slow.add(1)
  ask(1, 'rwlock', 'write')
  links.settle()
  const unlock = ask(1, 'rwlock', 'unlock')
  t.equal(links.outcome(unlock), 'pending')
  release()
  t.equal(links.outcome(unlock), 'done')
  const again = ask(1, 'rwlock', 'write', { patient: false })
  links.settle()
  t.equal(links.outcome(again), 'locked')
})

t.test('rwlock: what is under way cannot be withdrawn any more', async (t) => {
  const { links, ask, cancel, slow, release } = objects(2)
  slow.add(1)
  ask(1, 'rwlock', 'write')
  links.settle()
  const unlock = ask(1, 'rwlock', 'unlock')
  cancel(1, unlock)
  const add = ask(1, 'counter', 'add')
  cancel(1, add)
  release()
  cancel(1, add)
  links.settle()
  t.same([links.outcome(unlock), links.outcome(add)], ['done', 'value'])
})

t.test('rwlock: one that quits when it has been refused, and the lock is free by then', async (t) => {
  for (const dies of [false, true]) {
    const { links, ask, see, cancel, exit } = objects(2)
    see(0, 'rwlock', 'write')
    const refused = ask(1, 'rwlock', 'read', { patient: false })
    links.deliver(1, 0)
    if (dies) exit(0)
    else see(0, 'rwlock', 'unlock')
    t.equal(links.outcome(refused), dies ? 'pending' : 'BUSY')
    if (dies) cancel(1, refused)
    links.settle()
    t.equal(links.state(0).objects.rwlocks.get('k')?.state, dies ? 'Orphan' : undefined)
  }
  const { links, ask, cancel } = objects(2)
  const known = links.state(0).objects.rwlocks
  for (let i = 0; i < OBJECTS_MAX; i++) known.set(`${i}`, { state: 'Orphan', holders: [], queue: [] })
  const full = ask(1, 'rwlock', 'read')
  links.deliver(1, 0)
  cancel(1, full)
  links.settle()
  t.equal(links.outcome(full), 'TIMEOUT')
})

t.test('objects: a process ends while it is answered -> what it asked is done, and nobody is told', async (t) => {
  const { links, ask, value, exit } = objects(2)
  const add = ask(1, 'counter', 'add', { value: 3n })
  exit(1)
  links.settle()
  t.equal(links.outcome(add), 'pending')
  t.equal(value(0, 'counter', 'add'), 3n)
})

t.test(
  'destroy: of what is held or waited for -> BUSY; of what there is not -> NOT_FOUND, or nothing to do',
  async (t) => {
    const { links, ask, see, value, exit } = objects(3)
    const states: [ObjectDeed, () => void][] = [
      ['read', () => see(1, 'rwlock', 'unlock')],
      ['write', () => see(1, 'rwlock', 'unlock')],
    ]
    for (const [deed, end] of states) {
      t.equal(see(1, 'rwlock', deed), 'locked')
      t.equal(see(2, 'rwlock', 'destroy'), 'BUSY')
      end()
      t.equal(see(2, 'rwlock', 'destroy'), 'done')
    }
    see(1, 'rwlock', 'write', { holder: 3, process: 7 })
    exit(1, 7)
    t.equal(see(1, 'rwlock', 'read'), 'locked')
    t.equal(see(2, 'rwlock', 'read', { holder: 4 }), 'locked')
    t.equal(see(0, 'rwlock', 'write', { patient: false }), 'BUSY')
    t.equal(see(2, 'rwlock', 'destroy'), 'BUSY')
    see(2, 'rwlock', 'unlock', { holder: 4 })
    see(1, 'rwlock', 'unlock')
    t.equal(see(2, 'rwlock', 'destroy'), 'done')
    const fresh = ask(2, 'rwlock', 'write')
    links.settle()
    t.equal(links.answer(fresh, 'locked').ownerDied, false, 'and the death is forgotten with it')

    t.equal(see(1, 'semaphore', 'destroy', { initial: 1 }), 'NOT_FOUND')
    t.equal(see(1, 'semaphore', 'take'), 'NOT_FOUND')
    const waits = ask(1, 'semaphore', 'take', { initial: 0 })
    links.settle()
    t.equal(see(2, 'semaphore', 'destroy'), 'BUSY')
    t.equal(see(2, 'semaphore', 'post'), 'done')
    links.settle()
    t.equal(links.outcome(waits), 'done')
    t.equal(value(2, 'semaphore', 'value', { initial: 9 }), 0n, 'it is there: what it would begin with does not count')
    t.equal(see(2, 'semaphore', 'destroy'), 'done')
    t.equal(value(2, 'semaphore', 'value', { initial: 9 }), 9n)
    t.equal(see(1, 'semaphore', 'destroy'), 'done')

    const number = value(1, 'condition', 'watch')
    t.equal(see(2, 'condition', 'destroy'), 'BUSY')
    t.equal(see(1, 'condition', 'unwatch', { value: number }), 'done')
    t.equal(see(2, 'condition', 'destroy'), 'done')

    t.equal(see(1, 'counter', 'destroy'), 'NOT_FOUND')
    t.equal(value(1, 'counter', 'add', { value: 5n }), 0n)
    t.equal(see(2, 'counter', 'destroy'), 'done')
    t.equal(value(1, 'counter', 'add', { value: 1n }), 0n)
  },
)

t.test(
  'semaphore: a unit that comes for one who waits no more goes back, also when it was destroyed meanwhile',
  async (t) => {
    const { links, ask, see, value, cancel } = objects(3)
    const quits = ask(1, 'semaphore', 'take', { initial: 1 })
    links.deliver(1, 0)
    cancel(1, quits)
    t.equal(links.outcome(quits), 'TIMEOUT')
    links.settle()
    t.equal(value(2, 'semaphore', 'value'), 1n)
    const late = ask(1, 'semaphore', 'take')
    links.deliver(1, 0)
    ask(0, 'semaphore', 'destroy')
    cancel(1, late)
    links.settle()
    t.equal(see(2, 'semaphore', 'value'), 'NOT_FOUND')
  },
)

t.test('semaphore: no more than 2^31 - 1 units', async (t) => {
  const { ask, links, see, value, cancel } = objects(2)
  t.equal(see(1, 'semaphore', 'post', { initial: UNITS_MAX }), 'LIMIT')
  const quits = ask(1, 'semaphore', 'take')
  links.deliver(1, 0)
  t.equal(see(0, 'semaphore', 'post'), 'done')
  t.equal(value(0, 'semaphore', 'value'), BigInt(UNITS_MAX))
  cancel(1, quits)
  links.settle()
  t.equal(value(0, 'semaphore', 'value'), BigInt(UNITS_MAX))
})

t.test('counter: adds, gives what it was before, and wraps; it is an acquire and a release', async (t) => {
  const { value, edges } = objects(2)
  t.equal(value(0, 'counter', 'add', { value: 2n ** 63n - 1n }), 0n)
  t.equal(value(1, 'counter', 'add', { value: 1n }), 2n ** 63n - 1n)
  t.equal(value(1, 'counter', 'add', { value: -(2n ** 63n) }), -(2n ** 63n))
  t.equal(value(1, 'counter', 'add', { value: -7n }), 0n)
  t.equal(value(0, 'counter', 'add', { value: 0n }), -7n)
  t.same(edges.slice(-2), ['release 0', 'acquire 0'])
})

t.test('notify: wakes so many, the longest first, and says how many there were', async (t) => {
  const { links, ask, see, value } = objects(3)
  const sleepers = [1, 2, 1, 2].map((node, holder) => {
    const number = value(node, 'word', 'watch', { holder })
    return ask(node, 'word', 'sleep', { value: number, holder })
  })
  links.settle()
  const outcomes = () => sleepers.map((ticket) => links.outcome(ticket))
  t.equal(value(0, 'word', 'notify', { value: 2n }), 2n)
  t.same(outcomes(), ['done', 'done', 'pending', 'pending'])
  t.equal(value(0, 'condition', 'notify', { value: 9n }), 0n, 'a condition of that key is something else')
  t.equal(value(0, 'word', 'notify', { value: 9n }), 2n)
  t.same(outcomes(), Array(4).fill('done'))
  t.equal(value(0, 'word', 'notify', { value: 9n }), 0n)
  t.equal(see(0, 'word', 'destroy'), 'done')
})

t.test('wait: sleep and unwatch of what the caller does not watch -> INVALID', async (t) => {
  const { ask, see, value } = objects(2)
  const number = value(1, 'word', 'watch')
  for (const other of [{ process: 7 }, { key: 'other' }, { value: number + 1n }, { value: 0n }]) {
    t.equal(see(1, 'word', 'sleep', { value: number, ...other }), 'INVALID')
    t.equal(see(1, 'word', 'unwatch', { value: number, ...other }), 'INVALID')
  }
  t.equal(see(1, 'condition', 'sleep', { value: number }), 'INVALID')
  ask(1, 'word', 'sleep', { value: number })
  t.equal(see(1, 'word', 'sleep', { value: number }), 'INVALID', 'twice')
  const lock = objects(1)
  lock.see(0, 'rwlock', 'write')
  t.equal(lock.see(0, 'word', 'sleep', { value: 1n }), 'INVALID', 'an errand of another kind')
})

t.test('objects: what nobody can ask -> INVALID', async (t) => {
  const { see } = objects(1)
  const bad: [ObjectKind, ObjectDeed, Parameters<typeof see>[3]][] = [
    ['rwlock', 'take', {}],
    ['counter', 'read', {}],
    ['semaphore', 'post', { value: 0n, initial: 0 }],
    ['semaphore', 'post', { value: 2n ** 31n, initial: 0 }],
    ['semaphore', 'take', { initial: -2 }],
    ['semaphore', 'take', { initial: 0.5 }],
    ['semaphore', 'take', { initial: UNITS_MAX + 1 }],
    ['word', 'notify', { value: 0n }],
    ['word', 'notify', { value: 2n ** 32n }],
    ['counter', 'add', { value: 2n ** 63n }],
    ['counter', 'add', { key: '' }],
    ['counter', 'add', { key: 'x'.repeat(65) }],
    ['rwlock', 'read', { holder: 0 }],
  ]
  for (const [kind, deed, more] of bad) t.equal(see(0, kind, deed, more), 'INVALID', `${kind} ${deed}`)
})

t.test('objects: more of a kind than a manager may know -> LIMIT, and those that are there go on', async (t) => {
  const { links, see, value } = objects(2)
  const { objects: known } = links.state(0)
  for (let i = 0; i < OBJECTS_MAX; i++) {
    known.rwlocks.set(`${i}`, { state: 'Orphan', holders: [], queue: [] })
    known.semaphores.set(`${i}`, { state: 'Units', units: 3, queue: [] })
    known.words.set(`${i}`, { state: 'Watched', queue: [] })
    known.counters.set(`${i}`, { state: 'Counted', value: 1n })
  }
  t.equal(see(1, 'rwlock', 'write'), 'LIMIT')
  t.equal(see(1, 'rwlock', 'write', { key: '7' }), 'locked')
  t.equal(see(1, 'semaphore', 'take', { initial: 1 }), 'LIMIT')
  t.equal(see(1, 'semaphore', 'take', { key: '7' }), 'done')
  t.equal(see(1, 'word', 'watch'), 'LIMIT')
  t.equal(value(1, 'word', 'watch', { key: '7' }) > 0n, true)
  t.equal(see(1, 'counter', 'add'), 'LIMIT')
  t.equal(value(1, 'counter', 'add', { key: '7' }), 1n)
  known.asks.set(1, ASKS_MAX)
  t.equal(see(1, 'semaphore', 'take', { key: '7' }), 'LIMIT', 'and more of one node')
  known.semaphores.set('8', { state: 'Empty', units: 0, queue: [] })
  for (const key of ['7', '8']) t.equal(see(1, 'semaphore', 'take', { key }), 'LIMIT')
  for (const key of ['6', '7']) t.equal(see(1, 'rwlock', 'read', { key, holder: 2 }), 'LIMIT')
  t.equal(see(1, 'word', 'watch', { key: '7' }), 'LIMIT')
  known.asks.delete(1)
  see(1, 'rwlock', 'read', { key: '6' })
  see(1, 'rwlock', 'unlock', { key: '7' })
  see(1, 'rwlock', 'read', { key: '7' })
  known.asks.set(1, ASKS_MAX)
  for (const key of ['6', '7']) t.equal(see(1, 'rwlock', 'read', { key, holder: 2 }), 'LIMIT')
})

t.test('objects: more under way on a node than may be -> LIMIT there', async (t) => {
  const { links, see } = objects(2)
  const { errands } = links.state(1).objects
  const filler = { state: 'Asked', number: 0, ticket: undefined, tainted: false } as const
  const request = { op: 'object', kind: 'word', deed: 'watch', key: 'k', process: 1, holder: 1 } as const
  for (let i = 1; i <= ERRANDS_MAX; i++) {
    errands.set(1000 + i, { ...filler, request: { ...request, value: 0n, initial: -1, patient: true } })
  }
  t.equal(see(1, 'counter', 'add'), 'LIMIT')
})

t.test('objects: a manager that is lost -> NODE_LOST for all that wait, and for all that come', async (t) => {
  const { links, ask, see, value, lose } = objects(3)
  see(2, 'rwlock', 'write')
  const number = value(1, 'word', 'watch')
  const waits = [
    ask(1, 'rwlock', 'write'),
    ask(1, 'semaphore', 'take', { initial: 0 }),
    ask(1, 'word', 'sleep', { value: number }),
  ]
  links.settle()
  lose(0)
  t.same(
    waits.map((ticket) => links.outcome(ticket)),
    Array(3).fill('NODE_LOST'),
  )
  t.equal(see(2, 'rwlock', 'unlock'), 'NODE_LOST')
  t.equal(see(2, 'counter', 'add'), 'NODE_LOST')
  for (const node of [1, 2]) t.equal(links.state(node).objects.errands.size, 0)
})

t.test('objects: what no honest peer says is a PeerError, and changes nothing', async (t) => {
  const { links, ask, see } = objects(3)
  see(1, 'rwlock', 'write')
  ask(1, 'semaphore', 'take', { initial: 0 })
  ask(1, 'counter', 'add')
  const one = { kind: 'rwlock', key: 'k', number: 1 } as const
  const asks = { type: 'ObjectAsk', ...one, deed: 'read', value: 1n, initial: -1, patient: true } as const
  const says = (to: number, from: number, message: unknown) => {
    const before = structuredClone(links.state(to))
    t.throws(
      () => syncMessage(links.state(to), from, message as SyncMessage, []),
      PeerError,
      JSON.stringify(message, text),
    )
    t.same(links.state(to), before)
  }
  for (const wrong of [
    { key: '' },
    { kind: 'mutex' },
    { number: 0 },
    { number: 1.5 },
    { deed: 'take' },
    { deed: 'unlock' },
    { deed: 'dance' },
    { initial: -2 },
    { kind: 'semaphore', deed: 'post', value: 0n },
    { kind: 'word', deed: 'notify', value: -1n },
    { kind: 'word', deed: 'sleep' },
  ]) {
    says(0, 2, { ...asks, ...wrong })
  }
  says(1, 2, asks)
  says(0, 2, { type: 'ObjectReturn', ...one, number: 77, tainted: false })
  says(0, 2, { type: 'ObjectReturn', ...one, kind: 'counter', tainted: false })
  says(0, 2, { type: 'ObjectLeave', ...one, kind: 'counter' })
  const grant = { type: 'ObjectGrant', ...one, number: 2, kind: 'semaphore', ownerDied: false } as const
  for (const wrong of [{ kind: 'rwlock' }, { kind: 'counter' }, { key: 'other' }, { number: 99 }, { key: '' }]) {
    says(1, 0, { ...grant, ...wrong })
  }
  says(1, 2, grant)
  says(1, 0, { ...grant, kind: 'rwlock', number: 1 })
  says(1, 0, { type: 'ObjectDone', number: 2, value: 0n })
  says(1, 0, { type: 'ObjectDone', number: 1, value: 0n })
  says(1, 2, { type: 'ObjectDone', number: 3, value: 0n })
  says(1, 0, { type: 'ObjectDone', number: 99, value: 0n })
  says(1, 0, { type: 'ObjectRefused', number: 2, error: 'OK', detail: '' })
  says(1, 0, { type: 'ObjectRefused', number: 2, error: 'NONSENSE', detail: '' })
})

t.test('objects: every cell is met here, but for those that the tests of every order meet', async (t) => {
  t.same(Object.fromEntries(unmet.map(({ name, cells }) => [name, cells()])), {
    rwlockTable: ['Read x Leave', 'Read x Stray', 'ReadOrphan x Leave', 'ReadOrphan x Stray', 'Write x Leave'],
    semaphoreTable: ['Units x Back', 'Units x Stray', 'Empty x TakeBusy', 'Empty x Leave'],
    watchTable: ['None x Back', 'None x Stray', 'Watched x Back', 'Watched x Stray'],
    counterTable: [],
    errandTable: [
      'Releasing x DiedLate',
      'Releasing x ManagerLost',
      'Asked x Died',
      'Returning x Died',
      'Returning x ManagerLost',
      'Watching x Wake',
      'Watching x Died',
      'Watching x ManagerLost',
      'Woken x Sleep',
      'Woken x Unwatch',
      'Woken x Died',
      'Woken x ManagerLost',
      'Sleeping x Cancel',
      'Sleeping x Died',
    ],
  })
})

function text(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}
