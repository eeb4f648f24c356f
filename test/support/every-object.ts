/**
 * One object, a few nodes, some threads that each do one thing after the other: every order of their requests,
 * waits that are withdrawn, processes that end, a lost node, releases that take their time, and the messages
 * between them. What must be so is the test's (Rules).
 */
import type { ObjectDeed, ObjectKind } from '../../ts/base/objects.js'
import type { Answer } from '../../ts/base/requests.js'
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
import { Links, type World } from './links.js'

export interface Ask {
  readonly deed: ObjectDeed
  readonly value?: number
  readonly initial?: number
  readonly patient?: boolean
}
/** A thread with a process of its own, whose number is the thread's and 1. */
export interface Thread {
  readonly node: number
  readonly script: readonly Ask[]
  /** Which of the script is under way, or next. */
  at: number
  does: 'idle' | 'asks' | 'is done' | 'is dead'
  /** By what it has been asked: how it ended. */
  got: string[]
  /** The last watch's number. */
  watch: number
  /** It has the lock. */
  holds: '' | 'read' | 'write'
}
interface Budget {
  cancels: number
  exits: number
  losses: number
}
export interface Plan extends Budget {
  threads: Thread[]
  unaware: { node: number; lost: number }[]
  /** Releases that are not over, and what the node had seen when they began. */
  releases: { node: number; edge: number; seen: number[] }[]
  /** How often each thread wrote, and how much of that each node, and everybody, knows of. */
  wrote: number[]
  seen: number[][]
  known: number[]
  /** The test's own. */
  ghost: Record<string, number>
}
interface Moment {
  world: World<SyncState, SyncMessage>
  plan: Plan
}

export interface Rules {
  /** What the thread does before it asks that; it writes by `wrote`. false: it does not ask it at all. */
  before?(object: OneObject, thread: Thread, ask: Ask): boolean
  /** A request has ended. */
  answered(object: OneObject, thread: Thread, ask: Ask, outcome: string, answer: Answer | undefined): void
  /** It was at what `thread` still says. */
  died?(object: OneObject, thread: Thread): void
  check?(object: OneObject): void
  /** Nothing more happens of itself. */
  end(object: OneObject): void
}

export class OneObject implements Explored<Moment> {
  readonly links = new Links<SyncState, SyncMessage, SyncEffect>(
    (state, from, message, effects) => syncMessage(state, from, message, effects),
    (node, effect) => this.#edge(node, effect),
  )
  plan: Plan

  /** @param mortals the nodes that may be lost */
  constructor(
    readonly kind: ObjectKind,
    threads: readonly { readonly node: number; readonly script: readonly Ask[] }[],
    readonly rules: Rules,
    budget: Partial<Budget> = {},
    readonly mortals = [2],
  ) {
    const fresh = { at: 0, does: 'idle', watch: 0, holds: '' } as const
    const none = threads.map(() => 0)
    this.plan = {
      threads: threads.map((thread) => ({ ...thread, ...fresh, got: [] })),
      unaware: [],
      releases: [],
      wrote: [...none],
      seen: Array.from({ length: 4 }, () => [...none]),
      known: [...none],
      ghost: {},
      cancels: 0,
      exits: 0,
      losses: 0,
      ...budget,
    }
    for (const node of new Set([0, ...threads.map(({ node }) => node)])) {
      this.links.world.states.set(node, createSync(node, { remembers: false }))
    }
  }

  moves(): (() => void)[] {
    const { plan, links } = this
    const moves: (() => void)[] = links.busy().map(
      ({ from, to }) =>
        () =>
          void links.deliver(from, to),
    )
    for (const thread of plan.threads) {
      if (thread.does === 'idle') moves.push(() => this.#ask(thread))
      if (thread.does === 'asks' && plan.cancels > 0 && this.#mayCancel(thread)) moves.push(() => this.#cancel(thread))
      const lives = thread.does === 'asks' || (thread.does === 'idle' && (thread.at > 0 || thread.holds !== ''))
      if (plan.exits > 0 && lives) moves.push(() => this.#exit(thread))
    }
    plan.releases.forEach((_, which) => moves.push(() => this.#released(which)))
    for (const node of this.mortals) {
      if (plan.losses > 0 && links.world.states.has(node)) moves.push(() => this.#lose(node))
    }
    plan.unaware.forEach(({ node, lost }) => moves.push(() => this.#hear(node, lost)))
    // Moves are made from the list as it was: the state they work on is found anew.
    return moves.map((move) => () => (move(), this.#takeAnswers()))
  }

  check(): void {
    this.rules.check?.(this)
    const { threads, releases, unaware } = this.plan
    // Those who wait may still quit and die; they need not.
    const rests = this.links.busy().length + releases.length + unaware.length === 0
    if (rests && threads.every(({ does }) => does !== 'idle')) this.#atRest()
  }

  end(): void {
    this.#atRest()
  }

  #atRest(): void {
    for (const { objects, edges } of this.links.world.states.values()) {
      if (edges.size > 0) throw new Error('an edge is left over')
      for (const errand of objects.errands.values()) {
        if (errand.state !== 'Sleeping' && errand.state !== 'Asked')
          throw new Error(`an errand is left ${errand.state}`)
      }
    }
    this.rules.end(this)
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

  /** The thread writes; its node sees that at once. */
  write(thread: Thread): void {
    const number = this.numberOf(thread)
    this.plan.wrote[number]!++
    this.plan.seen[thread.node]![number] = this.plan.wrote[number]!
  }

  /** Does the thread's node see all that the other has written? */
  sees(thread: Thread, other: Thread): boolean {
    const number = this.numberOf(other)
    return this.plan.seen[thread.node]![number] === this.plan.wrote[number]
  }

  numberOf(thread: Thread): number {
    return this.plan.threads.indexOf(thread)
  }

  isLost(node: number): boolean {
    return !this.links.world.states.has(node)
  }

  managerIs(): SyncState['objects'] | undefined {
    return this.links.world.states.get(0)?.objects
  }

  #ticketOf(thread: Thread): number {
    return 100 * (this.numberOf(thread) + 1) + thread.at
  }

  #ask(thread: Thread): void {
    const ask = thread.script[thread.at]
    if (ask === undefined) throw new Error('nothing to ask')
    if (this.rules.before?.(this, thread, ask) === false) return this.#next(thread)
    thread.does = 'asks'
    const value = ask.deed === 'sleep' || ask.deed === 'unwatch' ? thread.watch : (ask.value ?? 1)
    const request = {
      op: 'object',
      kind: this.kind,
      deed: ask.deed,
      key: 'k',
      process: this.numberOf(thread) + 1,
      holder: 1,
      value: BigInt(value),
      initial: ask.initial ?? -1,
      patient: ask.patient ?? true,
    } as const
    this.links.step(thread.node, (state, effects) => syncRequest(state, this.#ticketOf(thread), request, effects))
  }

  #next(thread: Thread): void {
    thread.at++
    thread.does = thread.at < thread.script.length ? 'idle' : 'is done'
  }

  #mayCancel(thread: Thread): boolean {
    const deed = thread.script[thread.at]?.deed
    return deed !== undefined && ['read', 'write', 'take', 'watch', 'sleep'].includes(deed)
  }

  #cancel(thread: Thread): void {
    this.plan.cancels--
    this.links.step(thread.node, (state, effects) => syncCancel(state, this.#ticketOf(thread), effects))
  }

  #exit(thread: Thread): void {
    this.plan.exits--
    this.#die(thread)
    const process = this.numberOf(thread) + 1
    this.links.step(thread.node, (state, effects) => syncExit(state, process, [], true, false, effects))
  }

  #die(thread: Thread): void {
    this.rules.died?.(this, thread)
    thread.does = 'is dead'
    thread.holds = ''
  }

  #released(which: number): void {
    const { plan, links } = this
    const [release] = plan.releases.splice(which, 1)
    if (release === undefined) throw new Error('no such release')
    plan.known = plan.known.map((known, i) => Math.max(known, release.seen[i]!))
    links.step(release.node, (state, effects) => syncReleased(state, release.edge, effects))
  }

  #lose(lost: number): void {
    const { plan, links } = this
    plan.losses--
    for (const thread of plan.threads) if (thread.node === lost && thread.does !== 'is done') this.#die(thread)
    plan.releases = plan.releases.filter(({ node }) => node !== lost)
    plan.threads.forEach((thread, number) => {
      // What only that node knew is lost with it.
      if (thread.node === lost) plan.wrote[number] = plan.known[number]!
    })
    links.world.states.delete(lost)
    plan.unaware = plan.unaware.filter(({ node }) => node !== lost)
    for (const { from, to } of links.busy()) if (to === lost) links.world.links.delete(`${from}>${to}`)
    for (const node of links.world.states.keys()) plan.unaware.push({ node, lost })
  }

  #hear(node: number, lost: number): void {
    const { plan, links } = this
    plan.unaware = plan.unaware.filter((one) => one.node !== node || one.lost !== lost)
    links.world.links.delete(`${lost}>${node}`)
    links.step(node, (state, effects) => syncLost(state, lost, effects))
  }

  #takeAnswers(): void {
    for (const thread of this.plan.threads) {
      if (thread.does !== 'asks') continue
      const ticket = this.#ticketOf(thread)
      const outcome = this.links.world.outcomes.get(ticket)
      const ask = thread.script[thread.at]
      if (outcome === undefined || ask === undefined) continue
      const how = this.links.outcome(ticket)
      const answer = outcome.is === 'refused' ? undefined : outcome
      thread.got.push(how)
      if (ask.deed === 'watch' && answer?.is === 'value') thread.watch = Number(answer.value)
      if (ask.deed === 'unlock' && answer !== undefined) thread.holds = ''
      this.rules.answered(this, thread, ask, how, answer)
      if ((ask.deed === 'read' || ask.deed === 'write') && answer !== undefined) thread.holds = ask.deed
      // Without the lock, or the watch, there is nothing to go on with.
      const ends = answer === undefined && ['read', 'write', 'watch', 'sleep'].includes(ask.deed)
      if (ends) thread.does = 'is done'
      else this.#next(thread)
    }
  }

  #edge(node: number, effect: SyncEffect): void {
    const { plan } = this
    const seen = plan.seen[node]!
    if (effect.do === 'Acquire') plan.seen[node] = seen.map((one, i) => Math.max(one, plan.known[i]!))
    else if (effect.do === 'Release') plan.releases.push({ node, edge: effect.edge.number, seen: [...seen] })
  }
}
