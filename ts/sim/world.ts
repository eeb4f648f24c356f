/**
 * The pretend cluster: nodes that run the production `step`, links that are first in first out, and
 * on every node a pretend kernel (pretend-kernel.ts) with threads that read and write.
 * Everything that can happen next is a Choice; who chooses decides what this is: walk.ts at random,
 * explore.ts all of them. A World has no clock and no randomness of its own.
 *
 * Two threads of a node are two processes with a view each. They may run between any two effects of
 * a step and arbitrarily late after a wake-up; a fault may come twice; a node may be lost at any
 * moment, and each other node learns of it later, after any part of what was on its way.
 */
import { AssertionError } from '../base/assert.js'
import { PeerError } from '../base/peer-error.js'
import type { NodeId } from '../base/ids.js'
import type { NodeEvent } from '../node/events.js'
import { act } from './accesses.js'
import type { Choice } from './choice.js'
import { createNodes, SEGMENT } from './create-nodes.js'
import { describeEvent } from './describe.js'
import { knowers } from './knowers.js'
import { lose } from './losses.js'
import { Oracle, type Judge } from './oracle.js'
import { perform } from './perform.js'
import { Kernel } from './pretend-kernel.js'
import { request } from './requests.js'
import { judged, type Setup } from './setup.js'
import { copyNode, type InFlight, type Payload, type SimNode } from './sim-node.js'
import { Violation } from './violation.js'

/** All that a World is made of, to be shared by many. */
export type Pieces = Readonly<
  Pick<
    World,
    | 'links'
    | 'nodes'
    | 'latest'
    | 'oracle'
    | 'nextWrite'
    | 'memory'
    | 'duplicatesLeft'
    | 'lossesLeft'
    | 'evictionsLeft'
    | 'cancelsLeft'
    | 'deathsLeft'
    | 'untold'
  >
>

export class World {
  /** By from * nodes + to. What is here may be shared: see own and setLink. */
  readonly links: (readonly InFlight[])[]
  readonly nodes: SimNode[]
  /** Which nodes this World alone has: those it may change. */
  readonly #owned: ('none' | 'kernel' | 'all')[]
  /** Per page the number of its last write. */
  readonly latest: number[]
  /** What reads may see, where that depends on locks and the like. */
  readonly oracle: Judge | undefined
  /** The number that a write gets, if it is not one for ever. */
  readonly nextWrite: number | undefined
  /** With a program: the last value written, by page and place. */
  readonly memory: Map<string, number>
  duplicatesLeft: number
  lossesLeft: number
  evictionsLeft: number
  cancelsLeft: number
  deathsLeft: number
  /** Locks whose last holder died, which nobody has been told yet; as bits. */
  untold: number
  /** What happens, one line each; for those who want to read it. */
  log: ((line: string) => void) | undefined

  private constructor(
    readonly setup: Setup,
    from?: Pieces,
  ) {
    if (from !== undefined) {
      this.links = from.links.slice()
      this.nodes = from.nodes.slice()
      this.#owned = from.nodes.map(() => 'none')
      this.latest = from.latest.slice()
      this.oracle = from.oracle?.copy()
      this.nextWrite = from.nextWrite
      this.memory = setup.program === undefined ? from.memory : new Map(from.memory)
      this.duplicatesLeft = from.duplicatesLeft
      this.lossesLeft = from.lossesLeft
      this.evictionsLeft = from.evictionsLeft
      this.cancelsLeft = from.cancelsLeft
      this.deathsLeft = from.deathsLeft
      this.untold = from.untold
      return
    }
    this.links = Array.from({ length: setup.nodes ** 2 }, () => [])
    this.#owned = Array.from({ length: setup.nodes }, () => 'all')
    this.latest = Array.from({ length: setup.pages }, () => 0)
    const { pages, places } = setup
    this.memory = new Map()
    if (judged(setup)) this.oracle = new Oracle(knowers(setup), pages, pages * places)
    this.duplicatesLeft = setup.duplicates
    this.lossesLeft = setup.losses
    this.evictionsLeft = setup.evictions
    this.cancelsLeft = setup.cancels
    this.deathsLeft = setup.deaths
    this.untold = 0
    this.nodes = createNodes(setup.nodes, setup.pages, setup.step, setup.protocol).map((state) => ({
      state,
      alive: true,
      kernel: new Kernel(setup.threads, setup.pages, setup.ops),
      todo: [],
      payload: undefined,
      copied: undefined,
      diffs: [],
      resumes: [],
      unlearnt: [],
      words: [],
      told: [],
    }))
  }

  static create(setup: Setup): World {
    return new World(setup)
  }

  /** Cheap: a World that has these pieces, and copies nodes when it changes them. */
  static of(setup: Setup, pieces: Pieces): World {
    return new World(setup, pieces)
  }

  link(from: NodeId, to: NodeId): readonly InFlight[] {
    return this.links[from * this.setup.nodes + to]!
  }

  setLink(from: NodeId, to: NodeId, flights: readonly InFlight[]): void {
    this.links[from * this.setup.nodes + to] = flights
  }

  /** The node, to be changed: all of it, or all but what the engine knows. */
  own(at: NodeId, part: 'kernel' | 'all'): SimNode {
    if (this.#owned[at] === 'none' || (part === 'all' && this.#owned[at] === 'kernel')) {
      this.nodes[at] = copyNode(this.nodes[at]!, part, judged(this.setup))
      this.#owned[at] = part
    }
    return this.nodes[at]!
  }

  /** Nodes that are not lost. */
  get alive(): number {
    return this.nodes.reduce((count, { alive }) => count + Number(alive), 0)
  }

  get losses(): number {
    return this.setup.losses - this.lossesLeft
  }

  /** Makes one thing happen. @throws Violation when what happens must not */
  take(choice: Choice): void {
    const node = this.own(choice.node, takesNoStep(choice) ? 'kernel' : 'all')
    switch (choice.do) {
      case 'act':
        return act(this, choice.node, choice.thread, choice)
      case 'ask':
        return request(this, choice.node, choice.thread, choice)
      case 'fault':
        node.kernel.readFault(choice.thread, choice.page, choice.access)
        return this.step(choice.node, { is: 'fault', segment: SEGMENT, page: choice.page, access: choice.access })
      case 'deliver': {
        const rest = this.link(choice.from, choice.node).slice()
        const [{ message, payload }] = rest.splice(choice.at, 1) as [InFlight]
        this.setLink(choice.from, choice.node, rest)
        return this.step(choice.node, { is: 'message', from: choice.from, message }, payload)
      }
      case 'perform':
        return perform(this, choice.node)
      case 'resume':
        node.resumes.splice(node.resumes.indexOf(choice.page), 1)
        return this.step(choice.node, { is: 'resume', segment: SEGMENT, page: choice.page })
      case 'word': {
        const { lock } = choice
        node.told.splice(node.told.indexOf(lock), 1)
        const word = node.words[lock]
        if (word?.shut !== true) return // it has been lent again since
        return this.step(choice.node, { is: 'word', key: `l${lock}`, held: word.holder !== undefined })
      }
      case 'again':
        this.duplicatesLeft--
        this.log?.(`${choice.node}: thread ${choice.thread} gets a signal`)
        return node.kernel.faultAgain(choice.thread)
      case 'lose':
        return lose(this, choice.node)
      case 'evict':
        this.evictionsLeft--
        return this.step(choice.node, { is: 'evict', segment: SEGMENT, page: choice.page })
      case 'full':
        this.evictionsLeft--
        return this.step(choice.node, { is: 'full', full: choice.full })
      case 'learn':
        node.unlearnt.splice(node.unlearnt.indexOf(choice.lost), 1)
        this.setLink(choice.lost, choice.node, [])
        return this.step(choice.node, { is: 'lost', node: choice.lost })
    }
  }

  threadNumber(at: NodeId, thread: number): number {
    return at * this.setup.threads + thread
  }

  step(at: NodeId, event: NodeEvent, payload?: Payload): void {
    const node = this.nodes[at]!
    this.log?.(describeEvent(at, event))
    node.payload = payload
    try {
      this.setup.step(node.state, event, node.todo)
    } catch (error) {
      if (error instanceof PeerError || error instanceof AssertionError)
        throw new Violation(`node ${at}: ${error.message}`)
      throw error
    }
  }
}

/** Is it nothing that the engine would learn of? */
export function takesNoStep({ do: what }: Choice): boolean {
  return what === 'act' || what === 'perform' || what === 'again' || what === 'lose'
}
