/** Direct barriers: when they are offered, what daemons are told and say, and what no peer says. Every order:
 * every-direct.test.ts. */
import t from 'tap'
import { NO_NODE } from '../../ts/base/ids.js'
import { syncMessage, type LineEffect } from '../../ts/sync/index.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { DIRECT_AFTER, DIRECT_MAX } from '../../ts/sync/offer.js'
import { RESTING_MAX } from '../../ts/sync/state.js'
import { cluster } from '../support/sync-cluster.js'

type Cluster = ReturnType<typeof cluster>
type More = { patient?: boolean; shape?: 'auto' | 'central' | 'tree'; direct?: boolean }

/** A thread of each node comes, and goes on. @returns how each was answered */
function episode({ links, barrier }: Cluster, nodes: readonly number[], more: More = {}, key = 'b'): string[] {
  const tickets = nodes.map((node) => barrier(node, key, nodes.length, 100 + node, { direct: true, ...more }))
  for (let i = 0; i < 3; i++) links.settle()
  return tickets.map((ticket) => links.outcome(ticket))
}

/** Until it is offered. @returns after how many episodes */
function untilOffered(it: Cluster, nodes: readonly number[], most: number, key = 'b'): number {
  it.lines.splice(0)
  for (let times = 1; times <= most; times++) {
    episode(it, nodes, {}, key)
    if (it.lines.some(({ effect }) => effect.do === 'Introduce')) return times
  }
  return Infinity
}

function offerOf({ lines }: Cluster): Extract<LineEffect, { do: 'Introduce' }> {
  const effect = lines.find(({ effect: { do: what } }) => what === 'Introduce')?.effect
  if (effect?.do !== 'Introduce') throw new Error('nothing is offered')
  return effect
}

/** A cluster whose barrier b of these nodes is direct. @returns its number */
function standing(nodes: readonly number[], of = 4): [Cluster, number] {
  const it = cluster(of, { directAfter: 1 })
  episode(it, nodes)
  const { number } = offerOf(it)
  for (const node of nodes) it.line(node, 'ready', 'b', nodes.length, number)
  t.same(
    episode(it, nodes),
    nodes.map(() => 'direct'),
  )
  it.lines.splice(0)
  return [it, number]
}

const dids = ({ lines }: Cluster) => lines.splice(0).map(({ node, effect }) => `${effect.do} ${node}`)

t.test(`direct: offered after ${DIRECT_AFTER} episodes, once to each, and repeated until all are ready`, async (t) => {
  const it = cluster(4)
  const nodes = [1, 2, 3]
  t.equal(untilOffered(it, nodes, 100), DIRECT_AFTER)
  const { number } = offerOf(it)
  const told = { do: 'Introduce', key: 'b', count: 3, number, root: 1, peers: [2, 3] } as const
  const sorted = it.lines.splice(0).sort((a, b) => a.node - b.node)
  t.same(
    sorted,
    nodes.map((node) => ({ node, effect: { ...told, process: 100 + node } })),
  )
  it.line(1, 'ready', 'b', 3, number)
  it.line(2, 'ready', 'b', 3, number)
  for (let i = 0; i < 3; i++) t.same(episode(it, nodes), ['done', 'done', 'done'])
  it.line(3, 'ready', 'b', 3, number)
  it.line(3, 'ready', 'b', 3, number)
  it.line(3, 'ready', 'b', 3, number + 1)
  t.same(episode(it, nodes), ['direct', 'direct', 'direct'])
  t.same(it.lines, [])
  t.equal(it.links.busy().length, 0)
})

t.test('direct: the root is the manager where that is among them', async (t) => {
  const it = cluster(3, { directAfter: 1 })
  episode(it, [0, 1, 2])
  t.match(offerOf(it), { root: 0, peers: [1, 2] })
})

t.test('direct: never', async (t) => {
  const many = Array.from({ length: DIRECT_MAX + 1 }, (_, node) => node)
  t.equal(untilOffered(cluster(3, { directAfter: 0 }), [0, 1, 2], 20), Infinity, 'if it is not to be')
  t.equal(untilOffered(cluster(9, { directAfter: 1, barrierTree: 0 }), many, 5), Infinity, 'of too many nodes')
  t.equal(untilOffered(cluster(9, { directAfter: 1 }), many.slice(1), 5), 1, 'of as many as can be')
  t.equal(untilOffered(cluster(3, { directAfter: 1, barrierTree: 3 }), [0, 1, 2], 5), Infinity, 'where there is a tree')
  t.equal(untilOffered(cluster(3, { directAfter: 1 }), [1], 5), Infinity, 'of one node')
  t.equal(untilOffered(cluster(3, { directAfter: 1 }), [1, 2, 2], 5), Infinity, 'where two are of a node')
  for (const more of [{ direct: false }, { patient: false }, { shape: 'central' as const }]) {
    const it = cluster(3, { directAfter: 1 })
    for (let i = 0; i < 3; i++) episode(it, [0, 1, 2], more)
    t.same(it.lines, [], JSON.stringify(more))
  }
  const one = cluster(3, { directAfter: 2 })
  for (let i = 0; i < 3; i++) {
    episode(one, [0, 1, 2])
    const tickets = [0, 1, 2].map((node) => one.barrier(node, 'b', 3, 100 + node, { direct: node !== 2 }))
    one.links.settle()
    t.same(
      tickets.map((ticket) => one.links.outcome(ticket)),
      ['done', 'done', 'done'],
    )
  }
  t.same(one.lines, [], 'where one will not, every other time')
})

t.test('direct: after each end four times as many episodes, up to 256 times', async (t) => {
  const it = cluster(3, { directAfter: 1 })
  const times: number[] = []
  for (let i = 0; i < 6; i++) {
    times.push(untilOffered(it, [1, 2], 300))
    const { number } = offerOf(it)
    it.line(1, 'unfit', 'b', 2, number)
    episode(it, [1, 2])
    t.same(dids(it).slice(2).sort(), ['Part 1', 'Part 2'])
  }
  t.same(times, [1, 4, 16, 64, 256, 256])
  const [other, number] = standing([1, 2])
  other.line(2, 'unfit', 'b', 2, number)
  other.links.settle()
  t.same(dids(other).sort(), ['Part 1', 'Part 2'])
  other.line(1, 'parted', 'b', 2, number)
  other.line(2, 'parted', 'b', 2, number)
  other.links.settle()
  t.equal(untilOffered(other, [1, 2], 20), 4)
})

t.test('direct: offered to a process in whose place another comes -> taken back', async (t) => {
  const it = cluster(3, { directAfter: 1 })
  episode(it, [1, 2])
  dids(it)
  it.barrier(1, 'b', 2, 101, { direct: true })
  it.barrier(2, 'b', 2, 777, { direct: true })
  it.links.settle()
  it.links.settle()
  t.same(dids(it).sort(), ['Part 1', 'Part 2'])
})

t.test('direct: who waits has parted before the manager is answered, and goes on with who has come', async (t) => {
  const [it, number] = standing([1, 2])
  const late = it.barrier(2, 'b', 2, 555)
  it.links.settle()
  t.same(dids(it).sort(), ['Part 1', 'Part 2'])
  it.line(2, 'parted', 'b', 2, number)
  it.links.settle()
  t.equal(it.links.outcome(late), 'pending')
  const waited = it.barrier(1, 'b', 2)
  it.line(1, 'parted', 'b', 2, number)
  it.links.settle()
  it.links.settle()
  t.same([it.links.outcome(late), it.links.outcome(waited)], ['done', 'done'])
})

t.test('direct: one dies -> NODE_LOST for whoever waited with it', async (t) => {
  const [it, number] = standing([0, 1, 2])
  it.exit(2)
  it.links.settle()
  t.same(dids(it).sort(), ['Part 0', 'Part 1'])
  const waited = it.barrier(1, 'b', 3)
  it.line(1, 'parted', 'b', 3, number)
  it.line(0, 'parted', 'b', 3, number)
  it.links.settle()
  t.equal(it.links.outcome(waited), 'NODE_LOST')
  t.match(it.links.refusal(waited), /one has died/)
  t.equal(it.links.state(0).barriers.get('b')?.state, 'Resting')
})

t.test('direct: one ends in order -> whoever waits with it waits on, for another in its place', async (t) => {
  const [it, number] = standing([0, 1])
  it.exit(1, 101, false)
  it.links.settle()
  t.same(dids(it), ['Part 0'])
  const waited = it.barrier(0, 'b', 2)
  it.line(0, 'parted', 'b', 2, number)
  it.links.settle()
  t.equal(it.links.outcome(waited), 'pending')
  const another = it.barrier(1, 'b', 2, 201)
  it.links.settle()
  t.same([it.links.outcome(another), it.links.outcome(waited)], ['done', 'done'])
})

t.test('direct: what daemons say too late is ignored', async (t) => {
  const it = cluster(3, { directAfter: 1 })
  episode(it, [1, 2])
  const { number } = offerOf(it)
  const says = (what: 'ready' | 'unfit' | 'parted') => it.line(2, what, 'b', 2, number)
  says('ready')
  says('ready')
  const tickets = [1, 2].map((node) => it.barrier(node, 'b', 2, 100 + node, { direct: true }))
  it.exit(2)
  says('ready')
  says('unfit')
  says('parted')
  it.links.settle()
  t.equal(it.links.outcome(tickets[0]!), 'done', 'it had come')
  t.same(dids(it), ['Introduce 1', 'Introduce 2'])
  it.barrier(1, 'b', 2, 111) // 101 is told of the death first
  it.barrier(2, 'b', 2, 222, { direct: true })
  it.links.settle()
  it.links.settle()
  t.same(dids(it), ['Part 1'])
  says('parted')
  const [other, its] = standing([1, 2])
  other.exit(2)
  other.line(2, 'unfit', 'b', 2, its)
  other.line(2, 'parted', 'b', 2, its)
  other.links.settle()
  t.same(dids(other), ['Part 1'])
  other.line(2, 'parted', 'b', 2, its)
  other.line(2, 'ready', 'nothing', 2, its)
})

t.test('direct: barriers that rest are known to so many, and then forgotten', async (t) => {
  const it = cluster(2, { directAfter: 2 })
  for (let i = 0; i < RESTING_MAX + 10; i++) episode(it, [0, 1], {}, `b${i}`)
  const { barriers, resting } = it.links.state(0)
  t.same([barriers.size, resting.size], [RESTING_MAX, RESTING_MAX])
  t.equal(untilOffered(it, [0, 1], 9, 'b0'), 2)
  t.equal(untilOffered(it, [0, 1], 9, `b${RESTING_MAX + 9}`), 1)
})

t.test('direct: what no honest peer says', async (t) => {
  const it = cluster(4, { directAfter: 1 })
  episode(it, [1, 2])
  const { number } = offerOf(it)
  it.line(2, 'ready', 'b', 2, number)
  it.barrier(2, 'b', 2, 102, { direct: true })
  const says = (to: number, from: number, message: SyncMessage) =>
    it.links.step(to, (state, effects) => syncMessage(state, from, message, effects))
  const place = { arrived: 1, share: 1, tree: 0, parent: NO_NODE, kids: [] as number[] }
  const offer = { offer: number, root: 1, peers: [2], direct: false, meeting: 1 }
  const go = { type: 'BarrierGo', key: 'b', count: 2, ...place, ...offer } as const
  const fresh = { offer: number + 1 }
  for (const wrong of [
    { offer: -1 },
    { offer: 0.5 },
    { offer: 0, direct: true },
    { share: 0 },
    { tree: 5, parent: 0 },
    { root: 3 },
    { peers: [2, 3] },
    { ...fresh, root: NO_NODE },
    { ...fresh, root: 2, peers: [2] },
    { ...fresh, peers: [] },
    { ...fresh, peers: [3] },
    { ...fresh, peers: [2, 9999] },
    { ...fresh, peers: [2, 2] },
    { ...fresh, peers: [2, 3, 4, 5, 6, 7, 8, 9] },
    { ...fresh, direct: true },
  ]) {
    t.throws(() => says(2, 0, { ...go, ...wrong }), { name: 'PeerError' }, JSON.stringify(wrong))
  }
  it.barrier(1, 'b', 2, 101, { direct: true })
  t.throws(() => says(1, 0, { ...go, direct: true }), { name: 'PeerError' }, 'it has not said that it is ready')
  const arrive = {
    type: 'BarrierArrive',
    key: 'b',
    count: 2,
    first: 9,
    arrived: 1,
    answers: false,
    shape: 'auto',
  } as const
  t.throws(() => says(0, 1, { ...arrive, willing: true, ready: -1 }), { name: 'PeerError' })
  const [direct, its] = standing([1, 2])
  const its1 = { key: 'b', count: 2 } as const
  direct.barrier(2, 'b', 2)
  const tells = (message: SyncMessage) => () =>
    direct.links.step(2, (state, effects) => syncMessage(state, 0, message, effects))
  t.throws(tells({ ...go, ...its1, offer: 0 }), { name: 'PeerError' }, 'a Go that was not asked for')
  t.throws(tells({ type: 'BarrierAsk', ...its1, tree: its, episode: 0 }), { name: 'PeerError' }, 'it is no tree')
  direct.links.settle()
  t.throws(tells({ type: 'BarrierAsk', ...its1, tree: 0, episode: 0 }), { name: 'PeerError' }, 'asked twice')
})
