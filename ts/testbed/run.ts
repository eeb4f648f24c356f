/**
 * The allocator testbed from beginning to end: control process, cluster, workers, judgement; and
 * whatever happens, nothing is left behind. The cluster is its own: its directory is private and its
 * name is too, so one that is up is not disturbed.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GshmError } from '../base/errors.js'
import type { Daemon } from '../launch/daemon.js'
import { dismiss } from '../launch/guardians.js'
import { startCluster, stopDaemons } from '../launch/local-cluster.js'
import { Control } from './control.js'
import { judge } from './judge.js'
import { places, type TestbedOptions } from './options.js'
import { progress, type Progress } from './progress.js'
import { report, type Faults, type TestbedResult } from './report.js'
import { startWorker, type Worker, type WorkerEnd } from './workers.js'

const SEGMENT = 'testbed'
/** Seconds that workers get, after the time is up, to verify and free what is left. */
const DRAIN_SECONDS = 60

export async function runTestbed(options: TestbedOptions): Promise<{ result: TestbedResult; report: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-testbed-'))
  const bed = new Testbed(options, dir, progress())
  const interrupt = (signal: NodeJS.Signals) => bed.abort(`interrupted by ${signal}`)
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt)
  try {
    return await bed.run()
  } finally {
    await bed.stop()
    rmSync(dir, { recursive: true, force: true })
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('SIGHUP', interrupt)
  }
}

class Testbed {
  #control: Control | undefined
  #daemons: Daemon[] = []
  #workers: Worker[] = []
  #aborted: GshmError | undefined
  readonly #troubles: string[] = []

  constructor(
    private readonly options: TestbedOptions,
    private readonly dir: string,
    private readonly progress: Progress,
  ) {}

  async run(): Promise<{ result: TestbedResult; report: string }> {
    const { options } = this
    this.progress.phase('An unregistered process measures its page faults before there is a cluster.')
    const control = await Control.start(this.dir)
    this.#control = control
    const minorFaultsBefore = await control.minorFaults()
    this.#check()
    this.progress.phase(`Starting ${options.nodes} nodes.`)
    await this.#startDaemons()
    const how = `${options.consistency}/${options.manager}, unit ${options.unit}, seed ${options.seed}`
    this.progress.phase(`${options.processes} processes share memory for ${options.seconds} s (${how}).`)
    this.#startWorkers()
    this.progress.run(options.seconds)
    const minorFaultsDuring = await control.minorFaults()
    const traces = control.traces()
    const workers = await this.#collect()
    this.progress.stop()
    this.#check()
    const { faults, heapBytesAfter } = await this.#ask()
    const unregistered = { ...traces, minorFaultsBefore, minorFaultsDuring }
    const { result, lines } = judge({
      options,
      workers,
      faults,
      heapBytesAfter,
      unregistered,
      troubles: this.#troubles,
    })
    return { result, report: report(result, lines) }
  }

  /** What the daemons say at the end; one that has died is told of, and no reason to hide the rest. */
  async #ask(): Promise<{ faults: Faults[]; heapBytesAfter: number }> {
    const { status, segments } = await import('../client/inspect.js')
    const faults: Faults[] = []
    let heapBytesAfter = 0
    for (const { socket, name, log } of this.#daemons) {
      try {
        faults.push(status(socket).faults)
        heapBytesAfter = segments(socket).find((segment) => segment.name === SEGMENT)?.heapBytes ?? 0
      } catch (error) {
        const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-3).join(' ')
        this.#troubles.push(`${name} does not answer: ${(error as Error).message}; its log ends: ${tail}`)
      }
    }
    return { faults, heapBytesAfter }
  }

  /** Ends the run early: the workers are killed, which lets run() go on to its end, where it throws. */
  abort(why: string): void {
    this.#aborted ??= new GshmError('SYSTEM', why)
    this.#killWorkers()
  }

  async stop(): Promise<void> {
    this.progress.stop()
    this.#killWorkers()
    await Promise.all(this.#workers.map((worker) => worker.ended))
    const { guarded } = await stopDaemons(this.#daemons)
    await dismiss(guarded)
    await this.#control?.stop()
  }

  async #startDaemons(): Promise<void> {
    const { nodes, memory } = this.options
    const cluster = `testbed-${process.pid}`
    await startCluster({
      dir: this.dir,
      cluster,
      nodes,
      memory,
      started: (daemon) => {
        this.#daemons.push(daemon)
        this.#check()
      },
    })
  }

  #startWorkers(): void {
    for (const place of places(this.options.nodes, this.options.processes)) {
      const daemon = this.#daemons[place.node]
      if (daemon !== undefined) this.#workers.push(startWorker(place, daemon.socket, SEGMENT, this.options))
    }
  }

  /** Everybody's end; whoever hangs is killed, and the rest with him: they would wait for him. */
  async #collect(): Promise<WorkerEnd[]> {
    const seconds = this.options.seconds + DRAIN_SECONDS
    const deadline = setTimeout(() => {
      const late = this.#workers.filter((w) => w.child.exitCode === null && w.child.signalCode === null)
      const names = late.map((w) => `${w.worker} (${w.kind}, node ${w.node}, pid ${w.child.pid})`).join(', ')
      this.#troubles.push(`workers ${names} had not ended ${DRAIN_SECONDS} s after their time and were killed`)
      this.#killWorkers()
    }, seconds * 1000)
    for (const worker of this.#workers) void worker.ended.then((end) => this.#ended(end))
    const ends = await Promise.all(this.#workers.map((worker) => worker.ended))
    clearTimeout(deadline)
    return ends
  }

  /** A worker that has died leaves the others at a barrier or a queue that never fills. */
  #ended(end: WorkerEnd): void {
    if (end.status !== 0) this.#killWorkers()
  }

  #killWorkers(): void {
    for (const worker of this.#workers) worker.end()
  }

  #check(): void {
    if (this.#aborted !== undefined) throw this.#aborted
  }
}
