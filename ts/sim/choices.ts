/** What can happen next in a World. */
import type { NodeId } from '../base/ids.js'
import { CLASS, type CoherenceType } from '../coherence/messages.js'
import { isCoherence } from '../node/messages.js'
import type { Choice } from './choice.js'
import type { Ask } from './requests.js'
import type { Op } from './setup.js'
import type { InFlight } from './sim-node.js'
import { taken } from './word.js'
import type { World } from './world.js'

/** The accesses that a thread which is free to choose may make, and how it takes which locks. */
export interface Wishes {
  accesses(): readonly Op[]
  locks(free: readonly number[]): readonly Ask[]
  allocates(): boolean
  /** Pages to acquire and release by themselves. */
  ranges(): readonly Ask[]
}

export interface Options {
  /** What must happen sooner or later. */
  readonly must: Choice[]
  /** What may: a fault that comes twice, a loss, an end. */
  readonly may: Choice[]
}

export function choices(world: World, wishes: Wishes): Options {
  const options: Options = { must: [], may: [] }
  world.nodes.forEach((node, at) => {
    if (!node.alive) return
    firstChoices(world, at, wishes, options)
    if (node.todo.length > 0) return
    for (let from = 0; from < world.nodes.length; from++) {
      for (const place of deliverable(world.link(from, at), world.setup.holds)) {
        options.must.push({ do: 'deliver', from, node: at, at: place })
      }
    }
    lastChoices(world, at, options)
  })
  return options
}

/** What can happen at a living node without a message; its messages come between this and the rest. */
export function ownChoices(world: World, at: NodeId, wishes: Wishes): Options {
  const options: Options = { must: [], may: [] }
  const node = world.nodes[at]!
  firstChoices(world, at, wishes, options)
  if (node.todo.length === 0) lastChoices(world, at, options)
  return options
}

function firstChoices(world: World, at: NodeId, wishes: Wishes, { must, may }: Options): void {
  const node = world.nodes[at]!
  threadChoices(world, at, wishes, must, may)
  if (node.todo.length === 0) endChoices(world, at, may)
  if (world.lossesLeft > 0 && world.alive > 1) may.push({ do: 'lose', node: at })
  if (node.todo.length > 0) {
    must.push({ do: 'perform', node: at }) // one step at a time: law 3
    return
  }
  const { faults } = node.kernel
  faults.forEach((fault, index) => {
    const same = faults.findIndex(
      (one) => one.thread === fault.thread && one.page === fault.page && one.access === fault.access,
    )
    if (same === index) must.push({ do: 'fault', node: at, ...fault })
  })
}

function lastChoices(world: World, at: NodeId, { must, may }: Options): void {
  const node = world.nodes[at]!
  for (const page of new Set(node.resumes)) must.push({ do: 'resume', node: at, page })
  for (const lock of node.told) must.push({ do: 'word', node: at, lock })
  for (const lost of node.unlearnt) must.push({ do: 'learn', node: at, lost })
  if (world.evictionsLeft === 0) return
  for (let page = 0; page < world.setup.pages; page++) {
    if (node.kernel.hasFrame(page)) may.push({ do: 'evict', node: at, page })
  }
  may.push({ do: 'full', node: at, full: !node.state.coherence.full })
}

/** The places of a link whose message may be delivered next. */
export function deliverable(link: readonly InFlight[], holds: boolean): number[] {
  const places: number[] = []
  const last = holds ? link.length : Math.min(1, link.length)
  for (let place = 0; place < last; place++) if (mayOvertake(link, place)) places.push(place)
  return places
}

/** May the message be delivered before those in front of it? What a node says about a page stays in
 * order, but for a request: its home may hold that, and not an acknowledgement that follows. */
function mayOvertake(link: readonly InFlight[], place: number): boolean {
  const { message } = link[place]!
  const { type } = message
  const page = isCoherence(message) ? message.page : undefined
  return link.slice(0, place).every(({ message: front }) => {
    if (!isCoherence(front) || CLASS[front.type] === 'answer') return false
    return front.page !== page || (CLASS[front.type] === 'request' && CLASS[type as CoherenceType] !== 'request')
  })
}

function threadChoices(world: World, node: number, wishes: Wishes, must: Choice[], may: Choice[]): void {
  world.nodes[node]!.kernel.threads.forEach(({ opsLeft, access, page, place, waiting, holds, asks, done }, thread) => {
    if (asks !== undefined) return
    if (waiting) {
      if (world.duplicatesLeft > 0) may.push({ do: 'again', node, thread })
    } else if (access !== undefined) {
      must.push({ do: 'act', node, thread, page, place, access })
    } else {
      // A request is a step, and there is one at a time; a lock is given back, and taken, by its word at any time.
      const { todo, words } = world.nodes[node]!
      const idle = todo.length === 0
      const { locks, blocks, ranges } = world.setup
      const ask = (one: Ask) => must.push({ do: 'ask', node, thread, ...one })
      for (const one of holds) {
        if (one < locks) ask({ op: 'unlock', of: one })
        else if (idle) ask({ op: 'free', of: one - locks })
      }
      if (opsLeft === 0) return
      const { program } = world.setup
      if (program !== undefined) {
        const op = program.op(node * world.setup.threads + thread, done)
        if (op !== undefined) must.push({ do: 'act', node, thread, ...op })
        return
      }
      for (const op of wishes.accesses()) must.push({ do: 'act', node, thread, ...op })
      const mayLock = above(holds, locks).filter((of) => idle || taken(words[of], thread) !== undefined)
      if (mayLock.length > 0) wishes.locks(mayLock).forEach(ask)
      if (!idle) return
      const hasBlock = holds.some((one) => one >= locks)
      if (blocks > 0 && !hasBlock && wishes.allocates()) ask({ op: 'alloc', of: 0 })
      if (ranges) wishes.ranges().forEach(ask)
    }
  })
}

/** Of waits for locks, and of who holds them. */
function endChoices({ nodes, setup, cancelsLeft, deathsLeft }: World, node: NodeId, may: Choice[]): void {
  if (cancelsLeft + deathsLeft === 0) return
  nodes[node]!.kernel.threads.forEach(({ access, holds, asks }, thread) => {
    const locks = holds.filter((one) => one < setup.locks)
    const waits = asks?.op === 'lock' || asks?.op === 'try'
    if (waits && cancelsLeft > 0) may.push({ do: 'ask', node, thread, op: 'cancel', of: asks.of })
    if (deathsLeft === 0 || (asks !== undefined && !waits)) return
    if (waits || locks.length > 0) may.push({ do: 'ask', node, thread, op: 'exit', of: 0 })
    if (asks !== undefined || access !== undefined) return
    for (const of of locks) may.push({ do: 'ask', node, thread, op: 'end', of })
  })
}

/** Locks that may be taken by who holds these: always in ascending order, or threads could wait for each other. */
function above(holds: readonly number[], locks: number): number[] {
  const first = Math.max(-1, ...holds.filter((held) => held < locks)) + 1
  return Array.from({ length: Math.max(0, locks - first) }, (_, at) => first + at)
}
