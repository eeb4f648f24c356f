/**
 * A stream of bytes, cut anywhere, -> messages. Whole frames are decoded where they lie; only a frame
 * that straddles two chunks is copied, and a peer can make us keep no more
 * than one frame.
 */
import { assert } from '../base/assert.js'
import { UNIT_MAX } from '../base/consistency.js'
import { PeerError } from '../base/peer-error.js'
import type { Codec } from './codec.js'
import { COHERENCE_HEADER_BYTES, FRAME_MAX, HEADER_BYTES, readU32 } from './layout.js'

/** Of the buffer for frames that come in pieces, pages of every size among them; longer ones get one of their own. */
const USUAL_BYTES = COHERENCE_HEADER_BYTES + UNIT_MAX

/** `payload` is a view that is valid until take returns. */
export type Take<M> = (message: M, payload: Uint8Array | undefined) => void

export class FrameReader<M extends { readonly type: string }> {
  readonly #codec: Codec<M>
  readonly #frameMax: number
  #partial: Uint8Array | undefined
  #have = 0
  #stopped = false

  constructor(codec: Codec<M>, frameMax = FRAME_MAX) {
    this.#codec = codec
    this.#frameMax = frameMax
  }

  /** Nothing is delivered any more, not even the rest of a chunk that push is at. */
  stop(): void {
    this.#stopped = true
    this.#partial = undefined
  }

  /** What comes next begins a frame. */
  get between(): boolean {
    return !this.#stopped && this.#have === 0
  }

  /** Throws PeerError at the first bytes that cannot be right, and delivers nothing after them. */
  push(chunk: Uint8Array, take: Take<M>): void {
    if (this.#stopped) return
    try {
      let at = this.#have > 0 ? this.#finishPartial(chunk, take) : 0
      while (!this.#stopped && chunk.length - at >= HEADER_BYTES) {
        const length = this.#length(chunk, at)
        if (length > chunk.length - at) break
        this.#deliver(chunk, at, length, take)
        at += length
      }
      if (!this.#stopped && at < chunk.length) this.#keep(chunk, at, chunk.length)
    } catch (error) {
      this.stop()
      throw error
    }
  }

  #length(from: Uint8Array, at: number): number {
    const length = readU32(from, at)
    if (length < HEADER_BYTES || length > this.#frameMax) throw new PeerError(`frame of ${length} bytes`)
    return length
  }

  #deliver(from: Uint8Array, at: number, length: number, take: Take<M>): void {
    take(this.#codec.decode(from, at, length), this.#codec.payload(from, at, length))
  }

  #keep(chunk: Uint8Array, at: number, end: number): void {
    const partial = this.#reserve(this.#have + end - at)
    partial.set(chunk.subarray(at, end), this.#have)
    this.#have += end - at
  }

  #reserve(bytes: number): Uint8Array {
    assert(bytes <= this.#frameMax, 'wire: more than one frame kept')
    const before = this.#partial
    if (before !== undefined && before.length >= bytes) return before
    const partial = new Uint8Array(Math.max(bytes, Math.min(USUAL_BYTES, this.#frameMax)))
    if (before !== undefined) partial.set(before.subarray(0, this.#have))
    this.#partial = partial
    return partial
  }

  /** Adds to the frame begun in earlier chunks what is missing; returns how much of the chunk that took. */
  #finishPartial(chunk: Uint8Array, take: Take<M>): number {
    let at = 0
    if (this.#have < HEADER_BYTES) {
      at = Math.min(HEADER_BYTES - this.#have, chunk.length)
      this.#keep(chunk, 0, at)
      if (this.#have < HEADER_BYTES) return at
    }
    const length = this.#length(this.#partial!, 0)
    const partial = this.#reserve(length)
    const end = Math.min(at + length - this.#have, chunk.length)
    this.#keep(chunk, at, end)
    if (this.#have < length) return end
    this.#have = 0
    if (length > USUAL_BYTES) this.#partial = undefined
    this.#deliver(partial, 0, length, take)
    return end
  }
}
