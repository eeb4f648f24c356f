/** What must hold at every moment of a World, and when nothing more can happen in it. */
import { HOME_SETTLED, type HomeState } from '../coherence/mrsw/home.table.js'
import { pageView } from '../node/state.js'
import { Violation } from './violation.js'
import { SEGMENT, type World } from './world.js'

/** One writer or many readers; a readable copy holds the last write. @throws Violation */
export function checkNow(world: World): void {
  for (let page = 0; page < world.setup.pages; page++) {
    let writer = -1
    let reader = -1
    for (let at = 0; at < world.nodes.length; at++) {
      const { kernel } = world.nodes[at]!
      const access = kernel.access(page)
      if (access === 'none') continue
      if (writer >= 0 || (access === 'write' && reader >= 0)) {
        throw new Violation(`node ${at} can ${access} p${page}, node ${Math.max(writer, reader)} can use it too`)
      }
      if (access === 'write') writer = at
      reader = at
      if (kernel.frames[page] !== world.latest[page]) throw new Violation(`node ${at} can read old bytes of p${page}`)
    }
  }
}

/** Nothing is stuck, and the directories say what is. For worlds in which nothing is left to happen. */
export function checkEnd(world: World): void {
  for (let at = 0; at < world.nodes.length; at++) {
    const node = world.nodes[at]!
    if (!node.alive) continue
    node.kernel.threads.forEach((thread, number) => {
      if (thread.waiting) throw new Violation(`node ${at} thread ${number} waits for p${thread.page} for ever`)
    })
    for (let page = at; page < world.setup.pages; page += world.nodes.length) checkDirectory(world, at, page)
  }
}

function checkDirectory(world: World, home: number, page: number): void {
  const view = pageView(world.nodes[home]!.state, SEGMENT, page)
  const state = view?.homeState as HomeState | undefined
  if (view === undefined || state === undefined) return
  if (!HOME_SETTLED.has(state)) throw new Violation(`p${page} is ${state} for ever`)
  if (view.stalled !== undefined) throw new Violation(`p${page}: requests wait for ever`)
  const copyset = view.copyset ?? []
  world.nodes.forEach((node, at) => {
    if (!node.alive) return
    const has = pageView(node.state, SEGMENT, page)!.access
    const should = !copyset.includes(at) ? 'none' : state === 'M' ? 'write' : 'read'
    if (has !== should) throw new Violation(`p${page} at node ${at}: ${has}, but its home thinks ${should}`)
  })
}
