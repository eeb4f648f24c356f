import t from 'tap'
import { PeerError } from '../../ts/base/peer-error.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { syncLost, syncMessage } from '../../ts/sync/index.js'
import { cluster } from '../support/sync-cluster.js'

t.test('lock: granted, unlocked, forgotten', async (t) => {
  const { links, lock, unlock } = cluster(2)
  const first = lock(1, 'k')
  links.settle()
  t.same(links.answer(first, 'locked'), { is: 'locked', ownerDied: false })
  t.equal(links.outcome(unlock(1, 'k')), 'done', 'at once')
  links.settle()
  t.equal(links.state(0).locks.size, 0)
  t.equal(links.state(1).holds.size + links.state(1).claims.size, 0)
})

t.test("lock: on the manager's own node no message is needed", async (t) => {
  const { links, lock, unlock } = cluster(1)
  t.equal(links.outcome(lock(0, 'k')), 'locked')
  t.equal(links.outcome(unlock(0, 'k')), 'done')
  t.equal(links.world.sent, 0)
})

t.test('lock: first come, first served (N=3, 2 holders each)', async (t) => {
  const { links, lock, unlock } = cluster(3)
  const order: [number, number, number][] = []
  for (const holder of [1, 2])
    for (const node of [2, 0, 1]) {
      order.push([lock(node, 'k', holder), node, holder])
      links.settle()
    }
  for (const [i, [ticket, node, holder]] of order.entries()) {
    t.equal(links.outcome(ticket), 'locked')
    const next = order[i + 1]
    if (next !== undefined) t.equal(links.outcome(next[0]), 'pending')
    unlock(node, 'k', holder)
    links.settle()
  }
  t.equal(links.state(0).locks.size, 0)
})

t.test('lock: by the present holder -> DEADLOCK; while it waits already -> DEADLOCK', async (t) => {
  const { links, lock } = cluster(2)
  lock(1, 'k')
  const waiting = lock(1, 'k', 2)
  links.settle()
  t.equal(links.outcome(lock(1, 'k')), 'DEADLOCK')
  t.equal(links.outcome(lock(1, 'k', 2)), 'DEADLOCK')
  t.equal(links.outcome(waiting), 'pending')
})

t.test('unlock: by another holder, another process, another node, or of a free lock -> NOT_HOLDER', async (t) => {
  const { links, lock, unlock } = cluster(2)
  lock(1, 'k')
  links.settle()
  t.equal(links.outcome(unlock(1, 'k', 2)), 'NOT_HOLDER')
  t.equal(links.outcome(unlock(1, 'k', 1, 8)), 'NOT_HOLDER')
  t.equal(links.outcome(unlock(0, 'k')), 'NOT_HOLDER')
  t.equal(links.outcome(unlock(1, 'other')), 'NOT_HOLDER')
  t.equal(links.outcome(unlock(1, 'k')), 'done')
  t.equal(links.outcome(unlock(1, 'k')), 'NOT_HOLDER')
})

t.test('lock: unlocked and locked again before the manager knows -> granted', async (t) => {
  const { links, lock, unlock } = cluster(2)
  lock(1, 'k')
  links.settle()
  unlock(1, 'k')
  const again = lock(1, 'k')
  links.settle()
  t.equal(links.answer(again, 'locked').ownerDied, false)
})

t.test('lock: holder dies -> next acquirer gets EOWNERDEAD (N=3)', async (t) => {
  const { links, lock, unlock, exit } = cluster(3)
  lock(1, 'k')
  links.settle()
  const waiting = lock(2, 'k')
  links.settle()
  exit(1)
  links.settle()
  t.equal(links.answer(waiting, 'locked').ownerDied, true)
  unlock(2, 'k')
  const later = lock(0, 'k')
  links.settle()
  t.equal(links.answer(later, 'locked').ownerDied, false, 'told once')
})

t.test('lock: holder dies, nobody waits -> remembered for whoever comes next', async (t) => {
  const { links, lock, exit } = cluster(3)
  lock(1, 'k')
  links.settle()
  exit(1)
  links.settle()
  const later = lock(2, 'k')
  links.settle()
  t.equal(links.answer(later, 'locked').ownerDied, true)
})

t.test("lock: holder's node is lost -> next acquirer gets EOWNERDEAD, its waiters are gone (N=3)", async (t) => {
  const { links, lock } = cluster(3)
  lock(1, 'k')
  links.settle()
  lock(1, 'k', 2)
  const waiting = lock(2, 'k')
  lock(1, 'k', 3)
  links.settle()
  links.lose(1, (state, effects) => syncLost(state, 1, effects))
  links.settle()
  t.equal(links.answer(waiting, 'locked').ownerDied, true)
  t.equal(links.state(0).locks.get('k')?.queue.length, 0)
})

t.test('lock: a process that waits ends -> it is skipped, and nobody is told of a death', async (t) => {
  const { links, lock, unlock, exit } = cluster(3)
  lock(0, 'k')
  const dead = lock(1, 'k')
  links.settle()
  const next = lock(2, 'k')
  links.settle()
  exit(1)
  links.settle()
  t.equal(links.state(1).holds.size, 0)
  unlock(0, 'k')
  links.settle()
  t.equal(links.outcome(dead), 'pending', 'its process has ended: never answered')
  t.equal(links.answer(next, 'locked').ownerDied, false)
})

t.test('lock: a grant crosses the end of its process -> given back unused, no EOWNERDEAD', async (t) => {
  const { links, lock, unlock, exit } = cluster(3)
  lock(0, 'k')
  const dead = lock(1, 'k')
  links.settle()
  const next = lock(2, 'k')
  links.settle()
  unlock(0, 'k')
  exit(1)
  links.settle()
  t.equal(links.outcome(dead), 'pending')
  t.equal(links.answer(next, 'locked').ownerDied, false)
  t.equal(links.state(1).holds.size + links.state(1).claims.size, 0)
})

t.test('lock: a grant that told of a death is given back unused -> the next one is told', async (t) => {
  const { links, lock, exit } = cluster(3)
  lock(2, 'k')
  lock(1, 'k')
  links.settle()
  const holder = links.state(0).locks.get('k')?.holder?.node ?? 0
  const other = 3 - holder
  exit(holder)
  links.deliver(holder, 0)
  exit(other)
  links.settle()
  const later = lock(0, 'k')
  t.equal(links.answer(later, 'locked').ownerDied, true)
})

t.test('lock: a process ends with one thread holding and one waiting for the same lock', async (t) => {
  const { links, lock, exit } = cluster(2)
  lock(1, 'k', 1)
  lock(1, 'k', 2)
  links.settle()
  const next = lock(0, 'k')
  exit(1)
  links.settle()
  t.equal(links.answer(next, 'locked').ownerDied, true)
  t.equal(links.state(1).holds.size, 0)
})

t.test('lock: the manager is lost -> pending and later requests NODE_LOST (N=3)', async (t) => {
  const { links, lock, unlock, barrier } = cluster(3)
  lock(1, 'k')
  links.settle()
  const pending = [lock(2, 'k'), barrier(2, 'b', 2)]
  links.lose(0, (state, effects) => syncLost(state, 0, effects))
  pending.push(unlock(1, 'k'), lock(1, 'k'), barrier(1, 'b', 1))
  t.same(
    pending.map((ticket) => links.outcome(ticket)),
    Array(5).fill('NODE_LOST'),
  )
})

t.test('lock: keys of 1 to 64 bytes, holders of at most 64 -> else INVALID', async (t) => {
  const { links, lock } = cluster(1)
  t.equal(links.outcome(lock(0, 'n' + 'x'.repeat(63))), 'locked')
  t.equal(links.outcome(lock(0, 'x'.repeat(65))), 'INVALID')
  t.equal(links.outcome(lock(0, 'é'.repeat(33))), 'INVALID')
  t.equal(links.outcome(lock(0, '')), 'INVALID')
  t.equal(links.outcome(lock(0, '\ud800')), 'INVALID')
  t.equal(links.outcome(lock(0, 'k', 'h'.repeat(65))), 'INVALID')
})

t.test('lock: 65,536 locks in use, one more -> LIMIT; one less in use -> granted', async (t) => {
  const { links, lock, unlock } = cluster(1)
  for (let i = 0; i < 65_536; i++) lock(0, `k${i}`)
  t.equal(links.outcome(lock(0, 'more')), 'LIMIT')
  t.equal(links.outcome(lock(0, 'k7', 2)), 'pending', 'those in use go on')
  unlock(0, 'k8')
  t.equal(links.outcome(lock(0, 'more')), 'locked')
})

t.test('lock: a queue of 65,536, one more -> LIMIT', async (t) => {
  const { links, lock, unlock } = cluster(1)
  lock(0, 'k', 'first')
  const second = lock(0, 'k', 'second')
  for (let i = 1; i < 65_536; i++) lock(0, 'k', `h${i}`)
  t.equal(links.outcome(lock(0, 'k', 'last')), 'LIMIT')
  unlock(0, 'k', 'first')
  t.equal(links.outcome(second), 'locked')
})

t.test('lock: a refusal crosses the end of its process -> nothing is left on either side', async (t) => {
  const { links, lock, exit } = cluster(2)
  for (let i = 0; i < 65_536; i++) lock(0, `k${i}`)
  const refused = lock(1, 'more')
  links.deliver(1, 0)
  exit(1)
  links.settle()
  t.equal(links.outcome(refused), 'pending')
  t.equal(links.state(1).holds.size, 0)
  t.notOk(links.state(0).locks.has('more'))
})

t.test('messages that make no sense -> PeerError, and locks are as they were', async (t) => {
  const { links, lock, barrier } = cluster(3)
  const held = lock(1, 'k')
  links.settle()
  const waiting = lock(2, 'k')
  const staying = barrier(1, 'b', 2)
  links.settle()
  const before = structuredClone([0, 1, 2].map((node) => links.state(node)))
  const ask = { type: 'LockAsk', key: 'k', ticket: 99, process: 101, holder: '1' } as const
  const hostile: [to: number, from: number, SyncMessage][] = [
    [0, 1, ask],
    [0, 2, { ...ask, key: '' }],
    [0, 2, { ...ask, key: 'x'.repeat(65) }],
    [0, 2, { ...ask, ticket: NaN }],
    [0, 2, { ...ask, process: -1 }],
    [0, 2, { ...ask, holder: 'h'.repeat(65) }],
    [1, 2, ask],
    [0, 2, { type: 'LockFree', key: 'k', ticket: held }],
    [0, 2, { type: 'LockFree', key: 'k', ticket: waiting }],
    [0, 1, { type: 'LockFree', key: 'k', ticket: 98 }],
    [0, 1, { type: 'LockFree', key: 'free', ticket: held }],
    [0, 2, { type: 'LockDead', key: 'k', ticket: waiting }],
    [1, 0, { type: 'LockGrant', ticket: held, ownerDied: false }],
    [1, 0, { type: 'LockGrant', ticket: 97, ownerDied: false }],
    [1, 0, { type: 'LockCancelled', ticket: held }],
    [2, 0, { type: 'LockCancelled', ticket: waiting }],
    [2, 0, { type: 'SyncRefused', ticket: waiting, error: 'OK', detail: '' }],
    [2, 1, { type: 'LockGrant', ticket: waiting, ownerDied: false }],
    [2, 0, { type: 'BarrierGo', ticket: waiting }],
    [1, 0, { type: 'LockGrant', ticket: staying, ownerDied: false }],
    [1, 2, { type: 'BarrierGo', ticket: staying }],
    [0, 1, { type: 'BarrierArrive', key: 'b', ticket: 1, process: 1, count: 0 }],
    [0, 1, { type: 'BarrierArrive', key: 'b', ticket: 1, process: 1, count: 65_536 }],
    [0, 1, { type: 'BarrierArrive', key: 'b', ticket: 1, process: 0.5, count: 2 }],
    [1, 0, { type: 'BarrierLeave', key: 'b', ticket: staying }],
  ]
  for (const [to, from, message] of hostile) {
    const act = () => links.step(to, (state, effects) => syncMessage(state, from, message, effects))
    t.throws(act, PeerError, `${from}>${to} ${JSON.stringify(message)}`)
  }
  t.same(
    [0, 1, 2].map((node) => links.state(node)),
    before,
  )
})
