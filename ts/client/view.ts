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
    /** Bytes that the segment has now. */
    private readonly size: () => number,
  ) {
    this.#client = client
  }

  /**
   * An ArrayBuffer over bytes [offset, offset + length) of the view (default: all that the segment has now). Use typed
   * arrays and Atomics on it as on any other; accesses may wait for a page. unmap() detaches it: its
   * length is 0 then. It cannot be transferred to a worker thread: that would copy it.
   * Errors: INVALID (beyond the view, or more than 2^32 - 1 bytes), BEYOND_END (beyond the segment's size: resize it), NOT_MAPPED.
   */
  buffer(offset = 0, length?: number): ArrayBuffer {
    const from = check.count('offset', offset)
    const end = this.size() - this.offset
    const bytes = check.count('length', length ?? Math.min(end, this.length) - from, 1)
    if (from + bytes > this.length) {
      throw new GshmError(
        'INVALID',
        `buffer: offset ${from}, length ${bytes} end beyond the view's ${this.length} bytes`,
      )
    }
    if (from + bytes > end) {
      const what = `buffer: offset ${from}, length ${bytes} end beyond the segment's ${end + this.offset} bytes`
      throw new GshmError('BEYOND_END', what)
    }
    return calling(() => this.#client.buffer(this.address + BigInt(from), bytes))
  }

  /** Unmaps it, whatever part of it is left; its buffers are detached. Errors: NOT_MAPPED. */
  unmap(): void {
    calling(() => this.#client.unmap(this.address))
  }
}
