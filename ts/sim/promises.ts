/**
 * What a protocol promises to threads, as something to look at between any two events. Each throws a
 * Violation. That no thread reads old bytes is checked by World at each read besides.
 */
import type { Page } from '../base/ids.js'
import { pageView } from '../node/state.js'
import { Violation } from './violation.js'
import { SEGMENT } from './create-nodes.js'
import type { World } from './world.js'

/** Sequential consistency: one writer or many readers, and a readable copy holds the last write. */
export function oneWriterOrManyReaders(world: World): void {
  forEachCopy(world, (page, at, access, others) => {
    if (
      access === 'write'
        ? others.length > 0
        : others.some((other) => world.nodes[other]!.kernel.access(page) === 'write')
    )
      throw new Violation(`node ${at} can ${access} p${page}, node ${others.at(-1)} can use it too`)
    holdsTheLastWrite(world, page, at)
  })
}

/** srsw: at most one node can use a page at all. */
export function oneCopy(world: World): void {
  forEachCopy(world, (page, at, access, others) => {
    if (others.length > 0) throw new Violation(`node ${at} can ${access} p${page}, node ${others[0]} can use it too`)
    holdsTheLastWrite(world, page, at)
  })
}

/** @param visit gets the lower nodes that can use the page too */
function forEachCopy(
  world: World,
  visit: (page: Page, at: number, access: 'read' | 'write', others: readonly number[]) => void,
): void {
  const { nodes, setup } = world
  for (let page = 0; page < setup.pages; page++) {
    const others: number[] = []
    for (let at = 0; at < nodes.length; at++) {
      const access = nodes[at]!.kernel.access(page)
      if (access === 'none') continue
      visit(page, at, access, others)
      others.push(at)
    }
  }
}

function holdsTheLastWrite(world: World, page: Page, at: number): void {
  const bytes = world.nodes[at]!.kernel.frames[page]
  if (bytes !== world.latest[page]) throw new Violation(`node ${at} can read old bytes of p${page}`)
}

/**
 * lrc: who writes without twin and notices has the page alone, but for copies that an acquire drops; and
 * there is a twin wherever a page is written beside others. What reads may see is the oracle's affair.
 */
export function exclusiveIsAlone(world: World): void {
  const { nodes, setup } = world
  for (let page = 0; page < setup.pages; page++) {
    const states = nodes.map(({ alive, state }) => (alive ? pageView(state, SEGMENT, page)!.state : 'I'))
    const alone = states.indexOf('E')
    const other = states.findIndex((state, at) => at !== alone && /^(R|W|WS|E)$/.test(state))
    if (alone >= 0 && other >= 0) throw new Violation(`node ${alone} has p${page} alone, node ${other} has it too`)
    states.forEach((state, at) => {
      const { kernel, todo } = nodes[at]!
      if (todo.length > 0) return
      const should = /^WS?$/.test(state) && page % nodes.length !== at
      if (kernel.twins[page]! >= 0 !== should) throw new Violation(`node ${at} has p${page} ${state}: twin ${!should}`)
    })
  }
}
