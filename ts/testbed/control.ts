/**
 * The control process (native/testbed/control.c): an ordinary program beside the cluster. What is
 * told of it is read from its /proc: nothing of globalshm may be found there, and its page faults
 * must be those it has on a machine without a cluster.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync, readdirSync, readlinkSync, watch } from 'node:fs'
import { join } from 'node:path'
import { GshmError } from '../base/errors.js'
import { built } from '../launch/paths.js'

export interface Traces {
  readonly userfaultfd: number
  readonly mappings: number
  readonly sockets: number
}

/** Descriptors and mappings of a process that an unregistered one must not have. */
export function traces(pid: number, proc = '/proc'): Traces {
  const links = readdirSync(`${proc}/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`${proc}/${pid}/fd/${fd}`)
    } catch {
      return ''
    }
  })
  const maps = readFileSync(`${proc}/${pid}/maps`, 'utf8').split('\n')
  return {
    userfaultfd: links.filter((link) => link.includes('[userfaultfd]') || link === '/dev/userfaultfd').length,
    mappings: maps.filter((line) => /memfd:|libgshm/.test(line)).length,
    sockets: links.filter((link) => link.startsWith('socket:')).length,
  }
}

const ANSWER_MS = 30_000

export class Control {
  #lines = 0

  private constructor(
    readonly child: ChildProcess,
    private readonly output: string,
  ) {}

  /** Its output is a file in `dir`: the pipes that Node.js makes are sockets, and it shall have none. */
  static async start(dir: string): Promise<Control> {
    const output = join(dir, 'control.out')
    const fd = openSync(output, 'w', 0o600)
    try {
      const child = spawn(built('control'), { stdio: ['ignore', fd, 'ignore'], env: {} })
      const control = new Control(child, output)
      await control.#next()
      return control
    } finally {
      closeSync(fd)
    }
  }

  traces(): Traces {
    return traces(this.child.pid ?? 0)
  }

  /** Lets it do its workload and gives the minor faults of that. */
  async minorFaults(): Promise<number> {
    this.child.kill('SIGUSR1')
    const { minorFaults } = (await this.#next()) as { minorFaults: number }
    return minorFaults
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) return resolve()
      this.child.once('exit', () => resolve())
      this.child.kill('SIGKILL')
    })
  }

  /** The next line of its output, parsed. */
  #next(): Promise<unknown> {
    const number = this.#lines++
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer)
        watcher.close()
        this.child.off('exit', ended)
        act()
      }
      const look = () => {
        const lines = readFileSync(this.output, 'utf8').split('\n')
        const line = lines[number]
        if (lines.length > number + 1 && line !== undefined) settle(() => resolve(JSON.parse(line)))
      }
      const fail = (what: string) => settle(() => reject(new GshmError('SYSTEM', `the control process ${what}`)))
      const ended = () => fail('ended by itself')
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        return reject(new GshmError('SYSTEM', 'the control process has ended'))
      }
      const watcher = watch(this.output, look)
      const timer = setTimeout(() => fail(`gave no answer for ${ANSWER_MS / 1000} s`), ANSWER_MS)
      this.child.once('exit', ended)
      look() // what was written before the watch began
    })
  }
}
