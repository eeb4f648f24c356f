/**
 * Numbers that only ever grow would make every World new. The explorer gives them new names that
 * say all that can matter: of a page's writes the last is 1 and all others are 0; of a node's
 * requests for a page the last is 1 and all others are 0, wherever their numbers are. Versions of a page
 * are only ever compared with each other, and the next is above all: they keep their order.
 */
import type { NodeId, Page } from '../base/ids.js'
import type { CoherenceMessage } from '../coherence/messages.js'
import { SERIAL_LIMIT, copySerial, homeOf, setCopySerial } from '../coherence/state.js'
import type { Effect } from '../node/effects.js'
import { isCoherence, type Message } from '../node/messages.js'
import { SEGMENT, type InFlight, type World } from './world.js'

export function renumberWrites(world: World, page: Page): void {
  const last = world.latest[page]!
  if (last <= 1) return
  world.latest[page] = 1
  const age = (bytes: number) => (bytes < 0 ? bytes : Number(bytes === last))
  world.nodes.forEach((old, at) => {
    const busy = pageOf(old.todo[0]) === page
    if (old.kernel.frames[page]! < 0 && !busy) return
    const node = world.own(at, 'kernel')
    node.kernel.frames[page] = age(node.kernel.frames[page]!)
    if (busy && typeof node.payload === 'number') node.payload = age(node.payload)
    if (busy && node.copied !== undefined) node.copied = age(node.copied)
  })
  world.links.forEach((link, at) => {
    const carries = ({ message, payload }: InFlight) =>
      isCoherence(message) && message.page === page && payload !== undefined
    if (!link.some(carries)) return
    world.links[at] = link.map((flight) => {
      const { message, payload } = flight
      return { message, payload: carries(flight) && typeof payload === 'number' ? age(payload) : payload }
    })
  })
}

/** After a step of the node, which may have made a request. */
export function renumberRequests(world: World, node: NodeId): void {
  if (world.setup.protocol === 'mrsw-dynamic') return renumberVersions(world)
  for (let page = 0; page < world.setup.pages; page++) {
    const pages = world.nodes[node]!.state.coherence.segments.get(SEGMENT)!
    const last = copySerial(pages, page)
    if (last > 1) renumberPage(world, node, page, last)
  }
}

function renumberVersions(world: World): void {
  for (let page = 0; page < world.setup.pages; page++) {
    const used = new Set<number>()
    visitVersions(world, page, (serial) => {
      used.add(serial % SERIAL_LIMIT)
      return serial
    })
    used.delete(0)
    const ranks = new Map([...used].sort((a, b) => a - b).map((version, at) => [version, at + 1]))
    if ([...ranks].every(([version, rank]) => version === rank)) continue
    visitVersions(world, page, (serial) => serial - (serial % SERIAL_LIMIT) + (ranks.get(serial % SERIAL_LIMIT) ?? 0))
  }
}

/** Exchanges every version of the page, wherever it is. */
function visitVersions(world: World, page: Page, exchange: (serial: number) => number): void {
  const inMessage = <M extends Message>(message: M): M => {
    if (!isCoherence(message)) return message
    const serial = message.page === page && message.type !== 'Learnt' ? exchange(message.serial) : message.serial
    return serial === message.serial ? message : { ...message, serial }
  }
  world.nodes.forEach((old, at) => {
    if (!old.alive) return
    const pages = old.state.coherence.segments.get(SEGMENT)!
    const version = copySerial(pages, page)
    if (exchange(version) !== version) {
      setCopySerial(world.own(at, 'all').state.coherence.segments.get(SEGMENT)!, page, exchange(version))
    }
    const waiting = pages.stalled.get(page)
    if (waiting?.some((message) => inMessage(message) !== message)) {
      world.own(at, 'all').state.coherence.segments.get(SEGMENT)!.stalled.set(page, waiting.map(inMessage))
    }
    if (!old.todo.some((effect) => effect.do === 'Send')) return
    const node = world.own(at, 'kernel')
    node.todo = node.todo.map((effect) => {
      if (effect.do !== 'Send' || !isCoherence(effect.message)) return effect
      return { ...effect, message: inMessage(effect.message) }
    })
  })
  world.links.forEach((link, at) => {
    if (!link.some(({ message }) => inMessage(message) !== message)) return
    world.links[at] = link.map(({ message, payload }) => ({ message: inMessage(message), payload }))
  })
}

function renumberPage(world: World, requester: NodeId, page: Page, last: number): void {
  const concerns = (message: Message): message is CoherenceMessage =>
    isCoherence(message) && message.requester === requester && message.page === page
  const age = (serial: number) => Number(serial === last)
  const renumbered = (message: CoherenceMessage) => ({ ...message, serial: age(message.serial) })

  const own = world.own(requester, 'all').state.coherence.segments.get(SEGMENT)!
  setCopySerial(own, page, 1)
  const home = homeOf(own, page)
  if (world.nodes[home]!.alive) {
    const pages = world.own(home, 'all').state.coherence.segments.get(SEGMENT)!
    const now = pages.transactions.get(page)
    if (now?.requester === requester) pages.transactions.set(page, { ...now, serial: age(now.serial) })
    const waiting = pages.stalled.get(page)
    if (waiting?.some(concerns)) {
      pages.stalled.set(
        page,
        waiting.map((message) => (concerns(message) ? renumbered(message) : message)),
      )
    }
  }
  world.nodes.forEach((old, at) => {
    const sends = (effect: Effect) => effect.do === 'Send' && isCoherence(effect.message) && concerns(effect.message)
    if (!old.todo.some(sends)) return
    const node = world.own(at, 'kernel')
    node.todo = node.todo.map((effect) => {
      if (effect.do !== 'Send' || !isCoherence(effect.message) || !concerns(effect.message)) return effect
      return { ...effect, message: renumbered(effect.message) }
    })
  })
  world.links.forEach((link, at) => {
    if (!link.some(({ message }) => concerns(message))) return
    world.links[at] = link.map(({ message, payload }) => {
      return { message: concerns(message) ? renumbered(message) : message, payload }
    })
  })
}

/** The page that a step's effects are about. */
function pageOf(effect: Effect | undefined): Page | undefined {
  if (effect === undefined) return undefined
  if (effect.do !== 'Send') return 'page' in effect ? effect.page : undefined
  return isCoherence(effect.message) ? effect.message.page : undefined
}
