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
import type { Access, NodeId, Page } from '../base/ids.js'
import { PAGE_SIZE } from '../base/ids.js'
import type { Model, ProtocolName } from '../base/consistency.js'
import type { SegmentAttributes } from '../base/requests.js'
import { EDGE_FIELDS } from '../coherence/lrc/messages.js'
import { COHERENCE_TYPES } from '../coherence/messages.js'
import { copyCoherence, segmentMade } from '../coherence/state.js'
import type { Effect } from '../node/effects.js'
import type { NodeEvent } from '../node/events.js'
import { isCoherence, type Message } from '../node/messages.js'
import { createNode, type NodeState } from '../node/state.js'
import type { Step } from '../node/step.js'
import { SYNC_FIELDS } from '../sync/messages.js'
import { Oracle } from './oracle.js'
import { readPlace, writePlace, type Change } from './places.js'
import { Kernel } from './pretend-kernel.js'
import { Violation } from './violation.js'
import { describeEffect, describeEvent } from './describe.js'

export const SEGMENT = 1
/** What the other rooms say to each other at a loss is of no interest here. */
export const TRAVELS: ReadonlySet<string> = new Set([
  ...COHERENCE_TYPES,
  ...Object.keys(EDGE_FIELDS),
  ...Object.keys(SYNC_FIELDS),
])
/** Tickets of a thread's requests. */
const TICKETS = 10_000

/** What a segment is created with, to be served by the protocol. */
const MODELS: Readonly<Record<ProtocolName, Model>> = {
  srsw: { consistency: 'srsw', manager: 'fixed', unit: PAGE_SIZE },
  mrsw: { consistency: 'mrsw', manager: 'fixed', unit: PAGE_SIZE },
  'mrsw-dynamic': { consistency: 'mrsw', manager: 'dynamic', unit: PAGE_SIZE },
  lrc: { consistency: 'lrc', manager: 'fixed', unit: PAGE_SIZE },
}

export interface Setup {
  /** Of the segment; `step` must have its tables. */
  readonly protocol: ProtocolName
  readonly nodes: number
  readonly pages: number
  /** A node. */
  readonly threads: number
  /** A thread. */
  readonly ops: number
  /** Bytes of a page that are written, and locks: where what may be read depends on what is locked. */
  readonly places: number
  readonly locks: number
  /** How many faults may come twice, how many nodes may be lost. */
  readonly duplicates: number
  readonly losses: number
  /** Requests and orders may be held for a while (law 11): what they do not concern overtakes them. */
  readonly holds: boolean
  readonly step: Step
  /** What the threads do; without, whatever they like. */
  readonly program?: Program
}

export interface Op {
  readonly page: Page
  readonly place: number
  readonly access: Access
}

/** A fixed program for each thread, in place of accesses at will. */
export interface Program {
  /** What the thread does when it has made `done` accesses; undefined: nothing more. */
  op(thread: number, done: number): Op | undefined
  /** It has the access now and sees `seen`: what its registers hold then, and what it writes, if it does. */
  perform(
    thread: number,
    done: number,
    registers: readonly number[],
    seen: number,
  ): { readonly registers: readonly number[]; readonly written: number | undefined }
}

export type Choice =
  /** A thread tries an access, a new one or the one that it faulted on. */
  | ({ readonly do: 'act'; readonly node: NodeId; readonly thread: number } & Op)
  /** A thread asks for a lock, or gives it back. */
  | { readonly do: 'lock' | 'unlock'; readonly node: NodeId; readonly thread: number; readonly lock: number }
  /** The daemon reads a fault. */
  | {
      readonly do: 'fault'
      readonly node: NodeId
      readonly thread: number
      readonly page: Page
      readonly access: Access
    }
  /** The message at this place of the link; above 0 when those before it are held. */
  | { readonly do: 'deliver'; readonly from: NodeId; readonly node: NodeId; readonly at: number }
  /** The next effect of the node's step is performed. */
  | { readonly do: 'perform'; readonly node: NodeId }
  | { readonly do: 'resume'; readonly node: NodeId; readonly page: Page }
  /** A signal makes a waiting thread fault once more. */
  | { readonly do: 'again'; readonly node: NodeId; readonly thread: number }
  | { readonly do: 'lose'; readonly node: NodeId }
  /** The node learns of a loss. */
  | { readonly do: 'learn'; readonly node: NodeId; readonly lost: NodeId }

/** What travels with a message: a page's bytes (places.ts), or diffs. */
export type Payload = number | readonly (readonly Change[])[] | undefined

export interface InFlight {
  readonly message: Message
  readonly payload: Payload
}

export interface SimNode {
  readonly state: NodeState
  alive: boolean
  readonly kernel: Kernel
  /** Effects of the step in progress, not yet performed. */
  todo: Effect[]
  /** The page of the message in hand, and what Copy has taken. */
  payload: Payload
  copied: number | undefined
  /** What Diff has found since the last Flush. */
  diffs: (readonly Change[])[]
  resumes: Page[]
  /** Lost nodes that this one has not learnt of. */
  unlearnt: NodeId[]
}

/** All that a World is made of, to be shared by many. */
export type Pieces = Readonly<
  Pick<World, 'links' | 'nodes' | 'latest' | 'oracle' | 'writes' | 'memory' | 'duplicatesLeft' | 'lossesLeft'>
>

export class World {
  /** By from * nodes + to. What is here may be shared: see own and setLink. */
  readonly links: (readonly InFlight[])[]
  readonly nodes: SimNode[]
  /** Which nodes this World alone has: those it may change. */
  readonly #owned: ('none' | 'kernel' | 'all')[]
  /** Per page the number of its last write. */
  readonly latest: number[]
  /** With locks: what reads may see. `writes` numbers them all. */
  readonly oracle: Oracle | undefined
  writes = 0
  /** With a program: the last value written, by page and place. */
  readonly memory: Map<string, number>
  duplicatesLeft: number
  lossesLeft: number
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
      this.writes = from.writes
      this.memory = setup.program === undefined ? from.memory : new Map(from.memory)
      this.duplicatesLeft = from.duplicatesLeft
      this.lossesLeft = from.lossesLeft
      return
    }
    this.links = Array.from({ length: setup.nodes ** 2 }, () => [])
    this.#owned = Array.from({ length: setup.nodes }, () => 'all')
    this.latest = Array.from({ length: setup.pages }, () => 0)
    const { nodes, threads, locks, pages, places } = setup
    this.memory = new Map()
    if (locks > 0) this.oracle = new Oracle(nodes * threads, locks, pages * places)
    this.duplicatesLeft = setup.duplicates
    this.lossesLeft = setup.losses
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
      this.nodes[at] = copyNode(this.nodes[at]!, part, this.setup.locks > 0)
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
    const acts = choice.do === 'act' || choice.do === 'perform' || choice.do === 'again' || choice.do === 'lose'
    const node = this.own(choice.node, acts ? 'kernel' : 'all')
    switch (choice.do) {
      case 'act':
        return this.#act(choice.node, choice.thread, choice)
      case 'lock':
      case 'unlock':
        return this.#request(choice.node, choice.thread, choice.do, choice.lock)
      case 'fault':
        node.kernel.readFault(choice.thread, choice.page, choice.access)
        return this.#step(choice.node, { is: 'fault', segment: SEGMENT, page: choice.page, access: choice.access })
      case 'deliver': {
        const rest = this.link(choice.from, choice.node).slice()
        const [{ message, payload }] = rest.splice(choice.at, 1) as [InFlight]
        this.setLink(choice.from, choice.node, rest)
        return this.#step(choice.node, { is: 'message', from: choice.from, message }, payload)
      }
      case 'perform':
        return this.#perform(choice.node)
      case 'resume':
        node.resumes.splice(node.resumes.indexOf(choice.page), 1)
        return this.#step(choice.node, { is: 'resume', segment: SEGMENT, page: choice.page })
      case 'again':
        this.duplicatesLeft--
        this.log?.(`${choice.node}: thread ${choice.thread} gets a signal`)
        return node.kernel.faultAgain(choice.thread)
      case 'lose':
        return this.#lose(choice.node)
      case 'learn':
        node.unlearnt.splice(node.unlearnt.indexOf(choice.lost), 1)
        this.setLink(choice.lost, choice.node, [])
        return this.#step(choice.node, { is: 'lost', node: choice.lost })
    }
  }

  #act(at: NodeId, thread: number, { page, place, access }: Op): void {
    const { kernel } = this.nodes[at]!
    kernel.threads[thread]!.place = place
    const outcome = kernel.tryAccess(thread, page, access)
    this.log?.(`${at}: thread ${thread} ${outcome === 'done' ? access : outcome} p${page}`)
    if (outcome !== 'done') return
    if (this.setup.program !== undefined)
      return this.#performed(this.setup.program, at, thread, { page, place, access })
    if (this.oracle !== undefined) return this.#accessed(this.oracle, at, thread, { page, place, access })
    if (access === 'write') kernel.frames[page] = ++this.latest[page]!
    else if (kernel.frames[page] !== this.latest[page]) throw new Violation(`node ${at} reads old bytes of p${page}`)
  }

  #performed(program: Program, at: NodeId, thread: number, { page, place }: Op): void {
    const { kernel } = this.nodes[at]!
    const who = kernel.threads[thread]!
    const seen = readPlace(kernel.frames[page]!, place)
    const { registers, written } = program.perform(this.#threadNumber(at, thread), who.done, who.registers, seen)
    who.done++
    who.registers = registers
    if (written === undefined) return
    kernel.frames[page] = writePlace(kernel.frames[page]!, place, written)
    this.latest[page] = kernel.frames[page]
    this.memory.set(`${page}.${place}`, written)
  }

  #accessed(oracle: Oracle, at: NodeId, thread: number, { page, place, access }: Op): void {
    const { frames } = this.nodes[at]!.kernel
    const where = page * this.setup.places + place
    if (access === 'write') {
      frames[page] = writePlace(frames[page]!, place, ++this.writes)
      return oracle.write(this.#threadNumber(at, thread), where, this.writes)
    }
    const seen = readPlace(frames[page]!, place)
    // What a lost node had written and not released is gone, and nobody can see it.
    if (this.losses > 0 || oracle.allows(this.#threadNumber(at, thread), where, seen)) return
    throw new Violation(`node ${at} thread ${thread} reads w${seen} at p${page}.${place}, which was overwritten before`)
  }

  #threadNumber(at: NodeId, thread: number): number {
    return at * this.setup.threads + thread
  }

  #request(at: NodeId, thread: number, op: 'lock' | 'unlock', lock: number): void {
    const who = this.nodes[at]!.kernel.threads[thread]!
    this.log?.(`${at}: thread ${thread} ${op}s l${lock}`)
    if (op === 'lock') {
      who.opsLeft--
      who.asks = lock
    } else {
      who.holds = who.holds.filter((held) => held !== lock)
      this.oracle?.released(this.#threadNumber(at, thread), lock)
    }
    const ticket = thread * TICKETS + ++who.requests
    const request = { op, key: `l${lock}`, process: thread, holder: '1' } as const
    this.#step(at, { is: 'request', ticket, request })
  }

  #answered(at: NodeId, ticket: number, locked: boolean): void {
    const thread = Math.floor(ticket / TICKETS)
    const who = this.nodes[at]!.kernel.threads[thread]!
    const lock = who.asks
    if (lock === undefined) return // an unlock
    who.asks = undefined
    if (!locked) return
    const held = this.nodes.some(({ kernel }) => kernel.threads.some(({ holds }) => holds.includes(lock)))
    if (held) throw new Violation(`two hold l${lock}`)
    who.holds = [...who.holds, lock]
    this.oracle?.acquired(this.#threadNumber(at, thread), lock)
  }

  #step(at: NodeId, event: NodeEvent, payload?: Payload): void {
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

  #perform(at: NodeId): void {
    const node = this.nodes[at]!
    const effect = node.todo.shift()!
    this.log?.(`  ${describeEffect(at, effect)}`)
    switch (effect.do) {
      case 'Send':
        if (TRAVELS.has(effect.message.type)) this.#send(at, effect.to, effect.message)
        break
      case 'Answer':
        this.#answered(at, effect.ticket, effect.answer.is === 'locked')
        break
      case 'Refuse':
        if (this.losses === 0) throw new Violation(`node ${at} refuses: ${effect.error} ${effect.detail}`)
        this.#answered(at, effect.ticket, false)
        break
      case 'Resume':
        node.resumes.push(effect.page)
        break
      case 'Install':
        node.kernel.install(effect.page, effect.access, effect.bytes === 'page' ? pageOf(node) : effect.bytes)
        if (effect.twin) node.kernel.makeTwin(effect.page)
        break
      case 'Fill':
        node.kernel.fill(effect.page, effect.bytes === 'page' ? pageOf(node) : 0)
        break
      case 'Diff':
        node.diffs.push(node.kernel.diff(effect.page))
        break
      case 'DropTwin':
        node.kernel.dropTwin(effect.page)
        break
      case 'Patch': {
        const diff = typeof node.payload === 'object' ? node.payload[effect.diff] : undefined
        if (diff === undefined) throw new Violation(`node ${at} patches what did not come`)
        node.kernel.patch(effect.page, diff)
        break
      }
      case 'Downgrade':
        node.kernel.downgrade(effect.page)
        break
      case 'Copy':
        node.copied = node.kernel.copyOut(effect.page)
        break
      case 'Punch':
        node.kernel.punch(effect.page)
        break
      case 'Poison':
        if (this.losses === 0) throw new Violation(`node ${at} poisons p${effect.page}, yet no node was lost`)
        node.kernel.poison(effect.page)
        break
      default:
        throw new Violation(`node ${at}: unexpected ${effect.do}`)
    }
    if (node.todo.length > 0) return
    node.payload = undefined
    node.copied = undefined
  }

  #send(from: NodeId, to: NodeId, message: Message): void {
    const node = this.nodes[from]!
    const withPage = isCoherence(message) && message.bytes === 'page'
    if (withPage && node.copied === undefined) throw new Violation(`node ${from} sends what it did not copy`)
    if (from === to) throw new Violation(`node ${from} sends to itself`)
    if (!this.nodes[to]!.alive) return
    const flight = { message, payload: withPage ? node.copied : message.type === 'Flush' ? node.diffs : undefined }
    if (message.type === 'Flush') node.diffs = []
    this.setLink(from, to, [...this.link(from, to), flight])
  }

  #lose(lost: NodeId): void {
    this.lossesLeft--
    this.log?.(`${lost}: lost`)
    const gone = this.nodes[lost]!
    gone.alive = false
    gone.todo = []
    gone.resumes = []
    gone.unlearnt = []
    gone.payload = undefined
    gone.copied = undefined
    gone.diffs = []
    gone.kernel.clear()
    for (let other = 0; other < this.nodes.length; other++) {
      this.setLink(other, lost, [])
      if (this.nodes[other]!.alive) this.own(other, 'kernel').unlearnt.push(lost)
    }
  }
}

/** Node states that know each other and segment 1, whose page p has home p % nodes. */
export function createNodes(count: number, pages: number, step: Step, protocol: ProtocolName = 'mrsw'): NodeState[] {
  const homes = Array.from({ length: count }, (_, node) => node)
  const attributes: SegmentAttributes = {
    segment: SEGMENT,
    name: 'sim',
    bytes: pages * PAGE_SIZE,
    ...MODELS[protocol],
    homes,
    uid: 0,
    gid: 0,
    mode: 0o600,
    createdMs: 0,
  }
  return homes.map((self) => {
    const state = createNode(self)
    segmentMade(state.coherence, attributes)
    for (const node of homes) if (node !== self) step(state, { is: 'joined', node }, [])
    return state
  })
}

function pageOf({ payload }: SimNode): number | undefined {
  return typeof payload === 'number' ? payload : undefined
}

/** The rooms besides coherence and, with locks, sync take no part here, so they are shared. */
export function copyNode(node: SimNode, part: 'kernel' | 'all', locks: boolean): SimNode {
  return {
    ...node,
    state: part === 'all' ? copyState(node.state, locks) : node.state,
    diffs: node.diffs.slice(),
    kernel: node.kernel.copy(),
    todo: node.todo.slice(),
    resumes: node.resumes.slice(),
    unlearnt: node.unlearnt.slice(),
  }
}

function copyState(state: NodeState, locks: boolean): NodeState {
  const coherence = copyCoherence(state.coherence)
  return { ...state, nodes: coherence.nodes, coherence, sync: locks ? structuredClone(state.sync) : state.sync }
}
