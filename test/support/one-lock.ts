/**
 * One lock, for every order of what may happen to it: asking, taking and giving it back by its word, passing it on by a
 * line, and asking what its word says, processes that end, lost nodes, tokens given up, releases that take their time, and
 * the messages between them.
 */
import {
  createSync,
  foreseen,
  syncExit,
  syncLost,
  syncMessage,
  syncReleased,
  syncRequest,
  syncWord,
  type SyncEffect,
  type SyncState,
} from '../../ts/sync/index.js'
import { giveUp } from '../../ts/sync/lock.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { forgotten, givenBack, lent, shut, taken, type Word } from '../../ts/sim/word.js'
import type { Explored } from './explore.js'
import { Links, type Extra, type World } from './links.js'

/** One thread, with a process of its own. Its number is its process's and its lock request's ticket. */
interface Thread {
  readonly node: number
  does: 'idle' | 'asks' | 'holds' | 'is done' | 'is dead'
}
/** What may happen besides, each so many times. */
interface Budget {
  exits: number
  losses: number
  giveUps: number
  /** Locks that are passed on by a line: whenever one may be. */
  passes: number
}
interface Plan extends Budget {
  /** Of the lock's word on each node; and nodes that are to learn what it says. */
  words: (Word | undefined)[]
  told: number[]
  /** Who has yet to hear of a loss, each at its own time: what is on its way may come before. */
  unaware: { node: number; lost: number }[]
  threads: Thread[]
  /** Releases that are not over. */
  releases: { node: number; edge: number; writes: number; to: number | undefined }[]
  /** Somebody died holding the lock, and nobody has been told yet. */
  news: boolean
  /** How many critical sections there were, and how many of these each node has seen, has been told of, and everybody
   * has been. */
  writes: number
  seen: number[]
  toldOf: number[]
  known: number
  /** Nodes whose words say that the lock has been passed on, and what is on the line. */
  passed: number[]
  line: { to: number; turn: number } | undefined
  /** A thread has taken the lock ahead of its token. */
  ahead: { node: number; turn: number; thread: number; died: boolean } | undefined
}
interface Moment {
  world: World<SyncState, SyncMessage>
  plan: Plan
}

export class OneLock implements Explored<Moment> {
  readonly links = new Links<SyncState, SyncMessage, SyncEffect>(
    (state, from, message, effects) => {
      syncMessage(state, from, this.#arriving(state, message), effects)
      this.#watch(state, effects)
    },
    (node, effect) => this.#edge(node, effect),
  )
  plan: Plan

  /** @param mortals the nodes that may be lost */
  constructor(
    nodes: number[],
    budget: Partial<Budget>,
    readonly mortals = [2],
  ) {
    const threads = nodes.map((node): Thread => ({ node, does: 'idle' }))
    const ghosts = { words: [], told: [], news: false, writes: 0, seen: [0, 0, 0, 0], toldOf: [0, 0, 0, 0], known: 0 }
    const lines = { passes: 0, passed: [], line: undefined, ahead: undefined }
    this.plan = { threads, releases: [], unaware: [], exits: 0, losses: 0, giveUps: 0, ...lines, ...budget, ...ghosts }
    for (const node of new Set([0, ...nodes])) this.links.world.states.set(node, createSync(node, { remembers: false }))
  }

  moves(): (() => void)[] {
    const { plan, links } = this
    const moves: (() => void)[] = links.busy().map(
      ({ from, to }) =>
        () =>
          void links.deliver(from, to),
    )
    plan.threads.forEach((thread, number) => {
      if (thread.does === 'idle') moves.push(() => this.lock(number))
      if (thread.does === 'holds') moves.push(() => this.unlock(number))
      if (thread.does === 'holds' && this.nextOf(number) !== undefined) moves.push(() => this.pass(number))
      if (plan.exits > 0 && (thread.does === 'asks' || thread.does === 'holds')) moves.push(() => this.exit(number))
    })
    // The line may end, and what is on it comes only while it is awaited.
    if (plan.line !== undefined)
      moves.push(
        () => this.come(),
        () => (plan.line = undefined),
      )
    for (const node of plan.told) moves.push(() => this.learn(node))
    plan.releases.forEach((_, i) => moves.push(() => this.released(i)))
    for (const node of this.mortals) {
      if (plan.losses > 0 && links.world.states.has(node)) moves.push(() => this.lose(node))
    }
    plan.unaware.forEach(({ node, lost }) => moves.push(() => this.hear(node, lost)))
    for (const [node, { idle }] of links.world.states) {
      if (plan.giveUps > 0 && idle.has('k')) moves.push(() => this.giveUp(node))
    }
    return moves.map((move) => () => (move(), this.takeAnswers()))
  }

  /** A step of the node that no release ends. */
  step(node: number, act: (state: SyncState, effects: SyncEffect[]) => void): void {
    this.links.step(node, (state, effects) => {
      act(state, effects)
      this.#watch(state, effects)
    })
  }

  lock(number: number): void {
    const { node } = this.thread(number)
    this.thread(number).does = 'asks'
    const word = taken(this.plan.words[node], number)
    if (word !== undefined) {
      this.plan.words[node] = word
      this.links.world.outcomes.set(number, { is: 'locked', ownerDied: false })
      return
    }
    const request = { op: 'lock', key: 'k', process: number, holder: 1, patient: true } as const
    this.step(node, (state, effects) => syncRequest(state, number, request, effects))
  }

  unlock(number: number): void {
    const { node } = this.thread(number)
    this.thread(number).does = 'is done'
    const word = givenBack(this.plan.words[node])
    this.plan.words[node] = word
    if (word.shut) this.tell(node)
  }

  /** For whom it may be passed on by a line. */
  nextOf(number: number): { to: number; turn: number } | undefined {
    const { node } = this.thread(number)
    const word = this.plan.words[node]
    if (this.plan.passes === 0 || this.plan.line !== undefined || word?.shut !== true || word.holder !== number)
      return undefined
    const state = this.links.world.states.get(node)
    const what = state && foreseen(state, 'k')
    return what?.do === 'pass' ? { to: what.to, turn: what.message.turn } : undefined
  }

  pass(number: number): void {
    const { node } = this.thread(number)
    this.plan.line = this.nextOf(number)
    this.plan.passes--
    this.thread(number).does = 'is done'
    this.plan.words[node] = { holder: undefined, shut: true }
    this.plan.passed.push(node)
    this.tell(node)
  }

  come(): void {
    const { plan, links } = this
    const { to, turn } = plan.line!
    plan.line = undefined
    const state = links.world.states.get(to)
    const what = state && foreseen(state, 'k')
    if (what?.do !== 'lend' || what.on === 'freed' || what.on.turn !== turn || what.shut) return
    const thread = what.claim.process
    plan.words[to] = { holder: thread, shut: true }
    plan.ahead = { node: to, turn, thread, died: false }
    // Sequentially consistent: it sees everything, though the node that has passed it on may be lost.
    plan.news = false
    plan.writes++
    plan.seen[to] = plan.writes
    this.thread(thread).does = 'holds'
  }

  #arriving(state: SyncState, message: SyncMessage): SyncMessage {
    const { ahead } = this.plan
    if (message.type !== 'TokenPass' && message.type !== 'TokenGrant') return message
    return ahead?.died && ahead.node === state.self && ahead.turn === message.turn
      ? { ...message, ownerDied: true }
      : message
  }

  /** The lock is lent to a thread that has taken it already. */
  #isAhead(node: number, { process, shut }: Extract<SyncEffect, { do: 'Lend' }>): boolean {
    const { plan } = this
    if (plan.ahead?.node !== node || plan.ahead.thread !== process) return false
    plan.ahead = undefined
    const word = plan.words[node]
    if (!shut && word?.holder === process) plan.words[node] = { holder: process, shut: false }
    else this.tell(node)
    return true
  }

  tell(node: number): void {
    if (!this.plan.told.includes(node)) this.plan.told.push(node)
  }

  /** What the word says now, unless it has been lent again. */
  learn(node: number): void {
    this.plan.told = this.plan.told.filter((one) => one !== node)
    const word = this.plan.words[node]
    if (word === undefined) this.plan.passed = this.plan.passed.filter((one) => one !== node) // its manager is lost
    if (word?.shut !== true) return
    const passed = word.holder === undefined && this.plan.passed.includes(node)
    if (passed) this.plan.passed = this.plan.passed.filter((one) => one !== node)
    this.step(node, (state, effects) => syncWord(state, 'k', word.holder !== undefined, effects, passed))
  }

  exit(number: number): void {
    const { node } = this.thread(number)
    this.plan.exits--
    this.die(number)
    const held = this.plan.words[node]?.holder === number ? ['k'] : []
    if (held.length > 0) this.plan.words[node] = { holder: undefined, shut: true }
    if (held.length > 0 && this.plan.ahead?.thread === number) this.plan.ahead.died = true
    this.step(node, (state, effects) => syncExit(state, number, held, true, false, effects))
  }

  giveUp(node: number): void {
    this.plan.giveUps--
    this.step(node, (state, effects) => giveUp(state, 'k', effects))
  }

  released(which: number): void {
    const { plan, links } = this
    const [release] = plan.releases.splice(which, 1)
    if (release === undefined) throw new Error('no such release')
    const { to, writes } = release
    if (to === undefined || !links.world.states.has(to)) plan.known = Math.max(plan.known, writes)
    else plan.toldOf[to] = Math.max(plan.toldOf[to] ?? 0, writes)
    links.step(release.node, (state, effects) => syncReleased(state, release.edge, effects))
  }

  lose(lost: number): void {
    const { plan, links } = this
    plan.losses--
    plan.threads.forEach((thread, number) => {
      if (thread.node === lost) this.die(number)
    })
    plan.releases = plan.releases.filter(({ node }) => node !== lost)
    plan.words[lost] = undefined
    plan.passed = plan.passed.filter((node) => node !== lost)
    if (plan.line?.to === lost) plan.line = undefined
    if (plan.ahead?.node === lost) plan.ahead = undefined
    plan.told = plan.told.filter((node) => node !== lost)
    // What only that node knew is lost with it, and the next holder must hear so.
    plan.seen[lost] = 0
    // What it alone has been told of all others know, or have lost with its pages (coherence/lrc/releases.ts).
    plan.known = Math.max(plan.known, plan.toldOf[lost] ?? 0)
    plan.toldOf[lost] = 0
    const left = Math.max(plan.known, ...plan.seen, ...plan.toldOf)
    if (left < plan.writes) plan.news = true
    plan.writes = left
    links.world.states.delete(lost)
    plan.unaware = plan.unaware.filter(({ node }) => node !== lost)
    for (const { from, to } of links.busy()) if (to === lost) links.world.links.delete(`${from}>${to}`)
    for (const node of links.world.states.keys()) plan.unaware.push({ node, lost })
  }

  hear(node: number, lost: number): void {
    const { plan, links } = this
    plan.unaware = plan.unaware.filter((one) => one.node !== node || one.lost !== lost)
    links.world.links.delete(`${lost}>${node}`)
    this.step(node, (state, effects) => syncLost(state, lost, effects))
  }

  die(number: number): void {
    if (this.thread(number).does === 'holds') this.plan.news = true
    this.thread(number).does = 'is dead'
  }

  takeAnswers(): void {
    const { plan, links } = this
    plan.threads.forEach((thread, number) => {
      const outcome = links.outcome(number)
      if (thread.does !== 'asks' || outcome === 'pending') return
      if (this.isRefusal(outcome)) {
        thread.does = 'is done'
        return
      }
      const { ownerDied } = links.answer(number, 'locked')
      if (plan.news && !ownerDied) throw new Error(`${number} was not told of a death`)
      if (ownerDied && !this.mayBeTold()) throw new Error(`${number} was told of a death that nobody died`)
      if (plan.seen[thread.node] !== plan.writes) throw new Error(`${number} does not see what the last holder wrote`)
      plan.news = false
      plan.writes++
      plan.seen[thread.node] = plan.writes
      thread.does = 'holds'
    })
  }

  /** The token may have been on the lost node, and what was written under it with it. */
  mayBeTold(): boolean {
    return this.plan.news || this.mortals.some((node) => !this.links.world.states.has(node))
  }

  /** Of those whose manager is lost. */
  isRefusal(outcome: string): boolean {
    return outcome === 'NODE_LOST' && this.mortals.includes(0)
  }

  check(): void {
    const holders = this.plan.threads.filter(({ does }) => does === 'holds')
    if (holders.length > 1) throw new Error('two hold the lock')
    const tokens = [...this.links.world.states.values()].filter(({ locks }) => hasToken(locks.get('k')?.state))
    if (tokens.length > 1) throw new Error('two nodes have the token')
  }

  /** Nothing is on the way and nobody holds the lock. */
  end(): void {
    const { states } = this.links.world
    if (this.plan.threads.some(({ does }) => does === 'asks')) throw new Error('somebody waits for ever')
    const token = states.get(0)?.tokens.get('k')
    if (this.plan.news && token === undefined && states.has(0)) throw new Error('a death is forgotten')
    if (token !== undefined && token.state !== 'Orphan' && token.state !== 'At') {
      throw new Error(`the token is left ${token.state}`)
    }
    if (this.plan.passed.length > 0) throw new Error('nobody has heard that the lock was passed on')
    for (const [node, { claims, edges, locks }] of states) {
      if (claims.size + edges.size > 0) throw new Error('a claim or an edge is left over')
      const is = locks.get('k')?.state ?? 'None'
      const here = token?.state === 'At' && token.at.node === node
      const isLent = here && is === 'Held' && this.plan.words[node]?.shut === false
      if (!isLent && is !== (here ? 'Idle' : 'None')) throw new Error(`the token is left ${is} on node ${node}`)
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

  thread(number: number): Thread {
    return this.plan.threads[number] as Thread
  }

  #edge(node: number, effect: Extra<SyncEffect>): void {
    const { plan } = this
    const word = plan.words[node]
    switch (effect.do) {
      case 'Lend':
        if (this.#isAhead(node, effect)) return
        plan.words[node] = lent(word, effect.process, effect.shut)
        return
      case 'Want':
        plan.words[node] = shut(word)
        return this.tell(node)
      case 'Forget':
        plan.words[node] = forgotten(word)
        return
      default:
    }
    const seen = plan.seen[node] ?? 0
    if (effect.do === 'Acquire') plan.seen[node] = Math.max(seen, plan.known, plan.toldOf[node] ?? 0)
    else if (effect.do === 'Release' && effect.edge.of === 'sync')
      plan.releases.push({ node, edge: effect.edge.number, writes: seen, to: effect.to })
  }

  /** Every step but the end of a release: no token leaves, and after an arrival the acquire comes first. */
  #watch(state: SyncState, effects: SyncEffect[]): void {
    for (const effect of effects) {
      if (effect.do !== 'Send') continue
      const { type } = effect.message
      if (type === 'TokenPass' || type === 'TokenBack')
        throw new Error(`${type} of node ${state.self} before its release`)
      if (type === 'TokenTook' && effects[0]?.do !== 'Acquire') throw new Error('a token arrives without an acquire')
    }
  }
}

function hasToken(state: string | undefined): boolean {
  return state !== undefined && state !== 'None' && state !== 'Asked'
}
