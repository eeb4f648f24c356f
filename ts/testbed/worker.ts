/**
 * One Node.js worker of the allocator testbed: the same program as native/testbed/worker.c. What
 * workers do, and their options, is told in native/testbed/layout.h.
 */
import { parseArgs } from 'node:util'
import type { Consistency, Manager } from '../base/consistency.js'
import { GshmError } from '../base/errors.js'
import { attach, type Gshm, type Segment } from '../client/index.js'
import { fillBlock, setMarks, wrongBytes, type Memory } from './block.js'
import { bucketOf } from './histogram.js'
import { GRANULE, NODE_WORD, PAGE, PARTNERS, SIZE_LEAST, TALLY_WORD, WORKERS_MAX } from './layout.js'
import { heapSize, partnersOf, ringPage, type Block } from './layout.js'
import { Random } from './random.js'
import { Ring, type RingLock } from './ring.js'
import type { WorkerReport } from './workers.js'

/** Of marks and rings. */
const OWN_MODEL = { consistency: 'mrsw', manager: 'fixed' } as const

const BACKOFF_POLLS = 64
const BACKOFF_MS = 0.05

interface Options {
  readonly worker: number
  readonly workers: number
  readonly seconds: number
  readonly seed: number
  readonly maxSize: number
  readonly segment: string
  readonly inject: string | undefined
  /** Unchecked: gshm.create says what is wrong. */
  readonly model: Model
}

interface Model {
  readonly consistency?: Consistency
  readonly manager?: Manager
  readonly unit?: number
}

class Worker {
  readonly #gshm: Gshm
  readonly #heap: Segment
  readonly #base: bigint
  readonly #memory: Memory
  readonly #marks: Uint8Array
  readonly #control: Int32Array
  readonly #random: Random
  readonly #latency = new Map<number, number>()
  readonly #pause = new Int32Array(new SharedArrayBuffer(4))
  #nodes: number[] = []
  #out: Ring[] = []
  #in: Ring[] = []
  #inject: string | undefined
  #serial = 0
  #idle = 0
  #blocks = 0
  #crossNode = 0
  #bytesVerified = 0
  #wrong = 0
  #overlaps = 0
  #allocated = 0
  #freed = 0

  constructor(private readonly options: Options) {
    this.#inject = options.inject
    this.#random = new Random(options.seed, options.worker)
    this.#gshm = attach()
    const size = heapSize(options.maxSize)
    this.#heap = this.#share('', size, options.model)
    this.#base = this.#heap.at(0)
    const bytes = this.#heap.map().buffer()
    this.#memory = { bytes: new Uint8Array(bytes), words: new Int32Array(bytes) }
    this.#marks = new Uint8Array(
      this.#share('.marks', size / GRANULE, OWN_MODEL)
        .map()
        .buffer(),
    )
    const pages = 1 + options.workers * PARTNERS
    this.#control = new Int32Array(
      this.#share('.control', pages * PAGE, OWN_MODEL)
        .map()
        .buffer(),
    )
  }

  run(): WorkerReport {
    const { worker, workers, seconds } = this.options
    this.#control[NODE_WORD + worker] = this.#gshm.node
    this.#barrier('start')
    this.#findRings()
    const end = performance.now() + seconds * 1000
    while (performance.now() < end) {
      const consumed = this.#consumeAll(true)
      this.#pauseIfIdle(this.#produce() || consumed)
    }
    for (const ring of this.#out) ring.close()
    while (!this.#in.every((ring) => ring.closedAndEmpty())) this.#pauseIfIdle(this.#consumeAll(false))
    this.#control[TALLY_WORD + 2 * worker] = this.#allocated
    this.#control[TALLY_WORD + 2 * worker + 1] = this.#freed
    this.#barrier('end')
    // Blocks are freed by others than those who allocated them: only the sums must agree.
    let leaked = 0
    for (let w = 0; worker === 0 && w < workers; w++) {
      leaked += this.#control[TALLY_WORD + 2 * w]! - this.#control[TALLY_WORD + 2 * w + 1]!
    }
    this.#gshm.detach()
    return {
      blocks: this.#blocks,
      crossNode: this.#crossNode,
      bytesVerified: this.#bytesVerified,
      wrong: this.#wrong,
      overlaps: this.#overlaps,
      leaked,
      latency: [...this.#latency],
    }
  }

  #share(suffix: string, size: number, model: Model): Segment {
    return this.#gshm.create(this.options.segment + suffix, size, { ...model, openOrCreate: true })
  }

  #barrier(name: string): void {
    this.#gshm.barrierSync(`${this.options.segment}.${name}`, this.options.workers)
  }

  #findRings(): void {
    const { worker, workers } = this.options
    this.#nodes = Array.from({ length: workers }, (_, w) => this.#control[NODE_WORD + w]!)
    for (let p = 0; p < workers; p++) {
      partnersOf(p, this.#nodes).forEach((q, i) => {
        const page = ringPage(p, i)
        const words = this.#control.subarray((page * PAGE) / 4, ((page + 1) * PAGE) / 4)
        const ring = new Ring(words, this.#lockOf(page))
        if (p === worker) this.#out.push(ring)
        if (q === worker) this.#in.push(ring)
      })
    }
  }

  #lockOf(page: number): RingLock | undefined {
    if (this.options.model.consistency !== 'lrc') return undefined
    const name = `${this.options.segment}.ring${page}`
    return { lock: () => this.#gshm.lockSync(name), unlock: () => this.#gshm.unlockSync(name) }
  }

  #produce(): boolean {
    const ring = this.#withRoom()
    const block = ring === undefined ? undefined : this.#allocate()
    if (ring === undefined || block === undefined) return false
    if (this.#planted('overlap')) this.#claim(block) // as if the heap had handed it out twice
    this.#fill(block)
    if (this.#planted('leak')) return true
    if (this.#planted('wrong')) this.#memory.bytes[block.offset + block.size - 1]! ^= 1
    ring.put(block)
    return true
  }

  #consumeAll(maySendOn: boolean): boolean {
    let any = false
    for (const ring of this.#in) {
      const block = ring.take()
      if (block === undefined) continue
      if (block.size < SIZE_LEAST || block.offset + block.size > this.#heap.size) {
        throw new GshmError('SYSTEM', 'a ring holds no block')
      }
      this.#consume(block, maySendOn)
      any = true
    }
    return any
  }

  #consume(block: Block, maySendOn: boolean): void {
    this.#verify(block)
    this.#blocks++
    if (this.#nodes[block.writer % WORKERS_MAX] !== this.#gshm.node) this.#crossNode++
    if (this.#random.below(5) === 0 && this.#resize(block)) {
      this.#fill(block)
      const ring = maySendOn ? this.#withRoom() : undefined
      if (ring !== undefined) return ring.put(block)
      this.#verify(block)
    }
    if (!setMarks(this.#marks, block, 0)) this.#overlaps++
    this.#heap.free(this.#addressOf(block))
    this.#freed++
  }

  /** Another size; false when the heap has no room. The old place is free once the block has moved. */
  #resize(block: Block): boolean {
    const size = this.#randomSize()
    if (!setMarks(this.#marks, block, 0)) this.#overlaps++
    const address = orFull(() => this.#heap.realloc(this.#addressOf(block), size))
    if (address === undefined) {
      this.#claim(block)
      return false
    }
    const offset = Number(address - this.#base)
    this.#claim({ ...block, offset, size })
    const kept = Math.min(size, block.size)
    this.#wrong += wrongBytes(this.#memory, block, offset, kept)
    this.#bytesVerified += kept
    block.offset = offset
    block.size = size
    return true
  }

  /** Undefined: the heap is full just now; those who hold blocks will free them. */
  #allocate(): Block | undefined {
    const size = this.#randomSize()
    const address = orFull(() => this.#heap.alloc(size))
    if (address === undefined) return undefined
    this.#allocated++
    const block = { offset: Number(address - this.#base), size, writer: 0, serial: 0 }
    this.#claim(block)
    return block
  }

  #claim(block: Block): void {
    if (!setMarks(this.#marks, block, 1)) this.#overlaps++
  }

  #fill(block: Block): void {
    block.writer = this.options.worker
    block.serial = this.#serial++
    this.#touch(block, true)
    fillBlock(this.#memory, block)
  }

  #verify(block: Block): void {
    this.#touch(block, false)
    this.#wrong += wrongBytes(this.#memory, block, block.offset, block.size)
    this.#bytesVerified += block.size
  }

  /** The first access to each page of the block, with the clock read around it; counted if it waited. */
  #touch({ offset, size }: Block, write: boolean): void {
    const { bytes } = this.#memory
    for (let at = offset; at < offset + size; at = (Math.floor(at / PAGE) + 1) * PAGE) {
      const before = process.resourceUsage()
      const start = performance.now()
      if (write) Atomics.store(bytes, at, 0)
      else Atomics.load(bytes, at)
      const ns = Math.round((performance.now() - start) * 1e6)
      if (!waited(before, process.resourceUsage())) continue
      const bucket = bucketOf(ns)
      this.#latency.set(bucket, (this.#latency.get(bucket) ?? 0) + 1)
    }
  }

  #withRoom(): Ring | undefined {
    const first = this.#random.below(this.#out.length)
    return this.#out
      .slice(first)
      .concat(this.#out.slice(0, first))
      .find((ring) => ring.hasRoom())
  }

  /** Mostly small, some of a few pages, now and then anything up to the largest. */
  #randomSize(): number {
    const kind = this.#random.below(100)
    const most = Math.min(kind < 85 ? 512 : kind < 97 ? 8192 : this.options.maxSize, this.options.maxSize)
    return most <= SIZE_LEAST ? SIZE_LEAST : SIZE_LEAST + this.#random.below(most - SIZE_LEAST + 1)
  }

  #addressOf(block: Block): bigint {
    return this.#base + BigInt(block.offset)
  }

  #planted(what: string): boolean {
    if (this.#inject !== what) return false
    this.#inject = undefined
    return true
  }

  #pauseIfIdle(worked: boolean): void {
    this.#idle = worked ? 0 : this.#idle + 1
    if (this.#idle > BACKOFF_POLLS) Atomics.wait(this.#pause, 0, 0, BACKOFF_MS)
  }
}

/** This thread is the one that takes faults here; other threads of the process may sleep, too, but rarely fault. */
function waited(before: NodeJS.ResourceUsage, after: NodeJS.ResourceUsage): boolean {
  const faults = (usage: NodeJS.ResourceUsage) => usage.minorPageFault + usage.majorPageFault
  return after.voluntaryContextSwitches !== before.voluntaryContextSwitches && faults(after) !== faults(before)
}

function orFull(call: () => bigint): bigint | undefined {
  try {
    return call()
  } catch (error) {
    if (error instanceof GshmError && error.reason === 'HEAP_FULL') return undefined
    throw error
  }
}

function parse(): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      worker: text,
      workers: text,
      seconds: text,
      seed: text,
      'max-size': text,
      segment: text,
      inject: text,
      consistency: text,
      manager: text,
      unit: text,
    },
  })
  return {
    worker: Number(values.worker ?? 0),
    workers: Number(values.workers ?? 1),
    seconds: Number(values.seconds ?? 1),
    seed: Number(values.seed ?? 0),
    maxSize: Number(values['max-size'] ?? 65536),
    segment: values.segment ?? 'testbed',
    inject: values.inject,
    model: {
      ...(values.consistency === undefined ? {} : { consistency: values.consistency as Consistency }),
      ...(values.manager === undefined ? {} : { manager: values.manager as Manager }),
      ...(values.unit === undefined ? {} : { unit: Number(values.unit) }),
    },
  }
}

const options = parse()
try {
  console.log(JSON.stringify(new Worker(options).run()))
} catch (error) {
  const { code = '', message } = error as Error & { code?: string }
  console.error(`worker ${options.worker}: ${code} ${message}`)
  process.exitCode = 1
}
