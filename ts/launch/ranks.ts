/**
 * Runs programs on nodes of this machine, one rank each, and leaves none of them behind: each rank
 * leads a process group of its own, which gets our signals and is ended when the rank ends.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { Leash } from './leash.js'
import { Lines, type TakeLine } from './lines.js'

export interface Rank {
  readonly rank: number
  readonly node: number
  readonly socket: string
}
export interface RankEnd extends Rank {
  readonly pid: number
  /** Exit status, or 128 + the signal's number as a shell has it. */
  readonly status: number
  readonly signal: NodeJS.Signals | null
}
export interface RunOptions {
  readonly ranks: readonly Rank[]
  readonly program: string
  readonly args: readonly string[]
  readonly cluster: string
  /** Its name: run-name.ts. */
  readonly run: string
  /** More for the environment of all ranks. */
  readonly env?: Readonly<Record<string, string>>
  /** One rank that talks to the terminal itself; otherwise output comes through `out` and `err`. */
  readonly inherit: boolean
  readonly out: (rank: number, line: Buffer) => ReturnType<TakeLine>
  readonly err: (rank: number, line: Buffer) => ReturnType<TakeLine>
  /** A command that is run when this process has been killed before it could end the ranks. */
  readonly afterwards?: readonly string[]
  /** A rank's program could not be started. */
  readonly failed: (program: string, error: NodeJS.ErrnoException) => void
}

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const
/** Milliseconds between SIGTERM and SIGKILL for the others once one rank has failed. */
const END_MS = 5000
/** Between looks whether somebody else holds a pipe of a rank that has ended. */
const LATE_MS = 1000
/** Status of a program that is there and cannot be started, as a shell has it. */
const NOT_STARTED = 126

/** Gives every rank's end, in the order of their ending; after a failure the others are ended. */
export async function runRanks(options: RunOptions): Promise<RankEnd[]> {
  const children = new Map<ChildProcess, Rank>()
  const ends: RankEnd[] = []
  const timers: NodeJS.Timeout[] = []
  const toAll = (signal: NodeJS.Signals) => {
    for (const child of children.keys()) toGroup(options, child, signal)
  }
  const leash = new Leash(options.afterwards ?? []) // whatever ends us ends them
  const live = async (rank: Rank) => {
    const started = start(options, rank)
    if (started === undefined) return { ...rank, pid: 0, status: NOT_STARTED, signal: null }
    const { child, outputs } = started
    const id = idOf(options, child)
    children.set(child, rank)
    if (id !== undefined) leash.hold(id)
    const end = await ended(options, child, outputs, rank)
    children.delete(child)
    toGroup(options, child, 'SIGKILL') // what the program left running in its group
    if (id !== undefined) leash.letGo(id)
    return end
  }
  const forward = (signal: NodeJS.Signals) => toAll(signal)
  for (const signal of FORWARDED) process.on(signal, forward)
  const abandon = () => toAll('SIGKILL') // sooner than the leash, where there is time for it
  process.on('exit', abandon)
  try {
    await Promise.all(
      options.ranks.map(async (rank) => {
        const end = await live(rank)
        ends.push(end)
        if (end.status === 0 || timers.length > 0) return
        toAll('SIGTERM')
        timers.push(setTimeout(() => toAll('SIGKILL'), END_MS))
      }),
    )
    return ends
  } finally {
    for (const timer of timers) clearTimeout(timer)
    for (const signal of FORWARDED) process.off(signal, forward)
    process.off('exit', abandon)
    toAll('SIGKILL')
    await leash.release()
  }
}

function sharesTerminal(options: RunOptions): boolean {
  return options.inherit && process.stdin.isTTY
}

/** Of several ranks the first reads what we would, if that is no terminal, which a process of another session cannot read. */
function input({ rank }: Rank): 'inherit' | 'ignore' {
  return rank === 0 && !process.stdin.isTTY ? 'inherit' : 'ignore'
}

interface Started {
  readonly child: ChildProcess
  readonly outputs: readonly Lines[]
}

/** undefined: it could not be started, which `failed` has been told. */
function start(options: RunOptions, rank: Rank): Started | undefined {
  let child: ChildProcess
  try {
    child = spawned(options, rank)
  } catch (error) {
    options.failed(options.program, error as NodeJS.ErrnoException) // other than ENOENT and EACCES: E2BIG, for one
    return undefined
  }
  const outputs: Lines[] = []
  if (child.stdout) outputs.push(new Lines(child.stdout, (line) => options.out(rank.rank, line)))
  if (child.stderr) outputs.push(new Lines(child.stderr, (line) => options.err(rank.rank, line)))
  return { child, outputs }
}

function spawned(options: RunOptions, rank: Rank): ChildProcess {
  return spawn(options.program, options.args, {
    stdio: options.inherit ? 'inherit' : [input(rank), 'pipe', 'pipe'],
    // A rank that reads from our terminal stays in our session: it could not otherwise.
    detached: !sharesTerminal(options),
    env: {
      ...process.env,
      ...options.env,
      GSHM_SOCKET: rank.socket,
      GSHM_CLUSTER: options.cluster,
      GSHM_NODE: String(rank.node),
      GSHM_RANK: String(rank.rank),
      GSHM_RANKS: String(options.ranks.length),
      GSHM_RUN: options.run,
    },
  })
}

/**
 * Resolves when the rank has ended and its output has been read, or 1 s later: somebody else may hold the pipe. Who takes the
 * output may take longer.
 */
function ended(options: RunOptions, child: ChildProcess, outputs: readonly Lines[], rank: Rank): Promise<RankEnd> {
  return new Promise((resolve) => {
    const done = (status: number, signal: NodeJS.Signals | null) =>
      resolve({ ...rank, pid: child.pid ?? 0, status, signal })
    child.once('error', (error: NodeJS.ErrnoException) => {
      options.failed(child.spawnfile, error)
      done(error.code === 'ENOENT' ? 127 : NOT_STARTED, null)
    })
    child.once('exit', (code, signal) => {
      toGroup(options, child, 'SIGKILL')
      const status = code ?? 128 + (signal === null ? 0 : constants.signals[signal])
      const late = setInterval(() => {
        if (!outputs.some((output) => output.waits)) finish()
      }, LATE_MS)
      const finish = () => {
        clearInterval(late)
        done(status, signal)
      }
      child.once('close', finish)
    })
  })
}

/** As kill(2) takes it: the whole group of a detached child; a child alone that shares our group. */
function idOf(options: RunOptions, { pid }: ChildProcess): number | undefined {
  if (pid === undefined) return undefined
  return sharesTerminal(options) ? pid : -pid
}

function toGroup(options: RunOptions, child: ChildProcess, signal: NodeJS.Signals): void {
  const id = idOf(options, child)
  if (id === undefined || (id > 0 && (child.exitCode !== null || child.signalCode !== null))) return
  try {
    process.kill(id, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
