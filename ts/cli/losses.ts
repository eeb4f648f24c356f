/** What the loss of a node, or of its memory, means to those who use it: for `gshm ls` and `gshm run`. */
import { GshmError } from '../base/errors.js'
import type { NodeStatus, SegmentEntry } from '../client/inspect.js'
import { human } from './parse.js'

/** Homes of the segment that are no members any more: their pages are lost. */
export function lostHomes(segment: Pick<SegmentEntry, 'homes'>, members: NodeStatus['nodes']): number[] {
  return segment.homes.filter((home) => !members.some(({ node }) => node === home))
}

/** What the node can tell of a SIGBUS there. @param before what it said before */
export async function whySigbus(socket: string, before: NodeStatus | undefined): Promise<string> {
  const { segments, status } = await import('../client/inspect.js')
  try {
    const now = status(socket)
    const left = before?.nodes.filter(({ node }) => !now.nodes.some((member) => member.node === node)) ?? []
    const gone = new Set(left.map(({ node }) => node))
    // What is free now says nothing: a write may need two frames, a twin's too, and twins go with their writer.
    if (gone.size === 0 && now.refused > (before?.refused ?? 0)) {
      return `the ${human(now.memoryBytes)} of its node's --memory are used up, and no page could leave`
    }
    for (const segment of segments(socket)) for (const node of lostHomes(segment, now.nodes)) gone.add(node)
    if (gone.size > 0) return `pages are lost: with node ${[...gone].join(', ')}, which has left the cluster`
    return "an access to a page that is lost or beyond a segment: the node's log may say more"
  } catch (error) {
    if (!(error instanceof GshmError)) throw error
    return `its node is gone (${error.reason})`
  }
}
