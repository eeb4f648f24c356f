/**
 * Starts the testbed's workers and collects what each saw. Both programs, native/testbed/worker.c
 * and ts/testbed/worker.ts, take the same options and print the same JSON line at their end.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { built, compiled } from '../launch/paths.js'
import type { Histogram } from './histogram.js'
import type { Place, TestbedOptions } from './options.js'

/** The line that a worker prints when it is done. */
export interface WorkerReport {
  /** Blocks verified to the last byte; those of them that a worker on another node wrote. */
  readonly blocks: number
  readonly crossNode: number
  readonly bytesVerified: number
  /** Bytes that differed from the pattern. */
  readonly wrong: number
  readonly overlaps: number
  readonly leaked: number
  /** Of accesses that faulted, read around them by the thread. */
  readonly latency: Histogram
}

export interface Worker extends Place {
  readonly child: ChildProcess
  /** Kills it unless it has ended. */
  end(): void
  readonly ended: Promise<WorkerEnd>
}
export interface WorkerEnd extends Place {
  readonly pid: number
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  /** It was in order until another one failed. */
  readonly endedByUs: boolean
  readonly report: WorkerReport | undefined
  /** The last lines that it wrote to standard error. */
  readonly complaint: string
}

const COMPLAINT_LINES = 5

export function startWorker(place: Place, socket: string, segment: string, options: TestbedOptions): Worker {
  const args = workerArguments(place, segment, options)
  const child = spawn(place.kind === 'c' ? built('gshm-testbed-worker') : process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, GSHM_SOCKET: socket },
    detached: true, // a Ctrl-C is the testbed's to handle, in order
  })
  let endedByUs = false
  return {
    ...place,
    child,
    ended: ended(place, child).then((end) => ({ ...end, endedByUs })),
    end: () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      endedByUs = true
      child.kill('SIGKILL')
    },
  }
}

export function workerArguments(place: Place, segment: string, options: TestbedOptions): string[] {
  const args = place.kind === 'node' ? [compiled('ts/testbed/worker.js')] : []
  const words: [string, string | number][] = [
    ['--worker', place.worker],
    ['--workers', options.processes],
    ['--seconds', options.seconds],
    ['--seed', options.seed],
    ['--max-size', options.maxSize],
    ['--segment', segment],
    ['--consistency', options.consistency],
    ['--manager', options.manager],
    ['--unit', options.unit],
  ]
  // One worker plants the fault; the others must find it.
  if (options.inject !== undefined && place.worker === 0) words.push(['--inject', options.inject])
  return [...args, ...words.flatMap(([name, value]) => [name, String(value)])]
}

function ended(place: Place, child: ChildProcess): Promise<Omit<WorkerEnd, 'endedByUs'>> {
  let last = ''
  const complaints: string[] = []
  if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => (last = line))
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      complaints.push(line)
      if (complaints.length > COMPLAINT_LINES) complaints.shift()
    })
  }
  return new Promise((resolve) => {
    const done = (status: number | null, signal: NodeJS.Signals | null) =>
      resolve({ ...place, pid: child.pid ?? 0, status, signal, report: parse(last), complaint: complaints.join('; ') })
    child.once('error', (error) => {
      complaints.push(error.message)
      done(127, null)
    })
    child.once('close', done)
  })
}

function parse(line: string): WorkerReport | undefined {
  try {
    const value = JSON.parse(line) as WorkerReport
    return typeof value.blocks === 'number' ? value : undefined
  } catch {
    return undefined
  }
}
