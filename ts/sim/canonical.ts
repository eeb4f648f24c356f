/**
 * A World as one text that is equal for Worlds with the same future, and its hash. The number of a
 * write matters only as "the last one" or "an older one"; faults are read in any order.
 */
import { canonical as canonicalCoherence } from '../coherence/inspect.js'
import { describeEffect } from './describe.js'
import type { InFlight, SimNode, World } from './world.js'

export function canonical(world: World): string {
  const parts: string[] = [`${world.duplicatesLeft} ${world.lossesLeft}`]
  for (const node of world.nodes) parts.push(node.alive ? canonicalNode(world, node) : 'lost')
  for (const link of world.links) parts.push(link.map((flight) => canonicalFlight(world, flight)).join())
  return parts.join('|')
}

function canonicalNode(world: World, node: SimNode): string {
  const { frames, views, threads, faults, waiting, pages } = node.kernel
  // the todo's effects are all of one page, that of the step
  const page = node.todo.map((effect) => ('message' in effect ? effect.message : effect)).find((at) => 'page' in at)
  const at = page !== undefined && 'page' in page ? page.page : 0
  return [
    canonicalCoherence(node.state.coherence),
    Array.from({ length: pages }, (_, page) => age(world, page, frames[page])).join(''),
    views.map((view) => view[0]).join(''),
    threads
      .map((thread) => `${thread.opsLeft}${thread.access ?? '-'}${thread.page}${thread.waiting ? 'w' : ''}`)
      .join(),
    faults
      .map((fault) => `${fault.thread}${fault.page}${fault.access}`)
      .sort()
      .join(),
    waiting
      .map((fault) => `${fault.thread}${fault.page}`)
      .sort()
      .join(),
    node.todo.map((effect) => describeTodo(node, effect)).join(),
    age(world, at, node.payload),
    age(world, at, node.copied),
    [...node.resumes].sort().join(),
    [...node.unlearnt].sort().join(),
  ].join(';')
}

function describeTodo(node: SimNode, effect: SimNode['todo'][number]): string {
  const text = describeEffect(node.state.self, effect)
  return effect.do === 'Send' && 'serial' in effect.message ? `${text} ${effect.message.serial}` : text
}

function canonicalFlight(world: World, { message, payload }: InFlight): string {
  const { type, page, requester, serial, bytes } = message
  return `${type} ${page} ${requester} ${serial} ${bytes} ${age(world, page, payload)}`
}

function age(world: World, page: number, bytes: number | undefined): string {
  if (bytes === undefined) return 'n'
  if (bytes < 0) return 'h'
  return bytes === world.latest[page] ? 'l' : 'o'
}

/** 53 bits, for sets of visited states: with 10^6 states the chance that two collide is 1 in 10^4. (cyrb53) */
export function hash53(text: string): number {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 2654435761)
    b = Math.imul(b ^ code, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return 4294967296 * (2097151 & b) + (a >>> 0)
}
