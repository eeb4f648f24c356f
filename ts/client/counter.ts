/** A counter of 64 bits across the cluster: two's complement, which wraps. It begins with 0, and stays until it is destroyed. */
import { GshmError } from '../base/errors.js'
import type { NativeClient, NativeKey } from '../native/index.js'
import * as check from './check.js'
import { SharedObject } from './object.js'

export class Counter extends SharedObject {
  /** Made by Gshm.counter(). */
  constructor(client: NativeClient, key: NativeKey) {
    super(client, 'counter', key)
  }

  /** Adds, and gives what it was before. Errors: INVALID (beyond 64 bits), NAME_TOO_LONG, NAME_INVALID, LIMIT, NODE_LOST. */
  async add(delta: bigint | number): Promise<bigint> {
    return this.ask('add', { value: wide(delta) })
  }

  /** As add(), but it blocks this JavaScript thread. */
  addSync(delta: bigint | number): bigint {
    return this.askSync('add', wide(delta))
  }
}

function wide(delta: bigint | number): bigint {
  if (typeof check.numeric('delta', delta) === 'bigint' || Number.isSafeInteger(delta)) {
    const value = BigInt(delta)
    if (BigInt.asIntN(64, value) === value) return value
  }
  throw new GshmError('INVALID', `delta is ${delta}: it must be a whole number of 64 bits, signed`)
}
