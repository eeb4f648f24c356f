/** What the page directories must say, by protocol, when nothing more can happen in a World. */
import type { Page } from '../base/ids.js'
import type { Access } from '../base/ids.js'
import { pageView, type PageView } from '../node/state.js'
import { Violation } from './violation.js'
import { SEGMENT } from './create-nodes.js'
import type { World } from './world.js'

/** Homes know who has a copy, and what its threads may do with it. */
export function homesKnowTheCopies(accessIn: Readonly<Record<string, Access>>): (world: World) => void {
  return (world) => {
    for (let page = 0; page < world.setup.pages; page++) checkHome(world, page, accessIn)
  }
}

function checkHome(world: World, page: Page, accessIn: Readonly<Record<string, Access>>): void {
  const home = world.nodes[page % world.nodes.length]!
  if (!home.alive) return
  const { homeState, copyset = [] } = pageView(home.state, SEGMENT, page) ?? {}
  if (homeState === undefined) return
  world.nodes.forEach((node, at) => {
    if (!node.alive) return
    const has = pageView(node.state, SEGMENT, page)!.access
    const should = copyset.includes(at) ? accessIn[homeState] : 'none'
    if (has !== should) throw new Violation(`p${page} at node ${at}: ${has}, but its home thinks ${should}`)
  })
}

/** lrc: one node at most is a page's home, and knows of every copy, but for those that an acquire drops; where no node
 * is lost, whoever asks gets there; and no edge is under way. */
export function homesKnowTheSharers(world: World): void {
  world.nodes.forEach(({ alive, state: { coherence } }, at) => {
    const { flushes, releases, tellings, untold } = coherence.edges
    const left = flushes.size + releases.length + tellings.size + untold.size
    if (alive && left > 0) throw new Violation(`node ${at}: ${left} flushes, releases and notices for ever`)
  })
  for (let page = 0; page < world.setup.pages; page++) {
    const views = world.nodes.map(({ alive, state }) => (alive ? pageView(state, SEGMENT, page)! : undefined))
    const homes = views.flatMap((view, at) => (/^[SE]$/.test(view?.homeState ?? '') ? [at] : []))
    if (homes.length > 1) throw new Violation(`p${page}: nodes ${homes.join(' and ')} are its home`)
    const [home] = homes
    const { homeState, copyset = [] } = home === undefined ? {} : views[home]!
    views.forEach((view, at) => {
      if (view === undefined) return
      const { state } = view
      if (state === 'I' && home !== at && world.nodes[at]!.kernel.hasFrame(page))
        throw new Violation(`p${page}: node ${at} has a frame for nothing`)
      const counted = /^(R|RU|W|WS|E)$/.test(state)
      if (counted && !copyset.includes(at))
        throw new Violation(`p${page}: its home does not know of node ${at}'s ${state}`)
      if ((state === 'E') !== (homeState === 'E' && home === at))
        throw new Violation(`p${page}: ${state} at ${at}, home ${homeState}`)
    })
    if (world.losses === 0 && home !== undefined) checkWays(views, page, home)
  }
}

function checkWays(views: readonly (PageView | undefined)[], page: Page, home: number): void {
  for (let from = 0; from < views.length; from++) {
    let at = from
    for (let hops = 0; at !== home; hops++) {
      if (hops === views.length) throw new Violation(`p${page}: node ${from} does not find its home`)
      at = views[at]!.home
    }
  }
}

/** mrsw-dynamic: a page has one owner at most, who knows of every copy; without losses every hint leads to it. */
export function ownersKnowTheCopies(world: World): void {
  for (let page = 0; page < world.setup.pages; page++) {
    const views = world.nodes.map(({ alive, state }) => (alive ? pageView(state, SEGMENT, page)! : undefined))
    const owners = views.flatMap((view, at) => (view?.homeState === 'O' ? [at] : []))
    if (owners.length > 1) throw new Violation(`p${page} is owned by nodes ${owners.join(' and ')}`)
    const [owner] = owners
    const copyset = owner === undefined ? [] : views[owner]!.copyset!
    views.forEach((view, at) => {
      if (view === undefined || at === owner) return
      const known = view.access === 'none' || (view.access === 'read' && (owner === undefined || copyset.includes(at)))
      if (!known) throw new Violation(`p${page}: node ${at} can ${view.access}, and its owner does not know`)
    })
    if (world.losses === 0 && owner !== undefined) checkHints(views, page, owner)
  }
}

function checkHints(views: readonly (PageView | undefined)[], page: Page, owner: number): void {
  for (let from = 0; from < views.length; from++) {
    let at = from
    for (let hops = 0; at !== owner; hops++) {
      if (hops === views.length) throw new Violation(`p${page}: the hints of node ${from} go in a circle`)
      at = views[at]!.owner ?? page % views.length
    }
  }
}
