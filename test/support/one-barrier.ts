/**
 * One barrier, a few nodes: every order of arriving, processes that end, a lost node, shares taken away,
 * releases that take their time, and the messages between them; threads come on another node than last
 * time, for another count, too many or too few, quit, or try; somebody would destroy it. Nobody goes before all have come and sees less than they
 * wrote; nobody waits for ever when enough have come, or with one that died; and a refusal has its reason.
 */
import t from 'tap'
import { evict } from '../../ts/sync/barrier.js'
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
import type { Explored } from './explore.js'
import { Links, type Extra, type World } from './links.js'

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
export interface Options extends Partial<Budget> {
  /** Where a thread each came last time, for as many as they were. */
  readonly warm?: readonly number[]
  /** Nodes whose releases take their time. */
  readonly slow?: readonly number[]
  /** Threads that try. */
  readonly tries?: readonly number[]
  readonly mortals?: readonly number[]
  /** Two nodes and more are a tree of that arity. */
  readonly tree?: number
}

export class OneBarrier implements Explored<Moment> {
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
    const { slow = [], mortals = [2], tries = [], tree, ...budget } = options
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
    for (const node of nodes)
      this.links.world.states.set(
        node,
        createSync(node, { barrierTree: tree === undefined ? 0 : 2, treeArity: tree ?? 4 }),
      )
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
      const isThere = links.world.states.has(visitOf(thread, number).node)
      if (thread.does === 'idle' && isThere) moves.push(() => this.#arrive(thread, number))
      if (thread.does === 'waits' && plan.exits > 0) moves.push(() => this.#exit(thread, number))
      if (thread.does === 'waits' && plan.quits > 0 && !thread.quits) moves.push(() => this.#quit(thread, number))
    })
    plan.releases.forEach((_, which) => moves.push(() => this.#released(which)))
    for (const node of this.mortals) {
      if (plan.losses > 0 && links.world.states.has(node)) moves.push(() => this.#lose(node))
    }
    plan.unaware.forEach(({ node, lost }) => moves.push(() => this.#hear(node, lost)))
    if (plan.destroys > 0 && links.world.states.has(1)) moves.push(() => this.#destroy())
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
    const request = { op: 'barrier', key: 'k', process: ticket, count, patient, shape: 'auto', direct: false } as const
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
    if ((states.get(1)?.objects.errands.size ?? 0) > 0) throw new Error('whether it is destroyed is not told')
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
      for (const { queue, told, covered, owes, share, count, branch } of gates.values()) {
        if (branch !== undefined && states.has(0)) {
          if (barrier?.tree?.number !== branch.tree || barrier.tree.episode !== branch.episode)
            throw new Error('another tree')
          if (queue.length > share || (told !== 0 && told !== share)) throw new Error('it should have been asked')
          if (branch.state.startsWith('Cut')) throw new Error('a tree is left over')
        }
        if (queue.some(({ dead }) => dead)) throw new Error('somebody waits with one that is dead')
        if (covered > 0 || owes) throw new Error(`node ${node} has not said what it should`)
        const known = branch !== undefined ? told : barrier?.count === count ? (barrier.here.get(node) ?? 0) : 0
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

export interface Size {
  readonly name: string
  readonly visits: number[][]
  readonly counts: number[] | number[][]
  readonly options?: Options
  /** A tripwire for changes of the protocol. */
  readonly states: number
}

/** The same nodes each time. */
export const same = (nodes: number[], times: number) => nodes.map((node) => Array<number>(times).fill(node))
