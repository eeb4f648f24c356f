/**
 * One barrier, a few nodes: every order of arriving, processes that end, a lost node, shares taken away,
 * releases that take their time, and the messages between them; threads come on another node than last
 * time, for another count, too many or too few, quit, or try; somebody would destroy it. Nobody goes before all have come and sees less than they
 * wrote; nobody waits for ever when enough have come, or with one that died; and a refusal has its reason.
 */
import t from 'tap'
import { evict } from '../../ts/sync/barrier.js'
import { barrierTable } from '../../ts/sync/barrier.table.js'
import { gateTable } from '../../ts/sync/gate.table.js'
import {
  createSync,
  syncCancel,
  syncExit,
  syncLost,
  syncMessage,
  syncReleased,
  syncRequest,
  type SyncEffect,
  type SyncState,
} from '../../ts/sync/index.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { watchCells } from '../support/cells.js'
import { explore, type Explored } from '../support/explore.js'
import { Links, type Extra, type World } from '../support/links.js'
import { cluster } from '../support/sync-cluster.js'

/** One thread, which visits the barrier once after the other, each time in a process of its own. */
interface Thread {
  /** The nodes where it does, and for which counts. */
  readonly nodes: readonly number[]
  readonly counts: readonly number[]
  /** The visit that it is at, or the one that comes next. */
  visit: number
  does: 'idle' | 'waits' | 'is done' | 'is dead'
  /** It takes no time: BUSY. */
  readonly tries: boolean
  /** While it waits: it has quit; somebody waits for another count; somebody has died. */
  quits: boolean
  sawOther: boolean
  sawDeath: boolean
}
/** What may happen besides, each so many times. */
interface Budget {
  exits: number
  quits: number
  destroys: number
  losses: number
  evictions: number
}
interface Plan extends Budget {
  threads: Thread[]
  /** Who has yet to hear of a loss. */
  unaware: { node: number; lost: number }[]
  /** Releases that are not over. */
  releases: { node: number; edge: number; wrote: number[] }[]
  /** Of each thread the last visit before which it wrote: as each node, and everybody, knows. */
  seen: number[][]
  known: number[]
  /** By count: who has come and was not refused, and who has gone. */
  came: Record<number, number>
  gone: Record<number, number>
}
interface Moment {
  world: World<SyncState, SyncMessage>
  plan: Plan
}
interface Options extends Partial<Budget> {
  /** Where a thread each came last time, for as many as they were. */
  readonly warm?: readonly number[]
  /** Nodes whose releases take their time. */
  readonly slow?: readonly number[]
  /** Threads that try. */
  readonly tries?: readonly number[]
  readonly mortals?: readonly number[]
}

class OneBarrier implements Explored<Moment> {
  readonly links = new Links<SyncState, SyncMessage, SyncEffect>(syncMessage, (node, effect) =>
    this.#edge(node, effect),
  )
  plan: Plan
  /** No thread more or less than are waited for, and nothing goes wrong. */
  readonly exact: boolean
  readonly slow: readonly number[]
  readonly mortals: readonly number[]

  /** @param visits of each thread, the nodes @param counts of each visit, or of each thread and visit */
  constructor(visits: number[][], counts: number[] | number[][], { warm = [], ...options }: Options = {}) {
    const { slow = [], mortals = [2], tries = [], ...budget } = options
    this.slow = slow
    this.mortals = mortals
    const threads = visits.map((nodes, number): Thread => {
      const own = (typeof counts[0] === 'number' ? counts : counts[number]) as number[]
      const does = { visit: 0, does: 'idle', quits: false, sawOther: false, sawDeath: false } as const
      return { nodes, counts: own, tries: tries.includes(number), ...does }
    })
    this.exact =
      Object.keys(budget).length + tries.length === 0 &&
      threads.every((thread) => thread.counts.every((n) => n === visits.length))
    const nodes = [...new Set([0, ...warm, ...visits.flat()])]
    const none = Array<number>(visits.length).fill(-1)
    const seen = Array.from({ length: Math.max(...nodes) + 1 }, () => [...none])
    const ghosts = { unaware: [], releases: [], seen, known: none, came: {}, gone: {} }
    this.plan = { exits: 0, quits: 0, destroys: 0, losses: 0, evictions: 0, ...budget, threads, ...ghosts }
    for (const node of nodes) this.links.world.states.set(node, createSync(node))
    warm.forEach((node, i) => this.#barrier(node, 900 + i, warm.length))
    while (this.plan.releases.length + this.links.busy().length > 0) {
      while (this.plan.releases.length > 0) this.#released(0)
      this.links.settle()
    }
    warm.forEach((_, i) => t.equal(this.links.outcome(900 + i), 'done'))
  }

  moves(): (() => void)[] {
    const { plan, links } = this
    const moves: (() => void)[] = links.busy().map(
      ({ from, to }) =>
        () =>
          void links.deliver(from, to),
    )
    plan.threads.forEach((thread, number) => {
      if (thread.does === 'idle') moves.push(() => this.#arrive(thread, number))
      if (thread.does === 'waits' && plan.exits > 0) moves.push(() => this.#exit(thread, number))
      if (thread.does === 'waits' && plan.quits > 0 && !thread.quits) moves.push(() => this.#quit(thread, number))
    })
    plan.releases.forEach((_, which) => moves.push(() => this.#released(which)))
    for (const node of this.mortals) {
      if (plan.losses > 0 && links.world.states.has(node)) moves.push(() => this.#lose(node))
    }
    plan.unaware.forEach(({ node, lost }) => moves.push(() => this.#hear(node, lost)))
    if (plan.destroys > 0) moves.push(() => this.#destroy())
    if (plan.evictions > 0 && links.world.states.get(0)?.resting.has('k')) moves.push(() => this.#evict())
    return moves.map((move) => () => (move(), this.#see(), this.#takeAnswers()))
  }

  #arrive(thread: Thread, number: number): void {
    const { node, count, ticket } = visitOf(thread, number)
    Object.assign(thread, { does: 'waits', quits: false, sawOther: false, sawDeath: false })
    if (this.exact) this.plan.seen[node]![number] = thread.visit
    else bump(this.plan.came, count, 1)
    this.#see()
    this.#barrier(node, ticket, count, !thread.tries)
  }

  #barrier(node: number, ticket: number, count: number, patient = true): void {
    const request = { op: 'barrier', key: 'k', process: ticket, count, patient } as const
    this.links.step(node, (state, effects) => syncRequest(state, ticket, request, effects))
  }

  #exit(thread: Thread, number: number): void {
    const { node, ticket } = visitOf(thread, number)
    this.plan.exits--
    thread.does = 'is dead'
    // At the manager's node all that wait are told within the step.
    for (const other of this.plan.threads) if (other.does === 'waits') other.sawDeath = true
    this.links.step(node, (state, effects) => syncExit(state, ticket, [], effects))
  }

  #quit(thread: Thread, number: number): void {
    const { node, ticket } = visitOf(thread, number)
    this.plan.quits--
    thread.quits = true
    this.links.step(node, (state, effects) => syncCancel(state, ticket, effects))
  }

  /** From node 1. */
  #destroy(): void {
    const request = { op: 'object', kind: 'barrier', deed: 'destroy', key: 'k', process: 801, holder: 0 } as const
    const ticket = DESTROYS + this.plan.destroys--
    const asked = { ...request, value: 0n, initial: -1, patient: true }
    this.links.step(1, (state, effects) => syncRequest(state, ticket, asked, effects))
  }

  #released(which: number): void {
    const { plan, links } = this
    const [release] = plan.releases.splice(which, 1)
    if (release === undefined) throw new Error('no such release')
    plan.known = later(plan.known, release.wrote)
    links.step(release.node, (state, effects) => syncReleased(state, release.edge, effects))
  }

  #lose(lost: number): void {
    const { plan, links } = this
    plan.losses--
    plan.threads.forEach((thread, number) => {
      if (thread.does === 'is done' || visitOf(thread, number).node !== lost) return
      thread.does = 'is dead'
    })
    plan.releases = plan.releases.filter(({ node }) => node !== lost)
    links.world.states.delete(lost)
    for (const { from, to } of links.busy()) if (to === lost) links.world.links.delete(`${from}>${to}`)
    for (const node of links.world.states.keys()) plan.unaware.push({ node, lost })
  }

  #hear(node: number, lost: number): void {
    const { plan, links } = this
    plan.unaware = plan.unaware.filter((one) => one.node !== node || one.lost !== lost)
    links.world.links.delete(`${lost}>${node}`)
    links.step(node, (state, effects) => syncLost(state, lost, effects))
  }

  #evict(): void {
    this.plan.evictions--
    this.links.step(0, (state, effects) => evict(state, 'k', effects))
  }

  /** What each that waits has reason to be told. */
  #see(): void {
    const { threads, unaware } = this.plan
    const { states } = this.links.world
    const dead = [...states.values()].some(({ gates }) =>
      [...gates.values()].some(({ queue }) => queue.some((stay) => stay.dead)),
    )
    const breaks = states.get(0)?.barriers.get('k')?.death !== undefined || unaware.length > 0 || !states.has(0)
    for (const thread of threads) {
      if (thread.does !== 'waits') continue
      const count = thread.counts[thread.visit]
      const other = threads.some(
        ({ does, counts, visit }) => does !== 'idle' && visit in counts && counts[visit] !== count,
      )
      thread.sawOther ||= other
      thread.sawDeath ||= dead || breaks
    }
  }

  #takeAnswers(): void {
    const { threads } = this.plan
    const asked = threads.map(({ visit, does }) => (does === 'waits' ? visit : visit - 1))
    threads.forEach((thread, number) => {
      const { node, count, ticket } = visitOf(thread, number)
      if (thread.does !== 'waits') return
      const outcome = this.links.outcome(ticket)
      if (outcome === 'pending') return
      if (outcome === 'BARRIER_MISMATCH' && !thread.sawOther) throw new Error('refused for a count nobody waited for')
      if (outcome === 'NODE_LOST' && !thread.sawDeath) throw new Error('refused for a death that nobody died')
      if (outcome === 'TIMEOUT' && !thread.quits) throw new Error('it has not quit')
      if (outcome === 'BUSY' && !thread.tries) throw new Error('it would have waited')
      if (this.exact) {
        if (outcome !== 'done') throw new Error(`${number} was refused: ${outcome}`)
        if (asked.some((visit) => visit < thread.visit)) throw new Error(`${number} went before all had come`)
        const seen = this.plan.seen[node]!
        if (seen.some((visit) => visit < thread.visit)) throw new Error(`${number} does not see what another wrote`)
      } else if (outcome === 'done') bump(this.plan.gone, count, 1)
      else bump(this.plan.came, count, -1)
      thread.visit++
      thread.does = thread.visit < thread.nodes.length ? 'idle' : 'is done'
    })
  }

  check(): void {
    for (const [count, gone] of Object.entries(this.plan.gone)) {
      const came = this.plan.came[Number(count)] ?? 0
      if (gone > came - (came % Number(count))) throw new Error(`${gone} have gone of ${came}, for ${count}`)
    }
    const barrier = this.links.world.states.get(0)?.barriers.get('k')
    if (barrier === undefined) return
    const shared = sum(barrier.shares.values())
    if (shared > barrier.count) throw new Error(`shares of ${shared} for ${barrier.count}`)
    if (sum(barrier.here.values()) !== barrier.total) throw new Error('the manager has miscounted')
  }

  /** Nothing is on the way and nobody arrives. */
  end(): void {
    const { states } = this.links.world
    const waiting = this.plan.threads.filter(({ does }) => does === 'waits')
    if (waiting.some(({ quits, tries }) => quits || tries)) throw new Error('who has quit waits')
    for (const [ticket, { is }] of this.links.world.outcomes) {
      if (ticket >= DESTROYS && is === 'refused' && this.links.outcome(ticket) !== 'BUSY')
        throw new Error('not destroyed')
    }
    if (states.get(1)?.objects.errands.size !== 0) throw new Error('whether it is destroyed is not told')
    const counts = new Set(waiting.map(({ counts, visit }) => counts[visit]))
    if (counts.size > 1) throw new Error('some wait for different counts')
    for (const count of counts) {
      if (waiting.length >= count! || this.exact) throw new Error(`${waiting.length} wait for ever, for ${count}`)
    }
    const barrier = states.get(0)?.barriers.get('k')
    if (barrier !== undefined && (barrier.asked.size > 0 || barrier.late.length > 0 || barrier.state === 'Clearing')) {
      throw new Error(`the barrier is left ${barrier.state}`)
    }
    for (const [node, { gates, stays, edges }] of states) {
      if (stays.size !== waiting.filter((thread) => thread.nodes[thread.visit] === node).length)
        throw new Error('a stay is left over')
      if (edges.size > 0) throw new Error('an edge is left over')
      for (const { queue, told, covered, owes, share, count } of gates.values()) {
        if (queue.some(({ dead }) => dead)) throw new Error('somebody waits with one that is dead')
        if (covered > 0 || owes) throw new Error(`node ${node} has not said what it should`)
        const known = barrier?.count === count ? (barrier.here.get(node) ?? 0) : 0
        if (states.has(0) && known !== told) throw new Error(`node ${node} has told of ${told}, ${known} are known`)
        if (queue.length < share && barrier?.shares.get(node) !== share) throw new Error('a share is not known')
      }
    }
  }

  key(): unknown {
    return [this.links.world.states, this.links.world.links, this.plan]
  }

  save(): Moment {
    return { world: this.links.world, plan: this.plan }
  }

  restore({ world, plan }: Moment): void {
    this.links.world = world
    this.plan = plan
  }

  #edge(node: number, effect: Extra<SyncEffect>): void {
    const { seen, known, releases } = this.plan
    if (effect.do === 'Acquire') {
      seen[node] = later(seen[node]!, known)
      return
    }
    if (effect.do !== 'Release') throw new Error(`${effect.do} at a barrier`)
    releases.push({ node, edge: effect.edge.number, wrote: [...seen[node]!] })
    if (!this.slow.includes(node)) this.#released(releases.length - 1)
  }
}

/** Tickets from here on. */
const DESTROYS = 800

function visitOf({ nodes, counts, visit }: Thread, number: number) {
  return { node: nodes[visit] as number, count: counts[visit] as number, ticket: 10 * number + visit }
}

function bump(numbers: Record<number, number>, at: number, by: number): void {
  numbers[at] = (numbers[at] ?? 0) + by
}

function later(a: readonly number[], b: readonly number[]): number[] {
  return a.map((visit, number) => Math.max(visit, b[number]!))
}

function sum(numbers: Iterable<number>): number {
  let all = 0
  for (const number of numbers) all += number
  return all
}

const unmet = [watchCells(barrierTable), watchCells(gateTable)]
const same = (nodes: number[], times: number) => nodes.map((node) => Array<number>(times).fill(node))

interface Size {
  readonly name: string
  readonly visits: number[][]
  readonly counts: number[] | number[][]
  readonly options?: Options
  /** A tripwire for changes of the protocol. */
  readonly states: number
}
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
    states: 2050,
  },
  {
    name: 'it is destroyed',
    visits: same([1, 1, 2], 1),
    counts: [3],
    options: { warm: [1, 1, 2], destroys: 2, quits: 1 },
    states: 8847,
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

t.test('barrier: every cell is met, but for that of a bound (barrier.test.ts)', async (t) => {
  t.same(
    unmet.flatMap((cells) => cells()),
    ['Empty x ArriveFull'],
  )
})
