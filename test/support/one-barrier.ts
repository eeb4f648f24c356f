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
  syncLine,
  syncLost,
  syncMessage,
  syncReleased,
  syncRequest,
  type SyncEffect,
  type SyncState,
} from '../../ts/sync/index.js'
import { isStanding } from '../../ts/sync/direct.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import type { Explored } from './explore.js'
import { Links, type Extra, type World } from './links.js'
import { ended, lineEffect, lineOf, meets, stands, waitsBy, type Line } from './pretend-lines.js'

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
  /** It met others directly when one of them ended. */
  forsaken: boolean
}
/** What may happen besides, each so many times. */
interface Budget {
  exits: number
  quits: number
  destroys: number
  losses: number
  evictions: number
  /** Lines that break, or processes that part by themselves. */
  wrecks: number
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
  lines: Line[]
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
  /** After so many episodes it is offered that threads meet directly; and whether they have come that often already, or
   * do. */
  readonly direct?: number
  readonly since?: 'offered' | 'standing'
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
  readonly direct: number
  readonly warm: readonly number[]

  /** @param visits of each thread, the nodes @param counts of each visit, or of each thread and visit */
  constructor(visits: number[][], counts: number[] | number[][], { warm = [], ...options }: Options = {}) {
    const { slow = [], mortals = [2], tries = [], tree, direct = 0, since, ...budget } = options
    this.direct = direct
    this.warm = warm
    this.slow = slow
    this.mortals = mortals
    const threads = visits.map((nodes, number): Thread => {
      const own = (typeof counts[0] === 'number' ? counts : counts[number]) as number[]
      const does = { visit: 0, does: 'idle', quits: false, sawOther: false, sawDeath: false, forsaken: false } as const
      return { nodes, counts: own, tries: tries.includes(number), ...does }
    })
    this.exact =
      Object.keys(budget).length + tries.length === 0 &&
      threads.every((thread) => thread.counts.every((n) => n === visits.length))
    const nodes = [...new Set([0, ...warm, ...visits.flat()])]
    const none = Array<number>(visits.length).fill(-1)
    const seen = Array.from({ length: Math.max(...nodes) + 1 }, () => [...none])
    const ghosts = { unaware: [], releases: [], seen, known: none, came: {}, gone: {}, lines: [] }
    this.plan = { exits: 0, quits: 0, destroys: 0, losses: 0, evictions: 0, wrecks: 0, ...budget, threads, ...ghosts }
    for (const node of nodes)
      this.links.world.states.set(
        node,
        createSync(node, {
          barrierTree: tree === undefined ? 0 : 2,
          treeArity: tree ?? 4,
          directAfter: direct,
          remembers: false, // each visit is a process of its own
        }),
      )
    const warmUps = direct + Number(since === 'standing')
    for (let round = 0; round < Math.max(1, warmUps); round++) this.#warmUp(warm, WARM + 100 * round)
  }

  /** A thread each comes there, and goes on. @param ticket that of the first */
  #warmUp(warm: readonly number[], ticket: number): void {
    for (const { number, ends } of this.plan.lines)
      for (const node of Object.keys(ends)) this.#made(number, Number(node))
    warm.forEach((node, i) => this.#barrier(node, ticket + i, warm.length, true, i))
    while (this.plan.releases.length + this.links.busy().length > 0) {
      while (this.plan.releases.length > 0) this.#released(0)
      this.links.settle()
    }
    warm.forEach((node, i) => {
      const outcome = this.links.world.outcomes.get(ticket + i)
      if (outcome?.is === 'direct') stands(this.plan.lines, node, outcome.number)
      else t.equal(outcome?.is, 'done')
    })
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
      const isHere =
        thread.does === 'waits' || (thread.does === 'idle' && isThere && this.#isIntroduced(thread, number))
      if (isHere && plan.exits > 0) moves.push(() => this.#exit(thread, number))
      const line = waitsBy(plan.lines, number)
      if (line?.closed === true) moves.push(() => this.#learn(line, thread, number))
      if (line === undefined && thread.does === 'waits' && plan.quits > 0 && !thread.quits)
        moves.push(() => this.#quit(thread, number))
    })
    plan.releases.forEach((_, which) => moves.push(() => this.#released(which)))
    for (const node of this.mortals) {
      if (plan.losses > 0 && links.world.states.has(node)) moves.push(() => this.#lose(node))
    }
    plan.unaware.forEach(({ node, lost }) => moves.push(() => this.#hear(node, lost)))
    if (plan.destroys > 0 && links.world.states.has(1)) moves.push(() => this.#destroy())
    if (plan.evictions > 0 && links.world.states.get(0)?.resting.has('k')) moves.push(() => this.#evict())
    moves.push(...this.#lineMoves())
    return moves.map((move) => () => (move(), this.#see(), this.#takeAnswers()))
  }

  #arrive(thread: Thread, number: number): void {
    const { node, count, ticket } = visitOf(thread, number)
    Object.assign(thread, { does: 'waits', quits: false, sawOther: false, sawDeath: false, forsaken: false })
    if (this.exact) this.plan.seen[node]![number] = thread.visit
    else bump(this.plan.came, count, 1)
    this.#see()
    const line = thread.tries ? undefined : lineOf(this.plan.lines, node, this.#process(ticket, number, node), count)
    if (line === undefined) return this.#barrier(node, ticket, count, !thread.tries, number)
    for (const other of meets(line, node, number) ?? []) {
      if (!this.exact) bump(this.plan.gone, count, 1)
      this.#goesOn(this.plan.threads[other]!)
    }
  }

  #goesOn(thread: Thread): void {
    thread.visit++
    thread.does = thread.visit < thread.nodes.length ? 'idle' : 'is done'
  }

  /** It is no longer direct: it comes as others do. */
  #learn(line: Line, thread: Thread, number: number): void {
    const { node, count, ticket } = visitOf(thread, number)
    delete line.waits[node]
    this.#barrier(node, ticket, count, true, number)
  }

  /** Where barriers may be direct, a thread is in the same process each time that it comes on a node. */
  #process(ticket: number, number: number, node: number): number {
    return this.direct === 0 ? ticket : 1000 + 10 * number + node
  }

  #isIntroduced(thread: Thread, number: number): boolean {
    const { node, ticket } = visitOf(thread, number)
    const process = this.#process(ticket, number, node)
    return this.plan.lines.some(({ ends }) => ends[node]?.process === process && ends[node].part !== 'done')
  }

  #lineMoves(): (() => void)[] {
    const { lines, wrecks } = this.plan
    const moves: (() => void)[] = []
    for (const line of lines) {
      for (const [at, { part, made }] of Object.entries(line.ends)) {
        const node = Number(at)
        if (!this.links.world.states.has(node)) continue
        const isFree = !(node in line.waits)
        if (part === 'no' && !made) moves.push(() => this.#made(line.number, node))
        if (part === 'asked' && isFree) moves.push(() => this.#parted(line.number, node))
        if (part === 'done' || wrecks === 0) continue
        moves.push(() => this.#breaks(line.number, node))
        if (isFree && part === 'no') moves.push(() => (this.plan.wrecks--, this.#parted(line.number, node)))
      }
    }
    return moves
  }

  #made(number: number, node: number): void {
    this.#endOf(number, node).made = true
    this.#line(number, node, 'ready')
  }

  #breaks(number: number, node: number): void {
    this.plan.wrecks--
    this.#endOf(number, node).unfit = true
    this.#line(number, node, 'unfit')
  }

  #parted(number: number, node: number): void {
    const end = this.#endOf(number, node)
    ended(this.plan.lines, (at, one) => at === node && one === end)
    this.#line(number, node, 'parted')
  }

  #endOf(number: number, node: number) {
    return this.plan.lines.find((line) => line.number === number)!.ends[node]!
  }

  #line(number: number, node: number, what: 'ready' | 'unfit' | 'parted'): void {
    const { count } = this.plan.lines.find((line) => line.number === number)!
    this.links.step(node, (state, effects) => syncLine(state, { is: 'line', what, key: 'k', count, number }, effects))
  }

  #nodeOf(ticket: number): number {
    if (ticket >= WARM) return this.warm[(ticket - WARM) % 100]!
    return this.plan.threads[Math.floor(ticket / 10)]!.nodes[ticket % 10]!
  }

  /** Those who waited directly with one who is gone. */
  #forsake(threads: readonly number[]): void {
    for (const number of threads) this.plan.threads[number]!.forsaken = true
  }

  #barrier(node: number, ticket: number, count: number, patient: boolean, number: number): void {
    const process = this.#process(ticket, number, node)
    const direct = this.direct > 0 && patient
    const request = { op: 'barrier', key: 'k', process, count, patient, shape: 'auto', direct } as const
    this.links.step(node, (state, effects) => syncRequest(state, ticket, request, effects))
  }

  #exit(thread: Thread, number: number): void {
    const { node, ticket } = visitOf(thread, number)
    this.plan.exits--
    thread.does = 'is dead'
    const process = this.#process(ticket, number, node)
    this.#forsake(ended(this.plan.lines, (at, end) => at === node && end.process === process))
    // At the manager's node all that wait are told within the step.
    for (const other of this.plan.threads) if (other.does === 'waits') other.sawDeath = true
    this.links.step(node, (state, effects) => syncExit(state, process, [], true, false, effects))
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
    this.#forsake(ended(plan.lines, (node) => node === lost))
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
      [...gates.values()].some(({ queue, direct }) => direct?.died === true || queue.some((stay) => stay.dead)),
    )
    const told = [...this.links.world.links.values()].some((messages) =>
      messages.some((message) => message.type === 'BarrierUproot' && message.died),
    )
    const breaks = states.get(0)?.barriers.get('k')?.death !== undefined || unaware.length > 0 || !states.has(0) || told
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
      if (outcome === 'direct') stands(this.plan.lines, node, this.links.answer(ticket, 'direct').number)
      if (outcome === 'BARRIER_MISMATCH' && !thread.sawOther) throw new Error('refused for a count nobody waited for')
      if (outcome === 'NODE_LOST' && !thread.sawDeath) throw new Error('refused for a death that nobody died')
      if (outcome === 'TIMEOUT' && !thread.quits) throw new Error('it has not quit')
      if (outcome === 'BUSY' && !thread.tries) throw new Error('it would have waited')
      if (this.exact) {
        if (outcome !== 'done' && outcome !== 'direct') throw new Error(`${number} was refused: ${outcome}`)
        if (asked.some((visit) => visit < thread.visit)) throw new Error(`${number} went before all had come`)
        const seen = this.plan.seen[node]!
        if (this.direct === 0 && seen.some((visit) => visit < thread.visit))
          throw new Error(`${number} does not see what another wrote`)
      } else if (outcome === 'done' || outcome === 'direct') bump(this.plan.gone, count, 1)
      else bump(this.plan.came, count, -1)
      this.#goesOn(thread)
    })
  }

  check(): void {
    for (const [count, gone] of Object.entries(this.plan.gone)) {
      const came = this.plan.came[Number(count)] ?? 0
      // Who is told NODE_LOST since the manager is lost may have gone, as far as others know.
      const isKnown = this.links.world.states.has(0)
      if (isKnown && gone > came - (came % Number(count))) throw new Error(`${gone} have gone of ${came}, for ${count}`)
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
    if (waiting.some(({ forsaken }) => forsaken)) throw new Error('somebody waits with one that has died')
    for (const [ticket, { is }] of this.links.world.outcomes) {
      if (ticket >= DESTROYS && is === 'refused' && this.links.outcome(ticket) !== 'BUSY' && states.has(0))
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
      const direct = this.plan.lines.filter(({ waits }) => node in waits).length
      if (stays.size + direct !== waiting.filter((thread) => thread.nodes[thread.visit] === node).length)
        throw new Error('a stay is left over')
      if (edges.size > 0) throw new Error('an edge is left over')
      this.#endOfLines(node)
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

  #endOfLines(node: number): void {
    const { states } = this.links.world
    const offer = states.get(0)?.barriers.get('k')?.offer
    const gates = [...(states.get(node)?.gates.values() ?? [])]
    for (const { direct } of gates) {
      if (direct === undefined) continue
      if (direct.number !== offer?.number) throw new Error(`node ${node} is left ${direct.state}`)
      if (isStanding(direct) ? direct.state !== 'Standing' || !offer.stands : offer.stands)
        throw new Error(`node ${node} is ${direct.state}, which is not known`)
    }
    for (const { number, ends } of this.plan.lines) {
      const part = ends[node]?.part ?? 'done'
      if (part === 'no' && ends[node]!.unfit && offer?.stands) throw new Error('they meet by a line that is broken')
      if (part === 'asked') throw new Error(`node ${node} has not parted`)
      if (part === 'no' && !gates.some(({ direct }) => direct?.number === number))
        throw new Error('a line is left over')
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
    if (effect.do === 'Introduce' || effect.do === 'Part') {
      const isDirect = ([ticket, { is }]: [number, { is: string }]) => is === 'direct' && this.#nodeOf(ticket) === node
      const told = [...this.links.world.outcomes]
        .filter(isDirect)
        .map(([ticket]) => this.links.answer(ticket, 'direct').number)
      return lineEffect(this.plan.lines, node, effect, told.includes(effect.number))
    }
    if (effect.do !== 'Release') throw new Error(`${effect.do} at a barrier`)
    releases.push({ node, edge: effect.edge.number, wrote: [...seen[node]!] })
    if (!this.slow.includes(node)) this.#released(releases.length - 1)
  }
}

/** Tickets from here on. */
const DESTROYS = 800
const WARM = 10_000

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
