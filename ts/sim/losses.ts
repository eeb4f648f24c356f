/** A node is gone, with all that it had; the others have yet to learn of it. */
import type { NodeId } from '../base/ids.js'
import type { World } from './world.js'

export function lose(world: World, lost: NodeId): void {
  world.lossesLeft--
  world.log?.(`${lost}: lost`)
  const gone = world.nodes[lost]!
  gone.alive = false
  gone.todo = []
  gone.resumes = []
  gone.unlearnt = []
  gone.payload = undefined
  gone.copied = undefined
  gone.diffs = []
  gone.kernel.clear()
  for (let other = 0; other < world.nodes.length; other++) {
    world.setLink(other, lost, [])
    if (world.nodes[other]!.alive) world.own(other, 'kernel').unlearnt.push(lost)
  }
}
