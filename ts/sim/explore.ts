/**
 * All that can happen in a small World, breadth first, so that the first violation found has the
 * shortest way to it. Explicit states, kept as hashes; ways are kept as (parent, choice) and are
 * replayed to be printed.
 *
 * Sends and Resumes are performed at once: they commute with everything else that can happen, and a
 * node that is lost just before a Send is as one whose message was still on its way when the
 * receiver learnt of the loss (Godefroid's persistent sets, the simplest case).
 */
import type { Access, Page } from '../base/ids.js'
import type { Step } from '../node/step.js'
import { canonical, hash53 } from './canonical.js'
import { checkEnd, checkNow } from './check.js'
import { choices } from './choices.js'
import { Violation } from './violation.js'
import { World, type Choice, type Setup } from './world.js'

export interface ExploreReport {
  readonly ok: boolean
  readonly states: number
  /** In which nothing more can happen. */
  readonly ends: number
  /** Of the longest shortest way. */
  readonly depth: number
  /** Gave up at statesMax. */
  readonly complete: boolean
  readonly violation: string | undefined
  /** The shortest way to the violation, as a transcript. */
  readonly way: readonly string[]
}

export interface ExploreOptions extends Omit<Setup, 'step'> {
  readonly step: Step
  readonly statesMax?: number
  readonly progress?: (states: number) => void
}

export function explore({ statesMax = 5_000_000, progress, ...setup }: ExploreOptions): ExploreReport {
  const start = World.create(setup)
  const seen = new Set<number>([hash53(canonical(start))])
  const parents: number[] = [-1]
  const taken: (Choice | undefined)[] = [undefined]
  let level: { world: World; id: number }[] = [{ world: start, id: 0 }]
  let ends = 0
  let depth = 0
  const report = (complete: boolean, violation?: string, way: readonly string[] = []): ExploreReport => {
    return { ok: complete && violation === undefined, states: seen.size, ends, depth, complete, violation, way }
  }
  while (level.length > 0) {
    const next: { world: World; id: number }[] = []
    for (const { world, id } of level) {
      const { must, may } = choices(world, allOps)
      if (must.length === 0) {
        ends++
        const wrong = caught(() => checkEnd(world))
        if (wrong !== undefined) return report(true, wrong, replay(setup, parents, taken, id))
      }
      for (const choice of [...must, ...may]) {
        const after = world.copy()
        const wrong = caught(() => advance(after, choice))
        if (wrong !== undefined) return report(true, wrong, replay(setup, parents, taken, id, choice))
        const hash = hash53(canonical(after))
        if (seen.has(hash)) continue
        seen.add(hash)
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

function allOps(pages: number): [Page, Access][] {
  return Array.from({ length: pages }, (_, page) => [
    [page, 'read'] as [Page, Access],
    [page, 'write'] as [Page, Access],
  ]).flat()
}

function advance(world: World, choice: Choice): void {
  world.take(choice)
  const node = world.nodes[choice.node]!
  while (node.todo[0]?.do === 'Send' || node.todo[0]?.do === 'Resume') world.take({ do: 'perform', node: choice.node })
  checkNow(world)
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

function replay(setup: Setup, parents: number[], taken: (Choice | undefined)[], id: number, last?: Choice): string[] {
  const way: Choice[] = last === undefined ? [] : [last]
  for (let at = id; at > 0; at = parents[at]!) way.unshift(taken[at]!)
  const lines: string[] = []
  const world = World.create(setup)
  world.log = (line) => lines.push(line)
  for (const choice of way) {
    const wrong = caught(() => advance(world, choice))
    if (wrong !== undefined) lines.push(`VIOLATION ${wrong}`)
  }
  return lines
}
