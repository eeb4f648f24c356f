/** Waits at words of mapped segments, across processes and nodes, as Atomics.wait does within one. */
import { GshmError } from '../base/errors.js'
import type { NativeClient } from '../native/index.js'
import * as check from './check.js'
import { calling } from './failure.js'
import { SharedObject } from './object.js'
import { blockingTimeoutNs, wait, waitOptions, type WaitOptions } from './wait.js'

export type Woken = 'ok' | 'not-equal'

export class Word extends SharedObject {
  /** Made by Gshm.wait() and notify(). @param address global */
  constructor(
    client: NativeClient,
    private readonly address: bigint,
  ) {
    super(client, 'word', { at: address })
  }

  async wait(expected: number, options?: WaitOptions): Promise<Woken> {
    const given = waitOptions(options)
    const value = word(expected)
    let differs = 0n
    await wait(
      this.client,
      given,
      async (timeout, cancel) => void (differs = await this.client.wordWait(this.address, value, timeout, cancel)),
      () => {},
    )
    return how(differs)
  }

  waitSync(expected: number, options?: Pick<WaitOptions, 'timeoutMs'>): Woken {
    const timeout = blockingTimeoutNs(options)
    return how(calling(() => this.client.wordWaitSync(this.address, word(expected), timeout)))
  }

  async notify(count: number): Promise<number> {
    return Number(await this.ask('notify', { value: some(count) }))
  }

  notifySync(count: number): number {
    return Number(this.askSync('notify', some(count)))
  }
}

function how(differs: bigint): Woken {
  return differs === 0n ? 'ok' : 'not-equal'
}

/** As a Uint32Array or an Int32Array shows it. */
function word(expected: number): number {
  check.numeric('expected', expected)
  if (Number.isInteger(expected) && expected >= -(2 ** 31) && expected < 2 ** 32) return expected >>> 0
  throw new GshmError('INVALID', `expected is ${expected}: a word has 32 bits`)
}

/** Infinity: all. */
function some(count: number): bigint {
  return count === Infinity ? 2n ** 32n - 1n : BigInt(check.count('count', count))
}
