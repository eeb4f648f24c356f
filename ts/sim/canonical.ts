/**
 * The parts of a World as texts that are equal for parts with the same future: the order in which
 * faults were raised does not matter, nor which of a node's threads is called the first.
 */
import { canonical as canonicalCoherence } from '../coherence/inspect.js'
import { describeEffect } from './describe.js'
import { isCoherence } from '../node/messages.js'
import { TRAVELS } from './perform.js'
import type { InFlight, SimNode } from './sim-node.js'

/** @param locks whether threads use any: then the sync room's state matters */
export function canonicalNode(node: SimNode, locks: boolean): string {
  if (!node.alive) return 'lost'
  const { frames } = node.kernel
  return [
    canonicalCoherence(node.state.coherence),
    locks ? canonicalSync(node) : '',
    locks ? node.state.coherence.edges.nextNotice : '',
    frames.join(),
    node.kernel.twins.join(),
    canonicalThreads(node, locks),
    node.todo.map((effect) => describeTodo(node, effect)).join(),
    JSON.stringify([node.payload, node.diffs]),
    node.copied,
    [...node.resumes].sort().join(),
    [...node.unlearnt].sort().join(),
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

/** With locks the oracle knows threads by their numbers: there each is who it is. */
function canonicalThreads(node: SimNode, locks: boolean): string {
  const threads = node.kernel.threads.map((_, thread) => canonicalThread(node, thread))
  return (locks ? threads : threads.sort()).join()
}

function canonicalThread({ kernel }: SimNode, thread: number): string {
  const { opsLeft, access, page, place, waiting, holds, asks, done, registers } = kernel.threads[thread]!
  const views = kernel.views.slice(thread * kernel.pages, (thread + 1) * kernel.pages)
  const raised = kernel.faults.filter((fault) => fault.thread === thread).map((fault) => `${fault.page}${fault.access}`)
  const read = kernel.waiting.filter((fault) => fault.thread === thread).map((fault) => fault.page)
  const locks = `${holds.join('+')}?${asks ?? ''}@${done}:${registers.join('.')}`
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
  return JSON.stringify({ ...sync, askers: undefined }, (_, value: unknown) =>
    value instanceof Map ? [...value].sort() : value instanceof Set ? [...value] : value,
  )
}
