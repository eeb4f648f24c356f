import t from 'tap'
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
  const next = barrier(0, 'b', 2)
  links.settle()
  t.equal(links.outcome(next), 'pending', 'and the late leave does not touch the next generation')
  t.equal(links.state(1).gates.size, 0)
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
