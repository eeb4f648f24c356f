/** A counting semaphore across the cluster. It stays until it is destroyed; who dies takes along what it has taken. */
import type { NativeClient, NativeKey } from '../native/index.js'
import * as check from './check.js'
import { SharedObject, unlessBusy } from './object.js'
import type { WaitOptions } from './wait.js'

export class Semaphore extends SharedObject {
  /** Made by Gshm.semaphore(). */
  constructor(client: NativeClient, key: NativeKey, initial: number | undefined) {
    super(client, 'semaphore', key, initial === undefined ? -1n : BigInt(initial))
  }

  /**
   * Takes a unit, first come first served. Errors: TIMEOUT; BUSY (timeoutMs 0: there is none); NOT_FOUND (no such
   * semaphore, and no initial value for one); NAME_TOO_LONG, NAME_INVALID, INVALID, LIMIT, NODE_LOST.
   */
  wait(options?: WaitOptions): Promise<void> {
    return this.waitFor('take', options, {}, () => void this.post())
  }

  /** Takes a unit if there is one. Errors: as wait(). */
  async tryWait(): Promise<boolean> {
    return (await unlessBusy(async () => (await this.wait({ timeoutMs: 0 }), true))) === true
  }

  /** Adds units; resolves when the semaphore has them. Errors: LIMIT (more than 2^31 - 1), INVALID (none), NOT_FOUND, NODE_LOST. */
  async post(units = 1): Promise<void> {
    await this.ask('post', { value: BigInt(check.count('units', units)) })
  }

  /** How many units there are. Errors: NOT_FOUND, NODE_LOST. */
  async value(): Promise<number> {
    return Number(await this.ask('value'))
  }

  /** As above, but they block this JavaScript thread. */
  waitSync(options?: Pick<WaitOptions, 'timeoutMs'>): void {
    this.askSync('take', 0n, options)
  }
  postSync(units = 1): void {
    this.askSync('post', BigInt(check.count('units', units)))
  }
  valueSync(): number {
    return Number(this.askSync('value'))
  }
}
