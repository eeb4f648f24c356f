/**
 * One random run of a World, decided by a seed: the same seed gives the same run. Sizes, duplicate
 * faults and losses are drawn from the seed too, unless told.
 */
import type { ProtocolName } from '../base/consistency.js'
import { Prng } from '../base/prng.js'
import type { Step } from '../node/step.js'
import { checkEnd, checkNow } from './check.js'
import { choices, type Options, type Wishes } from './choices.js'
import { Violation } from './violation.js'
import type { Choice } from './choice.js'
import type { Setup } from './setup.js'
import { checkTries, isQuiet } from './tokens.js'
import { World } from './world.js'

/** What is drawn otherwise; bugs that show in few runs show in more of those. */
export interface Drawn {
  readonly nodes?: number | undefined
  readonly losses?: number | undefined
  readonly pages?: number | undefined
  /** How likely a thread that could takes a lock first. */
  readonly locking?: number | undefined
  /** What one node says to one other mostly comes when nothing else can happen any more. */
  readonly slowLink?: boolean | undefined
}

export interface WalkOptions extends Drawn {
  readonly seed: number
  readonly protocol: ProtocolName
  readonly step: Step
  readonly log?: (line: string) => void
}

export interface WalkResult {
  readonly seed: number
  readonly nodes: number
  readonly losses: number
  readonly steps: number
  /** Undefined when all was well. */
  readonly violation: string | undefined
}

interface SlowLink {
  readonly from: number
  readonly to: number
}

const STEPS_MAX = 1_000_000

export function walk({ seed, protocol, step, log, ...drawn }: WalkOptions): WalkResult {
  const prng = new Prng(seed)
  const { nodes, losses, locking = 0.3 } = drawn
  // By what threads learn of each other: one bug shows only where there are no locks beside.
  const edges = protocol === 'lrc' ? prng.below(4) : undefined
  const locks = edges === 0 || edges === 3 ? 2 : 0
  const world = World.create({
    protocol,
    nodes: nodes ?? 2 + prng.below(4),
    pages: drawn.pages ?? 1 + prng.below(3),
    threads: 2,
    ops: 2 + prng.below(12),
    duplicates: prng.below(4),
    holds: prng.chance(0.5),
    places: edges === undefined ? 1 : 2,
    locks,
    blocks: edges === 1 || edges === 3 ? 1 + prng.below(2) : 0,
    ranges: edges === 2 || edges === 3,
    losses: losses ?? (prng.chance(0.3) ? 1 + prng.below(2) : 0),
    evictions: prng.chance(0.5) ? 1 + prng.below(8) : 0,
    ...drawnEnds(seed, locks),
    step,
  })
  world.log = log
  const { pages, places, tries } = world.setup
  const wishes: Wishes = {
    accesses: () => [
      {
        page: prng.below(pages),
        access: prng.chance(0.5) ? 'read' : 'write',
        place: places > 1 ? prng.below(places) : 0,
      },
    ],
    locks: (free) => {
      if (free.length === 0 || !prng.chance(locking)) return []
      return [{ op: tries && prng.chance(0.5) ? 'try' : 'lock', of: prng.pick(free) }]
    },
    allocates: () => prng.chance(0.3),
    ranges: () => (prng.chance(0.3) ? [{ op: prng.chance(0.5) ? 'acquire' : 'release', of: prng.below(pages) }] : []),
  }
  const result = (steps: number, violation?: string): WalkResult => {
    const { nodes } = world.setup
    return { seed, nodes, losses: world.losses, steps, violation }
  }
  const slow = drawn.slowLink ? { from: prng.below(world.nodes.length), to: prng.below(world.nodes.length) } : undefined
  let steps = 0
  try {
    for (; steps < STEPS_MAX; steps++) {
      const options = choices(world, wishes)
      if (tries && isQuiet(options.must)) checkTries(world)
      const next = pick(slow === undefined ? options : withoutLink(options, slow, prng), prng)
      if (next === undefined) {
        checkEnd(world)
        return result(steps)
      }
      world.take(next)
      checkNow(world)
    }
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    log?.(`VIOLATION ${error.message}`)
    return result(steps, error.message)
  }
  return result(steps, 'it does not end')
}

/** How waits for locks end, and their holders; by numbers of its own, so that what else a seed draws stays the same. */
function drawnEnds(seed: number, locks: number): Pick<Setup, 'tries' | 'cancels' | 'deaths'> {
  const prng = new Prng(seed + 2 ** 40)
  if (locks === 0 || prng.chance(0.3)) return { tries: false, cancels: 0, deaths: 0 }
  return { tries: prng.chance(0.5), cancels: prng.below(4), deaths: prng.below(3) }
}

function withoutLink({ must, may }: Options, { from, to }: SlowLink, prng: Prng): Options {
  const others = must.filter((one) => one.do !== 'deliver' || one.from !== from || one.node !== to)
  return { must: others.length > 0 && prng.chance(0.99) ? others : must, may }
}

function pick({ must, may }: Options, prng: Prng): Choice | undefined {
  if (may.length > 0 && prng.chance(0.03)) return prng.pick(may)
  return must.length > 0 ? prng.pick(must) : undefined
}
