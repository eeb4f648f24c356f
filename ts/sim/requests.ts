/** What threads ask their node for, and its answers. */
import type { NodeId } from '../base/ids.js'
import { Violation } from './violation.js'
import type { World } from './world.js'

/** Tickets of a thread's requests: it has one for each lock, and one request at a time. */
const TICKETS = 10_000

export function request(world: World, at: NodeId, thread: number, op: 'lock' | 'unlock', lock: number): void {
  const who = world.nodes[at]!.kernel.threads[thread]!
  world.log?.(`${at}: thread ${thread} ${op}s l${lock}`)
  if (op === 'lock') {
    who.opsLeft--
    who.asks = lock
  } else {
    who.holds = who.holds.filter((held) => held !== lock)
    world.oracle?.released(world.threadNumber(at, thread), lock)
  }
  const ticket = thread * TICKETS + 2 * lock + Number(op === 'lock')
  const request = { op, key: `l${lock}`, process: thread, holder: '1' } as const
  world.step(at, { is: 'request', ticket, request })
}

export function answered(world: World, at: NodeId, ticket: number, locked: boolean): void {
  const thread = Math.floor(ticket / TICKETS)
  const who = world.nodes[at]!.kernel.threads[thread]!
  const lock = who.asks
  if (lock === undefined) return // an unlock
  who.asks = undefined
  if (!locked) return
  const held = world.nodes.some(({ kernel }) => kernel.threads.some(({ holds }) => holds.includes(lock)))
  if (held) throw new Violation(`two hold l${lock}`)
  who.holds = [...who.holds, lock]
  world.oracle?.acquired(world.threadNumber(at, thread), lock)
}
