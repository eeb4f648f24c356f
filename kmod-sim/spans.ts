/**
 * The spans of this node: pieces of segments that the heaps' homes have leased to it (ts/heap/leases.ts), for its
 * processes to allocate small blocks from without asking. What is allocated lies in control pages that they share
 * (native/abi/heap_pages.h); which spans there are, of what size of block, and whose, is known here alone.
 *
 * A span is one process's, or in the pool: of a process that has ended, with what that had allocated. Empty ones go
 * back to the heap's home when it wants them (its heap is full), and by and by when there are more than a few.
 * Nothing here waits for a process: seizing a span fails when a block is allocated in it, and takes it at once
 * where none is, in use or not.
 */
import { GshmError } from '../ts/base/errors.js'
import type { SegmentId } from '../ts/base/ids.js'
import type { SegmentAttributes } from '../ts/base/requests.js'
import { spanBytes as spanBytesOf, type SpanQueryEffect } from '../ts/heap/index.js'
import { native, type HeapPages } from '../ts/native/index.js'
import { expect, type Ask } from './ask.js'
import type { Process } from './process-registry.js'

/** Empty spans that a segment used here keeps, when others do not need them. */
const KEPT = 8
/** Spans that are looked at in a second, and in the pool when one is asked for. */
const SWEPT = 1024
const LOOKS = 16
const SWEEP_MS = 1000
/** Generations have 32 bits, and 0 is none. */
const GENERATIONS = 2 ** 32 - 1

const BLOCK_BYTES = native.spanBlockBytes

interface Span {
  readonly chunk: number
  cls: number
  generation: number
  owner: Process | undefined
}

interface Heap {
  readonly segment: SegmentId
  readonly spanBytes: number
  readonly chunks: number
  /** Undefined: the segment has no spans. */
  readonly pages: HeapPages | undefined
  /** By chunk. */
  readonly spans: Map<number, Span>
  /** Without an owner, by class. */
  readonly pool: Map<number, Set<Span>>
  /** The last generation of each chunk that has been a span. */
  readonly generations: Map<number, number>
  /** Where the sweep goes on, and empty spans met since it began anew. */
  sweep: Iterator<Span> | undefined
  empty: number
}

export interface SpansHost {
  attributes(segment: SegmentId): SegmentAttributes | undefined
  /** Does anybody on this node hold the segment? */
  held(segment: SegmentId): boolean
  readonly request: Ask
}

type Taken = { readonly chunk: number; readonly generation: number }

export class Spans {
  readonly #heaps = new Map<SegmentId, Heap>()
  readonly #sweeper = setInterval(() => this.sweep(), SWEEP_MS).unref()

  constructor(private readonly host: SpansHost) {}

  /** The control pages of a segment that this node knows. Throws DESCRIPTORS, MEMORY. @returns fd -1: it has no spans */
  open(segment: SegmentId): { chunks: number; spanBytes: number; fd: number } {
    const { chunks, spanBytes, pages } = this.#heap(segment)
    return { chunks, spanBytes, fd: pages?.fd ?? -1 }
  }

  /**
   * A span of blocks of class `cls` for the process, with room for one at least: from the pool, else leased.
   * Refused: INVALID (no such class), HEAP_FULL, LIMIT, NODE_LOST, MEMORY.
   */
  take(process: Process, segment: SegmentId, cls: number, settle: (outcome: Taken | GshmError) => void): void {
    const heap = this.#heap(segment)
    if (heap.pages === undefined || !(cls < BLOCK_BYTES.length) || BLOCK_BYTES[cls]! * 4 > heap.spanBytes) {
      throw new GshmError('INVALID', `span: segment ${segment} has no spans of class ${cls}`)
    }
    const pooled = this.#fromPool(heap, cls)
    if (pooled !== undefined) return settle(this.#pass(heap, pooled, process))
    this.host.request({ op: 'lease', segment }, (outcome) => {
      if (outcome instanceof GshmError) return settle(outcome)
      const { offset } = expect(outcome, 'block')
      try {
        settle(this.#give(heap, offset / heap.spanBytes, cls, process))
      } catch (error) {
        this.#back(segment, [offset])
        settle(error as GshmError)
      }
    })
  }

  /** The span of this node that the offset lies in, as [from, to) of the segment. */
  around(segment: SegmentId, offset: number): { readonly from: number; readonly to: number } | undefined {
    const heap = this.#heaps.get(segment)
    if (heap === undefined || heap.spans.size === 0) return undefined
    const chunk = Math.floor(offset / heap.spanBytes)
    if (!heap.spans.has(chunk)) return undefined
    return { from: chunk * heap.spanBytes, to: (chunk + 1) * heap.spanBytes }
  }

  /** Frees a block of a span of this node; false: it has none there. Throws NOT_ALLOCATED. */
  free(segment: SegmentId, offset: number): boolean {
    const heap = this.#heaps.get(segment)
    const span = heap?.spans.get(Math.floor(offset / heap.spanBytes))
    if (heap === undefined || span === undefined) return false
    if (heap.pages!.free(span.chunk, span.cls, offset % heap.spanBytes)) return true
    throw new GshmError(
      'NOT_ALLOCATED',
      `offset ${offset} of segment ${segment} is not the start of an allocated block`,
    )
  }

  /** The process has ended, or has closed the segment: what it owned goes to the pool. */
  ended(process: Process, segment?: SegmentId): void {
    for (const heap of this.#heaps.values()) {
      if (segment !== undefined && segment !== heap.segment) continue
      for (const span of heap.spans.values()) if (span.owner === process) this.#intoPool(heap, span)
    }
  }

  /** A heap's home asks: answered by a request, with the spans that go back. */
  query({ to, query, segment, wish, offset }: SpanQueryEffect): void {
    const heap = this.#heaps.get(segment)
    const answer = { to, query, bytes: 0, blocks: 0 }
    const back: number[] = []
    if (heap !== undefined && wish === 'trim') for (const span of heap.spans.values()) this.#seize(heap, span, back)
    if (heap !== undefined && (wish === 'count' || wish === 'trim')) Object.assign(answer, sum(heap))
    if (wish === 'free' || wish === 'look') answer.bytes = this.#block(heap, offset, wish)
    this.host.request({ op: 'spans', segment, back, answer }, () => {})
  }

  /** The segment is gone. */
  drop(segment: SegmentId): void {
    this.#heaps.get(segment)?.pages?.close()
    this.#heaps.delete(segment)
  }

  close(): void {
    clearInterval(this.#sweeper)
    for (const segment of [...this.#heaps.keys()]) this.drop(segment)
  }

  /** Empty spans beyond a few go back; some spans of each segment are looked at each time. */
  sweep(): void {
    for (const heap of this.#heaps.values()) {
      const back: number[] = []
      const kept = this.host.held(heap.segment) ? KEPT : 0
      for (let looked = 0; looked < SWEPT; looked++) {
        heap.sweep ??= heap.spans.values()
        const next = heap.sweep.next()
        if (next.done === true) {
          heap.sweep = undefined
          heap.empty = 0
          break
        }
        const { chunk, cls } = next.value
        if (heap.pages!.count(chunk, cls) === 0 && ++heap.empty > kept) this.#seize(heap, next.value, back)
      }
      if (back.length > 0) this.#back(heap.segment, back)
    }
  }

  #heap(segment: SegmentId): Heap {
    const known = this.#heaps.get(segment)
    if (known !== undefined) return known
    const attributes = this.host.attributes(segment)
    if (attributes === undefined) throw new GshmError('NOT_FOUND', `no segment has number ${segment}`)
    const spanBytes = spanBytesOf(attributes)
    const chunks = spanBytes === 0 ? 0 : Math.floor(attributes.maxBytes / spanBytes)
    const pages = chunks === 0 ? undefined : new native.HeapPages(`gshm-heap:${segment}`, chunks, spanBytes)
    const spans = new Map<number, Span>()
    const pool = new Map<number, Set<Span>>()
    const heap: Heap = {
      segment,
      spanBytes,
      chunks,
      pages,
      spans,
      pool,
      generations: new Map(),
      sweep: undefined,
      empty: 0,
    }
    this.#heaps.set(segment, heap)
    return heap
  }

  /** Of that class and not full, or else an empty one of another class, which ends. */
  #fromPool(heap: Heap, cls: number): Span | undefined {
    const most = Math.floor(heap.spanBytes / BLOCK_BYTES[cls]!)
    let looks = LOOKS
    for (const span of heap.pool.get(cls) ?? []) {
      if (heap.pages!.count(span.chunk, cls) < most) return span
      if (--looks === 0) break
    }
    looks = LOOKS
    for (const [other, pooled] of heap.pool) {
      if (other === cls) continue
      for (const span of pooled) {
        if (--looks < 0) return undefined
        const { chunk } = span
        const back: number[] = []
        if (!this.#seize(heap, span, back)) continue
        try {
          return this.#make(heap, chunk, cls, undefined)
        } catch {
          this.#back(heap.segment, back) // the host has no memory for its record
        }
      }
    }
    return undefined
  }

  #pass(heap: Heap, span: Span, owner: Process): Taken {
    heap.pool.get(span.cls)?.delete(span)
    span.owner = owner
    span.generation = nextGeneration(heap, span.chunk)
    heap.pages!.pass(span.chunk, span.cls, span.generation, owner.id >>> 0)
    return span
  }

  /** A chunk that was leased becomes a span of the process, unless that has ended meanwhile. */
  #give(heap: Heap, chunk: number, cls: number, owner: Process): Taken {
    const stays = !owner.ended && owner.handles.has(heap.segment)
    const span = this.#make(heap, chunk, cls, stays ? owner : undefined)
    if (!stays) poolOf(heap, cls).add(span)
    return span
  }

  #make(heap: Heap, chunk: number, cls: number, owner: Process | undefined): Span {
    const generation = nextGeneration(heap, chunk)
    heap.pages!.give(chunk, cls, generation, (owner?.id ?? 0) >>> 0)
    const span = { chunk, cls, generation, owner }
    heap.spans.set(chunk, span)
    return span
  }

  #intoPool(heap: Heap, span: Span): void {
    span.owner = undefined
    span.generation = nextGeneration(heap, span.chunk)
    heap.pages!.pass(span.chunk, span.cls, span.generation, 0)
    poolOf(heap, span.cls).add(span)
  }

  /** Ends the span if it is empty; its offset is added to `back` then. */
  #seize(heap: Heap, span: Span, back: number[]): boolean {
    const { chunk, cls } = span
    if (!heap.pages!.seize(chunk, cls, nextGeneration(heap, chunk))) return false
    heap.spans.delete(chunk)
    heap.pool.get(cls)?.delete(span)
    back.push(chunk * heap.spanBytes)
    return true
  }

  #back(segment: SegmentId, back: readonly number[]): void {
    this.host.request({ op: 'spans', segment, back, answer: undefined }, () => {})
  }

  /** Bytes of the block at the offset, which is freed; 0: there is none. */
  #block(heap: Heap | undefined, offset: number, wish: 'free' | 'look'): number {
    const span = heap?.spans.get(Math.floor(offset / heap.spanBytes))
    if (heap === undefined || span === undefined) return 0
    const found = heap.pages![wish](span.chunk, span.cls, offset % heap.spanBytes)
    return found ? BLOCK_BYTES[span.cls]! : 0
  }
}

function sum(heap: Heap): { bytes: number; blocks: number } {
  let bytes = 0
  let blocks = 0
  for (const { chunk, cls } of heap.spans.values()) {
    const count = heap.pages!.count(chunk, cls)
    blocks += count
    bytes += count * BLOCK_BYTES[cls]!
  }
  return { bytes, blocks }
}

function poolOf({ pool }: Heap, cls: number): Set<Span> {
  const known = pool.get(cls)
  if (known !== undefined) return known
  const made = new Set<Span>()
  pool.set(cls, made)
  return made
}

function nextGeneration({ generations }: Heap, chunk: number): number {
  const next = ((generations.get(chunk) ?? 0) % GENERATIONS) + 1
  generations.set(chunk, next)
  return next
}
