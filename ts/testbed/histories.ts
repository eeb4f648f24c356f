/**
 * Histories of real nodes: threads of several processes load and exchange words of a segment
 * (native/testbed/history_worker.c), again and again a fresh one, and each history is checked for
 * sequential consistency (ts/history). The first that is not ends the run and is kept in a file.
 */
import { mkdtempSync, readFileSync, rmSync, appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Consistency, Manager } from '../base/consistency.js'
import { GshmError } from '../base/errors.js'
import { check, History, Reader, type Violation } from '../history/index.js'
import { built } from '../launch/paths.js'
import { onOwnCluster, troubleOf, type OwnCluster } from './own-cluster.js'
import { progress } from './progress.js'

export const HISTORY_INJECTIONS = ['stale', 'lost'] as const
export type HistoryInjection = (typeof HISTORY_INJECTIONS)[number]

/** The models that promise sequential consistency, whatever a program does. */
export type SequentialModel = Exclude<Consistency, 'lrc'>

export interface HistoriesOptions {
  readonly nodes: number
  /** In all, over the nodes in turn. */
  readonly processes: number
  /** In each process. */
  readonly threads: number
  readonly pages: number
  /** Of the segments. */
  readonly consistency: SequentialModel
  readonly manager: Manager
  readonly unit: number
  /** Bytes of frames on each node. */
  readonly memory: number
  /** How long; no limit unless given. */
  readonly seconds?: number
  /** How many operations in all, at least; no limit unless given. */
  readonly operations?: number
  readonly seed: number
  /** A fault that is planted into the first history and must be found. */
  readonly inject?: HistoryInjection
}

/** docs/JSON.md explains the fields. */
export interface HistoriesResult {
  readonly ok: boolean
  readonly operations: number
  readonly seconds: number
  readonly histories: number
  readonly violations: number
  readonly crossNode: number
  /** Pages that have left a node for want of memory. */
  readonly evicted: number
  readonly seed: number
  readonly nodes: number
  readonly processes: number
  readonly threads: number
  readonly consistency: Consistency
  readonly manager: Manager
  readonly unit: number
  readonly failures?: readonly string[]
  readonly violation?: Violation
  readonly kept?: string
}

/** Operations of a history: some seconds of work, and memory for its log in every worker. */
const LENGTH = 1_000_000
const HISTORY_SECONDS = 60
/** Seconds that workers get to start, and to end once their time is up. */
const SPARE_SECONDS = 60

export async function runHistories(options: HistoriesOptions): Promise<HistoriesResult> {
  const shown = progress()
  shown.phase(`Starting ${options.nodes} nodes.`)
  const bounds = { name: 'histories', nodes: options.nodes, memory: options.memory }
  try {
    return await onOwnCluster(bounds, async (own) => {
      const runner = new Runner(options, own)
      const { processes, threads, seed, consistency, manager, unit } = options
      const how = `${consistency}/${manager}, unit ${unit}, seed ${seed}`
      shown.phase(`${processes} processes of ${threads} threads load and exchange words (${how}).`)
      if (options.seconds !== undefined) shown.run(options.seconds)
      return await runner.run()
    })
  } finally {
    shown.stop()
  }
}

class Runner {
  readonly #started = performance.now()
  readonly #failures: string[] = []
  #operations = 0
  #histories = 0
  #violations = 0
  #crossNode = 0
  #violation: Violation | undefined
  #kept: string | undefined

  constructor(
    private readonly options: HistoriesOptions,
    private readonly own: OwnCluster,
  ) {}

  async run(): Promise<HistoriesResult> {
    do await this.#history()
    while (this.#failures.length === 0 && this.#left().operations > 0 && this.#left().seconds > 0)
    const { nodes, processes, threads, seed, consistency, manager, unit } = this.options
    // A run in which nobody saw another node's write proves nothing.
    if (nodes > 1 && this.#failures.length === 0 && this.#crossNode === 0) {
      this.#failures.push('no operation saw what another node wrote')
    }
    return {
      ok: this.#failures.length === 0,
      operations: this.#operations,
      seconds: this.#seconds(),
      histories: this.#histories,
      violations: this.#violations,
      crossNode: this.#crossNode,
      evicted: this.#failures.length === 0 ? await this.own.evicted() : 0,
      seed,
      nodes,
      processes,
      threads,
      consistency,
      manager,
      unit,
      ...(this.#failures.length === 0 ? {} : { failures: this.#failures }),
      ...(this.#violation === undefined ? {} : { violation: this.#violation }),
      ...(this.#kept === undefined ? {} : { kept: this.#kept }),
    }
  }

  /** One more history, from fresh memory to the checker's answer. */
  async #history(): Promise<void> {
    const serial = this.#histories
    const { processes, nodes } = this.options
    const logs = Array.from({ length: processes }, (_, worker) => join(this.own.dir, `history${serial}.${worker}`))
    const lines = logs.map((log, worker) => ({ node: worker % nodes, args: this.#arguments(serial, worker, log) }))
    const ends = await this.own.run(built('history_worker'), lines, HISTORY_SECONDS + SPARE_SECONDS)
    this.#failures.push(...ends.flatMap((end, worker) => troubleOf(end, worker, 'log')), ...this.own.troubles())
    if (this.#failures.length > 0) return
    this.#check(logs)
    for (const log of logs) rmSync(log)
  }

  #check(logs: readonly string[]): void {
    const history = new History()
    try {
      const reader = new Reader(history)
      for (const log of logs) reader.feed(readFileSync(log))
      reader.end()
      this.#violation = check(history)
    } catch (error) {
      // Memory that shows what nobody wrote is as wrong as one that shows it at the wrong time.
      if (!(error instanceof GshmError)) throw error
      this.#failures.push(error.message)
    }
    this.#histories++
    this.#operations += history.operations
    this.#crossNode += this.#crossNodeOf(history)
    if (this.#violation !== undefined) {
      this.#violations++
      this.#failures.push(`a history of ${history.operations} operations is not sequentially consistent`)
    }
    if (this.#failures.length > 0) this.#keep(logs)
  }

  /** Operations that saw what a thread on another node had written. */
  #crossNodeOf(history: History): number {
    const { nodes, threads } = this.options
    const nodeOf = (line: number) => Math.floor(history.threadName(line) / threads) % nodes
    let count = 0
    for (let line = 1; line <= history.operations; line++) {
      const writer = history.writer[history.read[line]!]!
      if (writer !== 0 && nodeOf(writer) !== nodeOf(line)) count++
    }
    return count
  }

  /** One file for `gshm check`, where it outlives the cluster. */
  #keep(logs: readonly string[]): void {
    const file = join(mkdtempSync(join(tmpdir(), 'gshm-history-')), 'history')
    for (const log of logs) appendFileSync(file, readFileSync(log))
    this.#kept = file
  }

  #arguments(serial: number, worker: number, log: string): string[] {
    const { processes, threads, pages, seed, consistency, manager, unit, inject } = this.options
    const left = this.#left()
    const words: [string, string | number][] = [
      ['--worker', worker],
      ['--workers', processes],
      ['--threads', threads],
      ['--operations', Math.ceil(Math.min(LENGTH, left.operations) / (processes * threads))],
      ['--seconds', Math.ceil(Math.min(HISTORY_SECONDS, left.seconds))],
      ['--seed', (seed + serial) % 2 ** 32],
      ['--pages', pages],
      ['--segment', `history${serial}`],
      ['--log', log],
      ['--consistency', consistency],
      ['--manager', manager],
      ['--unit', unit],
    ]
    if (inject !== undefined && serial === 0) words.push(['--inject', inject])
    return words.flatMap(([name, value]) => [name, String(value)])
  }

  #left(): { operations: number; seconds: number } {
    const { operations = Infinity, seconds = Infinity } = this.options
    return { operations: operations - this.#operations, seconds: seconds - this.#seconds() }
  }

  #seconds(): number {
    return Math.round(performance.now() - this.#started) / 1000
  }
}
