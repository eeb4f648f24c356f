/**
 * A cluster for one run, with programs on its nodes: a private directory, a name of its own, so one
 * that is up is not disturbed; and however the run ends, nothing of it is left behind.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GshmError } from '../base/errors.js'
import type { Daemon } from '../launch/daemon.js'
import { dismiss } from '../launch/guardians.js'
import { startCluster, stopDaemons } from '../launch/local-cluster.js'

export interface OwnClusterOptions {
  /** Begins the names of the directory and the cluster. */
  readonly name: string
  readonly nodes: number
  /** Bytes of frames on each node. */
  readonly memory: number
}

/** How a program ended. */
export interface End {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  /** It was killed by us: another one had failed, or the time was up. */
  readonly endedByUs: boolean
  readonly stderr: string
}

/** Starts the cluster, does `run` with it, and stops everything. A signal to us makes `run` reject. */
export async function onOwnCluster<T>(options: OwnClusterOptions, run: (own: OwnCluster) => Promise<T>): Promise<T> {
  const own = new OwnCluster(options, mkdtempSync(join(tmpdir(), `gshm-${options.name}-`)))
  const interrupt = (signal: NodeJS.Signals) => own.abort(`interrupted by ${signal}`)
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt)
  try {
    await own.start()
    return await run(own)
  } finally {
    await own.stop()
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('SIGHUP', interrupt)
  }
}

export class OwnCluster {
  readonly #daemons: Daemon[] = []
  readonly #children = new Set<ChildProcess>()
  readonly #late: string[] = []
  #aborted: GshmError | undefined

  constructor(
    private readonly options: OwnClusterOptions,
    readonly dir: string,
  ) {}

  async start(): Promise<void> {
    const { name, nodes, memory } = this.options
    const started = (daemon: Daemon) => {
      this.#daemons.push(daemon)
      this.#check()
    }
    await startCluster({ dir: this.dir, cluster: `${name}-${process.pid}`, nodes, memory, started })
  }

  /** Runs programs to their ends, one for each of `lines`; when one fails, or after `seconds`, the others are killed. */
  async run(
    program: string,
    lines: readonly { node: number; args: readonly string[] }[],
    seconds: number,
  ): Promise<End[]> {
    this.#check()
    let killed = false
    const kill = () => {
      killed = true
      this.#kill()
    }
    const deadline = setTimeout(() => {
      const pids = [...this.#children].map(({ pid }) => pid).join(', ')
      this.#late.push(`${program}, pids ${pids}: not ended after ${seconds} s, and killed`)
      kill()
    }, seconds * 1000)
    const ends = lines.map(async ({ node, args }) => {
      const end = await this.#one(node, program, args)
      const endedByUs = killed && end.signal === 'SIGKILL'
      if (end.status !== 0) kill() // others would wait for it
      return { ...end, endedByUs }
    })
    const all = await Promise.all(ends)
    clearTimeout(deadline)
    this.#check()
    return all
  }

  /** Pages that have left a node for want of memory, on all nodes. */
  async evicted(): Promise<number> {
    // Not sooner: the command line knows this file, and works without the addon as far as it can.
    const { status } = await import('../client/inspect.js')
    return this.#daemons.reduce((sum, { socket }) => sum + status(socket).evicted, 0)
  }

  /** Programs that had to be killed because their time was up, daemons that have ended: in words. */
  troubles(): string[] {
    const dead = this.#daemons.filter(({ child }) => child.exitCode !== null || child.signalCode !== null)
    const ends = dead.map(({ name, log }) => {
      const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-3).join(' ')
      return `${name} has ended; its log ends: ${tail}`
    })
    return [...this.#late, ...ends]
  }

  /** Ends the run early: programs are killed, and what waits for them rejects. */
  abort(why: string): void {
    this.#aborted ??= new GshmError('SYSTEM', why)
    this.#kill()
  }

  async stop(): Promise<void> {
    this.#kill()
    const { guarded } = await stopDaemons(this.#daemons)
    await dismiss(guarded)
    rmSync(this.dir, { recursive: true, force: true })
  }

  #one(node: number, program: string, args: readonly string[]): Promise<Omit<End, 'endedByUs'>> {
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, GSHM_SOCKET: this.#daemons[node]?.socket ?? '' },
      detached: true, // a Ctrl-C is ours to handle, in order
    })
    this.#children.add(child)
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)))
    return new Promise((resolve) => {
      const done = (status: number | null, signal: NodeJS.Signals | null) => {
        this.#children.delete(child)
        resolve({ status, signal, stderr: stderr.trim().replaceAll('\n', '; ') })
      }
      child.once('error', (error) => {
        stderr += error.message
        done(127, null)
      })
      child.once('close', done)
    })
  }

  #kill(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }

  #check(): void {
    if (this.#aborted !== undefined) throw this.#aborted
  }
}

/** Why worker `worker` has not written its `file`; who was killed because of another is not a trouble of its own. */
export function troubleOf({ status, signal, endedByUs, stderr }: End, worker: number, file: string): string[] {
  if (status === 0) return []
  if (endedByUs) return [`worker ${worker} was ended before it had written its ${file}`]
  return [`worker ${worker} ended with ${signal ?? `status ${status}`}${stderr === '' ? '' : `: ${stderr}`}`]
}
