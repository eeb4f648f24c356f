/** The litmus workers, one on each node, for all tests of a run: a job goes to all, one answers. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { GshmError } from '../../base/errors.js'
import { built } from '../../launch/paths.js'
import { PAGES } from './layout.js'
import type { LitmusOptions } from './options.js'

/** Far more than a job takes: whoever needs it hangs. */
const JOB_SECONDS = 60
const COMPLAINT_LINES = 5

export interface SharedSegment extends Pick<LitmusOptions, 'consistency' | 'manager' | 'unit'> {
  readonly name: string
}

export class LitmusWorkers {
  readonly #children: ChildProcess[]
  readonly #ended: Promise<void>[]
  readonly #complaints: string[] = []
  #failed: GshmError | undefined
  #waiting: { resolve: (line: string) => void; reject: (error: GshmError) => void } | undefined
  #stopping = false

  /** @param sockets of the nodes' daemons @param sync a file of zeros as large as struct sync */
  constructor(sockets: readonly string[], segment: SharedSegment, sync: string) {
    this.#children = sockets.map((socket, worker) => {
      const who = ['--worker', worker, '--workers', sockets.length, '--sync', sync]
      const what = ['--segment', segment.name, '--pages', PAGES]
      const model = ['--consistency', segment.consistency, '--manager', segment.manager, '--unit', segment.unit]
      const words = [...who, ...what, ...model].map(String)
      return spawn(built('litmus_worker'), words, {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...process.env, GSHM_SOCKET: socket },
        detached: true, // a Ctrl-C is the run's to handle, in order
      })
    })
    this.#ended = this.#children.map((child, worker) => this.#watch(child, worker))
  }

  /** Sends the line to all workers; gives the line that one of them prints. */
  async perform(line: string): Promise<string> {
    if (this.#failed !== undefined) throw this.#failed
    const answer = new Promise<string>((resolve, reject) => (this.#waiting = { resolve, reject }))
    for (const child of this.#children) child.stdin?.write(`${line}\n`)
    const deadline = setTimeout(() => this.fail(`no answer for ${JOB_SECONDS} s`), JOB_SECONDS * 1000)
    try {
      return await answer
    } finally {
      clearTimeout(deadline)
      this.#waiting = undefined
    }
  }

  /** Ends all of them; a job that is being done rejects. */
  fail(why: string): void {
    const said = this.#complaints.length === 0 ? '' : `: ${this.#complaints.join('; ')}`
    this.#failed ??= new GshmError('SYSTEM', `${why}${said}`)
    this.#waiting?.reject(this.#failed)
    for (const child of this.#children) {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    }
  }

  /** Lets them detach and end. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const child of this.#children) child.stdin?.end()
    const deadline = setTimeout(() => this.fail('workers did not end'), JOB_SECONDS * 1000)
    await Promise.all(this.#ended)
    clearTimeout(deadline)
  }

  #watch(child: ChildProcess, worker: number): Promise<void> {
    child.stdin?.on('error', () => {}) // it has ended: its status tells why
    createInterface({ input: child.stdout! }).on('line', (line) => this.#waiting?.resolve(line))
    createInterface({ input: child.stderr! }).on('line', (line) => {
      if (this.#complaints.length < COMPLAINT_LINES) this.#complaints.push(line)
    })
    return new Promise((resolve) => {
      const done = (how: string) => {
        if (!this.#stopping || how !== 'status 0') this.fail(`litmus worker ${worker} ended with ${how}`)
        resolve()
      }
      child.once('error', (error) => done(error.message))
      child.once('close', (status, signal) => done(signal ?? `status ${status}`))
    })
  }
}
