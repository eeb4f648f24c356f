/** `gshm histories`: histories of a cluster of its own, checked; ts/testbed/histories.ts does the work. */
import type { Consistency, Manager } from '../base/consistency.js'
import { GshmError } from '../base/errors.js'
import { describe } from '../history/index.js'
import { HISTORY_INJECTIONS, type HistoryInjection } from '../testbed/histories.js'
import { command } from './command.js'
import { withModel } from './model.js'
import { oneOf, whole } from './parse.js'

interface Options {
  nodes: number
  processes: number
  threads: number
  pages: number
  consistency: Consistency
  manager: Manager
  unit: number
  seconds?: number
  operations?: number
  seed?: number
  inject?: HistoryInjection
}

const SECONDS = 10

export const historiesCommand = () =>
  withModel(
    command<Options>(
      'histories',
      'threads load and exchange words on a cluster of its own; is that sequentially consistent?',
      async (say, { seconds, operations, inject, consistency, ...options }) => {
        if (consistency === 'lrc') {
          throw new GshmError(
            'UNSUPPORTED',
            "--consistency 'lrc': it does not promise sequential consistency; srsw and mrsw do",
          )
        }
        const { runHistories } = await import('../testbed/histories.js')
        const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31)
        const bound =
          operations === undefined ? { seconds: seconds ?? SECONDS } : seconds === undefined ? {} : { seconds }
        const result = await runHistories({
          ...options,
          ...bound,
          consistency,
          seed,
          ...(operations === undefined ? {} : { operations }),
          ...(inject === undefined ? {} : { inject }),
        })
        const { violation, failures = [], kept } = result
        say.print(
          `${result.histories} histories, ${result.operations} operations in ${result.seconds} s (seed ${seed}); ` +
            `${result.crossNode} saw what another node wrote`,
        )
        for (const line of violation === undefined ? [] : describe(violation)) say.print(line)
        for (const failure of failures) say.progress(failure)
        if (kept !== undefined) say.progress(`the history is kept: gshm check ${kept}`)
        say.print(result.ok ? 'OK: every history is sequentially consistent.' : 'NOT OK')
        return { ...result }
      },
    ),
    'of the segments (not lrc)',
    'who serialises their pages',
  )
    .option('--nodes <count>', 'how many nodes', whole('--nodes', 1, 64), 3)
    .option('--processes <count>', 'how many processes in all, over the nodes in turn', whole('--processes', 1, 256), 6)
    .option('--threads <count>', 'threads in each process', whole('--threads', 1, 64), 2)
    .option('--pages <count>', 'pages that they share', whole('--pages', 1, 4096), 4)
    .option(
      '--seconds <count>',
      `how long (default: ${SECONDS}, or as --operations says)`,
      whole('--seconds', 1, 86400),
    )
    .option('--operations <count>', 'how many operations in all', whole('--operations', 1, 1e12))
    .option('--seed <number>', 'of what the threads draw (default: a new one)', whole('--seed', 0, 2 ** 32 - 1))
    .option(
      '--inject <fault>',
      `plants a fault that must be found: ${HISTORY_INJECTIONS.join(', ')}`,
      oneOf('--inject', HISTORY_INJECTIONS),
    )
