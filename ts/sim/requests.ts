/** What threads ask their node for, and its answers: what each tells the oracle. */
import { PAGE_SIZE, type NodeId, type Page } from '../base/ids.js'
import type { Answer, LocalRequest } from '../base/requests.js'
import { SEGMENT } from './create-nodes.js'
import { knowerOf, type Knower } from './knowers.js'
import { Violation } from './violation.js'
import { givenBack, taken } from './word.js'
import { tell } from './sim-node.js'
import type { World } from './world.js'

export interface Ask {
  readonly op: 'lock' | 'unlock' | 'alloc' | 'free' | 'acquire' | 'release'
  /** Which lock, block or page; of alloc 0. */
  readonly of: number
}

/** Tickets of a thread, by what it asks for: one thing at a time. */
const TICKETS = 10_000
const OTHER_TICKETS = 1000

export function request(world: World, at: NodeId, thread: number, ask: Ask): void {
  const { op, of } = ask
  const who = world.nodes[at]!.kernel.threads[thread]!
  const me = world.threadNumber(at, thread)
  world.log?.(`${at}: thread ${thread} asks: ${described(ask)}`)
  const held = heldBy(world, ask)
  if (op === 'unlock' || op === 'free') who.holds = who.holds.filter((one) => one !== held)
  else who.opsLeft--
  if (op === 'unlock') return unlock(world, at, thread, of)
  if (op === 'lock' && lockAtOnce(world, at, thread, of)) return
  who.asks = { op, of }
  if (op === 'free') world.oracle?.learn(knowerOf(world.setup, 'block', of), me)
  // What any thread here has written becomes known; what others have made known is seen by all threads here.
  if (op === 'release') for (const other of othersOf(world, at, thread)) world.oracle?.learn(me, other, of)
  if (op === 'acquire') world.oracle?.learn(me, knowerOf(world.setup, 'range', of), of)
  world.step(at, { is: 'request', ticket: ticketOf(thread, ask), request: requestOf(world, thread, ask) })
}

/** By its word, which nobody hears of. False: the node must be asked. */
function lockAtOnce(world: World, at: NodeId, thread: number, lock: number): boolean {
  const { words } = world.nodes[at]!
  const word = taken(words[lock], thread)
  if (word === undefined) return false
  words[lock] = word
  hold(world, at, thread, 'lock', lock)
  return true
}

function unlock(world: World, at: NodeId, thread: number, lock: number): void {
  world.oracle?.learn(knowerOf(world.setup, 'lock', lock), world.threadNumber(at, thread))
  const node = world.nodes[at]!
  const word = givenBack(node.words[lock])
  node.words[lock] = word
  if (word.shut) tell(node, lock)
}

/** @param answer undefined: refused */
export function answered(world: World, at: NodeId, ticket: number, answer: Answer | undefined): void {
  const thread = Math.floor(ticket / TICKETS)
  const who = world.nodes[at]!.kernel.threads[thread]!
  const asked = who.asks
  if (asked === undefined) throw new Violation(`node ${at} answers thread ${thread}, which asks nothing`)
  who.asks = undefined
  const me = world.threadNumber(at, thread)
  if (answer?.is === 'locked') hold(world, at, thread, 'lock', asked.of)
  if (answer?.is === 'block') hold(world, at, thread, 'block', Math.floor(answer.offset / blockBytes(world)))
  if (answer?.is !== 'done') return
  if (asked.op === 'release') world.oracle?.learn(knowerOf(world.setup, 'range', asked.of), me, asked.of)
  if (asked.op !== 'acquire') return
  const { threads } = world.nodes[at]!.kernel
  threads.forEach((other, number) => {
    // Who awaits the end of a release makes known what it knew when that began.
    if (other !== who && other.asks?.op !== 'release') {
      world.oracle?.learn(world.threadNumber(at, number), me, asked.of)
    }
  })
}

export function described({ op, of }: Ask): string {
  if (op === 'alloc') return op
  return `${op} ${op === 'free' ? 'b' : op === 'lock' || op === 'unlock' ? 'l' : 'p'}${of}`
}

function hold(world: World, at: NodeId, thread: number, what: Knower, of: number): void {
  const number = heldBy(world, { op: what === 'lock' ? 'lock' : 'free', of })
  const held = world.nodes.some(({ kernel }) => kernel.threads.some(({ holds }) => holds.includes(number)))
  if (held) throw new Violation(`two hold ${what} ${of}`)
  const who = world.nodes[at]!.kernel.threads[thread]!
  who.holds = [...who.holds, number]
  world.oracle?.learn(world.threadNumber(at, thread), knowerOf(world.setup, what, of))
}

/** What is held, as one number: blocks come behind the locks. */
function heldBy({ setup }: World, { op, of }: Ask): number {
  return op === 'lock' || op === 'unlock' ? of : setup.locks + of
}

function othersOf(world: World, at: NodeId, thread: number): number[] {
  const all = Array.from({ length: world.setup.threads }, (_, other) => other)
  return all.filter((other) => other !== thread).map((other) => world.threadNumber(at, other))
}

function ticketOf(thread: number, { op, of }: Ask): number {
  return thread * TICKETS + (op === 'lock' ? of : OTHER_TICKETS)
}

function requestOf(world: World, thread: number, { op, of }: Ask): LocalRequest {
  switch (op) {
    case 'unlock':
      throw new Error('a lock is given back by its word')
    case 'lock':
      return { op, key: `l${of}`, process: thread, holder: 1, patient: true }
    case 'alloc':
      return { op, segment: SEGMENT, bytes: blockBytes(world) }
    case 'free':
      return { op, segment: SEGMENT, offset: of * blockBytes(world) }
    case 'acquire':
    case 'release':
      return { op, range: rangeOf(of) }
  }
}

function rangeOf(page: Page) {
  return { segment: SEGMENT, offset: page * PAGE_SIZE, bytes: PAGE_SIZE }
}

function blockBytes({ setup }: World): number {
  return (setup.pages * PAGE_SIZE) / setup.blocks
}
