/**
 * The fault benchmark: what a page fault costs here, in each consistency model, against what the kernel and C alone
 * cost, in one run, in two placements: everything pinned to one CPU (what the code costs) and free (how many sleeps
 * and wake-ups the path has). `ok` says that the run was whole, not that it was fast: that is `met`.
 */
import { nameOf, type BenchModel } from './fault-models.js'
import type { Placement } from './fault-placement.js'
import type { Figure } from './figures.js'
import { bothPlacements } from './placements.js'

type Shown = Omit<Placement, 'failures'>

export const TRAPS = ['userfaultfd', 'mprotect'] as const
export type Trap = (typeof TRAPS)[number]

export interface FaultBenchmark {
  ok: boolean
  /** Of the processes that are measured, and of the floors' handler. */
  trap: Trap
  pages: number
  rounds: number
  pinned: Shown
  free: Shown
  /** Only when it is not ok. */
  failures?: string[]
}

export async function faultBenchmark(
  pages: number,
  rounds: number,
  models: readonly BenchModel[],
  trap: Trap,
): Promise<FaultBenchmark> {
  process.env['GSHM_TRAP'] = trap // everything that is started from here on has it
  const args = [String(pages), String(rounds), ...models.map(nameOf)]
  const { ok, pinned, free, ...rest } = await bothPlacements<Placement>('bench/fault-placement.js', args)
  for (const [name, placement] of Object.entries({ pinned, free })) print(name, placement)
  return { ok, trap, pages, rounds, pinned, free, ...rest }
}

function print(name: string, { floorUs, models }: Shown): void {
  const floors = Object.entries<number>(floorUs).map(([kind, us]) => `${kind} ${us.toFixed(1)}`)
  process.stderr.write(`\n${name}: C floors, us p50: ${floors.join(', ')}\n`)
  process.stderr.write('  model        kind       us p50      of rounds     p99  x floor        target  messages\n')
  for (const [model, figures] of Object.entries(models)) {
    for (const [kind, figure] of Object.entries<Figure>(figures)) process.stderr.write(line(model, kind, figure))
  }
}

function line(model: string, kind: string, figure: Figure): string {
  const { p50Us, p99Us, spreadUs, ratio, messages, target, met } = figure
  const range = `${spreadUs.min.toFixed(1)}..${spreadUs.max.toFixed(1)}`
  const goal = target === undefined ? '' : `${target}${met ? ' met' : ' not met'}`
  const words = [p50Us.toFixed(1).padStart(8), range.padStart(14), p99Us.toFixed(1).padStart(7)]
  const rest = [ratio.toFixed(2).padStart(8), goal.padStart(13), String(messages).padStart(9)]
  return `  ${model.padEnd(12)} ${kind.padEnd(8)} ${[...words, ...rest].join(' ')}\n`
}
