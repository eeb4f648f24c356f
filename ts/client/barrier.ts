/** A barrier across the cluster: where `count` callers of any processes and nodes meet. It needs no creation, and is used again and again. */
import type { NativeClient, NativeKey } from '../native/index.js'
import * as check from './check.js'
import { calling } from './failure.js'
import { SharedObject } from './object.js'
import { blockingTimeoutNs, wait, waitOptions, type WaitOptions } from './wait.js'

export class Barrier extends SharedObject {
  /** Made for Gshm.barrier(). */
  constructor(
    client: NativeClient,
    private readonly called: NativeKey,
  ) {
    super(client, 'barrier', called)
  }

  async wait(count: number, options?: WaitOptions): Promise<void> {
    const given = waitOptions(options)
    const callers = check.count('count', count, 1)
    // Who has gone through cannot take that back: others have gone with it.
    await wait(
      this.client,
      given,
      (timeout, cancel) => this.client.barrier(this.called, callers, 0, timeout, cancel),
      undefined,
    )
  }

  waitSync(count: number, options?: Pick<WaitOptions, 'timeoutMs'>): void {
    const timeout = blockingTimeoutNs(options)
    const callers = check.count('count', count, 1)
    calling(() => this.client.barrierSync(this.called, callers, 0, timeout))
  }
}
