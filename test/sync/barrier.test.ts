import t from 'tap'
import { NO_NODE } from '../../ts/base/ids.js'
import { syncMessage } from '../../ts/sync/index.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { RESTING_MAX } from '../../ts/sync/state.js'
import { TREE_ARITY } from '../../ts/sync/tree.js'
import { cluster } from '../support/sync-cluster.js'

t.test('barrier: nobody goes before the last has come, then all do (N=3)', async (t) => {
  const { links, barrier } = cluster(3)
  const tickets = [barrier(0, 'b', 3), barrier(1, 'b', 3)]
  links.settle()
  t.same(
    tickets.map((ticket) => links.outcome(ticket)),
    ['pending', 'pending'],
  )
  tickets.push(barrier(2, 'b', 3))
  links.settle()
  t.same(
    tickets.map((ticket) => links.outcome(ticket)),
    Array(3).fill('done'),
  )
  t.equal(links.state(0).barriers.size, 0)
})

t.test('barrier: for one -> goes at once', async (t) => {
  const { links, barrier } = cluster(2)
  const alone = barrier(1, 'b', 1)
  links.settle()
  t.equal(links.outcome(alone), 'done')
})

t.test('barrier: several threads of one process count each', async (t) => {
  const { links, barrier } = cluster(2)
  const tickets = [barrier(1, 'b', 3), barrier(1, 'b', 3), barrier(0, 'b', 3)]
  links.settle()
  t.same(
    tickets.map((ticket) => links.outcome(ticket)),
    Array(3).fill('done'),
  )
})

t.test('barrier: used again by whoever went first, while the others have not heard yet', async (t) => {
  const { links, barrier } = cluster(2)
  const first = [barrier(0, 'b', 2), barrier(1, 'b', 2)]
  links.deliver(1, 0)
  t.same(
    first.map((ticket) => links.outcome(ticket)),
    ['done', 'pending'],
  )
  const second = [barrier(0, 'b', 2)]
  links.settle()
  t.equal(links.outcome(first[1] as number), 'done')
  t.equal(links.outcome(second[0] as number), 'pending')
  second.push(barrier(1, 'b', 2))
  links.settle()
  t.same(
    second.map((ticket) => links.outcome(ticket)),
    ['done', 'done'],
  )
})

t.test('barrier: another count while others wait -> BARRIER_MISMATCH for the newcomer alone', async (t) => {
  const { links, barrier } = cluster(3)
  const waiting = barrier(1, 'b', 2)
  links.settle()
  const other = barrier(2, 'b', 3)
  links.settle()
  t.equal(links.outcome(other), 'BARRIER_MISMATCH')
  t.equal(links.outcome(waiting), 'pending')
  barrier(2, 'b', 2)
  links.settle()
  t.equal(links.outcome(waiting), 'done')
  const next = barrier(0, 'b', 1)
  t.equal(links.outcome(next), 'done', 'empty, it may have another count')
})

t.test('barrier: counts from 1 to 65,535, else INVALID', async (t) => {
  const { links, barrier } = cluster(1)
  for (const count of [0, -1, 1.5, NaN, 65_536]) t.equal(links.outcome(barrier(0, 'b', count)), 'INVALID')
  t.equal(links.outcome(barrier(0, 'b', 65_535)), 'pending')
  t.equal(links.outcome(barrier(0, '', 1)), 'INVALID')
})

t.test('barrier: a participant dies -> NODE_LOST for all that wait, and it may be used again (N=3)', async (t) => {
  const { links, barrier, exit } = cluster(3)
  const waiting = [barrier(0, 'b', 4), barrier(2, 'b', 4)]
  const dead = barrier(1, 'b', 4)
  links.settle()
  exit(1)
  links.settle()
  t.same(
    waiting.map((ticket) => links.outcome(ticket)),
    ['NODE_LOST', 'NODE_LOST'],
  )
  t.match(links.world.outcomes.get(waiting[0] as number), { detail: /^a participant died/ })
  t.equal(links.outcome(dead), 'pending', 'its process has ended: never answered')
  t.equal(links.state(1).gates.size, 0)
  const again = [barrier(0, 'b', 2), barrier(2, 'b', 2)]
  links.settle()
  t.same(
    again.map((ticket) => links.outcome(ticket)),
    ['done', 'done'],
  )
})

t.test('barrier: two threads of the process that dies -> it breaks once, a new generation is spared', async (t) => {
  const { links, barrier, exit } = cluster(2)
  barrier(1, 'b', 3)
  barrier(1, 'b', 3)
  links.settle()
  exit(1)
  links.deliver(1, 0)
  const next = barrier(0, 'b', 3)
  links.settle()
  t.equal(links.outcome(next), 'pending')
  t.equal(links.state(1).gates.size, 0)
})

t.test('barrier: a process that dies when all have come -> the others go', async (t) => {
  const { links, barrier, exit } = cluster(2)
  barrier(1, 'b', 2)
  links.settle()
  const last = barrier(0, 'b', 2)
  t.equal(links.outcome(last), 'done')
  exit(1)
  const next = barrier(0, 'b', 2, 200)
  links.settle()
  t.equal(links.outcome(next), 'pending', 'and the late leave does not touch the next generation')
  const again = barrier(0, 'b', 2)
  links.settle()
  t.equal(links.outcome(again), 'NODE_LOST', 'but who met with the dead one is told: veterans.test.ts')
  t.equal(links.state(1).gates.size, 0)
})

t.test('barrier: a process that dies when it has been refused -> those who wait on its node are spared', async (t) => {
  const { links, barrier, exit } = cluster(2)
  const waits = barrier(1, 'b', 2)
  links.settle()
  barrier(1, 'b', 3, 7)
  links.deliver(1, 0)
  exit(1, 7)
  links.settle()
  t.equal(links.outcome(waits), 'pending')
  t.equal(links.state(1).gates.size, 1)
  barrier(0, 'b', 2)
  links.settle()
  t.equal(links.outcome(waits), 'done')
})

t.test("barrier: a participant's node is lost -> NODE_LOST for all that wait (N=4)", async (t) => {
  const { links, barrier, lose } = cluster(4)
  const waiting = [barrier(0, 'b', 9), barrier(2, 'b', 9)]
  const elsewhere = barrier(3, 'other', 2)
  barrier(1, 'b', 9)
  barrier(1, 'b', 9)
  links.settle()
  lose(1)
  links.settle()
  t.same(
    waiting.map((ticket) => links.outcome(ticket)),
    ['NODE_LOST', 'NODE_LOST'],
  )
  t.equal(links.outcome(elsewhere), 'pending')
  t.equal(links.state(0).barriers.size, 1)
})

t.test('barrier: 65,536 in use, one more -> LIMIT', async (t) => {
  const { links, barrier } = cluster(1)
  for (let i = 0; i < 65_536; i++) barrier(0, `b${i}`, 2)
  t.equal(links.outcome(barrier(0, 'more', 2)), 'LIMIT')
  t.equal(links.outcome(barrier(0, 'more', 1)), 'done', 'one that nobody must wait at takes no room')
  t.equal(links.outcome(barrier(0, 'b7', 2)), 'done')
})

t.test('barrier: released before anybody arrives, acquired before anybody goes', async (t) => {
  const { links, barrier, edges, slow, release } = cluster(2)
  slow.add(0).add(1)
  const tickets = [barrier(0, 'b', 2), barrier(1, 'b', 2)]
  links.settle()
  t.strictSame(edges, ['release 0', 'release 1'])
  t.equal(links.state(0).barriers.size, 0)
  t.equal(links.world.sent, 0)
  release()
  links.settle()
  t.same(
    tickets.map((ticket) => links.outcome(ticket)),
    ['done', 'done'],
  )
  t.strictSame(edges, ['release 0', 'release 1', 'acquire 0', 'acquire 1'])
  t.equal(links.world.sent, 2)
})

t.test('barrier: a process that ends while its node releases has arrived, and dies there', async (t) => {
  const { links, barrier, exit, slow, release } = cluster(2)
  slow.add(1)
  const waits = barrier(0, 'b', 3)
  barrier(1, 'b', 3)
  exit(1)
  links.settle()
  t.equal(links.outcome(waits), 'pending')
  release()
  links.settle()
  t.equal(links.outcome(waits), 'NODE_LOST')
  t.equal(links.state(1).gates.size + links.state(1).edges.size, 0)
})

t.test('barrier: the manager is lost while one releases -> NODE_LOST, and the release ends in peace', async (t) => {
  const { links, barrier, lose, slow, release } = cluster(2)
  slow.add(1)
  const stays = barrier(1, 'b', 2)
  lose(0)
  t.equal(links.outcome(stays), 'NODE_LOST')
  release()
  t.equal(links.state(1).edges.size, 0)
})

t.test('barrier: a node whose threads all come again reports them once, after one release', async (t) => {
  const { links, barrier, edges } = cluster(3)
  const episode = () => {
    const tickets = [0, 1, 1, 1, 2, 2].map((node) => barrier(node, 'b', 6))
    links.settle()
    links.settle()
    t.same(
      tickets.map((ticket) => links.outcome(ticket)),
      Array(6).fill('done'),
    )
  }
  episode()
  t.equal(links.world.sent, 3 + 2 + 2, 'the first: each thread, and a Go to each node')
  for (let i = 2; i < 5; i++) {
    const { sent } = links.world
    edges.splice(0)
    episode()
    t.equal(links.world.sent - sent, 4)
    t.same(edges.sort(), ['acquire 0', 'acquire 1', 'acquire 2', 'release 0', 'release 1', 'release 2'])
  }
})

t.test('barrier: a thread comes on another node than last time -> at most an ask and its answer more', async (t) => {
  const { links, barrier } = cluster(3)
  const episode = (nodes: number[]) => {
    const { sent } = links.world
    const tickets = nodes.map((node) => barrier(node, 'b', 4))
    for (let i = 0; i < 3; i++) links.settle()
    t.same(
      tickets.map((ticket) => links.outcome(ticket)),
      Array(4).fill('done'),
    )
    return links.world.sent - sent
  }
  episode([1, 1, 2, 2])
  t.equal(episode([1, 1, 2, 2]), 4)
  t.equal(episode([1, 2, 2, 2]), 2 + 2 + 2, 'node 2: its share and one more; node 1: Ask, and its answer')
  t.equal(episode([1, 2, 2, 2]), 4, 'known already from the Go')
  t.equal(episode([1, 1, 1, 1]), 4 + 1 + 2, 'node 2 has nobody, and is asked what it holds back')
  t.equal(episode([1, 1, 1, 1]), 4 + 1, 'no shares were given while that was open')
  t.equal(episode([1, 1, 1, 1]), 2)
})

t.test('barrier: who is held back hears of a death, on its node and on another', async (t) => {
  for (const node of [1, 2]) {
    const { links, barrier, exit } = cluster(3)
    const all = [0, 1, 1, 1, 2, 2].map((at) => barrier(at, 'b', 6))
    for (let i = 0; i < 3; i++) links.settle()
    t.equal(links.outcome(all[5] as number), 'done')
    const held = barrier(1, 'b', 6)
    barrier(node, 'b', 6, 7)
    const { sent } = links.world
    t.same([links.outcome(held), links.busy().length], ['pending', 0])
    exit(node, 7)
    for (let i = 0; i < 3; i++) links.settle()
    t.equal(links.outcome(held), 'NODE_LOST')
    t.equal(links.world.sent - sent, node === 1 ? 7 : 8)
    t.same(links.state(0).barriers, new Map())
    t.same([links.state(1).gates, links.state(2).gates], [new Map(), new Map()])
  }
})

t.test('barrier: others make up an episode by themselves -> who is held back meanwhile is asked', async (t) => {
  const { links, barrier, slow, release } = cluster(3)
  const come = (...nodes: number[]) => nodes.map((node) => barrier(node, 'b', 3))
  come(1, 1, 2)
  links.settle()
  slow.add(2)
  come(2, 2, 2, 2)
  come(1, 1)
  release()
  links.settle()
  const held = come(1)
  release()
  links.settle()
  t.same([links.outcome(held[0] as number), links.busy().length], ['pending', 0])
  held.push(...come(0, 0))
  links.settle()
  t.same(
    held.map((ticket) => links.outcome(ticket)),
    Array(3).fill('done'),
  )
})

t.test(
  'barrier: a report goes beyond an episode, and beyond a share of the next -> who is held back is asked',
  async (t) => {
    const { links, barrier, slow, release } = cluster(3)
    const come = (...nodes: number[]) => nodes.map((node) => barrier(node, 'b', 4))
    slow.add(1)
    come(0, 2, 2, 1, 1, 1, 1, 1)
    links.settle()
    release()
    links.settle()
    come(0, 2, 2)
    links.settle()
    release()
    links.settle()
    t.equal(links.state(1).gates.get('4 b')?.told, 3, 'who have come for the third')
    const last = come(2)
    links.settle()
    t.equal(links.outcome(last[0] as number), 'done')
  },
)

t.test('barrier: another count while some are held back -> BARRIER_MISMATCH for the newcomer alone', async (t) => {
  const { links, barrier } = cluster(3)
  for (const node of [1, 1]) barrier(node, 'b', 2)
  links.settle()
  const held = barrier(1, 'b', 2)
  const other = barrier(2, 'b', 3)
  for (let i = 0; i < 3; i++) links.settle()
  t.same([links.outcome(held), links.outcome(other)], ['pending', 'BARRIER_MISMATCH'])
  barrier(0, 'b', 2)
  links.settle()
  t.equal(links.outcome(held), 'done')
  const next = barrier(2, 'b', 1)
  links.settle()
  t.equal(links.outcome(next), 'done', 'nobody is held back, and it may have another count')
})

t.test('barrier: a node that may hold some back is lost -> NODE_LOST for those who wait', async (t) => {
  const { links, barrier, lose } = cluster(3)
  for (const node of [0, 1, 1, 2]) barrier(node, 'b', 4)
  links.settle()
  const waits = barrier(2, 'b', 4)
  barrier(1, 'b', 4)
  links.settle()
  t.equal(links.outcome(waits), 'pending')
  lose(1)
  links.settle()
  t.equal(links.outcome(waits), 'NODE_LOST')
  t.equal(links.state(0).barriers.size, 0)
})

t.test(`barrier: ${RESTING_MAX} are remembered, the one that has rested longest is given up for more`, async (t) => {
  const { links, barrier } = cluster(2)
  const episode = (key: string) => {
    const tickets = [0, 1, 1].map((node) => barrier(node, key, 3))
    links.settle()
    if (tickets.some((ticket) => links.outcome(ticket) !== 'done')) t.fail(key)
  }
  for (let i = 0; i < RESTING_MAX; i++) episode(`b${i}`)
  episode('b0')
  t.equal(links.state(0).barriers.size, RESTING_MAX)
  const held = barrier(1, 'b1', 3)
  episode('one')
  episode('two')
  t.equal(links.state(0).barriers.size, RESTING_MAX + 1, 'and one where somebody was held back')
  t.notOk(links.state(0).barriers.has('b2'))
  t.ok(links.state(0).barriers.has('b0'))
  t.equal(links.state(1).gates.size, RESTING_MAX + 1)
  t.equal(links.state(0).barriers.get('b1')?.total, 1)
  const others = [barrier(1, 'b1', 3), barrier(0, 'b1', 3)]
  links.settle()
  t.same(
    [held, ...others].map((ticket) => links.outcome(ticket)),
    Array(3).fill('done'),
  )
})

t.test('barrier: whoever quits does not count, and the others wait on; TIMEOUT when the manager knows', async (t) => {
  const { links, barrier, cancel } = cluster(3)
  const [first, quits] = [barrier(1, 'b', 3), barrier(2, 'b', 3)]
  links.settle()
  cancel(2, quits)
  cancel(2, quits)
  t.equal(links.outcome(quits), 'pending')
  links.settle()
  t.equal(links.outcome(quits), 'TIMEOUT')
  const second = barrier(2, 'b', 3)
  links.settle()
  t.same([links.outcome(first), links.outcome(second)], ['pending', 'pending'])
  const third = barrier(0, 'b', 3)
  links.settle()
  t.same(
    [first, second, third].map((ticket) => links.outcome(ticket)),
    ['done', 'done', 'done'],
  )
  cancel(2, second)
  cancel(1, 999)
  t.equal(links.busy().length, 0, 'what is over, or never was, is not cancelled')
})

t.test('barrier: whoever quits when all have come has gone through', async (t) => {
  const { links, barrier, cancel } = cluster(2)
  const quits = barrier(1, 'b', 2)
  links.settle()
  barrier(0, 'b', 2)
  cancel(1, quits)
  const next = barrier(0, 'b', 2)
  links.settle()
  t.same([links.outcome(quits), links.outcome(next)], ['done', 'pending'])
})

t.test('barrier: one of a report of three quits, its process ends, and the others are spared', async (t) => {
  const { links, barrier, cancel, exit, slow, release } = cluster(2)
  slow.add(1)
  const [a, b, c] = [barrier(1, 'b', 4), barrier(1, 'b', 4, 7), barrier(1, 'b', 4)] as const
  release()
  links.settle()
  release()
  links.settle()
  cancel(1, b)
  exit(1, 7)
  links.settle()
  t.equal(links.state(0).barriers.get('b')?.total, 2)
  const more = [barrier(0, 'b', 4), barrier(0, 'b', 4)]
  links.settle()
  t.same(
    [a, c, ...more].map((ticket) => links.outcome(ticket)),
    Array(4).fill('done'),
  )
  t.same([links.state(1).gates.size, links.state(1).stays.size], [1, 0], 'it has a share of two')
})

t.test('barrier: a try goes if it is the last to come, else it is BUSY and does not count', async (t) => {
  const { links, barrier } = cluster(2)
  const attempt = () => barrier(1, 'b', 2, 7, { patient: false })
  const early = attempt()
  links.settle()
  t.equal(links.outcome(early), 'BUSY')
  t.equal(links.state(0).barriers.size, 0)
  const waits = barrier(0, 'b', 2)
  t.equal(links.outcome(waits), 'pending')
  const last = attempt()
  links.settle()
  t.same([links.outcome(last), links.outcome(waits)], ['done', 'done'])
})

t.test(
  'barrier: destroyed when nobody waits, with what its nodes remember of it; BUSY while somebody does',
  async (t) => {
    const { links, barrier, object } = cluster(3)
    const destroy = (node: number) => object(node, 'barrier', 'destroy', { key: 'b' })
    const episode = () => [1, 1, 2, 2].map((node) => barrier(node, 'b', 4))
    const settled = (...tickets: number[]) => {
      for (let i = 0; i < 3; i++) links.settle()
      return tickets.map((ticket) => links.outcome(ticket))
    }
    t.same(settled(destroy(2)), ['done'], 'one that there never was')
    t.same(settled(...episode()), Array(4).fill('done'))
    t.equal(links.state(0).barriers.size + links.state(1).gates.size, 2)
    t.same(settled(destroy(2)), ['done'])
    t.equal(links.state(0).barriers.size + links.state(1).gates.size + links.state(2).gates.size, 0)
    t.same(settled(...episode()), Array(4).fill('done'))
    const held = barrier(1, 'b', 4)
    t.same(settled(destroy(2), held), ['BUSY', 'pending'], 'it is known to node 1 alone')
    t.same(settled(destroy(0)), ['BUSY'])
    t.same(settled(...[1, 2, 2].map((node) => barrier(node, 'b', 4)), held), Array(4).fill('done'))
  },
)

type Cluster = ReturnType<typeof cluster>

/** An episode of one thread on each node. Gives how many messages each node has sent and received. */
function episode({ links, barrier }: Cluster, nodes: number, shape: 'auto' | 'tree' | 'central' = 'auto'): number[] {
  const messages = Array<number>(nodes).fill(0)
  const tickets = Array.from({ length: nodes }, (_, node) => barrier(node, 'b', nodes, 100 + node, { shape }))
  for (let busy = links.busy(); busy.length > 0; busy = links.busy()) {
    for (const { from, to } of busy) {
      links.deliver(from, to)
      messages[from]!++
      messages[to]!++
    }
  }
  const outcomes = tickets.map((ticket) => links.outcome(ticket))
  if (outcomes.some((outcome) => outcome !== 'done')) throw new Error(outcomes.join())
  return messages
}

t.test('barrier: a tree takes as many messages as none, and few at any one node (N=22)', async (t) => {
  const nodes = 22
  const it = cluster(nodes)
  const sum = (all: number[]) => all.reduce((a, b) => a + b) / 2
  t.equal(episode(it, nodes)[0], 2 * (nodes - 1), 'the first is without')
  for (let i = 0; i < 3; i++) {
    const messages = episode(it, nodes)
    t.equal(sum(messages), 2 * (nodes - 1))
    t.equal(messages[0], 2 * TREE_ARITY, 'the manager')
    t.equal(Math.max(...messages), 2 * (TREE_ARITY + 1))
  }
})

t.test('barrier: few nodes have no tree, but those who want one; many do, but those who want none', async (t) => {
  const isTree = ({ links }: Cluster) => links.state(0).barriers.get('b')?.tree !== undefined
  const few = cluster(8)
  episode(few, 8)
  t.notOk(isTree(few), 'eight')
  episode(few, 8, 'tree')
  t.ok(isTree(few))
  t.equal(episode(few, 8)[0], 2 * TREE_ARITY, 'once it stands it stays')
  episode(few, 8, 'central')
  t.notOk(isTree(few))
  t.equal(episode(few, 8)[0], 2 * 7)
  const many = cluster(9)
  episode(many, 9)
  t.ok(isTree(many), 'nine')
  const never = cluster(9, { barrierTree: 0 })
  episode(never, 9)
  t.notOk(isTree(never))
  const soon = cluster(3, { barrierTree: 3 })
  episode(soon, 3)
  t.ok(isTree(soon))
})

t.test('barrier: in a tree, released before anybody tells, acquired before anybody goes', async (t) => {
  const it = cluster(6, { barrierTree: 2 })
  episode(it, 6)
  it.edges.splice(0)
  it.slow.add(1)
  const tickets = [0, 1, 2, 3, 4, 5].map((node) => it.barrier(node, 'b', 6))
  it.links.settle()
  it.links.settle()
  t.equal(it.links.outcome(tickets[0]!), 'pending')
  it.release()
  for (let i = 0; i < 3; i++) it.links.settle()
  t.same(
    tickets.map((ticket) => it.links.outcome(ticket)),
    Array(6).fill('done'),
  )
  const sorted = [...it.edges].sort()
  t.same(sorted, [...[0, 1, 2, 3, 4, 5].map((n) => `acquire ${n}`), ...[0, 1, 2, 3, 4, 5].map((n) => `release ${n}`)])
  t.ok(it.edges.indexOf('acquire 0') > it.edges.indexOf('release 5'))
})

t.test(
  'barrier: a node in a tree is lost -> NODE_LOST for the rest, above and below it, and they go on (N=22)',
  async (t) => {
    for (const lost of [1, 5, 21]) {
      const it = cluster(22)
      episode(it, 22)
      const waiting = [2, 5, 6, 7, 20, 21].filter((node) => node !== lost).map((node) => it.barrier(node, 'b', 22))
      for (let i = 0; i < 4; i++) it.links.settle()
      it.lose(lost)
      for (let i = 0; i < 4; i++) it.links.settle()
      t.same(
        waiting.map((ticket) => it.links.outcome(ticket)),
        waiting.map(() => 'NODE_LOST'),
      )
      t.equal(it.links.state(0).barriers.size, 0)
      const again = [2, 20].map((node) => it.barrier(node, 'b', 2))
      it.links.settle()
      it.links.settle()
      t.same(
        again.map((ticket) => it.links.outcome(ticket)),
        ['done', 'done'],
      )
    }
  },
)

t.test('barrier: an episode is over, and its Down dies with a node above -> those below go all the same', async (t) => {
  const it = cluster(6, { barrierTree: 2 })
  episode(it, 6)
  const tickets = [0, 1, 2, 3, 4, 5].map((node) => it.barrier(node, 'b', 6))
  for (const [from, to] of [
    [5, 1],
    [1, 0],
    [2, 0],
    [3, 0],
    [4, 0],
  ] as const)
    t.ok(it.links.deliver(from, to))
  t.same([it.links.outcome(tickets[0]!), it.links.outcome(tickets[5]!)], ['done', 'pending'])
  it.lose(1)
  for (let i = 0; i < 4; i++) it.links.settle()
  t.equal(it.links.outcome(tickets[5]!), 'done')
})

t.test('barrier: cells of a tree that no small one meets', async (t) => {
  const it = cluster(7, { barrierTree: 2 })
  episode(it, 7)
  // Node 1 has kids 5 and 6; its own is there first.
  const tickets = [1, 5, 6, 0, 2, 3, 4].map((node) => it.barrier(node, 'b', 7))
  t.equal(it.links.state(1).gates.get('7 b')?.branch?.state, 'Ready')
  it.links.deliver(5, 1)
  it.links.deliver(6, 1)
  t.equal(it.links.state(1).gates.get('7 b')?.branch?.state, 'Up')
  for (let i = 0; i < 4; i++) it.links.settle()
  t.equal(it.links.outcome(tickets[0]!), 'done')

  // One more, who wants no tree, comes while its own are released, and quits.
  for (const kids of [[], [5, 6]]) {
    const own = it.barrier(1, 'b', 7)
    it.links.settle()
    it.cancel(1, own)
    for (let i = 0; i < 4; i++) it.links.settle()
    episode(it, 7)
    for (const node of kids) it.barrier(node, 'b', 7)
    for (let i = 0; i < 2; i++) it.links.settle()
    it.slow.add(1)
    const stays = it.barrier(1, 'b', 7)
    const more = it.barrier(1, 'b', 7, 9, { shape: 'central' })
    it.cancel(1, more)
    t.equal(it.links.outcome(more), 'TIMEOUT')
    it.slow.delete(1)
    it.release()
    t.equal(it.links.state(1).gates.get('7 b')?.branch?.state, 'Cut')
    for (const node of [0, 2, 3, 4, 5, 6]) if (!kids.includes(node)) it.barrier(node, 'b', 7)
    for (let i = 0; i < 6; i++) it.links.settle()
    t.equal(it.links.outcome(stays), 'done')
  }
})

t.test(
  'barrier: what no honest peer says of a tree is a PeerError; what is of one that stands no more is ignored',
  async (t) => {
    const it = cluster(6, { barrierTree: 2 })
    episode(it, 6)
    const { links, barrier } = it
    const { tree } = links.state(1).gates.get('6 b')!.branch!
    const says = (to: number, from: number, message: object) =>
      links.step(to, (state, effects) => syncMessage(state, from, message as SyncMessage, effects))
    const of = { key: 'b', count: 6, tree, episode: 1 }
    const up = { type: 'BarrierUp', ...of }
    const down = { type: 'BarrierDown', ...of }
    barrier(2, 'b', 6)
    const hostile: [number, number, object][] = [
      [0, 5, up], // no top
      [0, 2, { ...up, episode: 2 }],
      [0, 2, { ...up, tree: 0 }],
      [0, 2, { ...up, tree: 0.5 }],
      [0, 2, { ...up, episode: -1 }],
      [1, 2, up], // no kid
      [1, 5, { ...up, episode: 2 }],
      [1, 5, { ...up, key: '' }],
      [1, 5, { ...up, tree: NaN }],
      [1, 5, down], // not the parent
      [1, 0, down], // nobody here has come
      [2, 0, { ...down, episode: 2 }],
      [2, 0, { type: 'BarrierAsk', ...of, tree: 0, episode: 0 }],
      [2, 0, { type: 'BarrierAsk', ...of, tree: tree + 1 }],
      [2, 0, { type: 'BarrierAsk', ...of, episode: 2 }],
      [1, 0, { type: 'BarrierAsk', ...of, episode: 1 }], // it is not up
      [0, 2, { type: 'BarrierUproot', key: 'b', tree: -1, died: false }],
      [0, 2, { type: 'BarrierArrive', key: 'b', count: 6, first: 9, arrived: 1, answers: false, shape: 'bush' }],
    ]
    for (const [to, from, message] of hostile) {
      t.throws(() => says(to, from, message), { name: 'PeerError' }, JSON.stringify(message))
    }
    says(1, 5, up)
    t.throws(() => says(1, 5, up), { name: 'PeerError' }, 'twice')
    links.settle()
    t.throws(() => says(0, 2, up), { name: 'PeerError' }, 'twice')
    for (const old of [tree - 1, tree + 1]) {
      if (old < 1) continue
      says(0, 3, { ...up, tree: old })
      says(1, 5, { ...up, tree: old })
      says(2, 0, { ...down, tree: old })
      says(0, 3, { type: 'BarrierUproot', key: 'b', tree: old, died: false })
    }
    t.equal(links.busy().length, 0)
    const place = {
      tree: 9,
      parent: 0,
      kids: [] as number[],
      offer: 0,
      root: NO_NODE,
      peers: [],
      direct: false,
      meeting: 1,
    }
    const go = { type: 'BarrierGo', key: 'c', count: 2, arrived: 1, share: 1, ...place }
    barrier(1, 'c', 2)
    for (const wrong of [
      { tree: -1 },
      { share: 0 },
      { parent: 9999 },
      { kids: [1] },
      { kids: [2, 3, 4, 5, 6] },
      { kids: [0.5] },
      { tree: 1e99 },
    ]) {
      t.throws(() => says(1, 0, { ...go, ...wrong }), { name: 'PeerError' }, JSON.stringify(wrong))
    }
    says(1, 2, { ...up, key: 'c', count: 2, tree: 9 }) // a kid that is quicker
    t.throws(() => says(1, 2, { ...up, key: 'c', count: 2, tree: 9 }), { name: 'PeerError' }, 'twice')
    t.throws(() => says(1, 0, go), { name: 'PeerError' }, 'it is no kid')
  },
)
