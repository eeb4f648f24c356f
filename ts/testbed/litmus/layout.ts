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
/** Runs of one job: enough that its two barriers cost little, few enough for many layouts. */
const RUNS = 64
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
  /** Per mille of accesses that touch their page before the run. */
  readonly warm: number
  /** Nanoseconds at most before the first instruction, and between two. */
  readonly delay: number
  readonly gap: number
}

type Asked = Pick<LitmusOptions, 'placement' | 'spread' | 'guard'>

export function chooseLayout(test: Litmus, asked: Asked, nodes: number, runs: number, random: Prng): Layout {
  const groups = chooseGroups(test.locations.length, asked.placement, random)
  const count = new Set(groups).size
  const largest = Math.max(...groups.map((group) => groups.filter((other) => other === group).length))
  const perPage = Math.min(random.pick([1, 4, 16, LINES]), Math.floor(LINES / largest))
  // Homes go round page by page: a random step makes them differ from run to run.
  const step = count + random.below(nodes)
  const most = Math.floor(PAGES / 2 / step) * perPage
  const size = Math.min(runs, RUNS, most)
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
    warm: random.pick([0, 0, 300, 700]),
    delay: random.pick([0, 1_000, 20_000, 100_000]),
    gap: random.pick([0, 1_000, 50_000]),
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
