/** Who met at a barrier with one that has died is told, once, wherever it is: waiting, computing, or on its way. */
import t from 'tap'
import { syncMessage } from '../../ts/sync/index.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { VETERANS_MAX } from '../../ts/sync/veterans.js'
import { cluster } from '../support/sync-cluster.js'

type Cluster = ReturnType<typeof cluster>

/** Process 100 + node of each of them, once. */
function episode({ links, barrier }: Cluster, nodes: readonly number[], key = 'b'): string[] {
  const tickets = nodes.map((node) => barrier(node, key, nodes.length))
  links.settle()
  return tickets.map((ticket) => links.outcome(ticket))
}

/** How a process of that node fares that comes now. */
function fate({ links, barrier }: Cluster, node: number, count: number, process = 100 + node): string {
  const ticket = barrier(node, 'b', count, process)
  links.settle()
  return links.outcome(ticket)
}

const SHAPES = { central: { barrierTree: 0, directAfter: 0 }, tree: { barrierTree: 2, treeArity: 1, directAfter: 0 } }
const NODES = [0, 1, 2]

for (const [shape, options] of Object.entries(SHAPES)) {
  t.test(
    `veterans, ${shape}: one that dies while it computes -> who comes next is told, once, and others are not`,
    (t) => {
      for (const dies of NODES) {
        const it = cluster(4, options)
        for (let i = 0; i < 3; i++) t.same(episode(it, NODES), ['done', 'done', 'done'])
        it.exit(dies)
        it.links.settle()
        const rest = NODES.filter((node) => node !== dies)
        for (const node of rest) t.equal(fate(it, node, 3), 'NODE_LOST', `node ${node}, when that of ${dies} has died`)
        const tickets = rest.map((node) => it.barrier(node, 'b', 3))
        it.links.settle()
        t.same(
          tickets.map((ticket) => it.links.outcome(ticket)),
          ['pending', 'pending'],
          'they were told',
        )
        t.equal(fate(it, dies, 3, 300), 'done', 'another in its place')
        it.links.settle()
        t.same(
          tickets.map((ticket) => it.links.outcome(ticket)),
          ['done', 'done'],
        )
      }
      t.end()
    },
  )

  t.test(`veterans, ${shape}: who waits already gives up, for one that dies on any node at any time`, (t) => {
    for (const dies of NODES) {
      const it = cluster(4, options)
      for (let i = 0; i < 3; i++) episode(it, NODES)
      const waits = NODES.filter((node) => node !== dies).map((node) => it.barrier(node, 'b', 3))
      it.links.settle()
      it.exit(dies)
      it.links.settle()
      for (const ticket of waits) t.equal(it.links.outcome(ticket), 'NODE_LOST')
      t.same(
        episode(
          it,
          [0, 1, 2].map((node) => node),
        ).sort(),
        ['done', 'done', 'done'],
        'nobody is told twice',
      )
    }
    t.end()
  })

  t.test(`veterans, ${shape}: a node that is lost`, (t) => {
    const it = cluster(4, options)
    for (let i = 0; i < 3; i++) episode(it, NODES)
    it.lose(2)
    it.links.settle()
    for (const node of [0, 1]) t.equal(fate(it, node, 3), 'NODE_LOST')
    t.end()
  })

  t.test(`veterans, ${shape}: one that dies when all have come, before its own node hears that they may go`, (t) => {
    const it = cluster(4, options)
    for (let i = 0; i < 3; i++) episode(it, NODES)
    const tickets = NODES.map((node) => it.barrier(node, 'b', 3))
    // Until somebody goes.
    while (tickets.every((ticket) => it.links.outcome(ticket) === 'pending')) {
      const [first] = it.links.busy()
      t.ok(it.links.deliver(first!.from, first!.to))
    }
    const late = NODES.filter((node) => it.links.outcome(tickets[node]!) === 'pending')
    t.ok(late.length > 0)
    it.exit(late[0]!)
    it.links.settle()
    for (const node of NODES) {
      if (node === late[0]) continue
      t.equal(it.links.outcome(tickets[node]!), 'done')
      t.equal(fate(it, node, 3), 'NODE_LOST')
    }
    t.end()
  })
}

t.test(
  'veterans: who has been told and comes again at once is not told again, however long the manager asks others',
  (t) => {
    for (const lost of [false, true]) {
      const it = cluster(4, { directAfter: 0, barrierTree: 0 })
      // Node 3 has a share of two, and is asked when something happens.
      const all = () => [0, 1, 2, 3, 3].map((node, i) => it.barrier(node, 'b', 5, 100 + i))
      for (let i = 0; i < 3; i++) {
        all()
        it.links.settle()
      }
      const waits = [1, 2].map((node) => it.barrier(node, 'b', 5, 100 + node))
      it.barrier(3, 'b', 5, 103)
      it.links.settle()
      if (lost) it.lose(2)
      else it.exit(2, 102)
      // All but what node 3 says.
      for (let busy = true; busy; ) {
        busy = false
        for (const { from, to } of it.links.busy()) if (from !== 3) busy = it.links.deliver(from, to) || busy
      }
      t.equal(it.links.outcome(waits[0]!), 'NODE_LOST')
      const again = it.barrier(1, 'b', 5, 101)
      it.links.settle()
      t.equal(it.links.outcome(again), 'pending')
      t.equal(fate(it, 3, 5, 104), 'NODE_LOST')
    }
    t.end()
  },
)

t.test('veterans: one that says that it ends breaks nothing; neither does one whom another has followed', (t) => {
  const it = cluster(3)
  episode(it, [0, 1])
  it.exit(1, 101, false)
  it.links.settle()
  const waits = it.barrier(0, 'b', 2)
  it.links.settle()
  t.equal(it.links.outcome(waits), 'pending')
  t.equal(fate(it, 1, 2, 200), 'done')
  t.equal(it.links.outcome(waits), 'done')
  const next = it.barrier(0, 'b', 2)
  t.equal(fate(it, 2, 2), 'done', 'of another node')
  t.equal(it.links.outcome(next), 'done')
  it.exit(1, 200)
  it.links.settle()
  const last = it.barrier(0, 'b', 2)
  it.links.settle()
  t.equal(it.links.outcome(last), 'pending', 'the last episode was without it')
  t.equal(fate(it, 2, 2), 'done')
  t.end()
})

t.test('veterans: what nodes remember goes with the processes, and is bounded', (t) => {
  const it = cluster(2)
  episode(it, [0, 1])
  episode(it, [0, 1], 'c')
  t.equal(it.links.state(1).veterans.size, 2)
  it.exit(1)
  it.links.settle()
  t.equal(it.links.state(1).veterans.size, 0)
  t.equal(it.links.state(0).veterans.size, 2, 'it is owed to those')
  it.exit(0)
  t.equal(it.links.state(0).veterans.size, 0)
  const { veterans } = it.links.state(1)
  const [one] = (episode(it, [0, 1]), veterans.values())
  for (let i = 1; veterans.size < VETERANS_MAX; i++) veterans.set(`other ${i}`, { ...one!, key: `other ${i}` })
  episode(it, [0, 1])
  episode(it, [0, 1], 'c')
  t.equal(veterans.size, VETERANS_MAX)
  t.same([...veterans.keys()].slice(-2), ['2 b', '2 c'], 'those that were met at last')
  t.notOk(veterans.has('other 1'), 'the one that was met at longest ago has gone')
  t.end()
})

t.test('veterans: what no peer says', (t) => {
  const it = cluster(3)
  episode(it, [0, 1])
  const died = { type: 'BarrierDied', key: 'b', count: 2, meeting: 1, episode: 0 } as const
  const broken = { ...died, type: 'BarrierBroken' } as const
  const lies: [number, number, SyncMessage][] = [
    [1, 2, died],
    [0, 2, died],
    [0, 1, { ...died, count: 0 }],
    [0, 1, { ...died, meeting: 0 }],
    [0, 1, { ...died, episode: -1 }],
    [0, 1, { ...died, key: '' }],
    [0, 1, broken],
    [1, 0, { ...broken, meeting: 0.5 }],
    [1, 0, { ...broken, episode: 1.5 }],
  ]
  for (const [node, from, message] of lies) {
    t.throws(() => syncMessage(it.links.state(node), from, message, []), { name: 'PeerError' }, JSON.stringify(message))
  }
  for (const message of [
    { ...died, meeting: 9 },
    { ...died, key: 'x' },
  ]) {
    const effects: [] = []
    syncMessage(it.links.state(0), 1, message, effects)
    t.same(effects, [], 'of an episode that is not the last')
  }
  t.end()
})
