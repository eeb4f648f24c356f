/** `gshm episodes`: race-free programs on a cluster of its own; ts/testbed/episodes.ts does the work. */
import type { Consistency, Manager } from '../base/consistency.js'
import { EPISODE_INJECTIONS, type EpisodeInjection } from '../testbed/episodes.js'
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
  episodes?: number
  seed?: number
  inject?: EpisodeInjection
}

const SECONDS = 10

export const episodesCommand = () =>
  withModel(
    command<Options>(
      'episodes',
      'threads load and store bytes as locks and barriers allow, on a cluster of its own; is every load right?',
      async (say, { seconds, episodes, ...options }) => {
        const { describeWrong, runEpisodes } = await import('../testbed/episodes.js')
        const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31)
        const limit = seconds ?? (episodes === undefined ? SECONDS : undefined)
        const result = await runEpisodes({
          ...options,
          seed,
          ...(limit === undefined ? {} : { seconds: limit }),
          ...(episodes === undefined ? {} : { episodes }),
        })
        say.print(
          `${result.episodes} episodes, ${result.loads} loads in ${result.seconds} s (seed ${seed}): ${result.wrong} wrong; ` +
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
    .option('--nodes <count>', 'how many nodes', whole('--nodes', 1, 64), 3)
    .option('--processes <count>', 'how many processes in all, over the nodes in turn', whole('--processes', 1, 256), 6)
    .option('--threads <count>', 'threads in each process', whole('--threads', 1, 64), 2)
    .option('--pages <count>', 'pages that they share; as many again are the heap', whole('--pages', 1, 4096), 16)
    .option('--seconds <count>', `how long (default: ${SECONDS}, or as --episodes says)`, whole('--seconds', 1, 86400))
    .option('--episodes <count>', 'how many episodes', whole('--episodes', 1, 2 ** 32 - 1))
    .option('--seed <number>', 'of what the threads draw (default: a new one)', whole('--seed', 0, 2 ** 32 - 1))
    .option(
      '--inject <fault>',
      `plants a fault that must be found: ${EPISODE_INJECTIONS.join(', ')}`,
      oneOf('--inject', EPISODE_INJECTIONS),
    )
