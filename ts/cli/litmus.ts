/** `gshm litmus`: litmus tests on a cluster of its own; ts/testbed/litmus does the work. */
import { GshmError } from '../base/errors.js'
import { PLACEMENTS, SPREADS, type Placement, type Spread } from '../testbed/litmus/options.js'
import { command } from './command.js'
import { withModel, type ModelOptions } from './model.js'
import { oneOf, whole } from './parse.js'
import { seed, seedOf } from './run-options.js'

interface Options extends ModelOptions {
  guard?: 'lock'
  placement: Placement
  threads: Spread
  runs: number
  seed?: number
}

export const litmusCommand = () =>
  withModel(
    command<Options>(
      'litmus <paths...>',
      "runs litmus tests in herd's X86_64 format, and judges every outcome",
      async (say, options, paths) => {
        if (options.consistency === 'lrc' && options.guard === undefined) {
          throw new GshmError(
            'INVALID',
            '--consistency lrc promises nothing to programs with data races: add --guard lock',
          )
        }
        const { runLitmus } = await import('../testbed/litmus/run.js')
        const { threads: spread, guard, ...rest } = options
        const drawn = seedOf(options.seed)
        const result = await runLitmus({ ...rest, spread, guard, seed: drawn, paths }, (line) => say.progress(line))
        const { ok, tests, runs, seen, reachable, forbidden, outsideSc, skipped } = result
        say.print(`${tests} tests, ${runs} runs on ${result.nodes} nodes (seed ${drawn}, ${result.seconds} s)`)
        say.print(`${seen} of ${reachable} allowed outcomes were seen; ${outsideSc} runs were outside of SC`)
        say.print(`${forbidden} runs were forbidden, ${skipped} files skipped: ${ok ? 'OK' : 'NOT OK'}`)
        return { ...result }
      },
    ),
    'of the segment',
    'who serialises its pages',
  )
    .option('--guard <kind>', 'lock: each thread runs as a whole under one lock', oneOf('--guard', ['lock'] as const))
    .option('--placement <how>', `of locations: ${PLACEMENTS.join(', ')}`, oneOf('--placement', PLACEMENTS), 'mixed')
    .option('--threads <where>', `of threads: ${SPREADS.join(', ')}`, oneOf('--threads', SPREADS), 'node-each')
    .option('--runs <count>', 'of each test', whole('--runs', 1, 10_000_000), 1000)
    .option(...seed('makes layouts and delays the same again (default: a new one)'))
    .addHelpText(
      'after',
      `
A path is a file, or a folder: all files below it, at any depth, whose names end in .litmus.
What is understood of the format: the README; an example: examples/litmus/SB.litmus.

  gshm litmus examples/litmus`,
    )
