/** A condition variable across the cluster: who holds a mutex waits until another says that what it guards has changed. */
import type { NativeClient, NativeKey } from '../native/index.js'
import * as check from './check.js'
import { calling } from './failure.js'
import { Held, Mutex } from './mutex.js'
import { SharedObject } from './object.js'
import { blockingTimeoutNs, type WaitOptions } from './wait.js'

const ALL = 2n ** 32n - 1n

export class Condition extends SharedObject {
  /** Made by Gshm.condition(). */
  constructor(client: NativeClient, key: NativeKey) {
    super(client, 'condition', key)
  }

  /**
   * Gives the mutex back, waits for a signal, and takes the mutex again, however long that takes. Who changes what the
   * mutex guards after that, and signals, is not missed; but it may end without a signal, so look in a loop.
   * `held` holds the mutex again when this ends, in whatever way but an error of the mutex (NODE_LOST).
   * Errors: NOT_HOLDER (held has given it back); TIMEOUT; BUSY (timeoutMs 0); OWNER_DEAD (a holder died meanwhile); LIMIT, NODE_LOST.
   */
  async wait(held: Held, options?: WaitOptions): Promise<void> {
    await check.instance('held', Held, held).wait(this.key, options)
  }

  /** Lets the one go on that has waited longest. Errors: NODE_LOST. */
  async signal(): Promise<void> {
    await this.ask('notify', { value: 1n })
  }

  /** Lets all go on. Errors: NODE_LOST. */
  async broadcast(): Promise<void> {
    await this.ask('notify', { value: ALL })
  }

  /** As above, but they block this JavaScript thread, which holds the mutex by lockSync(). */
  waitSync(mutex: Mutex, options?: Pick<WaitOptions, 'timeoutMs'>): void {
    const timeout = blockingTimeoutNs(options)
    const { key } = check.instance('mutex', Mutex, mutex)
    calling(() => this.client.conditionWaitSync(this.key, key, timeout))
  }
  signalSync(): void {
    this.askSync('notify', 1n)
  }
  broadcastSync(): void {
    this.askSync('notify', ALL)
  }
}
