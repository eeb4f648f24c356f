/**
 * States that differ only in which of several nodes that are alike is which have the same future but for
 * those names: one of them is gone through (scalarsets, Ip & Dill 1996). Alike are nodes that are home of no
 * page: a protocol tells those apart by what they have done alone. Not so
 *   - where a node is lost, or a page evicted: of the nodes that may have it the lowest is elected;
 *   - with an oracle, which knows threads by their numbers; and node 0 manages all locks;
 *   - with a program, in which every node has a part of its own.
 * There every state is its own only form. That this is right is counted: the forms of all states together
 * are as many as there are states without symmetry (test/sim/symmetry.test.ts).
 *
 * The order of Sends in a step goes by node number and is not put right: they are all performed before
 * anything else happens, so that at worst two forms of one state are both gone through.
 */
import type { NodeId } from '../base/ids.js'
import { addSharer, clearSharers, sharersOf } from '../coherence/copyset.js'
import { homeStateNumber, ownerOf, setOwner } from '../coherence/state.js'
import type { Effect } from '../node/effects.js'
import { isCoherence, type Message } from '../node/messages.js'
import type { Parts, Row } from './parts.js'
import { remembered } from './remembered.js'
import { pagesOf } from './renumber.js'
import { judged, type Setup } from './setup.js'
import { copyNode, type InFlight, type SimNode } from './sim-node.js'

interface Permutation {
  readonly to: readonly NodeId[]
  readonly nodes: Map<number, number>
  readonly links: Map<number, number>
}

export class Symmetry {
  /** But for the identity. */
  readonly #permutations: readonly Permutation[]

  constructor(private readonly parts: Parts) {
    this.#permutations = permutations(parts.setup)
      .slice(1)
      .map((to) => ({ to, nodes: new Map(), links: new Map() }))
  }

  /** The least of the row's forms, and how many there are. */
  least(row: Row): { least: Row; forms: number } {
    let least = row
    const forms = [row]
    for (const permutation of this.#permutations) {
      const form = this.#form(row, permutation)
      if (forms.some((other) => compare(form, other) === 0)) continue
      forms.push(form)
      if (compare(form, least) < 0) least = form
    }
    return { least, forms: forms.length }
  }

  #form(row: Row, { to, nodes, links }: Permutation): Row {
    const { parts } = this
    const { places } = parts
    const form = row.slice()
    for (let at = 0; at < to.length; at++) {
      const number = row[places.nodes + at]!
      form[places.nodes + to[at]!] = remembered(nodes, number, () =>
        parts.nodeNumber(permutedNode(parts.node(number), to), to[at]!),
      )
      for (let other = 0; other < to.length; other++) {
        const link = row[places.links + at * to.length + other]!
        form[places.links + to[at]! * to.length + to[other]!] = remembered(links, link, () =>
          parts.linkNumber(permutedLink(parts.link(link), to)),
        )
      }
    }
    return form
  }
}

function compare(one: Row, other: Row): number {
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return one[at]! - other[at]!
  return 0
}

/** By node, what it becomes; the identity first. */
function permutations({ nodes, pages, losses, evictions, program, ...setup }: Setup): NodeId[][] {
  const all = Array.from({ length: nodes }, (_, node) => node)
  if (losses > 0 || evictions > 0 || judged(setup) || program !== undefined) return [all]
  const homes = all.slice(0, pages) // page p's home is p % nodes
  return orders(all.slice(homes.length)).map((order) => [...homes, ...order])
}

function orders(nodes: readonly NodeId[]): NodeId[][] {
  if (nodes.length === 0) return [[]]
  return nodes.flatMap((first) => orders(nodes.filter((node) => node !== first)).map((rest) => [first, ...rest]))
}

function permutedNode(old: SimNode, to: readonly NodeId[]): SimNode {
  const copy = copyNode(old, 'all', false)
  const self = to[old.state.self]!
  const node = { ...copy, state: { ...copy.state, self, coherence: { ...copy.state.coherence, self } } }
  const pages = pagesOf(node)
  for (let page = 0; page < pages.pages; page++) {
    if (homeStateNumber(pages, page) === 0 && ownerOf(pages, page) >= to.length) continue
    const sharers = sharersOf(pages, page)
    const owner = ownerOf(pages, page)
    if (owner < to.length) setOwner(pages, page, to[owner]!)
    clearSharers(pages, page)
    for (const sharer of sharers) addSharer(pages, page, to[sharer]!)
  }
  for (const [page, now] of pages.transactions) {
    const awaited = now.awaited.map((other) => to[other]!).sort((a, b) => a - b)
    pages.transactions.set(page, { ...now, requester: to[now.requester]!, awaited })
  }
  for (const [page, waiting] of pages.stalled) {
    pages.stalled.set(
      page,
      waiting.map((message) => permuted(message, to)),
    )
  }
  node.todo = node.todo.map((effect): Effect => {
    if (effect.do !== 'Send') return effect
    return { ...effect, to: to[effect.to]!, message: permuted(effect.message, to) } as Effect
  })
  return node
}

function permutedLink(link: readonly InFlight[], to: readonly NodeId[]): readonly InFlight[] {
  return link.map(({ message, payload }) => ({ message: permuted(message, to), payload }))
}

function permuted<M extends Message>(message: M, to: readonly NodeId[]): M {
  return isCoherence(message) ? { ...message, requester: to[message.requester] ?? message.requester } : message
}
