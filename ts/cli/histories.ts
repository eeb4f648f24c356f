/** `gshm histories`: histories of a cluster of its own, checked; ts/testbed/histories.ts does the work. */
import { GshmError } from '../base/errors.js'
import { describe } from '../history/index.js'
import { HISTORY_INJECTIONS, type HistoryInjection } from '../testbed/histories.js'
import { command } from './command.js'
import { withModel } from './model.js'
import { whole } from './parse.js'
import {
  MEMORY,
  NODES,
  PROCESSES,
  SECONDS,
  THREADS,
  inject,
  pages,
  seconds,
  seed,
  secondsOf,
  seedOf,
  type ThreadOptions,
} from './run-options.js'

interface Options extends ThreadOptions {
  operations?: number
  inject?: HistoryInjection
}

export const historiesCommand = () =>
  withModel(
    command<Options>(
      'histories',
      'threads load and exchange words on a cluster of its own; is that sequentially consistent?',
      async (say, { seconds: given, operations, consistency, ...options }) => {
        if (consistency === 'lrc') {
          throw new GshmError(
            'UNSUPPORTED',
            "--consistency 'lrc': it does not promise sequential consistency; srsw and mrsw do",
          )
        }
        const { runHistories } = await import('../testbed/histories.js')
        const drawn = seedOf(options.seed)
        const result = await runHistories({
          ...options,
          ...secondsOf(given, operations),
          consistency,
          seed: drawn,
          ...(operations === undefined ? {} : { operations }),
        })
        const { violation, failures = [], kept } = result
        say.print(
          `${result.histories} histories, ${result.operations} operations in ${result.seconds} s (seed ${drawn}); ` +
            `${result.crossNode} saw what another node wrote`,
        )
        for (const line of violation === undefined ? [] : describe(violation)) say.print(line)
        for (const failure of failures) say.progress(failure)
        if (kept !== undefined) say.progress(`the history is kept: gshm check ${kept}`)
        say.print(result.ok ? 'OK: every history is sequentially consistent.' : 'NOT OK')
        return { ...result }
      },
    ),
    'of the segments',
    'who serialises their pages',
    ['srsw', 'mrsw'],
  )
    .option(...NODES)
    .option(...PROCESSES)
    .option(...THREADS)
    .option(...pages('pages that they share', 4))
    .option(...MEMORY)
    .option(...seconds(`how long (default: ${SECONDS}, or as --operations says)`))
    .option('--operations <count>', 'how many operations in all', whole('--operations', 1, 1e12))
    .option(...seed('of what the threads draw (default: a new one)'))
    .option(...inject(HISTORY_INJECTIONS))
