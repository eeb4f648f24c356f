/**
 * The parts of a World as texts that are equal for parts with the same future: the order in which
 * faults were raised does not matter, nor which of a node's threads is called the first.
 */
import { canonical as canonicalCoherence } from '../coherence/inspect.js'
import { describeEffect } from './describe.js'
import type { InFlight, SimNode } from './world.js'

export function canonicalNode(node: SimNode): string {
  if (!node.alive) return 'lost'
  const { frames } = node.kernel
  return [
    canonicalCoherence(node.state.coherence),
    frames.join(),
    node.kernel.threads
      .map((_, thread) => canonicalThread(node, thread))
      .sort()
      .join(),
    node.todo.map((effect) => describeTodo(node, effect)).join(),
    node.payload,
    node.copied,
    [...node.resumes].sort().join(),
    [...node.unlearnt].sort().join(),
  ].join(';')
}

export function canonicalLink(link: readonly InFlight[]): string {
  return link
    .map(({ message: { type, page, requester, serial, bytes }, payload }) => {
      return `${type} ${page} ${requester} ${serial} ${bytes} ${payload}`
    })
    .join()
}

function canonicalThread({ kernel }: SimNode, thread: number): string {
  const { opsLeft, access, page, waiting } = kernel.threads[thread]!
  const views = kernel.views.slice(thread * kernel.pages, (thread + 1) * kernel.pages)
  const raised = kernel.faults.filter((fault) => fault.thread === thread).map((fault) => `${fault.page}${fault.access}`)
  const read = kernel.waiting.filter((fault) => fault.thread === thread).map((fault) => fault.page)
  return `${opsLeft}${access ?? '-'}${page}${waiting} ${views.join(' ')} ${raised.sort().join(' ')}/${read.sort().join(' ')}`
}

function describeTodo(node: SimNode, effect: SimNode['todo'][number]): string {
  const text = describeEffect(node.state.self, effect)
  if (effect.do !== 'Send' || !('serial' in effect.message)) return text
  return `${text} ${effect.message.requester} ${effect.message.serial}`
}
