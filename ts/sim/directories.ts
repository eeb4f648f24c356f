/** What the page directories must say, by protocol, when nothing more can happen in a World. */
import type { Page } from '../base/ids.js'
import type { Access } from '../base/ids.js'
import { pageView } from '../node/state.js'
import { Violation } from './violation.js'
import { SEGMENT, type World } from './world.js'

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
