/**
 * The fault benchmark: what a page fault costs here, in each consistency model, against what the kernel and C alone
 * cost, in one run, in two placements: everything pinned to one CPU (what the code costs) and free (how many sleeps
 * and wake-ups the path has). `ok` says that the run was whole, not that it was fast: that is `met`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { compiled } from '../ts/launch/paths.js'
import { nameOf, type BenchModel } from './fault-models.js'
import type { Figure, Placement } from './fault-placement.js'

type Shown = Omit<Placement, 'failures'>

export interface FaultBenchmark {
  ok: boolean
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
): Promise<FaultBenchmark> {
  const names = models.map(nameOf)
  const { failures: inPinned, ...pinned } = await measure('pinned', pages, rounds, names)
  const { failures: inFree, ...free } = await measure('free', pages, rounds, names)
  const failures = [...inPinned.map((why) => `pinned, ${why}`), ...inFree.map((why) => `free, ${why}`)]
  for (const [name, placement] of Object.entries({ pinned, free })) print(name, placement)
  for (const why of failures) process.stderr.write(`NOT OK: ${why}\n`)
  const ok = failures.length === 0
  return { ok, pages, rounds, pinned, free, ...(ok ? {} : { failures }) }
}

/** A process of its own, because a placement is inherited by everything that it starts. */
async function measure(
  placement: 'pinned' | 'free',
  pages: number,
  rounds: number,
  models: readonly string[],
): Promise<Placement> {
  const script = [process.execPath, compiled('bench/fault-placement.js'), String(pages), String(rounds), ...models]
  const [command, ...args] = placement === 'pinned' ? ['taskset', '-c', '0', ...script] : script
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`the ${placement} run ended with status ${status}`)
  return JSON.parse(output.trim().split('\n').at(-1)!) as Placement
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
