/**
 * Race-free episodes on real nodes: threads of several processes load and store bytes of a segment in
 * random programs that locks, barriers and the heap order (native/testbed/episodes_worker.c), so every
 * load is predictable, in every consistency model. Whoever sees another value ends the run.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Consistency, Manager } from '../base/consistency.js'
import { built } from '../launch/paths.js'
import { onOwnCluster, troubleOf, type OwnCluster } from './own-cluster.js'
import { progress } from './progress.js'

export const EPISODE_INJECTIONS = ['stale'] as const
export type EpisodeInjection = (typeof EPISODE_INJECTIONS)[number]

export interface EpisodesOptions {
  readonly nodes: number
  /** In all, over the nodes in turn. */
  readonly processes: number
  /** In each process. */
  readonly threads: number
  /** That they share; as many again are the heap's. */
  readonly pages: number
  /** Of the segment. */
  readonly consistency: Consistency
  readonly manager: Manager
  readonly unit: number
  /** Bytes of frames on each node. */
  readonly memory: number
  /** How long; no limit unless given. */
  readonly seconds?: number
  /** How many episodes; no limit unless given. */
  readonly episodes?: number
  readonly seed: number
  /** A fault that is planted into the first episode and must be found. */
  readonly inject?: EpisodeInjection
}

/** A load that saw another value than the last one stored; docs/JSON.md explains the fields. */
export interface WrongLoad {
  readonly thread: number
  readonly node: number
  readonly page: number
  readonly byte: number
  readonly episode: number
  readonly guard: 'thread' | 'lock' | 'read-only' | 'slot' | 'block' | 'fresh' | 'end'
  readonly number: number
  readonly expected: number
  readonly seen: number
  /** The thread that stored what was expected, -1 for nobody, and the episode in which it did. */
  readonly writer: number
  readonly written: number
}

/** docs/JSON.md explains the fields. */
export interface EpisodesResult {
  readonly ok: boolean
  readonly seed: number
  readonly seconds: number
  readonly episodes: number
  readonly loads: number
  readonly stores: number
  readonly wrong: number
  readonly crossNode: number
  readonly blocks: number
  readonly leaked: number
  readonly evicted: number
  readonly nodes: number
  readonly processes: number
  readonly threads: number
  readonly consistency: Consistency
  readonly manager: Manager
  readonly unit: number
  readonly failures?: readonly string[]
  readonly wrongLoads?: readonly WrongLoad[]
}

/** The line that a worker writes into its file at its end. */
interface Report {
  readonly episodes: number
  readonly loads: number
  readonly stores: number
  readonly crossNode: number
  readonly blocks: number
  readonly leaked: number
  readonly wrong: number
  readonly wrongs: readonly WrongLoad[]
}

/** Wrong loads that are told of in full. */
const WRONG_LOADS = 20
/** Seconds that workers get to start, and to end once their time is up. */
const SPARE_SECONDS = 60
const SECONDS_MAX = 86_400
const EPISODES_MAX = 2 ** 32 - 1

export async function runEpisodes(options: EpisodesOptions): Promise<EpisodesResult> {
  const shown = progress()
  shown.phase(`Starting ${options.nodes} nodes.`)
  try {
    return await onOwnCluster({ name: 'episodes', nodes: options.nodes, memory: options.memory }, async (own) => {
      const { processes, threads, seed, consistency, manager, unit } = options
      const how = `${consistency}/${manager}, unit ${unit}, seed ${seed}`
      shown.phase(`${processes} processes of ${threads} threads load and store bytes in order (${how}).`)
      if (options.seconds !== undefined) shown.run(options.seconds)
      return await episodes(options, own)
    })
  } finally {
    shown.stop()
  }
}

async function episodes(options: EpisodesOptions, own: OwnCluster): Promise<EpisodesResult> {
  const started = performance.now()
  const { processes, nodes } = options
  const files = Array.from({ length: processes }, (_, worker) => join(own.dir, `report.${worker}`))
  const lines = files.map((file, worker) => ({
    node: worker % nodes,
    args: workerArguments(options, own, worker, file),
  }))
  const ends = await own.run(built('episodes_worker'), lines, (options.seconds ?? SECONDS_MAX) + SPARE_SECONDS)
  const seconds = Math.round(performance.now() - started) / 1000
  const troubles = [...ends.flatMap((end, worker) => troubleOf(end, worker, 'report')), ...own.troubles()]
  const reports = ends.flatMap(({ status }, worker) => {
    return status === 0 ? [JSON.parse(readFileSync(files[worker]!, 'utf8')) as Report] : []
  })
  return judgeEpisodes(options, seconds, reports, troubles, troubles.length === 0 ? await own.evicted() : 0)
}

export function judgeEpisodes(
  options: EpisodesOptions,
  seconds: number,
  reports: readonly Report[],
  troubles: readonly string[],
  evicted: number,
): EpisodesResult {
  const { nodes, processes, threads, seed, consistency, manager, unit } = options
  const sum = (field: Exclude<keyof Report, 'wrongs'>) => reports.reduce((total, report) => total + report[field], 0)
  const wrong = sum('wrong')
  const crossNode = sum('crossNode')
  const leaked = sum('leaked')
  const failures = [...troubles]
  if (wrong > 0) failures.push(`${wrong} loads saw another value than was stored last`)
  if (leaked > 0) failures.push(`the heap still holds ${leaked} bytes`)
  // A run in which nobody saw another node's store proves nothing.
  if (nodes > 1 && failures.length === 0 && crossNode === 0) failures.push('no load saw what another node stored')
  const wrongLoads = reports.flatMap(({ wrongs }) => wrongs).slice(0, WRONG_LOADS)
  return {
    ok: failures.length === 0,
    seed,
    seconds,
    episodes: Math.max(0, ...reports.map((report) => report.episodes)),
    loads: sum('loads'),
    stores: sum('stores'),
    wrong,
    crossNode,
    blocks: sum('blocks'),
    leaked,
    evicted,
    nodes,
    processes,
    threads,
    consistency,
    manager,
    unit,
    ...(failures.length === 0 ? {} : { failures }),
    ...(wrongLoads.length === 0 ? {} : { wrongLoads }),
  }
}

/** One line for people. */
export function describeWrong(wrong: WrongLoad): string {
  const { thread, node, page, byte, episode, guard, number, expected, seen, writer, written } = wrong
  const who = writer < 0 ? 'nobody ever stored there' : `thread ${writer} stored in episode ${written}`
  return (
    `thread ${thread} on node ${node}, episode ${episode}: page ${page} byte ${byte} (${guard} ${number}) ` +
    `is ${seen}, not ${expected}, which ${who}`
  )
}

function workerArguments(options: EpisodesOptions, own: OwnCluster, worker: number, report: string): string[] {
  const { processes, threads, pages, seed, consistency, manager, unit, inject } = options
  const words: [string, string | number][] = [
    ['--worker', worker],
    ['--workers', processes],
    ['--threads', threads],
    ['--pages', pages],
    ['--seconds', options.seconds ?? SECONDS_MAX],
    ['--episodes', options.episodes ?? EPISODES_MAX],
    ['--seed', seed],
    ['--segment', 'episodes'],
    ['--shadow', join(own.dir, 'shadow')],
    ['--report', report],
    ['--consistency', consistency],
    ['--manager', manager],
    ['--unit', unit],
  ]
  if (inject !== undefined) words.push(['--inject', inject])
  return words.flatMap(([name, value]) => [name, String(value)])
}
