/**
 * All that can happen in a small World, breadth first, so that the first violation found has the
 * shortest way to it. States are explicit and exact: every distinct node and link is kept once and
 * has a number, a state is a few of these numbers (the collapse compression of SPIN, Holzmann 1997).
 * Ways are kept as (parent, choice) and replayed to be printed.
 *
 * Sends and Resumes are performed at once: they commute with everything else that can happen, and a
 * node that is lost just before a Send is as one whose message was still on its way when the
 * receiver learnt of the loss (Godefroid's persistent sets, the simplest case).
 */
import type { Step } from '../node/step.js'
import { canonicalLink, canonicalNode } from './canonical.js'
import { checkEnd, checkNow } from './check.js'
import { choices, type Wishes } from './choices.js'
import { renumberRequests, renumberWrites } from './renumber.js'
import { Violation } from './violation.js'
import { World, type Op, type Choice, type InFlight, type Setup, type SimNode } from './world.js'

export interface ExploreReport {
  readonly ok: boolean
  readonly states: number
  /** In which nothing more can happen. */
  readonly ends: number
  /** Of the longest shortest way. */
  readonly depth: number
  /** False: gave up at statesMax. */
  readonly complete: boolean
  readonly violation: string | undefined
  /** The shortest way to the violation, as a transcript. */
  readonly way: readonly string[]
}

export interface ExploreOptions extends Omit<Setup, 'step'> {
  readonly step: Step
  readonly statesMax?: number
  readonly progress?: (states: number) => void
  /** Gets every World in which nothing more can happen. */
  readonly atEnd?: (world: World) => void
}

interface Frontier {
  readonly world: World
  readonly id: number
}

export function explore({ statesMax = 20_000_000, progress, atEnd, ...setup }: ExploreOptions): ExploreReport {
  const parts = new Parts()
  const wishes = allWishes(setup)
  const start = World.create(setup)
  const seen = new Set<string>([parts.key(start)])
  const parents: number[] = [-1]
  const taken: (Choice | undefined)[] = [undefined]
  let level: Frontier[] = [{ world: start, id: 0 }]
  let ends = 0
  let depth = 0
  const report = (complete: boolean, violation?: string, way: readonly string[] = []): ExploreReport => {
    return { ok: complete && violation === undefined, states: seen.size, ends, depth, complete, violation, way }
  }
  const wayTo = (id: number, last: Choice[]) => {
    for (let at = id; at > 0; at = parents[at]!) last.unshift(taken[at]!)
    return replay(setup, parts, last)
  }
  while (level.length > 0) {
    const next: Frontier[] = []
    for (const { world, id } of level) {
      const { must, may } = choices(world, wishes)
      if (must.length === 0) {
        ends++
        const wrong = caught(() => checkEnd(world))
        if (wrong !== undefined) return report(true, wrong, wayTo(id, []))
        atEnd?.(world)
      }
      for (const choice of [...must, ...may]) {
        const after = world.copy()
        const wrong = caught(() => advance(after, choice))
        if (wrong !== undefined) return report(true, wrong, wayTo(id, [choice]))
        const key = parts.key(after)
        if (seen.has(key)) continue
        seen.add(key)
        next.push({ world: after, id: parents.length })
        parents.push(id)
        taken.push(choice)
        if (seen.size % 10_000 === 0) progress?.(seen.size)
        if (seen.size >= statesMax) return report(false)
      }
    }
    if (next.length > 0) depth++
    level = next
  }
  return report(true)
}

/** Every distinct node and link that was met, once. */
class Parts {
  readonly #numbers = new Map<string, number>()
  readonly #nodes = new Map<string, SimNode>()
  readonly #ofNode = new WeakMap<SimNode, number>()
  readonly #ofLink = new WeakMap<readonly InFlight[], number>()

  /** The World's key. Its nodes are exchanged for the known ones that equal them. */
  key(world: World): string {
    const key: number[] = [world.duplicatesLeft, world.lossesLeft, ...world.latest]
    if (world.setup.program !== undefined) key.push(this.#number([...world.memory].sort().join(' ')))
    if (world.oracle !== undefined) key.push(world.writes, this.#number(world.oracle.canonical()))
    world.nodes.forEach((node, at) => key.push(this.#node(world, node, at)))
    for (const link of world.links) key.push(this.#link(link))
    return key.join(' ')
  }

  #node(world: World, node: SimNode, at: number): number {
    const known = this.#ofNode.get(node)
    if (known !== undefined) return known
    const text = `${at} ${canonicalNode(node, world.setup.locks > 0)}`
    const same = this.#nodes.get(text) ?? node
    world.share(at, same)
    this.#nodes.set(text, same)
    const number = this.#number(text)
    this.#ofNode.set(same, number)
    return number
  }

  #link(link: readonly InFlight[]): number {
    if (link.length === 0) return 0
    const known = this.#ofLink.get(link)
    if (known !== undefined) return known
    const number = this.#number(canonicalLink(link))
    this.#ofLink.set(link, number)
    return number
  }

  #number(text: string): number {
    const number = this.#numbers.get(text) ?? this.#numbers.size + 1
    this.#numbers.set(text, number)
    return number
  }
}

function allWishes({ pages, places }: Pick<Setup, 'pages' | 'places'>): Wishes {
  const ops: Op[] = []
  for (let page = 0; page < pages; page++) {
    for (let place = 0; place < places; place++) {
      ops.push({ page, place, access: 'read' }, { page, place, access: 'write' })
    }
  }
  return { accesses: () => ops, locks: (free) => free }
}

function advance(world: World, choice: Choice): void {
  world.take(choice)
  for (let effect = next(world, choice); effect === 'Send' || effect === 'Resume'; effect = next(world, choice)) {
    world.take({ do: 'perform', node: choice.node })
  }
  checkNow(world)
  if (choice.do === 'act' && world.oracle === undefined && world.setup.program === undefined)
    renumberWrites(world, choice.page)
  else renumberRequests(world, choice.node)
}

function next(world: World, choice: Choice): string | undefined {
  return world.nodes[choice.node]!.todo[0]?.do
}

function caught(action: () => void): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (error instanceof Violation) return error.message
    throw error
  }
}

/** With the same parts, so that threads are called the same. */
function replay(setup: Setup, parts: Parts, way: readonly Choice[]): string[] {
  const lines: string[] = []
  const world = World.create(setup)
  world.log = (line) => lines.push(line)
  for (const choice of way) {
    parts.key(world)
    const wrong = caught(() => advance(world, choice))
    if (wrong !== undefined) lines.push(`VIOLATION ${wrong}`)
  }
  return lines
}
