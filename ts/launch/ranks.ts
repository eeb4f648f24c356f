/**
 * Runs programs on nodes of this machine, one rank each, and leaves none of them behind: each rank
 * leads a process group of its own, which gets our signals and is ended when the rank ends.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { createInterface } from 'node:readline'

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
  readonly out: (rank: number, line: string) => void
  readonly err: (rank: number, line: string) => void
  /** A rank's program could not be started. */
  readonly failed: (program: string, error: NodeJS.ErrnoException) => void
}

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const
/** Milliseconds between SIGTERM and SIGKILL for the others once one rank has failed. */
const END_MS = 5000

/** Gives every rank's end, in the order of their ending; after a failure the others are ended. */
export async function runRanks(options: RunOptions): Promise<RankEnd[]> {
  const children = new Map<ChildProcess, Rank>()
  const ends: RankEnd[] = []
  const timers: NodeJS.Timeout[] = []
  const toAll = (signal: NodeJS.Signals) => {
    for (const child of children.keys()) toGroup(options, child, signal)
  }
  const forward = (signal: NodeJS.Signals) => toAll(signal)
  for (const signal of FORWARDED) process.on(signal, forward)
  const abandon = () => toAll('SIGKILL') // whatever ends us ends them
  process.on('exit', abandon)
  try {
    await Promise.all(
      options.ranks.map(async (rank) => {
        const child = start(options, rank)
        children.set(child, rank)
        const end = await ended(options, child, rank)
        children.delete(child)
        toGroup(options, child, 'SIGKILL') // what the program left running in its group
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
  }
}

function sharesTerminal(options: RunOptions): boolean {
  return options.inherit && process.stdin.isTTY
}

/** Of several ranks the first reads what we would, if that is no terminal, which a process of another session cannot read. */
function input({ rank }: Rank): 'inherit' | 'ignore' {
  return rank === 0 && !process.stdin.isTTY ? 'inherit' : 'ignore'
}

function start(options: RunOptions, rank: Rank): ChildProcess {
  const child = spawn(options.program, options.args, {
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
  if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => options.out(rank.rank, line))
  if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => options.err(rank.rank, line))
  return child
}

/** Resolves when the rank has ended and its output has been read, or 1 s later: somebody else may hold the pipe. */
function ended(options: RunOptions, child: ChildProcess, rank: Rank): Promise<RankEnd> {
  return new Promise((resolve) => {
    const done = (status: number, signal: NodeJS.Signals | null) =>
      resolve({ ...rank, pid: child.pid ?? 0, status, signal })
    child.once('error', (error: NodeJS.ErrnoException) => {
      options.failed(child.spawnfile, error)
      done(error.code === 'ENOENT' ? 127 : 126, null)
    })
    child.once('exit', (code, signal) => {
      toGroup(options, child, 'SIGKILL')
      const status = code ?? 128 + (signal === null ? 0 : constants.signals[signal])
      const late = setTimeout(() => done(status, signal), 1000)
      child.once('close', () => {
        clearTimeout(late)
        done(status, signal)
      })
    })
  })
}

/** To the whole group of a detached child; to the child alone when it shares our group. */
function toGroup(options: RunOptions, child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  const alone = sharesTerminal(options)
  if (alone && (child.exitCode !== null || child.signalCode !== null)) return
  try {
    process.kill(alone ? child.pid : -child.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
