/**
 * Starts one gshmd and waits for the line in which it says that it serves. The caller decides
 * whether it outlives us (`log` is a file and `background` is set) or not.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { GshmError, ERROR_NAMES, type ErrorName } from '../base/errors.js'
import { compiled } from './paths.js'
import { processId, type ProcessId } from './processes.js'

export interface DaemonOptions {
  readonly cluster: string
  readonly name: string
  readonly socket: string
  /** The group, by name or number, whose members may connect; that of this process when it is not given. */
  readonly group?: string
  /** False: no process is handed /dev/userfaultfd. */
  readonly handOver?: boolean
  /** Bytes of frames; half of the machine's memory when it is not given. */
  readonly memory?: number
  /** Hand-overs of a lock within the node while another node wants it. */
  readonly lockBurst?: number
  /** From how many nodes on a barrier is a tree; 0: never. The first node's counts: it manages all. */
  readonly barrierTree?: number
  /** After how many episodes of the same processes a barrier is direct; 0: never. The first node's counts. */
  readonly barrierDirect?: number
  /** KiB that are fetched ahead of a thread that goes through a segment page by page; 0: nothing. */
  readonly fetchAhead?: number
  readonly lockDirect?: number
  readonly log: string
  /** HOST:PORT; port 0 lets the kernel choose. */
  readonly listen?: string
  readonly join?: string
  readonly advertise?: string
  readonly secretFile?: string
  readonly logLevel?: string
  /** Words to begin the command with, such as `ip netns exec NAME`; they must end by exec. */
  readonly through?: readonly string[]
  /** Leaves the daemon running when this process ends. */
  readonly background?: boolean
}

/** What gshmd prints when it serves. */
export interface Ready {
  readonly cluster: string
  readonly node: number
  readonly name: string
  readonly socket: string
  readonly listen: string
  readonly pid: number
  readonly keeperPid: number
}

export interface Daemon extends Ready {
  readonly child: ChildProcess
  readonly log: string
  readonly id: ProcessId
  readonly keeper: ProcessId
}

export function daemonArguments(o: Omit<DaemonOptions, 'log' | 'background' | 'through'>): string[] {
  const args = ['--cluster', o.cluster, '--name', o.name, '--listen', o.listen ?? '127.0.0.1:0']
  if (o.join !== undefined) args.push('--join', o.join)
  if (o.advertise !== undefined) args.push('--advertise', o.advertise)
  args.push('--socket', o.socket)
  if (o.group !== undefined) args.push('--group', o.group)
  if (o.handOver === false) args.push('--no-hand-over')
  if (o.memory !== undefined) args.push('--memory', String(o.memory))
  if (o.lockBurst !== undefined) args.push('--lock-burst', String(o.lockBurst))
  if (o.barrierTree !== undefined) args.push('--barrier-tree', String(o.barrierTree))
  if (o.barrierDirect !== undefined) args.push('--barrier-direct', String(o.barrierDirect))
  if (o.fetchAhead !== undefined) args.push('--fetch-ahead', String(o.fetchAhead))
  if (o.lockDirect !== undefined) args.push('--lock-direct', String(o.lockDirect))
  if (o.secretFile !== undefined) args.push('--secret-file', o.secretFile)
  if (o.logLevel !== undefined) args.push('--log-level', o.logLevel)
  return args
}

/** `gshmd: ERR_GSHM_X: text`, wherever it stands in what the daemon wrote. */
export function daemonError(log: string): GshmError | undefined {
  const found = /^gshmd: ERR_GSHM_([A-Z_]+): (.*)$/m.exec(log)
  if (found === null) return undefined
  const name = found[1] as Exclude<ErrorName, 'OK'>
  return new GshmError(ERROR_NAMES.includes(name) ? name : 'SYSTEM', found[2] ?? '')
}

const START_SECONDS = 30

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const log = openSync(options.log, 'a', 0o600)
  let child: ChildProcess
  try {
    const daemon = [process.execPath, compiled('kmod-sim/gshmd.js'), ...daemonArguments(options)]
    const [command = '', ...words] = [...(options.through ?? []), ...daemon]
    child = spawn(command, words, {
      stdio: ['ignore', 'pipe', log],
      detached: true, // a Ctrl-C in our terminal is ours to handle: daemons end in order, not all at once
    })
  } finally {
    closeSync(log)
  }
  try {
    const ready = await firstLine(child, options)
    const id = processId(ready.pid)
    const keeper = processId(ready.keeperPid)
    if (id === undefined || keeper === undefined) throw failure(options, 'it ended at once')
    if (options.background === true) {
      child.stdout?.destroy()
      child.unref()
    }
    return { ...ready, child, log: options.log, id, keeper }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

function failure(options: DaemonOptions, what: string): GshmError {
  const known = daemonError(readFileSync(options.log, 'utf8'))
  return known ?? new GshmError('SYSTEM', `gshmd ${options.name} did not start: ${what}; its log is ${options.log}`)
}

function firstLine(child: ChildProcess, options: DaemonOptions): Promise<Ready> {
  return new Promise((resolve, reject) => {
    let settled = false // its end, much later, is no failure to start
    const fail = (what: string) => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      reject(failure(options, what))
    }
    const timer = setTimeout(fail, START_SECONDS * 1000, `no answer for ${START_SECONDS} s`)
    child.once('error', (error) => fail(error.message))
    // 'close' and not 'exit': the ready line may still be in the pipe when the process has ended.
    child.once('close', (code, signal) => fail(`it ended with ${signal ?? `status ${code}`}`))
    if (child.stdout === null) return fail('it has no standard output')
    createInterface({ input: child.stdout }).once('line', (line) => {
      clearTimeout(timer)
      try {
        const ready = JSON.parse(line) as Ready & { ready?: boolean }
        if (ready.ready !== true) return fail(`it said ${line}`)
        settled = true
        resolve(ready)
      } catch {
        fail(`it said ${line}`)
      }
    })
  })
}
