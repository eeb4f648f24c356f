import t from 'tap'
import { PeerError } from '../../ts/base/peer-error.js'
import { NO_NODE } from '../../ts/base/ids.js'
import { syncMessage, syncWord, type SyncEffect } from '../../ts/sync/index.js'
import { giveUp } from '../../ts/sync/lock.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { IDLE_TOKENS_MAX, LOCKS_MAX } from '../../ts/sync/state.js'
import { cluster } from '../support/sync-cluster.js'

/** Tokens that a manager knows of one node. */
const FULL = LOCKS_MAX + IDLE_TOKENS_MAX

t.test('lock: granted, unlocked; the token stays', async (t) => {
  const { links, lock, unlock } = cluster(2)
  const first = lock(1, 'k')
  links.settle()
  t.same(links.answer(first, 'locked'), { is: 'locked', ownerDied: false })
  t.equal(links.outcome(unlock(1, 'k')), 'done', 'at once')
  links.settle()
  t.match(links.state(0).tokens.get('k'), { state: 'At', at: { node: 1 } })
  t.equal(links.state(1).locks.get('k')?.state, 'Held', 'lent to the node')
  t.equal(links.state(1).claims.size, 0)
})

t.test('lock: again where the token is -> no message, no edge; by another process of the node neither', async (t) => {
  const { links, lock, unlock, edges } = cluster(3)
  lock(1, 'k')
  links.settle()
  t.equal(links.world.sent, 2, 'ask and grant')
  t.strictSame(edges, ['acquire 1'])
  const waits = lock(1, 'k', 2, 7)
  unlock(1, 'k')
  t.equal(links.outcome(waits), 'locked')
  unlock(1, 'k', 2, 7)
  for (let i = 0; i < 10; i++) {
    t.equal(links.outcome(lock(1, 'k')), 'locked')
    t.equal(links.outcome(unlock(1, 'k')), 'done')
  }
  t.equal(links.world.sent, 2)
  t.strictSame(edges, ['acquire 1'])
})

t.test('lock: to another node -> ask, recall, pass; and took', async (t) => {
  const { links, lock, unlock, edges } = cluster(3)
  lock(1, 'k')
  links.settle()
  unlock(1, 'k')
  const before = links.world.sent
  const other = lock(2, 'k')
  for (const [from, to] of [
    [2, 0],
    [0, 1],
    [1, 2],
  ] as const)
    t.ok(links.deliver(from, to), `${from}>${to}`)
  t.equal(links.outcome(other), 'locked')
  links.settle()
  t.equal(links.world.sent - before, 4)
  t.strictSame(edges, ['acquire 1', 'release 1', 'acquire 2'])
  t.equal(links.state(1).locks.size, 0)
  t.match(links.state(0).tokens.get('k'), { state: 'At', at: { node: 2 } })
})

t.test('lock: a token waits for its release; who asks there meanwhile asks again', async (t) => {
  const { links, lock, unlock, slow, release } = cluster(3)
  slow.add(1)
  lock(1, 'k')
  links.settle()
  const other = lock(2, 'k')
  links.settle()
  unlock(1, 'k')
  const again = lock(1, 'k')
  links.settle()
  t.same(
    [other, again].map((ticket) => links.outcome(ticket)),
    ['pending', 'pending'],
  )
  release()
  links.settle()
  t.same(
    [other, again].map((ticket) => links.outcome(ticket)),
    ['locked', 'pending'],
  )
  unlock(2, 'k')
  links.settle()
  t.equal(links.outcome(again), 'locked')
})

t.test(
  'lock: wanted elsewhere while it is held and nobody waits here, what is written is made known ahead',
  async (t) => {
    const { links, lock, ahead } = cluster(3)
    lock(1, 'k')
    lock(1, 'waited for', 1)
    lock(1, 'waited for', 2)
    links.settle()
    lock(2, 'waited for')
    links.settle()
    t.same(ahead, [], 'whoever is next here may write as well')
    lock(2, 'k')
    links.settle()
    t.same(ahead, ['1 to 2'])
  },
)

t.test('lock: a token that arrives is an acquire, before the first grant', async (t) => {
  const { links, lock } = cluster(2)
  lock(1, 'k')
  const turn = links.state(1).locks.get('k')?.turn ?? 0
  const effects: SyncEffect[] = []
  syncMessage(links.state(1), 0, { type: 'TokenGrant', key: 'k', turn, ownerDied: false }, effects)
  t.same(
    effects.map((effect) => effect.do),
    ['Acquire', 'Lend', 'Answer'],
  )
})

t.test('lock: wanted elsewhere, it goes to 64 more waiters here at most', async (t) => {
  const { links, lock, unlock } = cluster(2)
  lock(1, 'k', 1)
  links.settle()
  const here = Array.from({ length: 100 }, (_, i) => lock(1, 'k', i + 2))
  for (let i = 1; i <= 10; i++) unlock(1, 'k', i)
  const other = lock(0, 'k')
  links.settle()
  for (let i = 11; i < 76; i++) {
    t.equal(links.outcome(other), 'pending')
    unlock(1, 'k', i)
    links.settle()
  }
  t.equal(links.outcome(other), 'locked')
  t.equal(here.filter((ticket) => links.outcome(ticket) === 'locked').length, 74)
  unlock(0, 'k')
  links.settle()
  t.equal(here.filter((ticket) => links.outcome(ticket) === 'locked').length, 75, 'and then they go on')
})

t.test(
  'lock: of more than 4,096 tokens that are lent or idle the one that was asked for the longest ago goes back',
  async (t) => {
    const { links, lock, unlock } = cluster(2)
    for (let i = 0; i < 4096; i++) {
      lock(1, `k${i}`)
      links.settle()
      unlock(1, `k${i}`)
    }
    t.equal(links.state(0).tokens.size, 4096)
    lock(1, 'k0')
    lock(1, 'more')
    links.settle()
    t.equal(links.state(0).tokens.size, 4097, 'k0 is held still')
    unlock(1, 'k0')
    links.settle()
    t.equal(links.state(0).tokens.size, 4096)
    t.notOk(links.state(0).tokens.has('k0'))
    t.equal(links.state(1).idle.size, 4096)
    t.equal(links.state(1).locks.size, 4096)
  },
)

t.test("lock: on the manager's own node no message is needed", async (t) => {
  const { links, lock, unlock } = cluster(1)
  t.equal(links.outcome(lock(0, 'k')), 'locked')
  t.equal(links.outcome(unlock(0, 'k')), 'done')
  t.equal(links.world.sent, 0)
})

t.test(
  'lock: first come, first served between nodes, and those of one node together (N=3, 2 holders each)',
  async (t) => {
    const { links, lock, unlock } = cluster(3)
    const order: [number, number, number][] = []
    for (const node of [2, 0, 1])
      for (const holder of [1, 2]) {
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
    t.equal(links.state(0).tokens.size, 1)
  },
)

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

t.test(
  'lock: a thread that holds it ends, its process does not -> the next is told, here or there, who waits or not',
  async (t) => {
    for (const [holds, next] of [
      [1, 1],
      [1, 2],
    ] as const) {
      const { links, lock, unlock, ends } = cluster(3)
      lock(holds, 'k')
      links.settle()
      const waiting = lock(next, 'k', 2)
      links.settle()
      ends(holds, 'k')
      links.settle()
      t.equal(links.answer(waiting, 'locked').ownerDied, true)
      ends(next, 'k', 2)
      links.settle()
      const later = lock(0, 'k')
      links.settle()
      t.equal(links.answer(later, 'locked').ownerDied, true)
      unlock(0, 'k')
      const last = lock(holds, 'k')
      links.settle()
      t.equal(links.answer(last, 'locked').ownerDied, false, 'told once')
    }
  },
)

t.test("lock: holder's node is lost -> next acquirer gets EOWNERDEAD, its waiters are gone (N=3)", async (t) => {
  const { links, lock, lose } = cluster(3)
  lock(1, 'k')
  links.settle()
  lock(1, 'k', 2)
  const waiting = lock(2, 'k')
  lock(1, 'k', 3)
  links.settle()
  lose(1)
  links.settle()
  t.equal(links.answer(waiting, 'locked').ownerDied, true)
  t.match(links.state(0).tokens.get('k'), { state: 'At', at: { node: 2 }, queue: [] })
})

t.test('lock: a process that waits ends -> the lock passes by it, and nobody is told of a death', async (t) => {
  const { links, lock, unlock, exit } = cluster(3)
  lock(0, 'k')
  const dead = lock(1, 'k')
  links.settle()
  const next = lock(2, 'k')
  links.settle()
  exit(1)
  links.settle()
  t.equal(links.state(1).claims.size, 0)
  unlock(0, 'k')
  links.settle()
  t.equal(links.outcome(dead), 'pending', 'its process has ended: never answered')
  t.equal(links.answer(next, 'locked').ownerDied, false)
})

t.test('lock: a token crosses the end of the process that asked -> it stays, no EOWNERDEAD', async (t) => {
  const { links, lock, unlock, exit } = cluster(3)
  lock(0, 'k')
  const dead = lock(1, 'k')
  links.settle()
  unlock(0, 'k')
  exit(1)
  links.settle()
  t.equal(links.outcome(dead), 'pending')
  t.match(links.state(1).locks.get('k'), { state: 'Idle', tainted: false })
  const next = lock(2, 'k')
  links.settle()
  t.equal(links.answer(next, 'locked').ownerDied, false)
  t.equal(links.state(1).locks.size + links.state(1).claims.size, 0)
})

t.test('lock: a token that tells of a death finds nobody -> the next one is told, once', async (t) => {
  const { links, lock, unlock, exit } = cluster(3)
  lock(2, 'k')
  links.settle()
  lock(1, 'k')
  links.settle()
  exit(2)
  exit(1)
  links.settle()
  t.match(links.state(1).locks.get('k'), { state: 'Idle', tainted: true })
  const later = lock(0, 'k')
  links.settle()
  t.equal(links.answer(later, 'locked').ownerDied, true)
  unlock(0, 'k')
  t.equal(links.answer(lock(0, 'k'), 'locked').ownerDied, false)
})

t.test('lock: a holder dies, and its node gives the token up -> whoever asks next is told', async (t) => {
  const { links, lock, exit } = cluster(2)
  lock(1, 'k')
  links.settle()
  exit(1)
  links.step(1, (state, effects) => giveUp(state, 'k', effects))
  links.settle()
  t.equal(links.state(0).tokens.get('k')?.state, 'Orphan')
  t.equal(links.answer(lock(0, 'k'), 'locked').ownerDied, true)
})

t.test('lock: a node with an idle token is lost -> its writes may be too, so the next one is told', async (t) => {
  const { links, lock, unlock, lose } = cluster(2)
  lock(1, 'k')
  links.settle()
  unlock(1, 'k')
  lose(1)
  t.equal(links.answer(lock(0, 'k'), 'locked').ownerDied, true)
})

t.test('lock: a process ends with one thread holding and one waiting for the same lock', async (t) => {
  const { links, lock, exit } = cluster(2)
  lock(1, 'k', 1)
  lock(1, 'k', 2)
  links.settle()
  const next = lock(0, 'k')
  exit(1)
  links.settle()
  links.settle()
  t.equal(links.answer(next, 'locked').ownerDied, true)
  t.equal(links.state(1).claims.size, 0)
})

t.test('lock: the manager is lost -> pending and later requests NODE_LOST (N=3)', async (t) => {
  const { links, lock, unlock, barrier, lose } = cluster(3)
  lock(1, 'k')
  links.settle()
  const pending = [lock(2, 'k'), barrier(2, 'b', 2)]
  lose(0)
  pending.push(unlock(1, 'k'), lock(1, 'k'), barrier(1, 'b', 1))
  t.same(
    pending.map((ticket) => links.outcome(ticket)),
    ['NODE_LOST', 'NODE_LOST', 'done', 'NODE_LOST', 'NODE_LOST'],
  )
})

t.test('lock: keys of 1 to 64 bytes, holders from 1 to 2^30 - 1 -> else INVALID', async (t) => {
  const { links, lock } = cluster(1)
  t.equal(links.outcome(lock(0, 'n' + 'x'.repeat(63))), 'locked')
  t.equal(links.outcome(lock(0, 'x'.repeat(65))), 'INVALID')
  t.equal(links.outcome(lock(0, 'é'.repeat(33))), 'INVALID')
  t.equal(links.outcome(lock(0, '')), 'INVALID')
  t.equal(links.outcome(lock(0, '\ud800')), 'INVALID')
  for (const holder of [0, -1, 0.5, 2 ** 30, NaN]) t.equal(links.outcome(lock(0, 'k', holder)), 'INVALID')
})

t.test('lock: 65,536 tokens out, and 4,096 that could be idle, one more -> LIMIT; one less -> granted', async (t) => {
  const { links, lock, unlock } = cluster(1)
  for (let i = 0; i < FULL; i++) lock(0, `k${i}`)
  t.equal(links.outcome(lock(0, 'more')), 'LIMIT')
  t.notOk(links.state(0).locks.has('more'))
  t.equal(links.outcome(lock(0, 'k7', 2)), 'pending', 'those in use go on')
  unlock(0, 'k5000')
  t.equal(links.outcome(lock(0, 'more')), 'locked')
})

t.test('lock: seventeen nodes that each keep 4,096 idle tokens -> one more is granted', async (t) => {
  const { links, lock, unlock } = cluster(18)
  for (let node = 1; node < 18; node++) {
    for (let i = 0; i < 4096; i++) {
      lock(node, `${node} ${i}`)
      links.settle()
      unlock(node, `${node} ${i}`)
    }
  }
  t.equal(links.state(0).tokens.size, 17 * 4096)
  t.equal(links.outcome(lock(0, 'more')), 'locked')
})

t.test('lock: a queue of 65,536, one more -> LIMIT', async (t) => {
  const { links, lock, unlock } = cluster(1)
  const first = 1
  const last = 70_000
  lock(0, 'k', first)
  const second = lock(0, 'k', 2)
  for (let i = 1; i < 65_536; i++) lock(0, 'k', 2 + i)
  t.equal(links.outcome(lock(0, 'k', last)), 'LIMIT')
  unlock(0, 'k', first)
  t.equal(links.outcome(second), 'locked')
  t.equal(links.outcome(lock(0, 'k', last)), 'pending')
})

t.test('lock: a refusal crosses the end of its process -> nothing is left on either side', async (t) => {
  const { links, lock, exit } = cluster(2)
  for (let i = 0; i < FULL; i++) lock(0, `k${i}`)
  const refused = lock(1, 'more')
  links.deliver(1, 0)
  exit(1)
  links.settle()
  t.equal(links.outcome(refused), 'pending')
  t.equal(links.state(1).locks.size + links.state(1).claims.size, 0)
  t.notOk(links.state(0).tokens.has('more'))
})

t.test('messages that make no sense -> PeerError, and locks are as they were', async (t) => {
  const { links, lock, barrier } = cluster(3)
  lock(1, 'k')
  links.settle()
  lock(2, 'k')
  barrier(1, 'b', 2)
  links.settle()
  const turns = [1, 2].map((node) => links.state(node).locks.get('k')?.turn)
  t.same(turns, [1, 1], 'node 1 holds, and node 2 waits')
  const before = structuredClone([0, 1, 2].map((node) => links.state(node)))
  const ask = { type: 'TokenAsk', key: 'k', turn: 99 } as const
  const grant = { type: 'TokenGrant', key: 'k', turn: 2, ownerDied: false } as const
  const recall = { type: 'TokenRecall', key: 'k', turn: 1, next: 2, nextTurn: 1 } as const
  const nowhere = { tree: 0, parent: 0, kids: [], offer: 0, root: NO_NODE, peers: [], direct: false, meeting: 0 }
  const go = { type: 'BarrierGo', key: 'b', count: 2, arrived: 1, share: 0, ...nowhere } as const
  const arrive = {
    type: 'BarrierArrive',
    key: 'b',
    count: 2,
    first: 9,
    arrived: 1,
    answers: false,
    shape: 'auto',
    willing: false,
    ready: 0,
  } as const
  const hostile: [to: number, from: number, SyncMessage][] = [
    [0, 1, { ...ask, key: '' }],
    [0, 1, { ...ask, key: 'x'.repeat(65) }],
    [0, 1, { ...ask, turn: NaN }],
    [0, 1, { ...ask, turn: 0 }],
    [0, 1, { ...ask, turn: 0.5 }],
    [0, 2, ask],
    [1, 2, ask],
    [0, 2, { type: 'TokenBack', key: 'k', turn: 1, tainted: false }],
    [0, 1, { type: 'TokenBack', key: 'k', turn: 2, tainted: false }],
    [0, 1, { type: 'TokenBack', key: 'free', turn: 1, tainted: true }],
    [0, 1, { type: 'TokenTook', key: 'k', turn: -1 }],
    [0, 1, { type: 'TokenGone', key: 'k', turn: 1 }],
    [1, 2, { type: 'TokenTook', key: 'k', turn: 1 }],
    [1, 0, grant],
    [1, 2, { ...grant, turn: 1 }],
    [1, 2, { ...grant, type: 'TokenPass' }],
    [1, 2, recall],
    [1, 0, { ...recall, turn: 2 }],
    [1, 0, { ...recall, next: 1 }],
    [1, 0, { ...recall, next: 1024 }],
    [1, 0, { ...recall, next: 0.5 }],
    [2, 0, { ...recall, next: 1 }],
    [2, 0, { ...recall, next: NO_NODE }],
    [1, 0, { type: 'TokenRefused', key: 'k', turn: 1 }],
    [2, 1, { type: 'TokenRefused', key: 'k', turn: 1 }],
    [1, 2, go],
    [1, 0, { ...go, key: 'c' }],
    [1, 0, { ...go, count: 3 }],
    [1, 0, { ...go, arrived: 0 }],
    [1, 0, { ...go, arrived: 2 }],
    [1, 0, { ...go, share: -1 }],
    [1, 0, { ...go, share: 65_536 }],
    [1, 2, { type: 'BarrierAsk', key: 'b', count: 2, tree: 0, episode: 0 }],
    [1, 0, { type: 'BarrierAsk', key: 'b', count: 3, tree: 0, episode: 0 }],
    [1, 0, { type: 'BarrierOut', key: 'b', count: 2, number: 1 }],
    [1, 0, { type: 'BarrierOut', key: 'b', count: 3, number: 1 }],
    [1, 0, { type: 'BarrierRefused', key: 'b', count: 2, arrived: 1, error: 'OK', detail: '' }],
    [1, 0, { type: 'BarrierRefused', key: 'b', count: 2, arrived: 1, error: 'ODD', detail: '' }],
    [0, 1, { ...arrive, count: 0 }],
    [0, 1, { ...arrive, count: 65_536 }],
    [0, 1, { ...arrive, first: NaN }],
    [0, 1, { ...arrive, arrived: 0 }],
    [0, 1, { ...arrive, arrived: 0.5 }],
    [0, 1, { ...arrive, arrived: 65_536 }],
    [0, 1, { ...arrive, answers: true }],
    [0, 1, { type: 'BarrierQuit', key: 'b', number: -1 }],
    [0, 1, { type: 'BarrierLeave', key: 'b', number: -1 }],
    [1, 0, { type: 'BarrierLeave', key: 'b', number: 1 }],
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

t.test('lock: who would not wait gets it at once, or BUSY (N=3)', async (t) => {
  const { links, lock, unlock } = cluster(3)
  const tries = (node: number, holder = 9) => {
    const ticket = lock(node, 'k', holder, 100 + node, false)
    links.settle()
    return links.outcome(ticket)
  }
  t.equal(tries(1, 1), 'locked', 'free')
  t.equal(tries(1), 'BUSY', 'held on this node')
  t.equal(tries(2), 'BUSY', 'held on another node')
  unlock(1, 'k')
  links.settle()
  t.equal(tries(2), 'locked', 'by then the token has come')
  unlock(2, 'k', 9)
  t.equal(tries(1, 1), 'locked', 'it lay idle on another node')
  const waits = lock(2, 'k')
  links.settle()
  t.equal(tries(0), 'BUSY', 'others come first')
  unlock(1, 'k')
  links.settle()
  t.equal(links.outcome(waits), 'locked')
  t.equal(links.state(0).claims.size + links.state(1).claims.size, 0)
})

t.test(
  'lock: recalled while it is free, it goes to a waiter here -> who would not wait elsewhere is told, once',
  async (t) => {
    const { links, lock, unlock, words } = cluster(2)
    lock(1, 'k', 1)
    links.settle()
    unlock(1, 'k', 1)
    const word = words.get('1 k')
    const busy: SyncEffect[] = []
    const turn = links.state(1).locks.get('k')!.turn
    const recall = { type: 'TokenRecall', key: 'k', turn, next: 0, nextTurn: 7 } as const
    t.match(word, { holder: undefined, shut: false })
    // What the word says is learnt later than the ask of one who waits here comes.
    syncMessage(links.state(1), 0, recall, [])
    words.set('1 k', { holder: undefined, shut: true })
    lock(1, 'k', 2)
    lock(1, 'k', 3)
    const says = () => {
      const effects: SyncEffect[] = []
      syncWord(links.state(1), 'k', false, effects)
      busy.push(...effects.filter((effect) => effect.do === 'Send'))
      return effects.map((effect) => effect.do)
    }
    t.strictSame(says(), ['Lend', 'Answer', 'Send'])
    t.strictSame(busy, [{ do: 'Send', to: 0, message: { type: 'TokenBusy', key: 'k', turn: 7 } }])
    t.strictSame(says(), ['Lend', 'Answer'])
    t.strictSame(says(), ['Release'])
  },
)

t.test(
  'lock: a wait is cancelled -> TIMEOUT, the rest of the queue goes on; what was granted stays granted',
  async (t) => {
    const { links, lock, unlock, cancel } = cluster(2)
    const first = lock(1, 'k', 1)
    const second = lock(1, 'k', 2)
    const third = lock(1, 'k', 3)
    cancel(1, second)
    t.equal(links.outcome(second), 'TIMEOUT', 'before there is a token')
    links.settle()
    t.equal(links.outcome(first), 'locked')
    cancel(1, first)
    t.equal(links.outcome(first), 'locked')
    const elsewhere = lock(0, 'k')
    links.settle()
    cancel(0, elsewhere)
    cancel(0, elsewhere)
    t.equal(links.outcome(elsewhere), 'TIMEOUT')
    unlock(1, 'k', 1)
    links.settle()
    t.equal(links.outcome(third), 'locked')
    unlock(1, 'k', 3)
    links.settle()
    t.same(
      [0, 1].map((node) => links.state(node).claims.size + links.state(node).claimants.size),
      [0, 0],
    )
    t.equal(links.outcome(lock(1, 'k', 2)), 'pending', 'the token went where it was asked for')
    links.settle()
    t.match(links.state(0).tokens.get('k'), { state: 'At', at: { node: 1 } })
  },
)

t.test('lock: what a word says when nobody has asked, or of a lock that is not here, changes nothing', async (t) => {
  const { links, lock, unlock } = cluster(2)
  const says = (key: string, held: boolean) => links.step(1, (state, effects) => syncWord(state, key, held, effects))
  for (const held of [false, true]) says('nothing', held)
  lock(1, 'k')
  for (const held of [false, true]) says('k', held)
  links.settle()
  says('k', true)
  t.equal(links.state(1).locks.get('k')?.state, 'Held')
  lock(0, 'k')
  links.settle()
  t.equal(links.state(1).locks.get('k')?.state, 'Wanted')
  unlock(1, 'k')
  links.settle()
  for (const held of [false, true]) says('k', held)
  t.equal(links.state(1).locks.size, 0)
  t.match(links.state(0).tokens.get('k'), { state: 'At', at: { node: 0 } })
})

t.test('lock: passed on by a line -> the token follows, whoever waits here meanwhile', async (t) => {
  const { links, lock } = cluster(3)
  lock(1, 'k')
  links.settle()
  const elsewhere = lock(2, 'k')
  links.settle()
  t.equal(links.state(1).locks.get('k')?.state, 'Wanted')
  const here = lock(1, 'k', 2)
  links.step(1, (state, effects) => syncWord(state, 'k', false, effects, true))
  t.equal(links.outcome(here), 'pending', 'not handed over here')
  links.settle()
  t.equal(links.outcome(elsewhere), 'locked')
  t.equal(links.answer(elsewhere, 'locked').ownerDied, false)
})

t.test('lock: passed on by a line, and that node is lost -> whoever has it next is told', async (t) => {
  const { links, lock, lose } = cluster(3)
  lock(1, 'k')
  links.settle()
  lock(2, 'k')
  links.settle()
  lose(2)
  links.step(1, (state, effects) => syncWord(state, 'k', false, effects, true))
  links.settle()
  const next = lock(0, 'k')
  links.settle()
  t.equal(links.answer(next, 'locked').ownerDied, true)
})

t.test('messages that come late -> nothing, but for the answer that a recall must have', async (t) => {
  const { links, lock, unlock } = cluster(3)
  lock(1, 'k')
  links.settle()
  unlock(1, 'k')
  lock(2, 'k')
  links.settle()
  const before = structuredClone([0, 1, 2].map((node) => links.state(node)))
  const late: [to: number, from: number, SyncMessage, string[]][] = [
    [0, 1, { type: 'TokenTook', key: 'k', turn: 1 }, []],
    [0, 1, { type: 'TokenGone', key: 'k', turn: 1 }, []],
    [1, 0, { type: 'TokenGrant', key: 'k', turn: 1, ownerDied: true }, []],
    [2, 0, { type: 'TokenGrant', key: 'k', turn: 1, ownerDied: true }, []],
    [2, 1, { type: 'TokenPass', key: 'k', turn: 1, ownerDied: true }, []],
    [1, 0, { type: 'TokenRecall', key: 'k', turn: 1, next: 2, nextTurn: 1 }, ['TokenGone']],
  ]
  for (const [to, from, message, answers] of late) {
    const effects: SyncEffect[] = []
    syncMessage(links.state(to), from, message, effects)
    t.same(
      effects.map((effect) => effect.do === 'Send' && effect.message.type),
      answers,
      message.type,
    )
  }
  t.same(
    [0, 1, 2].map((node) => links.state(node)),
    before,
  )
})
