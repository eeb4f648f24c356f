/**
 * All that can happen in a small World, breadth first, so that the first violation found has the
 * shortest way to it. States are rows (parts.ts); those to be looked at next are kept, of all others 64 bits
 * (seen.ts). Ways are kept as (parent, which of its options) and replayed to be printed.
 */
import type { Step } from '../node/step.js'
import { checkEnd, checkNow } from './check.js'
import { Growing } from './growing.js'
import { Parts, type Row } from './parts.js'
import { Renamings } from './renamings.js'
import { Seen } from './seen.js'
import { Symmetry } from './symmetry.js'
import { take, Transitions, type Option } from './transitions.js'
import { checkTries, isQuiet } from './tokens.js'
import { Watch } from './watch.js'
import { Violation } from './violation.js'
import type { Setup } from './setup.js'
import { World } from './world.js'

export interface ExploreReport {
  readonly ok: boolean
  readonly states: number
  /** With the forms that symmetry has left out; without what plain has beside. */
  readonly forms: number
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
  /** Of states that differ in the names of nodes that are alike one is gone through (symmetry.ts). */
  readonly symmetry?: boolean
  /** Nothing is renamed (renamings.ts) or remembered: many more states, which `forms` counts as if they were. */
  readonly plain?: boolean
  readonly statesMax?: number
  readonly progress?: (states: number) => void
  /** Gets every World in which nothing more can happen. */
  readonly atEnd?: (world: World) => void
}

export function explore(options: ExploreOptions): ExploreReport {
  const { statesMax = 100_000_000, symmetry = false, plain = false, progress, atEnd, ...setup } = options
  const parts = new Parts(setup, plain)
  const alike = symmetry ? new Symmetry(parts) : undefined
  const renamings = new Renamings(parts)
  const transitions = new Transitions(parts, renamings)
  const watch = new Watch(parts)
  const { width } = parts.places
  const start = parts.row(World.create(setup))
  const seen = new Seen()
  const seenForms = new Seen()
  const parents = new Growing()
  const taken = new Growing()
  let level = new Growing()
  let next = new Growing()
  const open: Option[] = []
  let forms = 0
  let ends = 0
  let depth = 0
  const meet = (row: Row, parent: number, option: number): boolean => {
    const form = alike?.least(row)
    if (!seen.add(form?.least ?? row)) return false
    forms += plain ? Number(seenForms.add(renamed(renamings, row))) : (form?.forms ?? 1)
    next.append(row)
    parents.push(parent)
    taken.push(option)
    if (seen.count % 10_000 === 0) progress?.(seen.count)
    return true
  }
  const tried = (row: Row, what: Option, id: number, option: number): string | undefined => {
    try {
      const after = transitions.after(row, what)
      // One that was met is as good as it was then.
      if (meet(after, id, option)) watch.look(after, row)
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  }
  const report = (complete: boolean, violation?: string, way: readonly string[] = []): ExploreReport => {
    return { ok: complete && violation === undefined, states: seen.count, forms, ends, depth, complete, violation, way }
  }
  const wayTo = (id: number, last: number[]): string[] => {
    for (let at = id; at > 0; at = parents.at(at)) last.unshift(taken.at(at))
    return replay(parts, transitions, start, last)
  }
  meet(start, -1, 0)
  for (let first = 0; next.length > 0; depth++) {
    ;[level, next] = [next, level]
    next.clear()
    const count = level.length / width
    for (let place = 0; place < count; place++) {
      const row = level.slice(place * width, width)
      const id = first + place
      const must = transitions.options(row, open)
      if (setup.tries && isQuiet(open.slice(0, must).map(({ choice }) => choice))) {
        const world = parts.world(row)
        const wrong = caught(() => checkTries(world))
        if (wrong !== undefined) return report(true, wrong, wayTo(id, []))
      }
      if (must === 0) {
        ends++
        const world = parts.world(row)
        const wrong = caught(() => checkEnd(world))
        if (wrong !== undefined) return report(true, wrong, wayTo(id, []))
        atEnd?.(world)
      }
      for (let option = 0; option < open.length; option++) {
        const wrong = tried(row, open[option]!, id, option)
        if (wrong !== undefined) return report(true, wrong, wayTo(id, [option]))
        if (seen.count >= statesMax) return report(false)
      }
    }
    first += count
    if (next.length === 0) break
  }
  return report(true)
}

function renamed(renamings: Renamings, row: Row): Row {
  const form = row.slice()
  renamings.whole(form)
  return form
}

function messageOf(error: unknown): string {
  if (error instanceof Violation) return error.message
  throw error
}

function caught(action: () => void): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

/** With the same parts, so that threads are called the same. */
function replay(parts: Parts, transitions: Transitions, start: Row, way: readonly number[]): string[] {
  const lines: string[] = []
  const options: Option[] = []
  let row = start
  for (const taken of way) {
    transitions.options(row, options)
    const option = options[taken]!
    const wrong = caught(() => {
      const world = parts.world(row)
      world.log = (line) => lines.push(line)
      take(world, option.choice)
      checkNow(world)
      row = transitions.after(row, option).slice()
    })
    if (wrong !== undefined) lines.push(`VIOLATION ${wrong}`)
  }
  return lines
}
