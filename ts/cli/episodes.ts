/** `gshm episodes`: race-free programs on a cluster of its own; ts/testbed/episodes.ts does the work. */
import { EPISODE_INJECTIONS, type EpisodeInjection } from '../testbed/episodes.js'
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
  episodes?: number
  inject?: EpisodeInjection
}

export const episodesCommand = () =>
  withModel(
    command<Options>(
      'episodes',
      'threads load and store bytes as locks and barriers allow, on a cluster of its own; is every load right?',
      async (say, { seconds: given, episodes, ...options }) => {
        const { describeWrong, runEpisodes } = await import('../testbed/episodes.js')
        const drawn = seedOf(options.seed)
        const result = await runEpisodes({
          ...options,
          ...secondsOf(given, episodes),
          seed: drawn,
          ...(episodes === undefined ? {} : { episodes }),
        })
        say.print(
          `${result.episodes} episodes, ${result.loads} loads in ${result.seconds} s (seed ${drawn}): ${result.wrong} wrong; ` +
            `${result.crossNode} saw what another node stored`,
        )
        for (const wrong of result.wrongLoads ?? []) say.progress(describeWrong(wrong))
        for (const failure of result.failures ?? []) say.progress(failure)
        say.print(result.ok ? 'OK: every load saw what was stored last.' : 'NOT OK')
        return { ...result }
      },
    ),
    'of the segment',
    'who serialises its pages',
  )
    .option(...NODES)
    .option(...PROCESSES)
    .option(...THREADS)
    .option(...pages('pages that they share; as many again are the heap', 16))
    .option(...MEMORY)
    .option(...seconds(`how long (default: ${SECONDS}, or as --episodes says)`))
    .option('--episodes <count>', 'how many episodes', whole('--episodes', 1, 2 ** 32 - 1))
    .option(...seed('of what the threads draw (default: a new one)'))
    .option(...inject(EPISODE_INJECTIONS))
