/**
 * Where the locations, threads and homes of a job are, and how its threads meet: chosen by a seed,
 * anew for each job, so that the runs of a test pass through all of it.
 */
import type { Prng } from '../../base/prng.js'
import type { Litmus } from '../../litmus/index.js'
import { LINES } from './job.js'
import type { LitmusOptions, Placement } from './options.js'

/** Pages of the segment; page p's home is node p % nodes. */
export const PAGES = 512
/**
 * How many runs share a page, how many there are from one meeting to the next, and how many make a job:
 * a run that has pages of its own costs ten times as much as one of a burst, and sees other things.
 */
const PACES = [
  { perPage: 1, burst: 1, most: 8 },
  { perPage: 8, burst: 1, most: 16 },
  { perPage: LINES, burst: 8, most: 64 },
  { perPage: LINES, burst: LINES, most: 128 },
] as const
/** A test of few runs has about as many layouts as this all the same. */
const LAYOUTS = 12
const LOCK = 1

export interface Layout {
  readonly runs: number
  /** Runs whose cells share a page, and pages from there to those of the next runs. */
  readonly perPage: number
  readonly step: number
  /** By location: its page and line in the first run, and the lines from one run to the next. */
  readonly places: { readonly page: number; readonly line: number; readonly stride: number }[]
  /** By thread: its worker, which is its node. */
  readonly workers: number[]
  readonly reset: number
  readonly collect: number
  /** The node of a thread that only reads, which makes pages leave the others; often none. */
  readonly reader: number | undefined
  /** A lock's number, or 0. */
  readonly guard: number
  readonly seed: number
  /** Runs from one meeting of the threads to the next. */
  readonly burst: number
  /** Per mille of accesses that touch their page before the run; only where a burst is one run. */
  readonly warm: number
  /** Nanoseconds at most before the first instruction, and between two. */
  readonly delay: number
  readonly gap: number
}

type Asked = Pick<LitmusOptions, 'placement' | 'spread' | 'guard' | 'runs'>

/** @param turn of the test's jobs @param left runs that are still to be done */
export function chooseLayout(
  test: Litmus,
  asked: Asked,
  nodes: number,
  turn: number,
  left: number,
  random: Prng,
): Layout {
  const groups = chooseGroups(test.locations.length, asked.placement, random)
  const count = new Set(groups).size
  const largest = Math.max(...groups.map((group) => groups.filter((other) => other === group).length))
  const pace = PACES[turn % PACES.length]!
  const perPage = Math.min(pace.perPage, Math.floor(LINES / largest))
  // Homes go round page by page: a random step makes them differ from run to run.
  const step = count + random.below(nodes)
  const size = Math.min(
    left,
    pace.most,
    Math.max(pace.most / 4, Math.ceil(asked.runs / LAYOUTS)),
    Math.floor(PAGES / 2 / step) * perPage,
  )
  const base = random.below(PAGES / 2)
  return {
    runs: size,
    perPage,
    step,
    places: groups.map((group, l) => ({
      page: base + group,
      line: groups.slice(0, l).filter((other) => other === group).length,
      stride: groups.filter((other) => other === group).length,
    })),
    workers: chooseWorkers(test.threads.length, asked.spread, nodes, random),
    reset: random.below(nodes),
    collect: random.below(nodes),
    reader: asked.guard === undefined && random.chance(0.25) ? random.below(nodes) : undefined,
    guard: asked.guard === 'lock' ? LOCK : 0,
    seed: random.next(),
    burst: pace.burst,
    // Under a lock all accesses to what is shared are: touching a page outside of it would be a race.
    warm: asked.guard === 'lock' ? 0 : random.pick([0, 0, 300, 700]),
    delay: random.pick([0, 1_000, 20_000, 100_000]),
    gap: random.pick([0, 1_000, 50_000, 300_000]),
  }
}

/** Which locations share a page: equal numbers do; all numbers from 0 occur. */
function chooseGroups(locations: number, placement: Placement, random: Prng): number[] {
  const names = Array.from({ length: locations }, (_, l) => {
    if (placement === 'same-page') return 0
    return placement === 'page-each' ? l : random.below(locations)
  })
  const distinct = [...new Set(names)]
  return names.map((name) => distinct.indexOf(name))
}

function chooseWorkers(threads: number, spread: LitmusOptions['spread'], nodes: number, random: Prng): number[] {
  const first = random.below(nodes)
  const direction = random.chance(0.5) ? 1 : nodes - 1
  const turn = nodesOf(threads, spread, nodes)
  return turn.map((t) => (first + t * direction) % nodes)
}

/** Which threads share a node: equal numbers do. The same for every job. */
export function nodesOf(threads: number, spread: LitmusOptions['spread'], nodes: number): number[] {
  return Array.from({ length: threads }, (_, t) => (spread === 'same-node' ? 0 : t % nodes))
}
