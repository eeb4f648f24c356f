/**
 * Application kernels (bench/kernels): each as a plain program and by processes that share segments, in turn, round by
 * round; a speed-up is against the plain program of the same round. `ok` says that all results were right; what was fast
 * enough is said by `met`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Daemon } from '../ts/launch/daemon.js'
import { startCluster, stopDaemons } from '../ts/launch/local-cluster.js'
import { layoutName, LAYOUTS, NODES, REGISTERED_TARGET, type Kernel, type Layout } from './kernels-list.js'
import { runPlain, runShared, type PlainRun, type SharedRun } from './kernels-run.js'
import {
  nodeFigures,
  nodeRounds,
  printNodeKernel,
  wrongNodeResults,
  type NodeKernel,
  type NodeKernelFigures,
} from './node-kernels.js'
import { say } from './placements.js'
import { median, spread } from './stats.js'

interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface LayoutFigures extends Layout {
  seconds: Spread
  /** Against the plain program of the same round. */
  speedup: Spread
  /** Medians, of all ranks: in the part that is timed, as the kernel counts them; */
  faults: number
  /** served by daemons, and between nodes, of the whole run. */
  served: number
  messages: number
}

export interface KernelFigures {
  sizes: readonly number[]
  model: string
  compared: string
  /** How many values were compared in each run, and the largest difference that there was. */
  values: number
  difference: number
  plainSeconds: Spread
  layouts: LayoutFigures[]
  /** One registered process to the plain program: the median of the rounds' ratios. */
  registered: { ratio: number; target: number; met: boolean }
  /** The speed-up of one process on each of two nodes. */
  target?: number
  met?: boolean
}

export interface KernelsBenchmark {
  ok: boolean
  quick: boolean
  rounds: number
  kernels: Record<string, KernelFigures>
  /** Those in Node.js. */
  node: Record<string, NodeKernelFigures>
  /** Only when it is not ok. */
  failures?: string[]
}

export interface KernelRound {
  readonly plain: PlainRun
  /** As LAYOUTS are. */
  readonly shared: readonly SharedRun[]
}

const MEMORY = 2 ** 30

export async function kernelsBenchmark(
  kernels: readonly Kernel[],
  nodeKernels: readonly NodeKernel[],
  rounds: number,
  quick: boolean,
): Promise<KernelsBenchmark> {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-bench-'))
  const nodes = await startCluster({ dir, cluster: 'bench', nodes: NODES, memory: MEMORY })
  const result: KernelsBenchmark = { ok: true, quick, rounds, kernels: {}, node: {} }
  const failures: string[] = []
  try {
    for (const kernel of kernels) {
      const found = await roundsOf(nodes, kernel, rounds, quick, join(dir, 'results'))
      failures.push(...found.flatMap((round, n) => wrongResults(kernel.name, round, n + 1)))
      result.kernels[kernel.name] = kernelFigures(kernel, quick, found)
      printKernel(kernel, result.kernels[kernel.name]!)
    }
    for (const kernel of nodeKernels) {
      const found = await nodeRounds(nodes, kernel, rounds, quick)
      failures.push(...found.flatMap((round, n) => wrongNodeResults(kernel.name, round, n + 1)))
      result.node[kernel.name] = nodeFigures(kernel, quick, found)
      printNodeKernel(kernel, result.node[kernel.name]!)
    }
  } finally {
    say('')
    await stopDaemons(nodes)
    rmSync(dir, { recursive: true })
  }
  for (const why of failures) process.stderr.write(`NOT OK: ${why}\n`)
  return { ...result, ok: failures.length === 0, ...(failures.length === 0 ? {} : { failures }) }
}

async function roundsOf(
  nodes: readonly Daemon[],
  { name, models, ...kernel }: Kernel,
  rounds: number,
  quick: boolean,
  file: string,
): Promise<KernelRound[]> {
  const model = models[0]!
  const found: KernelRound[] = []
  say(`${name}: warming up`) // the daemons' JavaScript is compiled by use
  await runPlain(name, kernel.quick, file)
  await runShared(nodes, name, model, LAYOUTS.at(-1)!, kernel.quick, file)
  const sizes = quick ? kernel.quick : kernel.sizes
  for (let n = 1; n <= rounds; n++) {
    say(`${name}: round ${n} of ${rounds}, plain`)
    const plain = await runPlain(name, sizes, file)
    const shared: SharedRun[] = []
    for (const layout of LAYOUTS) {
      say(`${name}: round ${n} of ${rounds}, ${layoutName(layout)}`)
      shared.push(await runShared(nodes, name, model, layout, sizes, file))
    }
    found.push({ plain, shared })
  }
  return found
}

/** Why a round's results are not the plain program's, one text each. */
export function wrongResults(kernel: string, { plain, shared }: KernelRound, round: number): string[] {
  return shared.flatMap(({ right, values, difference }, i) => {
    const where = `${kernel}, round ${round}, ${layoutName(LAYOUTS[i]!)}`
    if (values !== plain.values) return [`${where}: ${values} results, not ${plain.values}`]
    return right ? [] : [`${where}: a result that differs by ${difference}`]
  })
}

export function kernelFigures(kernel: Kernel, quick: boolean, found: readonly KernelRound[]): KernelFigures {
  const layouts = LAYOUTS.map((layout, i) => {
    const runs = found.map(({ shared }) => shared[i]!)
    return {
      ...layout,
      seconds: spread(runs.map(({ seconds }) => seconds)),
      speedup: spread(found.map(({ plain }, n) => plain.seconds / runs[n]!.seconds)),
      faults: median(runs.map(({ faults }) => faults)),
      served: median(runs.map(({ served }) => served)),
      messages: median(runs.map(({ messages }) => messages)),
    }
  })
  const ratio = median(found.map(({ plain, shared }) => shared[0]!.seconds / plain.seconds))
  const { target } = kernel
  const two = layouts.find(({ processes, nodes }) => processes === 2 && nodes === 2)!
  return {
    sizes: quick ? kernel.quick : kernel.sizes,
    model: kernel.models[0]!,
    compared: kernel.compared,
    values: found[0]!.plain.values,
    difference: Math.max(...found.flatMap(({ shared }) => shared.map(({ difference }) => difference))),
    plainSeconds: spread(found.map(({ plain }) => plain.seconds)),
    layouts,
    registered: { ratio, target: REGISTERED_TARGET, met: ratio <= REGISTERED_TARGET },
    // Targets are for whole sizes.
    ...(target === undefined || quick ? {} : { target, met: two.speedup.median >= target }),
  }
}

function printKernel({ name, what, compared }: Kernel, figures: KernelFigures): void {
  const { sizes, model, plainSeconds, layouts, registered, values, difference, target, met } = figures
  const ms = (seconds: number) => (seconds * 1000).toFixed(1)
  const range = ({ min, max }: Spread, text: (value: number) => string) => `${text(min)}..${text(max)}`
  const lines = [
    `\n${name}: ${what}, ${sizes.join(' ')}, ${model}; compared: ${compared} (${values} values, largest difference ${difference})`,
    `  plain                    ${ms(plainSeconds.median).padStart(9)} ms   ${range(plainSeconds, ms)}`,
    ...layouts.map((layout) => {
      const { seconds, speedup, served, messages } = layout
      const times = range(speedup, (value) => value.toFixed(2))
      const words = [`${ms(seconds.median).padStart(9)} ms`, range(seconds, ms).padStart(19)]
      return `  ${layoutName(layout).padEnd(24)} ${words.join(' ')}   x ${speedup.median.toFixed(2)} (${times})  ${served} faults, ${messages} messages`
    }),
    `  one registered process: ${registered.ratio.toFixed(3)} of the plain program's time (at most ${registered.target})`,
    ...(target === undefined ? [] : [`  two nodes: at least ${target}: ${met ? 'met' : 'not met'}`]),
  ]
  say('')
  process.stderr.write(`${lines.join('\n')}\n`)
}
