/**
 * /dev/userfaultfd, open as long as the daemon runs, for clients who may not open it: with its descriptor a process
 * makes a userfaultfd of its own, which needs no privilege. What it is used for is decided by the process alone, so
 * whoever may connect may from then on stop the kernel in the middle of its accesses to that process's own memory;
 * --no-hand-over keeps that to those who may by themselves (docs/SECURITY.md).
 */
import { closeSync, constants, openSync } from 'node:fs'
import { GshmError } from '../ts/base/errors.js'
import { native } from '../ts/native/index.js'

const PATH = '/dev/userfaultfd'

export class UserfaultfdDevice {
  readonly #fd: number | undefined
  /** Why there is none to hand over; empty when there is. */
  readonly why: string

  /** @param error what keeps the daemon from serving anybody's userfaultfd ('': nothing): then it hands none over */
  constructor(handOver: boolean, error = native.probe().error) {
    if (!handOver) this.why = 'gshmd runs with --no-hand-over'
    else if (error !== '') this.why = `gshmd may not use it itself: ${error}`
    else {
      try {
        this.#fd = openSync(PATH, constants.O_RDWR) // close-on-exec, as all of Node.js's
        this.why = ''
      } catch (failure) {
        this.why = `gshmd cannot open it: ${(failure as Error).message}`
      }
    }
  }

  /** To be passed; it stays this object's. @throws GshmError NO_USERFAULTFD */
  get fd(): number {
    if (this.#fd === undefined) throw new GshmError('NO_USERFAULTFD', this.why)
    return this.#fd
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
  }
}
