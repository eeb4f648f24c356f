/** What must hold of locks and their tokens: when nothing is under way, and when nothing more can happen. */
import { managerOf } from '../sync/index.js'
import type { Choice } from './choice.js'
import { Violation } from './violation.js'
import type { World } from './world.js'

/** Of all that must happen nothing is a node's or a message's: it is for threads to go on. */
export function isQuiet(must: readonly Choice[]): boolean {
  return must.every(({ do: what }) => what === 'act' || what === 'ask')
}

/** Who only tries a lock waits for no thread: when nothing is under way, it has its answer. */
export function checkTries({ nodes }: World): void {
  nodes.forEach(({ alive, kernel }, at) => {
    const tries = kernel.threads.findIndex(({ asks }) => asks?.op === 'try')
    if (alive && tries >= 0) throw new Violation(`node ${at} thread ${tries} tries a lock, and waits for who holds it`)
  })
}

/** When nothing more can happen every token is where its manager says, or with it, and no death is forgotten. */
export function checkTokens(world: World): void {
  world.nodes.forEach(({ alive, state: { sync } }, at) => {
    if (!alive) return
    if (sync.claims.size + sync.claimants.size > 0) throw new Violation(`node ${at} has a claim of nobody's`)
    if (sync.edges.size > 0) throw new Violation(`node ${at} waits for an edge for ever`)
  })
  for (let lock = 0; lock < world.setup.locks; lock++) checkToken(world, lock)
}

function checkToken({ nodes, untold }: World, lock: number): void {
  const key = `l${lock}`
  const manager = nodes[managerOf(key)]!
  const token = manager.alive ? manager.state.sync.tokens.get(key) : undefined
  const { state: is = 'None', at: place } = token ?? {}
  if (is !== 'None' && is !== 'At' && is !== 'Orphan')
    throw new Violation(`the token of lock ${lock} is ${is} for ever`)
  if (is === 'None' && manager.alive && (untold & (1 << lock)) !== 0) {
    throw new Violation(`the holder of lock ${lock} died, and that is forgotten`)
  }
  nodes.forEach(({ alive, state, words }, at) => {
    if (!alive) return
    const here = state.sync.locks.get(key)?.state ?? 'None'
    const isLent = here === 'Held' && words[lock]?.shut === false
    const has = is === 'At' && place?.node === at
    if (has ? !isLent && here !== 'Idle' : here !== 'None')
      throw new Violation(`node ${at} has lock ${lock} ${here} for ever`)
  })
}
