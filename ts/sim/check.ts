/** What must hold at every moment of a World, and when nothing more can happen in it. */
import type { ProtocolName } from '../base/consistency.js'
import type { AnyProtocol } from '../coherence/protocol.js'
import { engine, pageView } from '../node/state.js'
import { homesKnowTheSharers, homesKnowTheCopies, ownersKnowTheCopies } from './directories.js'
import { described } from './requests.js'
import { faceOf } from './face.js'
import { exclusiveIsAlone, oneCopy, oneWriterOrManyReaders, type Promised } from './promises.js'
import type { Setup } from './setup.js'
import { checkTokens } from './tokens.js'
import { Violation } from './violation.js'
import { SEGMENT } from './create-nodes.js'
import type { World } from './world.js'

interface Checks {
  /** Holds between any two events. */
  readonly promise: Promised
  /** Holds when nothing more can happen. */
  readonly directory: (world: World) => void
}

const CHECKS: Readonly<Partial<Record<ProtocolName, Checks>>> = {
  srsw: { promise: oneCopy, directory: homesKnowTheCopies({ M: 'write' }) },
  lrc: { promise: exclusiveIsAlone, directory: homesKnowTheSharers },
  mrsw: { promise: oneWriterOrManyReaders, directory: homesKnowTheCopies({ S: 'read', M: 'write' }) },
  'mrsw-dynamic': { promise: oneWriterOrManyReaders, directory: ownersKnowTheCopies },
}

/** The production protocols that the simulator has checks for. */
export const CHECKED: readonly AnyProtocol[] = engine.protocols().filter(({ name }) => CHECKS[name] !== undefined)

/** @throws Violation */
export function checkNow(world: World): void {
  promiseOf(world.setup)(world.nodes.map(faceOf), world.latest)
}

/** What must hold at every moment. */
export function promiseOf(setup: Pick<Setup, 'protocol'>): Promised {
  return checksOf(setup).promise
}

/** Nothing is stuck, and the directories say what is. For worlds in which nothing is left to happen. */
export function checkEnd(world: World): void {
  const protocol = engine.protocols().find(({ name }) => name === world.setup.protocol)!
  for (let at = 0; at < world.nodes.length; at++) {
    const node = world.nodes[at]!
    if (!node.alive) continue
    node.kernel.threads.forEach((thread, number) => {
      if (thread.waiting) throw new Violation(`node ${at} thread ${number} waits for p${thread.page} for ever`)
      if (thread.asks !== undefined)
        throw new Violation(`node ${at} thread ${number} waits for ever: ${described(thread.asks)}`)
    })
    for (let page = 0; page < world.setup.pages; page++) checkSettled(world, protocol, at, page)
  }
  checksOf(world.setup).directory(world)
  checkTokens(world)
}

function checkSettled(world: World, { settled }: AnyProtocol, at: number, page: number): void {
  const { homeState, stalled } = pageView(world.nodes[at]!.state, SEGMENT, page) ?? {}
  if (homeState === undefined) return
  if (!settled.has(homeState)) throw new Violation(`p${page} is ${homeState} for ever`)
  if (stalled !== undefined) throw new Violation(`p${page}: requests wait for ever`)
}

function checksOf(setup: Pick<Setup, 'protocol'>): Checks {
  const checks = CHECKS[setup.protocol]
  if (checks === undefined) throw new Error(`ts/sim/check.ts has no checks for ${setup.protocol}`)
  return checks
}
