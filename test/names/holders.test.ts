/**
 * Who holds a segment: every interleaving of opens, closes, an unlink, a lost node and the messages
 * between three nodes. See the argument in ts/names/registry.ts.
 */
import t from 'tap'
import { NO_NODE } from '../../ts/base/ids.js'
import type { NamesEffect } from '../../ts/names/effects.js'
import {
  createNames,
  namesJoined,
  namesLet,
  namesLost,
  namesMessage,
  namesRequest,
  type NamesState,
} from '../../ts/names/index.js'
import type { NamesMessage } from '../../ts/names/messages.js'
import { explore, type Explored } from '../support/explore.js'
import { Links, type World } from '../support/links.js'

/** What processes do, besides what the room knows: as much of it as is left to try. */
interface Plan {
  /** Opens that each node may still start. */
  opens: number[]
  unlinks: number
  losses: number
  /** Opens and creations on their way: ticket -> node. */
  asked: Map<number, number>
  /** Handles that processes of each node have. */
  handles: number[]
  gone: boolean[]
  nextTicket: number
}
interface Moment {
  world: World<NamesState, NamesMessage>
  plan: Plan
}

class Holders implements Explored<Moment> {
  readonly links: Links<NamesState, NamesMessage, NamesEffect>
  plan: Plan

  constructor(opens: number[], losses: number) {
    this.plan = {
      opens,
      unlinks: 1,
      losses,
      asked: new Map(),
      handles: [0, 0, 0],
      gone: [false, false, false],
      nextTicket: 1,
    }
    this.links = new Links<NamesState, NamesMessage, NamesEffect>(namesMessage, (node, effect) => {
      if (effect.do === 'SegmentGone') this.drop(node)
    })
    for (const node of [0, 1, 2]) {
      this.links.world.states.set(node, createNames(node, new Set(['mrsw'])))
      if (node > 0) this.links.step(0, (state, effects) => namesJoined(state, node, effects))
    }
    const model = { consistency: 'mrsw', manager: 'fixed', unit: 4096, home: NO_NODE }
    const create = {
      op: 'create',
      ...model,
      bytes: 4096,
      openOrCreate: false,
      uid: 0,
      gid: 0,
      mode: 0,
      nowMs: 0,
    } as const
    this.ask(1, (state, ticket, fx) => namesRequest(state, ticket, { ...create, name: 'a' }, fx))
    this.links.settle()
    this.takeAnswers()
  }

  ask(node: number, act: (state: NamesState, ticket: number, effects: NamesEffect[]) => void): void {
    const ticket = this.plan.nextTicket++
    this.plan.asked.set(ticket, node)
    this.links.step(node, (state, effects) => act(state, ticket, effects))
  }

  /** As the runtime does when it performs an Answer, at once. */
  takeAnswers(): void {
    for (const [ticket, node] of this.plan.asked) {
      const outcome = this.links.outcome(ticket)
      if (outcome === 'pending') continue
      this.plan.asked.delete(ticket)
      if (outcome === 'segment') this.plan.handles[node]!++
    }
  }

  drop(node: number): void {
    if (this.plan.handles.some((handles) => handles > 0)) throw new Error(`gone on ${node} while held`)
    if (this.plan.gone[node]) throw new Error(`gone twice on ${node}`)
    this.plan.gone[node] = true
  }

  /** Everything that can happen next. */
  moves(): (() => void)[] {
    const { plan, links } = this
    const moves: (() => void)[] = links.busy().map(
      ({ from, to }) =>
        () =>
          void links.deliver(from, to),
    )
    for (const node of links.world.states.keys()) {
      if (plan.opens[node]! > 0) moves.push(() => this.open(node))
      if (plan.handles[node]! > 0) moves.push(() => this.closeAll(node))
    }
    if (plan.unlinks > 0) moves.push(() => this.unlink())
    if (plan.losses > 0) moves.push(() => this.lose(2))
    return moves.map((move) => () => (move(), this.takeAnswers()))
  }

  open(node: number): void {
    this.plan.opens[node]!--
    this.ask(node, (state, ticket, effects) => namesRequest(state, ticket, { op: 'open', name: 'a' }, effects))
  }

  closeAll(node: number): void {
    this.plan.handles[node] = 0
    this.links.step(node, (state, effects) => namesLet(state, 1, effects))
  }

  unlink(): void {
    this.plan.unlinks--
    const ticket = this.plan.nextTicket++
    this.links.step(0, (state, fx) => namesRequest(state, ticket, { op: 'unlink', name: 'a', uid: 0 }, fx))
  }

  lose(node: number): void {
    this.plan.losses--
    this.plan.handles[node] = 0
    this.plan.gone[node] = true
    for (const [ticket, asker] of this.plan.asked) if (asker === node) this.plan.asked.delete(ticket)
    this.links.lose(node, (state, effects) => namesLost(state, node, effects))
  }

  key(): unknown {
    return [this.links.world.states, this.links.world.links, this.plan]
  }

  /** count here = count there + grants on the way + counts in lets on the way */
  check(): void {
    const registered = this.links.state(0).registry?.segments.get(1)
    for (const node of this.links.world.states.keys()) {
      const here = registered?.grants.get(node) ?? 0
      const there = this.links.state(node).known.get(1)?.grants ?? 0
      const { handles } = this.plan
      if (handles[node]! > 0 !== there > 0) throw new Error(`node ${node}: ${handles[node]} handles, count ${there}`)
      const onTheWay = this.onTheWay(0, node) + this.onTheWay(node, 0)
      if (here !== there + onTheWay) throw new Error(`node ${node}: ${here} here, ${there} there, ${onTheWay} between`)
    }
  }

  onTheWay(from: number, to: number): number {
    const messages = this.links.world.links.get(`${from}>${to}`) ?? []
    return messages.reduce(
      (sum, message) =>
        sum + (message.type === 'SegmentGrant' ? 1 : message.type === 'SegmentLet' ? message.grants : 0),
      0,
    )
  }

  /** Unlinked, all closed, nothing on the way: gone everywhere. */
  end(): void {
    if (!this.plan.gone.every(Boolean)) throw new Error(`leaked: ${JSON.stringify(this.plan)}`)
    if (this.plan.asked.size > 0) throw new Error('an open was never answered')
  }

  save(): Moment {
    return { world: this.links.world, plan: this.plan }
  }

  restore({ world, plan }: Moment): void {
    this.links.world = world
    this.plan = plan
  }
}

t.test('holders: opens, closes and an unlink in every order -> never gone while held, gone in the end', async (t) => {
  t.equal(explore(new Holders([1, 1, 1], 0)), 2731, 'states: a tripwire for changes of the protocol')
})

t.test('holders: two opens of one node cross its lets, and a node is lost', async (t) => {
  t.equal(explore(new Holders([0, 1, 2], 1)), 4311)
})
