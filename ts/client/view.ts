/** One mapping of a part of a segment in this process. */
import { GshmError } from '../base/errors.js'
import type { NativeClient } from '../native/index.js'
import * as check from './check.js'
import { calling } from './failure.js'

export class View {
  readonly #client: NativeClient

  /** Made by Segment.map. */
  constructor(
    client: NativeClient,
    /** Where it begins in this process. */
    readonly address: bigint,
    /** Bytes; a multiple of the page size. */
    readonly length: number,
    /** The byte of the segment that it begins with. */
    readonly offset: number,
  ) {
    this.#client = client
  }

  /**
   * An ArrayBuffer over bytes [offset, offset + length) of the view (default: all of it). Use typed
   * arrays and Atomics on it as on any other; accesses may wait for a page. unmap() detaches it: its
   * length is 0 then. It cannot be transferred to a worker thread: that would copy it.
   * Errors: INVALID (beyond the view, or more than 2^32 - 1 bytes), NOT_MAPPED.
   */
  buffer(offset = 0, length = this.length - offset): ArrayBuffer {
    const from = check.count('offset', offset)
    const bytes = check.count('length', length, 1)
    if (from + bytes > this.length) {
      throw new GshmError(
        'INVALID',
        `buffer: offset ${from}, length ${bytes} end beyond the view's ${this.length} bytes`,
      )
    }
    return calling(() => this.#client.buffer(this.address + BigInt(from), bytes))
  }

  /** Unmaps it, whatever part of it is left; its buffers are detached. Errors: NOT_MAPPED. */
  unmap(): void {
    calling(() => this.#client.unmap(this.address))
  }
}
