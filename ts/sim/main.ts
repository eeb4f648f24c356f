#!/usr/bin/env node
/** `npm run sim`, `npm run explore`: checks of the protocols. The last line is one JSON object with --json. */
import { Command, InvalidArgumentError } from 'commander'
import { mrsw } from '../coherence/mrsw/index.js'
import { Cells } from './cells.js'
import { EXPLORER_SIZES, type ExplorerSize } from './sizes.js'
import { explore } from './explore.js'
import { run } from './run.js'

const program = new Command('sim')
  .description('checks the coherence protocols: the production step in a pretend cluster')
  .showHelpAfterError()

program
  .command('run', { isDefault: true })
  .description('random runs, one for each seed')
  .option('--seeds <count>', 'how many seeds', count(1), 1000)
  .option('--seed <number>', 'only this seed, printed event by event', count(0))
  .option('--first <number>', 'the first seed', count(0), 1)
  .option('--nodes <count>', 'nodes (drawn from the seed unless given)', count(1, 64))
  .option('--losses <count>', 'nodes that may be lost (drawn from the seed unless given)', count(0, 63))
  .option('--json', 'end with one JSON object')
  .action((options: { seeds: number; seed?: number; first: number; nodes?: number; losses?: number; json?: true }) => {
    const { seed, nodes, losses } = options
    const started = performance.now()
    let line = 0
    const report = run({
      seeds: seed === undefined ? options.seeds : 1,
      first: seed ?? options.first,
      nodes,
      losses,
      ...(seed === undefined ? {} : { log: (text: string) => console.log(`${String(++line).padStart(6)}  ${text}`) }),
    })
    const seconds = (performance.now() - started) / 1000
    const { ok, seeds, steps, lossy, failed } = report
    const missing = report.cells.missing(mrsw)
    if (failed !== undefined) {
      console.error(`seed ${failed.seed}: ${failed.violation}; see it with: npm run sim -- --seed ${failed.seed}`)
    }
    console.error(
      `${seeds} seeds, ${steps} steps, ${lossy} with losses, ${seconds.toFixed(1)} s; cells not met: ${missing.length}`,
    )
    finish(options.json, {
      ok,
      seeds,
      steps,
      lossy,
      seconds: rounded(seconds),
      cells: report.cells.count,
      cellsMissing: missing,
      failed: failed?.seed ?? null,
      violation: failed?.violation ?? null,
    })
  })

program
  .command('explore')
  .description('everything that can happen in small clusters')
  .option('--size <name>', `only one size: ${EXPLORER_SIZES.map(({ name }) => name).join(', ')}`)
  .option('--full', 'the larger sizes too')
  .option('--json', 'end with one JSON object')
  .action((options: { size?: string; full?: true; json?: true }) => {
    const sizes = EXPLORER_SIZES.filter(({ name, when }) =>
      options.size === undefined ? options.full === true || when !== 'full' : name === options.size,
    )
    if (sizes.length === 0) program.error(`--size: there is no size '${options.size}'`)
    const results = sizes.map(exploreOne)
    const states = results.reduce((sum, result) => sum + result.states, 0)
    finish(options.json, { ok: results.every(({ ok }) => ok), protocol: mrsw.name, states, sizes: results })
  })

program.parse()

function exploreOne({ name, when: _, states: expected, ...size }: ExplorerSize) {
  const started = performance.now()
  const cells = new Cells()
  const progress = (states: number) => process.stderr.isTTY && process.stderr.write(`\r${name}: ${states} states`)
  const { ok, states, ends, depth, complete, violation, way } = explore({ ...size, step: cells.step(mrsw), progress })
  const seconds = rounded((performance.now() - started) / 1000)
  for (const line of way) console.log(line)
  if (!complete) console.error(`\r${name}: gave up after ${states} states`)
  console.error(`\r${name}: ${states} states, ${ends} ends, depth ${depth}, ${seconds} s`)
  const { nodes, pages, threads, ops: opsPerThread, duplicates, losses } = size
  const same = ok && states === expected
  if (ok && !same && expected > 0) console.error(`${name}: ${expected} states were expected (ts/sim/sizes.ts)`)
  return { name, ok, same, nodes, pages, threads, opsPerThread, duplicates, losses, states, depth, seconds, violation }
}

function count(least: number, most = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least}${most < 2 ** 40 ? ` to ${most}` : ''}.`)
    }
    return value
  }
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}

function finish(json: true | undefined, result: { readonly ok: boolean; readonly [field: string]: unknown }): void {
  if (json) console.log(JSON.stringify(result))
  else console.log(result.ok ? 'ok' : 'not ok')
  process.exitCode = result.ok ? 0 : 1
}
