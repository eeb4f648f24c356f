/**
 * Diffs on their way: those of the pages that one Flush lists, or that travel along with a Notice, one after the other,
 * each behind its length (u32, little-endian). Made here by the pager, or come from another node and not to be trusted.
 */
import { PeerError } from '../ts/base/peer-error.js'
import { readU32, writeU16, writeU32 } from '../ts/wire/layout.js'

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

/** Of a diff of one run that has all bytes of a page (native/core/diff.h): that it has runs, offset, length - 1. */
const WHOLE_HEAD_BYTES = 5

/** Bytes of a diff that has all of a page of so many. */
export function wholeRoom(bytes: number): number {
  return WHOLE_HEAD_BYTES + bytes
}

/** Begins such a diff at out[at..]; gives where the page's bytes go. */
export function beginWhole(out: Uint8Array, at: number, bytes: number): number {
  out[at] = 1
  writeU16(out, at + 1, 0)
  writeU16(out, at + 3, bytes - 1)
  return at + WHOLE_HEAD_BYTES
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
