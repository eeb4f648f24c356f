/**
 * The keeper, the small C process that outlives the daemon and turns its loss into SIGBUS: starts it,
 * hands over what it shall hold, and starts another when it dies. Between the two only the daemon
 * holds the memory's descriptors; should it die at that very time, its processes wait for ever (each
 * has a copy of its own userfaultfd) and still read no zero.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { native, type FaultChannel, type Frames, type KeeperLink } from '../ts/native/index.js'
import { buildDir } from '../ts/project/index.js'

/** So many keepers in a row that lived shorter than this: the next would do no better. */
const SHORT_LIVES_MAX = 3
const SHORT_LIFE_MS = 1000

export interface KeeperHost {
  /** It has been replaced. */
  warn(text: string): void
  /** There is no keeper, and there will be none. */
  failed(why: string): void
}

export class Keeper implements KeeperLink {
  /** What it holds, to be handed to the next. */
  readonly #channels = new Map<number, { channel: FaultChannel; pidfd: number }>()
  readonly #frames = new Map<number, Frames>()
  readonly #locks = new Map<number, number>()
  #child!: ChildProcess
  #link!: KeeperLink
  #closing = false
  #shortLives = 0
  /** Resolves when it has ended, which it does after close() when nobody needs it. */
  ended!: Promise<void>

  constructor(private readonly host: KeeperHost) {
    this.#start()
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  addChannel(id: number, channel: FaultChannel, pidfd: number): void {
    this.#channels.set(id, { channel, pidfd })
    this.#tell((link) => link.addChannel(id, channel, pidfd))
  }

  dropChannel(id: number): void {
    this.#channels.delete(id)
    this.#tell((link) => link.dropChannel(id))
  }

  addFrames(segment: number, frames: Frames): void {
    this.#frames.set(segment, frames)
    this.#tell((link) => link.addFrames(segment, frames))
  }

  dropFrames(segment: number): void {
    this.#frames.delete(segment)
    this.#tell((link) => link.dropFrames(segment))
  }

  addLocks(segment: number, fd: number): void {
    this.#locks.set(segment, fd)
    this.#tell((link) => link.addLocks(segment, fd))
  }

  dropLocks(segment: number): void {
    this.#locks.delete(segment)
    this.#tell((link) => link.dropLocks(segment))
  }

  close(): void {
    this.#closing = true
    this.#link.close()
  }

  #start(): void {
    const [ours, theirs] = native.socketPair()
    try {
      // A session of its own: what ends the daemon's process group must not end the keeper.
      const stdio = ['ignore', 'ignore', 'inherit', theirs] as const
      this.#child = spawn(join(buildDir(), 'gshm-keeper'), [], { detached: true, stdio: [...stdio] })
    } finally {
      native.closeFd(theirs)
    }
    this.#link = new native.KeeperLink(ours)
    const born = performance.now()
    this.ended = new Promise((resolve) => {
      const end = (why: string): void => {
        if (!this.#closing) this.#replace(why, performance.now() - born)
        resolve()
      }
      this.#child.once('error', (error) => end(`it cannot be started: ${error.message}`))
      this.#child.once('exit', (code, signal) => end(`it ended with ${signal ?? `status ${code}`}`))
    })
  }

  #replace(why: string, livedMs: number): void {
    this.#link.close()
    this.#shortLives = livedMs < SHORT_LIFE_MS ? this.#shortLives + 1 : 0
    if (this.#shortLives > SHORT_LIVES_MAX) return this.host.failed(`the keeper is gone: ${why}`)
    this.host.warn(`the keeper is replaced: ${why}`)
    try {
      this.#start()
    } catch (error) {
      return this.host.failed(`the keeper is gone and cannot be replaced: ${(error as Error).message}`)
    }
    for (const [segment, frames] of this.#frames) this.#tell((link) => link.addFrames(segment, frames))
    for (const [segment, fd] of this.#locks) this.#tell((link) => link.addLocks(segment, fd))
    for (const [id, { channel, pidfd }] of this.#channels) this.#tell((link) => link.addChannel(id, channel, pidfd))
  }

  /** One that does not listen is as good as dead; its end is noticed, and the next is told everything. */
  #tell(message: (link: KeeperLink) => void): void {
    if (this.#child.killed) return
    try {
      message(this.#link)
    } catch {
      this.#child.kill('SIGKILL')
    }
  }
}
