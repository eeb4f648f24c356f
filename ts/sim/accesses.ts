/** Threads' accesses: what they write, and whether what they read is what they may see. */
import type { NodeId } from '../base/ids.js'
import type { Judge } from './oracle.js'
import { readPlace, writePlace } from './places.js'
import type { Op, Program } from './setup.js'
import { Violation } from './violation.js'
import type { World } from './world.js'

/** A thread tries an access. */
export function act(world: World, at: NodeId, thread: number, { page, place, access }: Op): void {
  const { kernel } = world.nodes[at]!
  kernel.threads[thread]!.place = place
  const outcome = kernel.tryAccess(thread, page, access)
  world.log?.(`${at}: thread ${thread} ${outcome === 'done' ? access : outcome} p${page}`)
  if (outcome !== 'done') return
  if (world.setup.program !== undefined)
    return performed(world, world.setup.program, at, thread, { page, place, access })
  if (world.oracle !== undefined) return accessed(world, world.oracle, at, thread, { page, place, access })
  if (access === 'write') kernel.frames[page] = ++world.latest[page]!
  else if (kernel.frames[page] !== world.latest[page]) throw new Violation(`node ${at} reads old bytes of p${page}`)
}

function performed(world: World, program: Program, at: NodeId, thread: number, { page, place }: Op): void {
  const { kernel } = world.nodes[at]!
  const who = kernel.threads[thread]!
  const seen = readPlace(kernel.frames[page]!, place)
  const { registers, written } = program.perform(world.threadNumber(at, thread), who.done, who.registers, seen)
  who.done++
  who.registers = registers
  if (written === undefined) return
  kernel.frames[page] = writePlace(kernel.frames[page]!, place, written)
  world.latest[page] = kernel.frames[page]
  world.memory.set(`${page}.${place}`, written)
}

function accessed(world: World, oracle: Judge, at: NodeId, thread: number, { page, place, access }: Op): void {
  const { frames } = world.nodes[at]!.kernel
  const where = page * world.setup.places + place
  if (access === 'write') {
    const write = writeOf(world, at, thread)
    frames[page] = writePlace(frames[page]!, place, write)
    return oracle.write(world.threadNumber(at, thread), where, write)
  }
  const seen = readPlace(frames[page]!, place)
  // What a lost node had written and not released is gone, and nobody can see it.
  if (world.losses > 0 || oracle.allows(world.threadNumber(at, thread), where, seen)) return
  throw new Violation(`node ${at} thread ${thread} reads w${seen} at p${page}.${place}, which was overwritten before`)
}

/** Says whose it is and which of its operations; a World of many says itself what is free. */
function writeOf({ setup, nextWrite, nodes }: World, at: NodeId, thread: number): number {
  const { opsLeft } = nodes[at]!.kernel.threads[thread]!
  return nextWrite ?? 1 + (at * setup.threads + thread) * setup.ops + opsLeft
}
