/**
 * Strassen's matrix multiplication on dsm.h (examples/strassen): one process on one node against one on each of two, in
 * turn, on clusters of their own. `ok` says that every product was right, not that two were faster: that is `met`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { segments, unlink } from '../ts/client/inspect.js'
import type { Daemon } from '../ts/launch/daemon.js'
import { startCluster, stopDaemons } from '../ts/launch/local-cluster.js'
import { built } from '../ts/launch/paths.js'
import { runRanks } from '../ts/launch/ranks.js'
import { isOfRun, newRun } from '../ts/launch/run-name.js'
import { say } from './placements.js'
import { median, spread } from './stats.js'

interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface StrassenBenchmark {
  ok: boolean
  size: number
  rounds: number
  /** Filling the matrices, and multiplying. */
  oneSeconds: Spread
  twoSeconds: Spread
  /** Multiplying alone. */
  oneMultiplySeconds: Spread
  twoMultiplySeconds: Spread
  /** Of the medians: two nodes to one. */
  ratio: number
  /** Rounds in which two nodes were faster than one. */
  wins: number
  met: boolean
  perRound: { oneSeconds: number; twoSeconds: number }[]
  /** Of the result's 16, those that each of the two processes has made: the median. */
  blocks: [number, number]
  /** Only when it is not ok. */
  failures?: string[]
}

interface Multiplication {
  readonly seconds: number
  readonly multiplySeconds: number
  readonly blocks: readonly number[]
  readonly right: boolean
}

const MEMORY = 2 ** 29
/** A page of 64 KiB is one fault: the fewest for blocks of half a megabyte. */
const UNIT = '64K'
/** Rounds that are not counted: the daemons' JavaScript is compiled by use. */
const WARM_UP = 3

/** One multiplication, by a process on each of the nodes; the first fills the matrices, and checks. */
async function multiply(nodes: readonly Daemon[], size: number): Promise<Multiplication> {
  const lines: string[] = []
  const run = newRun()
  const script = `GSHM_DSM_UNIT=${UNIT} exec ${built('strassen')} $((GSHM_RANK + 1)) $GSHM_RANKS ${size} check`
  const ends = await runRanks({
    ranks: nodes.map(({ node, socket }, rank) => ({ rank, node, socket })),
    program: '/bin/sh',
    args: ['-c', script],
    cluster: 'bench',
    run,
    inherit: false,
    out: (_, line) => void lines.push(String(line)),
    err: (_, line) => void process.stderr.write(`${line}\n`),
    failed: (program, error) => void process.stderr.write(`${program}: ${error.message}\n`),
  })
  const { socket } = nodes[0]!
  for (const { name, linked } of segments(socket)) if (linked && isOfRun(name, run)) unlink(socket, name)
  const failed = ends.find(({ status }) => status !== 0)
  if (failed !== undefined && lines.length === 0) throw new Error(`process ${failed.rank + 1}: status ${failed.status}`)
  return JSON.parse(lines[0]!) as Multiplication
}

async function withNodes<T>(count: number, use: (nodes: Daemon[]) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-bench-'))
  const nodes = await startCluster({ dir, cluster: 'bench', nodes: count, memory: MEMORY })
  try {
    return await use(nodes)
  } finally {
    await stopDaemons(nodes)
    rmSync(dir, { recursive: true })
  }
}

export async function strassenBenchmark(size: number, rounds: number): Promise<StrassenBenchmark> {
  const pairs = await withNodes(1, (one) =>
    withNodes(2, async (two) => {
      const found: { one: Multiplication; two: Multiplication }[] = []
      for (let n = 1 - WARM_UP; n <= rounds; n++) {
        say(n < 1 ? 'warming up' : `round ${n} of ${rounds}`)
        const pair = { one: await multiply(one, size), two: await multiply(two, size) }
        if (n >= 1) found.push(pair)
      }
      say('')
      return found
    }),
  )
  const failures = pairs.flatMap(({ one, two }, i) =>
    [one, two]
      .filter(({ right }) => !right)
      .map(({ blocks }) => `round ${i + 1}, ${blocks.length} nodes: a wrong product`),
  )
  const perRound = pairs.map(({ one, two }) => ({ oneSeconds: one.seconds, twoSeconds: two.seconds }))
  const oneSeconds = spread(perRound.map((round) => round.oneSeconds))
  const twoSeconds = spread(perRound.map((round) => round.twoSeconds))
  const wins = perRound.filter((round) => round.twoSeconds < round.oneSeconds).length
  const made = (process: number) => median(pairs.map(({ two }) => two.blocks[process]!))
  const result: StrassenBenchmark = {
    ok: failures.length === 0,
    size,
    rounds,
    oneSeconds,
    twoSeconds,
    oneMultiplySeconds: spread(pairs.map(({ one }) => one.multiplySeconds)),
    twoMultiplySeconds: spread(pairs.map(({ two }) => two.multiplySeconds)),
    ratio: twoSeconds.median / oneSeconds.median,
    wins,
    met: wins === rounds,
    perRound,
    blocks: [made(0), made(1)],
    ...(failures.length === 0 ? {} : { failures }),
  }
  print(result)
  return result
}

function print(result: StrassenBenchmark) {
  const { size, rounds, ratio, wins, blocks, perRound, failures = [] } = result
  const ms = (seconds: number) => (seconds * 1000).toFixed(1)
  const line = (name: string, all: Spread, part: Spread) =>
    `  ${name.padEnd(10)} ${ms(all.median).padStart(8)} ms   ${ms(all.min)}..${ms(all.max)}, of these multiplying ${ms(part.median)}\n`
  process.stderr.write(`\nStrassen, ${size} x ${size}: median, least and most of ${rounds}\n`)
  process.stderr.write(line('one node', result.oneSeconds, result.oneMultiplySeconds))
  process.stderr.write(line('two nodes', result.twoSeconds, result.twoMultiplySeconds))
  process.stderr.write(
    `  ratio ${ratio.toFixed(2)}; two were faster ${wins} times of ${rounds}; blocks ${blocks.join(' and ')}\n`,
  )
  for (const round of perRound) process.stderr.write(`    ${ms(round.oneSeconds)}  ${ms(round.twoSeconds)}\n`)
  for (const why of failures) process.stderr.write(`NOT OK: ${why}\n`)
}
