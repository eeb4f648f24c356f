/**
 * What a protocol's promise looks at of a node. While no node's face changes a promise cannot be broken, so
 * that the explorer looks only where one does.
 */
import type { Access, Page } from '../base/ids.js'
import { pageView } from '../node/state.js'
import { SEGMENT } from './create-nodes.js'
import type { SimNode } from './sim-node.js'

export interface Face {
  readonly alive: boolean
  /** In the middle of a step. */
  readonly busy: boolean
  /** By page. */
  readonly pages: readonly PageFace[]
}

interface PageFace {
  /** What threads may do with it. */
  readonly access: Access | 'none'
  /** The bytes that they can see: numbers of writes. */
  readonly bytes: number | undefined
  /** Of this node's copy. */
  readonly state: string
  readonly twin: boolean
  /** Whether this node takes itself for its home. */
  readonly home: boolean
}

export function faceOf({ alive, kernel, state, todo }: SimNode): Face {
  const face = (page: Page): PageFace => {
    const access = kernel.access(page)
    const bytes = access === 'none' ? undefined : kernel.frames[page]
    const view = pageView(state, SEGMENT, page)!
    const home = view.home === state.self
    return { access, bytes, state: view.state, twin: kernel.twins[page]! >= 0, home }
  }
  return { alive, busy: todo.length > 0, pages: Array.from({ length: kernel.pages }, (_, page) => face(page)) }
}
