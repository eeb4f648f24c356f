/**
 * One lock, three nodes: every order of asking, unlocking, processes that end, a lost node and the
 * messages between them. Never two holders; whoever waits gets the lock in the end; and exactly the
 * next one is told when a holder died.
 */
import t from 'tap'
import { createSync, syncExit, syncLost, syncMessage, syncRequest, type SyncState } from '../../ts/sync/index.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { explore, type Explored } from '../support/explore.js'
import { Links, type World } from '../support/links.js'

/** One thread, with a process of its own. Its number is its process's and its lock request's ticket. */
interface Thread {
  readonly node: number
  does: 'idle' | 'asks' | 'holds' | 'is done' | 'is dead'
}
interface Plan {
  threads: Thread[]
  exits: number
  losses: number
  /** Somebody died holding the lock, and nobody has been told yet. */
  news: boolean
}
interface Moment {
  world: World<SyncState, SyncMessage>
  plan: Plan
}

class OneLock implements Explored<Moment> {
  readonly links = new Links<SyncState, SyncMessage>(syncMessage)
  plan: Plan

  constructor(nodes: number[], exits: number, losses: number) {
    this.plan = { threads: nodes.map((node) => ({ node, does: 'idle' })), exits, losses, news: false }
    for (const node of [0, 1, 2]) this.links.world.states.set(node, createSync(node))
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
      if (plan.exits > 0 && thread.does !== 'is dead') moves.push(() => this.exit(number))
    })
    if (plan.losses > 0) moves.push(() => this.lose(2))
    return moves.map((move) => () => (move(), this.takeAnswers()))
  }

  request(number: number, op: 'lock' | 'unlock', ticket: number): void {
    const request = { op, key: 'k', process: number, holder: '1' } as const
    this.links.step(this.thread(number).node, (state, effects) => syncRequest(state, ticket, request, effects))
  }

  lock(number: number): void {
    this.thread(number).does = 'asks'
    this.request(number, 'lock', number)
  }

  unlock(number: number): void {
    this.thread(number).does = 'is done'
    this.request(number, 'unlock', 100 + number)
    if (this.links.outcome(100 + number) !== 'done') throw new Error('unlock was refused')
  }

  exit(number: number): void {
    this.plan.exits--
    this.die(number)
    this.links.step(this.thread(number).node, (state, effects) => syncExit(state, number, effects))
  }

  lose(node: number): void {
    this.plan.losses--
    this.plan.threads.forEach((thread, number) => {
      if (thread.node === node) this.die(number)
    })
    this.links.lose(node, (state, effects) => syncLost(state, node, effects))
  }

  die(number: number): void {
    if (this.thread(number).does === 'holds') this.plan.news = true
    this.thread(number).does = 'is dead'
  }

  takeAnswers(): void {
    this.plan.threads.forEach((thread, number) => {
      const outcome = this.links.outcome(number)
      if (thread.does !== 'asks' || outcome === 'pending') return
      const { ownerDied } = this.links.answer(number, 'locked')
      if (this.plan.news && !ownerDied) throw new Error(`${number} was not told of a death`)
      if (ownerDied && !this.mayBeTold()) throw new Error(`${number} was told of a death that nobody died`)
      this.plan.news = false
      thread.does = 'holds'
    })
  }

  /** A lost node may have had an unlock or an unread grant on its links: then the manager cannot know better. */
  mayBeTold(): boolean {
    return this.plan.news || !this.links.world.states.has(2)
  }

  check(): void {
    const holders = this.plan.threads.filter(({ does }) => does === 'holds')
    if (holders.length > 1) throw new Error('two hold the lock')
  }

  /** Nothing is on the way and nobody holds the lock. */
  end(): void {
    if (this.plan.threads.some(({ does }) => does === 'asks')) throw new Error('somebody waits for ever')
    const lock = this.links.state(0).locks.get('k')
    if (lock !== undefined && lock.state !== 'Orphan') throw new Error(`the lock is left ${lock.state}`)
    if (this.plan.news && lock === undefined) throw new Error('a death is forgotten')
    for (const { holds, claims } of this.links.world.states.values()) {
      if (holds.size + claims.size > 0) throw new Error('a hold is left over')
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
}

t.test('lock: every order of four threads on three nodes, two of which die', async (t) => {
  t.equal(explore(new OneLock([0, 1, 1, 2], 2, 0)), 11154, 'states: a tripwire for changes of the protocol')
})

t.test('lock: every order of three nodes, one of which is lost', async (t) => {
  t.equal(explore(new OneLock([0, 1, 2, 2], 1, 1)), 4543)
})
