/** What can happen next in a World. */
import type { Access, Page } from '../base/ids.js'
import type { CoherenceType } from '../coherence/messages.js'
import type { Choice, InFlight, World } from './world.js'

const REQUESTS: ReadonlySet<CoherenceType> = new Set(['GetRead', 'GetWrite'])
const HELD: ReadonlySet<CoherenceType> = new Set([...REQUESTS, 'FetchRead', 'FetchWrite', 'Inv'])

export interface Options {
  /** What must happen sooner or later. */
  readonly must: Choice[]
  /** What may: a fault that comes twice, a loss. */
  readonly may: Choice[]
}

/** @param ops the accesses that a thread which is free to choose may make */
export function choices(world: World, ops: (pages: number) => readonly [Page, Access][]): Options {
  const must: Choice[] = []
  const may: Choice[] = []
  const alive = world.nodes.filter((node) => node.alive).length
  world.nodes.forEach((node, at) => {
    if (!node.alive) return
    threadChoices(world, at, ops, must, may)
    if (world.lossesLeft > 0 && alive > 1) may.push({ do: 'lose', node: at })
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
    for (let from = 0; from < world.nodes.length; from++) {
      const link = world.link(from, at)
      const last = world.setup.holds ? link.length : Math.min(1, link.length)
      for (let place = 0; place < last; place++) {
        if (mayOvertake(link, place)) must.push({ do: 'deliver', from, node: at, at: place })
      }
    }
    for (const page of new Set(node.resumes)) must.push({ do: 'resume', node: at, page })
    for (const lost of node.unlearnt) must.push({ do: 'learn', node: at, lost })
  })
  return { must, may }
}

/** May the message be delivered before those in front of it? What a node says about a page stays in
 * order, but for a request: its home may hold that, and not an acknowledgement that follows. */
function mayOvertake(link: readonly InFlight[], place: number): boolean {
  const { type, page } = link[place]!.message
  return link.slice(0, place).every(({ message: front }) => {
    if (!HELD.has(front.type)) return false
    return front.page !== page || (REQUESTS.has(front.type) && !REQUESTS.has(type))
  })
}

function threadChoices(
  world: World,
  node: number,
  ops: (pages: number) => readonly [Page, Access][],
  must: Choice[],
  may: Choice[],
): void {
  world.nodes[node]!.kernel.threads.forEach(({ opsLeft, access, page, waiting }, thread) => {
    if (waiting) {
      if (world.duplicatesLeft > 0) may.push({ do: 'again', node, thread })
    } else if (access !== undefined) {
      must.push({ do: 'act', node, thread, page, access })
    } else if (opsLeft > 0) {
      for (const [page, access] of ops(world.setup.pages)) must.push({ do: 'act', node, thread, page, access })
    }
  })
}
