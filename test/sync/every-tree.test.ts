/** One barrier with a tree, a few nodes, every order; and random orders of more: test/support/one-barrier.ts. */
import t from 'tap'
import { Prng } from '../../ts/base/prng.js'
import { barrierTable } from '../../ts/sync/barrier.table.js'
import { branchTable } from '../../ts/sync/branch.table.js'
import { gateTable } from '../../ts/sync/gate.table.js'
import { watchCells } from '../support/cells.js'
import { explore } from '../support/explore.js'
import { OneBarrier, same, type Size } from '../support/one-barrier.js'

const unmet = [watchCells(branchTable), watchCells(barrierTable), watchCells(gateTable)]
const half = [1, 1, 2, 2]
const TREES: readonly Size[] = [
  { name: 'as last time', visits: same([0, 1, 2], 3), counts: [3, 3, 3], options: { warm: [0, 1, 2] }, states: 144 },
  {
    name: 'as last time, on four nodes',
    visits: same([0, 1, 2, 3], 2),
    counts: [4, 4],
    options: { warm: [0, 1, 2, 3] },
    states: 338,
  },
  {
    name: 'a node above another is lost',
    visits: same([0, 1, 2], 2),
    counts: [3, 3],
    options: { warm: [0, 1, 2], losses: 1, mortals: [1] },
    states: 658,
  },
  {
    name: 'a node above another is lost, and one has quit',
    visits: same([1, 2, 2], 1),
    counts: [3],
    options: { warm: [1, 2, 2], losses: 1, quits: 1, mortals: [1] },
    states: 4073,
  },
  {
    name: 'a process ends below two nodes, which have no kids',
    visits: same([1, 2, 3], 1),
    counts: [3],
    options: { warm: [1, 2, 3], exits: 1, tree: 2, mortals: [] },
    states: 3325,
  },

  {
    name: 'as last time, and releases take their time',
    visits: same(half, 2),
    counts: [4, 4],
    options: { warm: half, slow: [1, 2] },
    states: 183,
  },
  {
    name: 'threads move',
    visits: [
      [1, 1, 0],
      [2, 1, 0],
      [2, 2, 1],
    ],
    counts: [3, 3, 3],
    options: { warm: [1, 2, 2] },
    states: 498,
  },
  {
    name: 'threads move, and releases take their time',
    visits: [
      [1, 2],
      [2, 2],
      [2, 1],
    ],
    counts: [3, 3],
    options: { warm: [1, 1, 2], slow: [1, 2] },
    states: 1670,
  },
  {
    name: 'more threads than are waited for',
    visits: same([1, 1, 2], 1),
    counts: [2],
    options: { warm: [1, 2], slow: [1] },
    states: 412,
  },
  {
    name: 'it is given up',
    visits: same([1, 1, 2], 2),
    counts: [3, 3],
    options: { warm: [1, 1, 2], evictions: 1 },
    states: 1143,
  },
  {
    name: 'a process ends',
    visits: same([1, 1, 2], 1),
    counts: [3],
    options: { warm: [1, 1, 2], exits: 1, slow: [1] },
    states: 2103,
  },
  {
    name: 'two processes end',
    visits: same([0, 1, 2], 1),
    counts: [3],
    options: { warm: [0, 1, 2], exits: 2 },
    states: 3017,
  },
  {
    name: 'some quit',
    visits: same([1, 1, 2], 2),
    counts: [3, 3],
    options: { warm: [1, 1, 2], quits: 1 },
    states: 3678,
  },
  {
    name: 'one quits and a process ends',
    visits: same([1, 2], 1),
    counts: [2],
    options: { warm: [1, 2], quits: 1, exits: 1 },
    states: 1619,
  },
  {
    name: 'some only try',
    visits: same([1, 1, 2], 2),
    counts: [3, 3],
    options: { warm: [1, 1, 2], tries: [1] },
    states: 565,
  },
  {
    name: 'a node is lost',
    visits: same([0, 1, 2], 2),
    counts: [3, 3],
    options: { warm: [0, 1, 2], losses: 1 },
    states: 815,
  },
  {
    name: 'the manager is lost',
    visits: same([1, 1, 1], 1),
    counts: [3],
    options: { warm: [1, 1, 2], losses: 1, mortals: [0], slow: [1] },
    states: 345,
  },
  {
    name: 'one comes for another count',
    visits: same([1, 2, 2], 1),
    counts: [[3], [2], [3]],
    options: { warm: [1, 2, 2], exits: 1 },
    states: 1425,
  },
  {
    name: 'it is destroyed',
    visits: same([1, 1, 2], 1),
    counts: [3],
    options: { warm: [1, 1, 2], destroys: 1 },
    states: 731,
  },
]

for (const { name, visits, counts, options, states } of TREES) {
  t.test(`barrier: every order in a tree when ${name}`, async (t) => {
    t.equal(explore(new OneBarrier(visits, counts, { tree: 1, ...options })), states)
  })
}

/** Threads of eight nodes, most of which stay where they are. */
function walk(seed: number, arity: number): void {
  const prng = new Prng(seed)
  const nodes = [0, 1, 2, 3, 4, 5, 6, 7]
  const warm = [...nodes, prng.pick(nodes), prng.pick(nodes)]
  const visits = warm.map((node) => [0, 1, 2, 3].map(() => (prng.chance(0.95) ? node : prng.pick(nodes))))
  const counts = warm.map(() => [0, 1, 2, 3].map(() => warm.length))
  const budget = { quits: prng.below(3), exits: prng.below(2), losses: prng.below(2), destroys: prng.below(2) }
  const given = Object.fromEntries(Object.entries(budget).filter(([, times]) => times > 0))
  const tries = prng.chance(0.2) ? [prng.below(warm.length)] : []
  const mortals = [prng.pick(nodes.slice(1))]
  const it = new OneBarrier(visits, counts, { warm, slow: [1, 4], tree: arity, tries, mortals, ...given })
  for (;;) {
    it.check()
    const moves = it.moves()
    if (moves.length === 0) break
    prng.pick(moves)()
  }
  it.end()
}

t.test('barrier: random orders in trees of eight nodes', async (t) => {
  for (let seed = 1; seed <= 600; seed++) {
    try {
      walk(seed, 1 + (seed % 4))
    } catch (error) {
      t.fail(`seed ${seed}: ${(error as Error).stack}`)
      return
    }
  }
})

t.test('barrier: every cell of a branch is met, but for two of barrier.test.ts; and those of trees', async (t) => {
  const [branch = [], barrier = [], gate = []] = unmet.map((cells) => cells())
  t.same(branch, ['Cut x Own', 'Cut x OwnLast'])
  const ofTrees = [...barrier, ...gate].filter((cell) =>
    /x (Up|LastUp|Uproot|Down|AskTold|ReleasedTree|ReleasedTreeSome|ReleasedShort)$/.test(cell),
  )
  t.same(ofTrees, [])
})
