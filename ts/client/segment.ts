/** An open segment: views of it, and its heap. */
import { GshmError } from '../base/errors.js'
import { native, type NativeClient } from '../native/index.js'
import * as check from './check.js'
import { calling, waiting } from './failure.js'
import { elementBytes, type ArrayKind, type Shown } from './kinds.js'
import { sharedMemory } from './shared-memory.js'
import { View } from './view.js'

const MAP_OPTIONS = { address: true, offset: true, length: true } as const
const ALLOC_OPTIONS = { align: true, home: true, apart: true } as const
const OFFSET_BITS = BigInt(native.constants.OFFSET_BITS)

export interface MapOptions {
  /** Where in this process; a multiple of the page size. Default: anywhere. */
  readonly address?: bigint
  /** First byte of the segment to show; a multiple of the page size. Default 0. */
  readonly offset?: number
  /** Bytes; a multiple of the page size. Default: to maxSize. */
  readonly length?: number
}

export interface AllocOptions {
  /** The block's offset is a multiple of this power of two. Default 16. */
  readonly align?: number
  /**
   * The node that is the home of its coherence units (lrc: the first one). Where several nodes share the pages out
   * among them, such a block has one unit at most. Default: any.
   */
  readonly home?: number
  /** No other block lies in its coherence units. Default false. */
  readonly apart?: boolean
}

export class Segment {
  readonly #client: NativeClient
  /** Bytes that it may have: what a view shows that is given no length. */
  readonly maxSize: number
  #size: number
  /** What view() has mapped, and what shared() has: until close(). */
  #whole: View | undefined
  #shared: { view: View; buffer: SharedArrayBuffer } | undefined
  #closed = false
  readonly #registration: bigint

  /** Made by Gshm.create and Gshm.open. */
  constructor(
    client: NativeClient,
    /** Its number in the cluster. */
    readonly id: number,
    readonly name: string,
  ) {
    this.#client = client
    this.#registration = client.registration()
    this.maxSize = calling(() => client.maxSize(id))
    this.#size = calling(() => client.size(id))
  }

  /** Bytes that it has now; a multiple of the page size. The daemon is asked; once it is closed, what it had last. */
  get size(): number {
    try {
      this.#size = this.#client.size(this.id)
    } catch {
      // closed, or detached
    }
    return this.#size
  }

  /**
   * The segment has `size` bytes (rounded up to its units) from now on, on every node. What it has more is zeros; what lies
   * beyond the new end loses its bytes, and an access there, by a buffer that was made before, is SIGBUS: it ends the process.
   * Errors: INVALID, BEYOND_END (more than maxSize), BUSY (the heap has a block beyond it), MEMORY, NOT_FOUND, LIMIT, NODE_LOST.
   */
  async resize(size: number): Promise<void> {
    const bytes = check.count('size', size, 1)
    await waiting(() => this.#client.resize(this.id, bytes))
  }

  /** As resize(), but blocks this JavaScript thread. */
  resizeSync(size: number): void {
    const bytes = check.count('size', size, 1)
    calling(() => this.#client.resizeSync(this.id, bytes))
  }

  /**
   * Maps a part of the segment (default: all that it may have) where one likes (default: anywhere).
   * Errors: MISALIGNED, BEYOND_END, OVERLAP (something is mapped there), INVALID, LIMIT, MEMORY.
   */
  map(options?: MapOptions): View {
    this.#mustBeOpen()
    const { address = 0n, offset = 0, length = 0 } = check.options('options', options, MAP_OPTIONS)
    const at = check.big('address', address)
    const from = check.count('offset', offset)
    const bytes = check.count('length', length)
    const view = calling(() => this.#client.map(this.id, at, from, bytes))
    return new View(this.#client, view, bytes === 0 ? this.maxSize - from : bytes, from, () => this.size)
  }

  /**
   * A typed array or DataView of the segment: `length` elements (of a DataView bytes) from byte `offset` on; default: all that
   * the segment has now. The first call maps the segment, later ones use that mapping. Valid until close(), which leaves it
   * empty. Never transfer its buffer (postMessage, structuredClone): that gives a copy.
   * Errors: INVALID (kind; more than 2^32 - 1 bytes; closed), MISALIGNED (`offset` is no multiple of an element), BEYOND_END, LIMIT, MEMORY.
   */
  view<Kind extends ArrayKind>(kind: Kind, offset = 0, length?: number): Shown<Kind> {
    const element = elementBytes(kind)
    const from = check.count('offset', offset)
    const asked = length === undefined ? undefined : check.count('length', length, 1)
    if (from % element !== 0) {
      throw new GshmError('MISALIGNED', `view: offset ${from} is no multiple of ${kind.name}'s ${element} bytes`)
    }
    this.#mustBeOpen()
    const whole = (this.#whole ??= this.map())
    const size = this.size
    const elements = asked ?? Math.max(1, Math.floor((size - from) / element))
    if (from + elements * element > size) {
      const what = `view: offset ${from}, ${elements} times ${element} bytes end beyond the segment's ${size} bytes`
      throw new GshmError('BEYOND_END', what)
    }
    const buffer = whole.buffer(from, elements * element)
    return new (kind as new (...over: [ArrayBuffer, number, number]) => Shown<Kind>)(buffer, 0, elements)
  }

  /**
   * A SharedArrayBuffer over the segment, which worker threads may have by postMessage, and Atomics.wait() may wait on within this
   * process (across processes: Gshm.wait). All that it may have (maxSize), rounded up to 64 KiB; beyond what it has now an
   * access is SIGBUS, so make typed arrays of `size` bytes. Every call gives the same one. It lasts until close(), detach(), or
   * the end of the thread that called this; then it shows zeros that are nobody's.
   * Errors: UNSUPPORTED (maxSize is more than 2^32), MEMORY, LIMIT, INVALID (closed).
   */
  shared(): SharedArrayBuffer {
    this.#mustBeOpen()
    if (this.#shared !== undefined) return this.#shared.buffer
    const buffer = sharedMemory(this.maxSize)
    const at = calling(() => this.#client.share(this.id, new Uint8Array(buffer)))
    this.#shared = { view: new View(this.#client, at, this.maxSize, 0, () => this.size), buffer }
    return buffer
  }

  /** Errors: INVALID (closed), DETACHED (even if the process has attached again: the number may be another segment's). */
  #mustBeOpen(): void {
    if (this.#closed) throw new GshmError('INVALID', `segment '${this.name}' is closed`)
    if (this.#client.registration() === this.#registration) return
    throw new GshmError('DETACHED', `the process has detached since it opened '${this.name}': open it again`)
  }

  /** The global address of byte `offset`. Errors: BEYOND_END. */
  at(offset: number): bigint {
    const from = check.count('offset', offset)
    if (from >= this.maxSize) {
      throw new GshmError('BEYOND_END', `at: offset ${from} is beyond the segment's ${this.maxSize} bytes`)
    }
    return (BigInt(this.id) << OFFSET_BITS) | BigInt(from)
  }

  /**
   * A block of `size` bytes, 16-byte aligned: its global address. Blocks that different nodes allocate share no
   * coherence unit if they are small, of up to 4096 bytes (in small segments up to 1024); of others see `apart`.
   * Errors: HEAP_FULL, INVALID (0; align, home), LIMIT, NODE_LOST, UNSUPPORTED (no unit of `home` has such a block).
   */
  alloc(size: number, options?: AllocOptions): bigint {
    const bytes = check.count('size', size, 1)
    if (options === undefined) return calling(() => this.#client.alloc(this.id, bytes))
    const { align, home, apart } = check.options('options', options, ALLOC_OPTIONS)
    const given = {
      ...(align !== undefined && { align: check.power('align', align) }),
      ...(home !== undefined && { home: check.count('home', home) }),
      ...(apart !== undefined && { apart: Boolean(apart) }),
    }
    return calling(() => this.#client.allocWith(this.id, bytes, given))
  }

  /**
   * Makes a block larger or smaller; gives where it is now. The old block stays when this fails.
   * Errors: NOT_ALLOCATED, HEAP_FULL, LIMIT, NODE_LOST, NOT_MAPPED (it must move, and no view shows both places).
   */
  realloc(block: bigint, size: number): bigint {
    const at = check.big('block', block)
    const bytes = check.count('size', size, 1)
    return calling(() => this.#client.realloc(this.id, at, bytes))
  }

  /** Frees a block that any process allocated. Errors: NOT_ALLOCATED (or freed already), NODE_LOST. */
  free(block: bigint): void {
    const at = check.big('block', block)
    calling(() => this.#client.free(this.id, at))
  }

  /**
   * What others had made known in [offset, offset + length) by then (length 0: to the end) is dropped here:
   * the next access brings it. For lrc segments, with release(); in others it does nothing. Errors: BEYOND_END, INVALID.
   */
  async acquire(offset = 0, length = 0): Promise<void> {
    const from = check.count('offset', offset)
    const bytes = check.count('length', length)
    await waiting(() => this.#client.acquire(this.id, from, bytes))
  }

  /** What any process of this node has written there is known wherever it matters. Errors: BEYOND_END, INVALID. */
  async release(offset = 0, length = 0): Promise<void> {
    const from = check.count('offset', offset)
    const bytes = check.count('length', length)
    await waiting(() => this.#client.release(this.id, from, bytes))
  }

  /** As acquire(), but blocks this JavaScript thread. */
  acquireSync(offset = 0, length = 0): void {
    const from = check.count('offset', offset)
    const bytes = check.count('length', length)
    calling(() => this.#client.acquireSync(this.id, from, bytes))
  }

  /** As release(), but blocks this JavaScript thread. */
  releaseSync(offset = 0, length = 0): void {
    const from = check.count('offset', offset)
    const bytes = check.count('length', length)
    calling(() => this.#client.releaseSync(this.id, from, bytes))
  }

  /**
   * Closes the handle. What view() gave is empty then, what shared() gave shows zeros; views of map() stay until unmapped, and
   * keep the memory. Errors: INVALID (closed already); UNSUPPORTED (another thread has an ArrayBuffer over what goes).
   */
  close(): void {
    this.#mustBeOpen()
    this.#whole?.unmap()
    this.#whole = undefined
    this.#shared?.view.unmap()
    this.#shared = undefined
    calling(() => this.#client.closeSegment(this.id))
    this.#closed = true
  }
}
