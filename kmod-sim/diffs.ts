/**
 * Diffs on their way: those of the pages that one Flush lists, one after the other, each behind its
 * length (u32, little-endian). Made here by the pager, or come from another node and not to be trusted.
 */
import { PeerError } from '../ts/base/peer-error.js'
import { readU32, writeU32 } from '../ts/wire/layout.js'

const LENGTH_BYTES = 4

/** Gathers diffs for the next Flush. */
export class DiffWriter {
  #bytes = new Uint8Array(0)
  #end = 0

  /** @param room bytes that the diff takes at most @param write puts it at bytes[at..] and gives its length */
  add(room: number, write: (bytes: Uint8Array, at: number) => number): void {
    const need = this.#end + LENGTH_BYTES + room
    if (this.#bytes.length < need) {
      const more = new Uint8Array(Math.max(need, 2 * this.#bytes.length))
      more.set(this.#bytes.subarray(0, this.#end))
      this.#bytes = more
    }
    const length = write(this.#bytes, this.#end + LENGTH_BYTES)
    writeU32(this.#bytes, this.#end, length)
    this.#end += LENGTH_BYTES + length
  }

  /** What has been gathered; valid until the next add. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#end)
    this.#end = 0
    return taken
  }
}

/** Where each of `count` diffs begins and how long it is: [at, length] pairs. @throws PeerError */
export function findDiffs(payload: Uint8Array, count: number): Uint32Array {
  const found = new Uint32Array(2 * count)
  let at = 0
  for (let i = 0; i < count; i++) {
    if (payload.length - at < LENGTH_BYTES) throw new PeerError('diffs are cut short')
    const length = readU32(payload, at)
    at += LENGTH_BYTES
    if (length > payload.length - at) throw new PeerError(`diff of ${length} bytes`)
    found[2 * i] = at
    found[2 * i + 1] = length
    at += length
  }
  if (at !== payload.length) throw new PeerError('bytes behind the diffs')
  return found
}
