/**
 * The parts of a World as texts that are equal for parts with the same future: the order in which
 * faults were raised does not matter, nor which of a node's threads is called the first.
 */
import { canonical as canonicalCoherence } from '../coherence/inspect.js'
import { describeEffect } from './describe.js'
import { isCoherence } from '../node/messages.js'
import { TRAVELS } from './perform.js'
import type { InFlight, SimNode } from './sim-node.js'

/** @param judged whether the state of sync and heap matters, and who each thread is */
export function canonicalNode(node: SimNode, judged: boolean): string {
  if (!node.alive) return 'lost'
  const { frames } = node.kernel
  return [
    canonicalCoherence(node.state.coherence),
    judged ? canonicalSync(node) + canonicalHeap(node) : '',
    judged ? node.state.coherence.edges.nextNotice : '',
    frames.join(),
    node.kernel.twins.join(),
    canonicalThreads(node, judged),
    node.todo.map((effect) => describeTodo(node, effect)).join(),
    JSON.stringify([node.payload, node.diffs]),
    node.copied,
    [...node.resumes].sort().join(),
    [...node.unlearnt].sort().join(),
    node.words.map((word) => `${word?.holder}${word?.shut}`).join(),
    [...node.told].sort().join(),
  ].join(';')
}

export function canonicalLink(link: readonly InFlight[]): string {
  return link
    .map(({ message, payload }) => {
      if (!isCoherence(message)) return JSON.stringify([message, payload])
      const { type, page, requester, serial, bytes, confirm } = message
      return `${type} ${page} ${requester} ${serial} ${bytes} ${confirm} ${payload as number | undefined}`
    })
    .join()
}

/** An oracle knows threads by their numbers: there each is who it is. */
function canonicalThreads(node: SimNode, judged: boolean): string {
  const threads = node.kernel.threads.map((_, thread) => canonicalThread(node, thread))
  return (judged ? threads : threads.sort()).join()
}

function canonicalThread({ kernel }: SimNode, thread: number): string {
  const { opsLeft, access, page, place, waiting, holds, asks, done, registers } = kernel.threads[thread]!
  const views = kernel.views.slice(thread * kernel.pages, (thread + 1) * kernel.pages)
  const raised = kernel.faults.filter((fault) => fault.thread === thread).map((fault) => `${fault.page}${fault.access}`)
  const read = kernel.waiting.filter((fault) => fault.thread === thread).map((fault) => fault.page)
  const locks = `${holds.join('+')}?${asks ? `${asks.op}${asks.of}` : ''}@${done}:${registers.join('.')}`
  return `${opsLeft}${access ?? '-'}${page}.${place}${waiting} ${locks} ${views.join(' ')} ${raised.sort().join(' ')}/${read.sort().join(' ')}`
}

function describeTodo(node: SimNode, effect: SimNode['todo'][number]): string {
  const text = describeEffect(node.state.self, effect)
  if (effect.do !== 'Send') return `${text} ${JSON.stringify(effect)}`
  if (!isCoherence(effect.message))
    return TRAVELS.has(effect.message.type) ? `${text} ${JSON.stringify(effect.message)}` : text
  const { requester, serial, confirm } = effect.message
  return `${text} ${requester} ${serial} ${confirm}`
}

/** Locks take part where there are any: their state is Maps and Sets of plain things. Who has ever asked matters
 * only to a manager of more tokens than any World has. */
function canonicalSync({ state: { sync } }: SimNode): string {
  return JSON.stringify({ ...sync, askers: undefined, changed: undefined }, (_, value: unknown) =>
    value instanceof Map ? [...value].sort() : value instanceof Set ? [...value] : value,
  )
}

/** With two blocks at most, those that are allocated say all of an allocator. */
function canonicalHeap({ state: { heap } }: SimNode): string {
  const blocks = [...heap.managed.values()].map(({ allocator }) => [...(allocator?.slotAt.keys() ?? [])].sort())
  const pending = [...heap.pending].sort(([a], [b]) => a - b)
  const releasing = [...heap.releasing].map(([ticket, { request }]) => [ticket, request])
  return JSON.stringify([blocks, pending, releasing.sort(), [...heap.lost].sort()])
}
