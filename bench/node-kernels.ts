/**
 * Kernels in Node.js (bench/node-kernel.ts): one thread in plain memory, worker threads over a SharedArrayBuffer, and processes
 * on nodes over segments, in turn, round by round.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Daemon } from '../ts/launch/daemon.js'
import { compiled } from '../ts/launch/paths.js'
import { layoutName, LAYOUTS, type Layout } from './kernels-list.js'
import { runOnNodes } from './kernels-run.js'
import type { NodeRun } from './node-kernel.js'
import { say } from './placements.js'
import { spread } from './stats.js'

type Spread = ReturnType<typeof spread>

export interface NodeKernel {
  /** As it is called among the other kernels, and in bench/node-kernel.ts. */
  readonly name: string
  readonly kernel: string
  readonly what: string
  readonly size: number
  readonly quick: number
}

export const NODE_KERNELS: readonly NodeKernel[] = [
  { name: 'node-matrix', kernel: 'matrix', what: 'matrix multiplication in Node.js', size: 1024, quick: 256 },
  { name: 'node-pi', kernel: 'pi', what: 'a Monte-Carlo in Node.js', size: 2 ** 26, quick: 2 ** 21 },
]

/** Worker threads in one process. */
export const THREADS = [1, 2, 4] as const

interface Times {
  seconds: Spread
  /** Against one thread in plain memory, of the same round. */
  speedup: Spread
}

export interface NodeKernelFigures {
  size: number
  compared: string
  values: number
  plainSeconds: Spread
  threads: ({ threads: number } & Times)[]
  layouts: (Layout & Times)[]
}

export interface NodeRound {
  readonly plain: NodeRun
  /** As THREADS and LAYOUTS are. */
  readonly threads: readonly NodeRun[]
  readonly processes: readonly NodeRun[]
}

async function inOneProcess(...words: (string | number)[]): Promise<NodeRun> {
  const args = [compiled('bench/node-kernel.js'), ...words.map(String)]
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout) as NodeRun
}

export const runThreads = (kernel: string, size: number, threads: number) =>
  inOneProcess('threads', kernel, size, threads)

export async function runProcesses(
  nodes: readonly Pick<Daemon, 'node' | 'socket'>[],
  kernel: string,
  layout: Layout,
  size: number,
): Promise<NodeRun> {
  const args = [compiled('bench/node-kernel.js'), 'processes', kernel, String(size)]
  return JSON.parse(await runOnNodes(nodes, layout, process.execPath, args, kernel)) as NodeRun
}

export async function nodeRounds(
  nodes: readonly Daemon[],
  { name, kernel, ...sizes }: NodeKernel,
  rounds: number,
  quick: boolean,
): Promise<NodeRound[]> {
  const size = quick ? sizes.quick : sizes.size
  const found: NodeRound[] = []
  for (let n = 1; n <= rounds; n++) {
    const telling = (how: string) => say(`${name}: round ${n} of ${rounds}, ${how}`)
    telling('plain')
    const plain = await inOneProcess('plain', kernel, size)
    const threads: NodeRun[] = []
    for (const count of THREADS) {
      telling(`${count} threads`)
      threads.push(await runThreads(kernel, size, count))
    }
    const processes: NodeRun[] = []
    for (const layout of LAYOUTS) {
      telling(layoutName(layout))
      processes.push(await runProcesses(nodes, kernel, layout, size))
    }
    found.push({ plain, threads, processes })
  }
  return found
}

/** Why a round's results are not those of one thread, one text each. */
export function wrongNodeResults(name: string, { plain, threads, processes }: NodeRound, round: number): string[] {
  const runs: [string, NodeRun][] = [
    ['plain', plain],
    ...threads.map((run, i): [string, NodeRun] => [`${THREADS[i]} threads`, run]),
    ...processes.map((run, i): [string, NodeRun] => [layoutName(LAYOUTS[i]!), run]),
  ]
  return runs
    .filter(([, { right, values }]) => !right || values !== plain.values)
    .map(([how]) => `${name}, round ${round}, ${how}: a wrong result`)
}

export function nodeFigures(kernel: NodeKernel, quick: boolean, found: readonly NodeRound[]): NodeKernelFigures {
  const times = (runs: readonly NodeRun[]): Times => ({
    seconds: spread(runs.map(({ seconds }) => seconds)),
    speedup: spread(runs.map(({ seconds }, n) => found[n]!.plain.seconds / seconds)),
  })
  return {
    size: quick ? kernel.quick : kernel.size,
    compared: 'every value, exactly, with what the first rank computes alone afterwards',
    values: found[0]!.plain.values,
    plainSeconds: spread(found.map(({ plain }) => plain.seconds)),
    threads: THREADS.map((threads, i) => ({ threads, ...times(found.map((round) => round.threads[i]!)) })),
    layouts: LAYOUTS.map((layout, i) => ({ ...layout, ...times(found.map((round) => round.processes[i]!)) })),
  }
}

export function printNodeKernel({ name, what }: NodeKernel, figures: NodeKernelFigures): void {
  const ms = (seconds: number) => (seconds * 1000).toFixed(1)
  const line = (how: string, { seconds, speedup }: Times) => {
    const times = `${speedup.min.toFixed(2)}..${speedup.max.toFixed(2)}`
    const range = `${ms(seconds.min)}..${ms(seconds.max)}`.padStart(19)
    return `  ${how.padEnd(24)} ${ms(seconds.median).padStart(9)} ms ${range}   x ${speedup.median.toFixed(2)} (${times})`
  }
  const { size, compared, plainSeconds, threads, layouts } = figures
  const lines = [
    `\n${name}: ${what}, ${size}; compared: ${compared}`,
    `  plain                    ${ms(plainSeconds.median).padStart(9)} ms   ${ms(plainSeconds.min)}..${ms(plainSeconds.max)}`,
    ...threads.map((one) => line(`${one.threads} worker threads`, one)),
    ...layouts.map((one) => line(layoutName(one), one)),
  ]
  say('')
  process.stderr.write(`${lines.join('\n')}\n`)
}
