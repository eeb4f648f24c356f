/** What threads ask their node for, and its answers: what each tells the oracle. */
import { PAGE_SIZE, type NodeId, type Page } from '../base/ids.js'
import type { Answer, LocalRequest } from '../base/requests.js'
import { SEGMENT } from './create-nodes.js'
import { knowerOf, type Knower } from './knowers.js'
import { Violation } from './violation.js'
import { buried, givenBack, taken } from './word.js'
import { tell } from './sim-node.js'
import type { World } from './world.js'

export interface Ask {
  /** try: not waiting for a holder; cancel: waiting no more; end: of a thread, which another one of its process follows;
   * exit: of a process. */
  readonly op: LockOp | 'alloc' | 'free' | 'acquire' | 'release' | 'exit'
  /** Which lock, block or page; of alloc and exit 0. */
  readonly of: number
}

type LockOp = 'lock' | 'try' | 'unlock' | 'cancel' | 'end'
const LOCK_OPS: ReadonlySet<string> = new Set<LockOp>(['lock', 'try', 'unlock', 'cancel', 'end'])

/** Tickets of a thread, by what it asks for: one thing at a time. */
const TICKETS = 10_000
const OTHER_TICKETS = 1000

export function request(world: World, at: NodeId, thread: number, ask: Ask): void {
  const { op, of } = ask
  const who = world.nodes[at]!.kernel.threads[thread]!
  const me = world.threadNumber(at, thread)
  world.log?.(`${at}: thread ${thread} asks: ${described(ask)}`)
  if (op === 'cancel') return cancel(world, at, thread, of)
  if (op === 'exit') return exit(world, at, thread)
  const held = heldBy(world, ask)
  if (op === 'unlock' || op === 'free' || op === 'end') who.holds = who.holds.filter((one) => one !== held)
  else who.opsLeft--
  if (op === 'unlock') return unlock(world, at, thread, of)
  if (op === 'end') return end(world, at, thread, of)
  if ((op === 'lock' || op === 'try') && lockAtOnce(world, at, thread, of)) return
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
  beTold(world, lock, false)
  return true
}

function unlock(world: World, at: NodeId, thread: number, lock: number): void {
  world.oracle?.learn(knowerOf(world.setup, 'lock', lock), world.threadNumber(at, thread))
  const node = world.nodes[at]!
  const word = givenBack(node.words[lock])
  node.words[lock] = word
  if (word.shut) tell(node, lock)
}

function cancel(world: World, at: NodeId, thread: number, of: number): void {
  const ask = { op: 'cancel', of } as const
  const node = world.nodes[at]!
  const ticket = ticketOf(thread, ask)
  node.kernel.threads[thread]!.asks = ask
  world.cancelsLeft--
  world.step(at, { is: 'cancel', ticket })
  const answers = node.todo.filter((effect) => 'ticket' in effect && effect.ticket === ticket).length
  if (answers !== 1) throw new Violation(`node ${at} answers a wait that is cancelled ${answers} times`)
}

/** Of the thread, which holds the lock. Its process gives that back for it. */
function end(world: World, at: NodeId, thread: number, of: number): void {
  const ask = { op: 'end', of } as const
  const node = world.nodes[at]!
  node.kernel.threads[thread]!.asks = ask
  world.deathsLeft--
  leave(world, at, thread, of)
  world.step(at, { is: 'request', ticket: ticketOf(thread, ask), request: requestOf(world, thread, ask) })
  node.words[of] = buried(node.words[of])
  tell(node, of)
}

/** Of the process that the thread is. */
function exit(world: World, at: NodeId, thread: number): void {
  const node = world.nodes[at]!
  const locks = node.kernel.threads[thread]!.holds.filter((one) => one < world.setup.locks)
  world.deathsLeft--
  for (const lock of locks) {
    leave(world, at, thread, lock)
    node.words[lock] = buried(node.words[lock])
  }
  node.kernel.end(thread)
  world.step(at, { is: 'exit', process: thread, held: locks.map((lock) => `l${lock}`), died: true })
}

/** It dies holding the lock: whoever has it next sees what it wrote, and is told. */
function leave(world: World, at: NodeId, thread: number, lock: number): void {
  world.oracle?.learn(knowerOf(world.setup, 'lock', lock), world.threadNumber(at, thread))
  world.untold |= 1 << lock
}

/** Who holds the lock now has been told whether its last holder died. Of what a lost node had, everybody is told so. */
function beTold(world: World, lock: number, ownerDied: boolean): void {
  const bit = 1 << lock
  const died = (world.untold & bit) !== 0
  if (died && !ownerDied) throw new Violation(`the holder of lock ${lock} died, and the next one is not told`)
  if (ownerDied && !died && world.losses === 0) throw new Violation(`lock ${lock}: told of a death that was none`)
  world.untold &= ~bit
}

/** May what the thread asks be refused like that? */
export function mayRefuse(world: World, at: NodeId, ticket: number, error: string): boolean {
  const { asks } = world.nodes[at]!.kernel.threads[Math.floor(ticket / TICKETS)]!
  if (error === 'BUSY') return asks?.op === 'try'
  if (error === 'TIMEOUT') return asks?.op === 'cancel'
  return error === 'HEAP_FULL' || world.losses > 0
}

/** @param answer undefined: refused */
export function answered(world: World, at: NodeId, ticket: number, answer: Answer | undefined): void {
  const thread = Math.floor(ticket / TICKETS)
  const who = world.nodes[at]!.kernel.threads[thread]!
  const asked = who.asks
  if (asked === undefined) throw new Violation(`node ${at} answers thread ${thread}, which asks nothing`)
  who.asks = undefined
  const me = world.threadNumber(at, thread)
  if (answer?.is === 'locked') {
    hold(world, at, thread, 'lock', asked.of)
    beTold(world, asked.of, answer.ownerDied)
  }
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
  if (op === 'alloc' || op === 'exit') return op
  return `${op} ${op === 'free' ? 'b' : LOCK_OPS.has(op) ? 'l' : 'p'}${of}`
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
  return LOCK_OPS.has(op) ? of : setup.locks + of
}

function othersOf(world: World, at: NodeId, thread: number): number[] {
  const all = Array.from({ length: world.setup.threads }, (_, other) => other)
  return all.filter((other) => other !== thread).map((other) => world.threadNumber(at, other))
}

function ticketOf(thread: number, { op, of }: Ask): number {
  return thread * TICKETS + (LOCK_OPS.has(op) ? of : OTHER_TICKETS)
}

function requestOf(world: World, thread: number, { op, of }: Ask): LocalRequest {
  switch (op) {
    case 'unlock':
    case 'cancel':
    case 'exit':
      throw new Error(`${op} is no request`)
    case 'lock':
    case 'try':
      return { op: 'lock', key: `l${of}`, process: thread, holder: 1, patient: op === 'lock' }
    case 'end':
      return { op: 'died', key: `l${of}` }
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
