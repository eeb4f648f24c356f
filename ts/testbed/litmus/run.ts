/**
 * All litmus tests of a run: a cluster of its own, one worker on each node for all tests, jobs of
 * some runs with ever new layouts, judgement; and whatever happens, nothing is left behind.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GshmError } from '../../base/errors.js'
import { Prng } from '../../base/prng.js'
import type { Daemon } from '../../launch/daemon.js'
import { dismiss } from '../../launch/guardians.js'
import { startCluster, stopDaemons } from '../../launch/local-cluster.js'
import { namesOf, type Litmus } from '../../litmus/index.js'
import { findTests, type Found } from './files.js'
import { jobLine, parseAnswer, SYNC_BYTES } from './job.js'
import { Judge, type Verdict, type Violation } from './judge.js'
import { chooseLayout } from './layout.js'
import { NODES_MOST, type LitmusOptions } from './options.js'
import { LitmusWorkers } from './workers.js'

const SEGMENT = 'litmus'
/** Bytes of frames on each node: the segment is far smaller. */
const MEMORY = 2 ** 28
/** Violations that are told in full. */
const TOLD = 20

export interface LitmusResult {
  readonly ok: boolean
  readonly tests: number
  readonly runs: number
  readonly forbidden: number
  readonly seen: number
  readonly reachable: number
  readonly skipped: number
  readonly outsideSc: number
  readonly conditionsSeen: number
  readonly nodes: number
  readonly seed: number
  readonly seconds: number
  readonly skippedFiles: readonly string[]
  readonly violations: readonly Violation[]
}

/** Files that cannot be run are skipped, and told. @throws GshmError INVALID when none can. @param progress is told a line for each test */
export async function runLitmus(options: LitmusOptions, progress: (line: string) => void): Promise<LitmusResult> {
  const found = findTests(options.paths)
  if (found.tests.length === 0) throw nothingToRun(found.skipped)
  for (const reason of found.skipped) progress(`skipped: ${reason}`)
  const dir = mkdtempSync(join(tmpdir(), 'gshm-litmus-'))
  const run = new LitmusRun(options, found, dir, progress)
  const interrupt = (signal: NodeJS.Signals) => run.abort(`interrupted by ${signal}`)
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt)
  try {
    return await run.run()
  } finally {
    await run.stop()
    rmSync(dir, { recursive: true, force: true })
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('SIGHUP', interrupt)
  }
}

function nothingToRun(skipped: readonly string[]): GshmError {
  const [first = '', ...others] = skipped
  const more = others.length === 0 ? '' : `; nor can ${others.length} other files be run`
  return new GshmError('INVALID', `${first}${more}`)
}

class LitmusRun {
  readonly #daemons: Daemon[] = []
  readonly #violations: Violation[] = []
  readonly #nodes: number
  #workers: LitmusWorkers | undefined
  #aborted: GshmError | undefined
  #jobs = 0

  constructor(
    private readonly options: LitmusOptions,
    private readonly found: Found,
    private readonly dir: string,
    private readonly progress: (line: string) => void,
  ) {
    const threads = Math.max(1, ...found.tests.map(({ test }) => test.threads.length))
    // Two at least: with threads on one node the other has homes, and takes pages away.
    this.#nodes = options.spread === 'same-node' ? 2 : Math.min(NODES_MOST, Math.max(2, threads))
  }

  async run(): Promise<LitmusResult> {
    const started = performance.now()
    const verdicts = await this.#runAll()
    const sum = (field: 'runs' | 'forbidden' | 'seen' | 'reachable' | 'outsideSc') =>
      verdicts.reduce((total, verdict) => total + verdict[field], 0)
    const forbidden = sum('forbidden')
    return {
      ok: forbidden === 0 && this.found.skipped.length === 0,
      tests: verdicts.length,
      runs: sum('runs'),
      forbidden,
      seen: sum('seen'),
      reachable: sum('reachable'),
      skipped: this.found.skipped.length,
      outsideSc: sum('outsideSc'),
      conditionsSeen: verdicts.filter((verdict) => verdict.condition === 'seen').length,
      nodes: this.#nodes,
      seed: this.options.seed,
      seconds: Math.round((performance.now() - started) / 100) / 10,
      skippedFiles: this.found.skipped.slice(0, TOLD),
      violations: this.#violations.slice(0, TOLD),
    }
  }

  abort(why: string): void {
    this.#aborted ??= new GshmError('SYSTEM', why)
    this.#workers?.fail(why)
  }

  async stop(): Promise<void> {
    await this.#workers?.stop()
    const { guarded } = await stopDaemons(this.#daemons)
    await dismiss(guarded)
  }

  async #runAll(): Promise<Verdict[]> {
    await this.#start()
    const verdicts: Verdict[] = []
    for (const [number, { file, test }] of this.found.tests.entries()) {
      const verdict = await this.#runTest(file, test, number)
      const { reachable, seen, forbidden, outsideSc, condition } = verdict
      const bad = forbidden === 0 ? '' : `, ${forbidden} runs FORBIDDEN`
      const weak = outsideSc === 0 ? '' : `, ${outsideSc} runs outside of SC`
      const what = `${seen} of ${reachable} outcomes, condition ${condition}${weak}${bad}`
      this.progress(`[${number + 1}/${this.found.tests.length}] ${file}: ${what}`)
      verdicts.push(verdict)
    }
    return verdicts
  }

  async #start(): Promise<void> {
    this.progress(`Starting ${this.#nodes} nodes.`)
    await startCluster({
      dir: this.dir,
      cluster: `litmus-${process.pid}`,
      nodes: this.#nodes,
      memory: MEMORY,
      started: (daemon) => {
        this.#daemons.push(daemon)
        this.#check()
      },
    })
    const sync = join(this.dir, 'sync')
    writeFileSync(sync, new Uint8Array(SYNC_BYTES))
    const sockets = this.#daemons.map((daemon) => daemon.socket)
    this.#workers = new LitmusWorkers(sockets, { ...this.options, name: SEGMENT }, sync)
    this.#check()
    this.progress(`${this.#nodes} nodes serve; ${this.options.runs} runs of each test, seed ${this.options.seed}.`)
  }

  async #runTest(file: string, test: Litmus, number: number): Promise<Verdict> {
    const judge = new Judge(file, test, this.options, this.#nodes)
    const random = new Prng(this.options.seed + number * 2 ** 32)
    const width = namesOf(test).length
    for (let left = this.options.runs, turn = 0; left > 0; turn++) {
      const layout = chooseLayout(test, this.options, this.#nodes, turn, left, random)
      const id = this.#jobs++
      const job = jobLine(id, test, layout)
      const answer = (await this.#workers?.perform(job)) ?? ''
      const seen = parseAnswer(answer, id, width)
      if (seen === undefined) throw new GshmError('SYSTEM', `${file}: a worker answered '${answer.slice(0, 200)}'`)
      for (const violation of judge.take(seen, layout, job)) this.#tell(violation)
      left -= layout.runs
    }
    return judge.verdict()
  }

  #tell(violation: Violation): void {
    this.#violations.push(violation)
    if (this.#violations.length > TOLD) return
    const { file, outcome, runs, run, nodes, places, job } = violation
    this.progress(`FORBIDDEN ${file}: ${outcome} (${runs} runs, first in run ${run})`)
    this.progress(`  threads on nodes ${nodes.join(', ')}; ${places.join('; ')}`)
    this.progress(`  job: ${job}`)
  }

  #check(): void {
    if (this.#aborted !== undefined) throw this.#aborted
  }
}
