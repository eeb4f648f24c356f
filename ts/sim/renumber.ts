/**
 * Numbers that only ever grow would make every World new. The explorer gives them new names that
 * say all that can matter: of a page's writes the last is 1 and all others are 0; of a node's
 * requests for a page the last is 1 and all others are 0, wherever their numbers are. Versions of a page
 * are only ever compared with each other, and the next is above all: they keep their order.
 *
 * A renaming looks at one node or link at a time, so that what it makes of each can be remembered.
 */
import type { NodeId, Page } from '../base/ids.js'
import { SERIAL_LIMIT, copySerial, homeOf, setCopySerial, type SegmentPages } from '../coherence/state.js'
import type { Effect } from '../node/effects.js'
import { isCoherence, type Message } from '../node/messages.js'
import { SEGMENT } from './create-nodes.js'
import { copyNode, type InFlight, type SimNode } from './sim-node.js'

export interface Renaming {
  /** Equal for those that do the same. */
  readonly name: string
  /** It matters between which nodes a link is. */
  readonly placed?: true
  /** The same one when nothing in it is renamed. */
  node(node: SimNode, at: NodeId): SimNode
  link(link: readonly InFlight[], from: NodeId, to: NodeId): readonly InFlight[]
}

/** After a write of the page, whose number is `last`. */
export function renameWrites(page: Page, last: number): Renaming {
  const age = (bytes: number) => (bytes < 0 ? bytes : Number(bytes === last))
  const carries = ({ message, payload }: InFlight) =>
    isCoherence(message) && message.page === page && typeof payload === 'number'
  return {
    name: `writes p${page} ${last}`,
    node(old) {
      const busy = pageOf(old.todo[0]) === page
      if (old.kernel.frames[page]! < 0 && !busy) return old
      const node = copyNode(old, 'kernel', false)
      node.kernel.frames[page] = age(node.kernel.frames[page]!)
      if (busy && typeof node.payload === 'number') node.payload = age(node.payload)
      if (busy && node.copied !== undefined) node.copied = age(node.copied)
      return node
    },
    link(link) {
      if (!link.some(carries)) return link
      return link.map((flight) =>
        carries(flight) ? { message: flight.message, payload: age(flight.payload as number) } : flight,
      )
    },
  }
}

/** The requests of one node for a page, the last of which has the number `last`. */
export function renameRequests(requester: NodeId, page: Page, last: number): Renaming {
  const age = (serial: number) => Number(serial === last)
  const renamed = <M extends Message>(message: M): M =>
    isCoherence(message) && message.requester === requester && message.page === page
      ? { ...message, serial: age(message.serial) }
      : message
  return {
    name: `requests ${requester} p${page} ${last}`,
    node(old, at) {
      const known = pagesOf(old)
      const isHome = homeOf(known, page) === at && old.alive
      const serves = isHome && known.transactions.get(page)?.requester === requester
      const waits = isHome && known.stalled.get(page)?.some((message) => renamed(message) !== message)
      const sends = renamesTodo(old, renamed)
      if (at !== requester && !serves && !waits && !sends) return old
      const node = copyNode(old, at === requester || serves || waits ? 'all' : 'kernel', false)
      const pages = pagesOf(node)
      if (at === requester) setCopySerial(pages, page, 1)
      const now = pages.transactions.get(page)
      if (serves && now !== undefined) pages.transactions.set(page, { ...now, serial: age(now.serial) })
      if (waits) pages.stalled.set(page, pages.stalled.get(page)!.map(renamed))
      renameTodo(node, renamed)
      return node
    },
    link: (link) => renamedLink(link, renamed),
  }
}

/** The page's versions, by the bits that are set in `used`: they become 1, 2, 3 in their order. */
export function renameVersions(page: Page, used: number): Renaming {
  const rank = (version: number) => {
    let below = 0
    for (let one = 1; one <= version; one++) below += (used >>> one) & 1
    return below
  }
  const exchange = (serial: number) => serial - (serial % SERIAL_LIMIT) + rank(serial % SERIAL_LIMIT)
  const renamed = <M extends Message>(message: M): M => {
    if (!isCoherence(message) || message.page !== page || message.type === 'Learnt') return message
    const serial = exchange(message.serial)
    return serial === message.serial ? message : { ...message, serial }
  }
  return {
    name: `versions p${page} ${used}`,
    node(old) {
      if (!old.alive) return old
      const known = pagesOf(old)
      const version = copySerial(known, page)
      const holds = exchange(version) !== version
      const waits = known.stalled.get(page)?.some((message) => renamed(message) !== message)
      if (!holds && !waits && !renamesTodo(old, renamed)) return old
      const node = copyNode(old, holds || waits ? 'all' : 'kernel', false)
      const pages = pagesOf(node)
      if (holds) setCopySerial(pages, page, exchange(version))
      if (waits) pages.stalled.set(page, pages.stalled.get(page)!.map(renamed))
      renameTodo(node, renamed)
      return node
    },
    link: (link) => renamedLink(link, renamed),
  }
}

/** The highest version that a set of versions as bits can have. */
const VERSIONS_MAX = 30

/** The page's versions at a node or on a link, as bits. */
export function versionsAt(node: SimNode, page: Page): number {
  if (!node.alive) return 0
  const pages = pagesOf(node)
  let used = bit(copySerial(pages, page))
  for (const message of pages.stalled.get(page) ?? []) used |= versionOf(message, page)
  for (const effect of node.todo) if (effect.do === 'Send') used |= versionOf(effect.message, page)
  return used
}

export function versionsOn(link: readonly InFlight[], page: Page): number {
  return link.reduce((used, { message }) => used | versionOf(message, page), 0)
}

function versionOf(message: Message, page: Page): number {
  return isCoherence(message) && message.page === page && message.type !== 'Learnt' ? bit(message.serial) : 0
}

function bit(serial: number): number {
  const version = serial % SERIAL_LIMIT
  if (version > VERSIONS_MAX) throw new Error('a page has more versions at a time than the explorer can name')
  return version === 0 ? 0 : 1 << version
}

export function pagesOf({ state }: SimNode): SegmentPages {
  return state.coherence.segments.get(SEGMENT)!
}

type Rename = <M extends Message>(message: M) => M

function renamedLink(link: readonly InFlight[], renamed: Rename): readonly InFlight[] {
  if (!link.some(({ message }) => renamed(message) !== message)) return link
  return link.map(({ message, payload }) => ({ message: renamed(message), payload }))
}

function renamesTodo({ todo }: SimNode, renamed: Rename): boolean {
  return todo.some((effect) => effect.do === 'Send' && renamed(effect.message) !== effect.message)
}

function renameTodo(node: SimNode, renamed: Rename): void {
  node.todo = node.todo.map((effect) =>
    effect.do === 'Send' ? ({ ...effect, message: renamed(effect.message) } as Effect) : effect,
  )
}

/** The page that a step's effects are about. */
function pageOf(effect: Effect | undefined): Page | undefined {
  if (effect === undefined) return undefined
  if (effect.do !== 'Send') return 'page' in effect ? effect.page : undefined
  return isCoherence(effect.message) ? effect.message.page : undefined
}
