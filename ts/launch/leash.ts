/**
 * What this process has started ends with it, however it ends: by kill -9, too. A process of its own (native/launch/leash.c)
 * sees to that.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { built } from './paths.js'

export class Leash {
  readonly #holder: ChildProcess

  /** @param afterwards a command to run when this process has ended without release(); none: [] */
  constructor(afterwards: readonly string[]) {
    // In a session of its own: a Ctrl-C in our terminal is not for it.
    this.#holder = spawn(built('leash'), afterwards, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    this.#holder.on('error', () => {}) // no process can be started: then nor can what it would hold
    this.#holder.stdin?.on('error', () => {}) // it has been killed
  }

  /** @param id as kill(2) takes it: of a group it is negative */
  hold(id: number): void {
    this.#holder.stdin?.write(`+${id}\n`)
  }

  /** It has ended: its number may be another's soon. */
  letGo(id: number): void {
    this.#holder.stdin?.write(`-${id}\n`)
  }

  /** Nothing is left to hold. */
  async release(): Promise<void> {
    const { pid, exitCode, signalCode, stdin } = this.#holder
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    const ended = once(this.#holder, 'exit')
    stdin?.end('.\n')
    await ended
  }
}
