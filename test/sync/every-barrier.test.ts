/** One barrier without a tree, a few nodes, every order: test/support/one-barrier.ts. Those with one: every-tree.test.ts. */
import t from 'tap'
import { barrierTable } from '../../ts/sync/barrier.table.js'
import { gateTable } from '../../ts/sync/gate.table.js'
import { watchCells } from '../support/cells.js'
import { explore } from '../support/explore.js'
import { OneBarrier, same, type Size } from '../support/one-barrier.js'
import { cluster } from '../support/sync-cluster.js'

const unmet = [watchCells(barrierTable), watchCells(gateTable)]

/** Cells that every-tree.test.ts meets. */
const OF_TREES = /x (Up|LastUp|Uproot|Down|AskTold|ReleasedTree|ReleasedTreeSome|ReleasedShort)$/
const half = [1, 1, 2, 2]
const SIZES: readonly Size[] = [
  {
    name: 'some quit',
    visits: same([1, 1, 2], 2),
    counts: [3, 3],
    options: { warm: [1, 1, 2], quits: 2 },
    states: 2960,
  },
  {
    name: 'some quit, and releases take their time',
    visits: same([1, 1, 1], 1),
    counts: [2],
    options: { warm: [1, 1, 2], quits: 2, slow: [1] },
    states: 7999,
  },
  {
    name: 'one quits and a process ends',
    visits: same([1, 1, 2], 1),
    counts: [3],
    options: { warm: [1, 1, 2], quits: 1, exits: 1 },
    states: 2577,
  },
  {
    name: 'one quits and a node is lost',
    visits: same([1, 1, 2], 1),
    counts: [3],
    options: { warm: [1, 1, 2], quits: 1, losses: 1 },
    states: 1671,
  },
  {
    name: 'one quits when another comes for another count',
    visits: same([0, 1, 2, 2], 1),
    counts: [[4], [3], [4], [4]],
    options: { warm: [0, 0, 2, 2], quits: 1 },
    states: 2184,
  },
  {
    name: 'some only try',
    visits: [[1], [1, 1], [2, 2], [2]],
    counts: [4, 4],
    options: { warm: half, tries: [1, 2] },
    states: 522,
  },
  {
    name: 'one only tries, its process ends, and releases take their time',
    visits: [[1], [1, 1], [2]],
    counts: [3, 3],
    options: { warm: [1, 1, 2], tries: [1], exits: 1, slow: [1] },
    states: 2044,
  },
  {
    name: 'it is destroyed',
    visits: same([1, 1, 2], 1),
    counts: [3],
    options: { warm: [1, 1, 2], destroys: 2 },
    states: 1199,
  },
  { name: 'nobody has a share yet', visits: same([0, 1, 1, 2], 2), counts: [4, 4], states: 419 },
  {
    name: 'nobody has a share yet, and releases take their time',
    visits: same([0, 1, 1], 3),
    counts: [3, 3, 3],
    options: { slow: [0, 1] },
    states: 160,
  },
  {
    name: 'as last time',
    visits: same(half, 3),
    counts: [4, 4, 4],
    options: { warm: half, slow: [1, 2] },
    states: 516,
  },
  {
    name: 'threads move',
    visits: [
      [1, 1, 0],
      [2, 1, 0],
      [2, 1, 1],
      [2, 2, 2],
    ],
    counts: [4, 4, 4],
    options: { warm: half },
    states: 1076,
  },
  {
    name: 'threads move, and releases take their time',
    visits: [
      [1, 2],
      [2, 2],
      [2, 1],
      [2, 1],
    ],
    counts: [4, 4],
    options: { warm: half, slow: [1, 2] },
    states: 701,
  },
  {
    name: 'more threads than are waited for',
    visits: same([1, 1, 2], 2),
    counts: [2, 2],
    options: { warm: [1, 1] },
    states: 560,
  },
  {
    name: 'more threads than are waited for, and releases take their time',
    visits: [[1], [1], [1]],
    counts: [2],
    options: { warm: [1, 1], slow: [1], exits: 1 },
    states: 1237,
  },
  {
    name: 'shares are taken away',
    visits: same(half, 1),
    counts: [4],
    options: { warm: half, evictions: 1, slow: [1] },
    states: 2244,
  },
  {
    name: 'some of those that a node tells of go, and a process ends',
    visits: [[1], [1], [0]],
    counts: [2],
    options: { warm: [1, 1], exits: 1 },
    states: 612,
  },
  {
    name: 'a process ends',
    visits: same(half, 1),
    counts: [4],
    options: { warm: half, exits: 1, slow: [1] },
    states: 6618,
  },
  {
    name: 'two processes end',
    visits: same([1, 1, 2], 2),
    counts: [4, 4],
    options: { warm: half, exits: 2 },
    states: 4947,
  },
  {
    name: 'a node is lost',
    visits: same([0, 1, 1, 2], 1),
    counts: [4],
    options: { warm: half, losses: 1 },
    states: 2172,
  },
  {
    name: 'a node is lost that has a share, or none any more',
    visits: [[1], [1], [2, 1], [1]],
    counts: [4, 4],
    options: { warm: half, losses: 1, slow: [1] },
    states: 4425,
  },
  {
    name: 'the manager is lost',
    visits: same([1, 1, 1], 1),
    counts: [3],
    options: { warm: [1, 1], losses: 1, mortals: [0], slow: [1], exits: 1 },
    states: 3762,
  },
  {
    name: 'one comes for another count',
    visits: same([0, 1, 2, 2], 1),
    counts: [[4], [3], [4], [4]],
    options: { warm: [0, 0, 2, 2], exits: 1 },
    states: 5951,
  },
  {
    name: 'one comes for another count when all have gone',
    visits: [[1], [1], [0]],
    counts: [[2], [2], [3]],
    options: { warm: [1, 1], exits: 2 },
    states: 2522,
  },
  {
    name: 'all come for another count, or two',
    visits: same([1, 1, 2, 2], 1),
    counts: [[3], [3], [2], [4]],
    options: { warm: half },
    states: 1195,
  },
]

for (const { name, visits, counts, options, states } of SIZES) {
  t.test(`barrier: every order when ${name}`, async (t) => {
    t.equal(explore(new OneBarrier(visits, counts, options)), states)
  })
}

/** Node 1 has told of one of its threads and, with a share of three, holds another back. */
function heldBesideTold() {
  const it = cluster(3)
  const come = (node: number, times: number) => Array.from({ length: times }, () => it.barrier(node, 'k', 4))
  come(1, 3)
  come(2, 1)
  it.links.settle()
  it.links.settle()
  it.slow.add(2)
  const first = [...come(1, 3), ...come(2, 1)]
  const told = it.barrier(1, 'k', 4, 7)
  const others = come(2, 3)
  it.links.deliver(1, 0)
  it.release()
  it.links.deliver(2, 0)
  it.links.settle()
  const held = it.barrier(1, 'k', 4)
  t.same(
    first.map((ticket) => it.links.outcome(ticket)),
    Array(4).fill('done'),
  )
  t.equal(it.links.state(1).gates.get('4 k')?.state, 'Holding')
  return { ...it, told, held, others }
}

t.test('barrier: who is held back beside one that is told', async (t) => {
  const goes = heldBesideTold()
  goes.release()
  goes.links.settle()
  goes.links.settle()
  const outcomes = [goes.told, ...goes.others].map((ticket) => goes.links.outcome(ticket))
  t.same(outcomes, Array(4).fill('done'))
  t.equal(goes.links.outcome(goes.held), 'pending')

  const breaks = heldBesideTold()
  breaks.exit(1, 7)
  for (let i = 0; i < 3; i++) breaks.links.settle()
  t.equal(breaks.links.outcome(breaks.held), 'NODE_LOST')

  const quits = heldBesideTold()
  quits.cancel(1, quits.told)
  quits.links.settle()
  t.same([quits.links.outcome(quits.told), quits.links.outcome(quits.held)], ['TIMEOUT', 'pending'])
  quits.release()
  for (let i = 0; i < 3; i++) quits.links.settle()
  t.equal(quits.links.outcome(quits.held), 'done')

  const two = cluster(2)
  const three = () => [1, 1, 1].map((node) => two.barrier(node, 'k', 3))
  three()
  two.links.settle()
  const { sent } = two.links.world
  const [held, other] = [two.barrier(1, 'k', 3), two.barrier(1, 'k', 3)] as const
  two.cancel(1, held)
  t.same([two.links.outcome(held), two.links.outcome(other)], ['TIMEOUT', 'pending'])
  t.equal(two.links.world.sent, sent, 'its node alone knows of it')

  const ends = heldBesideTold()
  ends.lose(0)
  t.same([ends.links.outcome(ends.told), ends.links.outcome(ends.held)], ['NODE_LOST', 'NODE_LOST'])
})

t.test('barrier: every cell is met, but for that of a bound (barrier.test.ts) and those of trees', async (t) => {
  t.same(
    unmet.flatMap((cells) => cells()).filter((cell) => !OF_TREES.test(cell) && cell !== 'Empty x ArriveFull'),
    [],
  )
})
