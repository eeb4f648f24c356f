/** A ring of blocks between two workers, in shared memory: native/testbed/worker.c's put and take. */
import { RING_CLOSED, RING_FIRST_SLOT, RING_HEAD, RING_SLOTS, RING_TAIL, SLOT_WORDS, type Block } from './layout.js'

/** What a block's bytes need to become known with it; nothing where the memory is sequentially consistent. */
export interface RingLock {
  lock(): void
  unlock(): void
}

export class Ring {
  /** @param words the ring's page */
  constructor(
    private readonly words: Int32Array,
    private readonly lock?: RingLock,
  ) {}

  hasRoom(): boolean {
    return ((Atomics.load(this.words, RING_TAIL) - Atomics.load(this.words, RING_HEAD)) | 0) < RING_SLOTS
  }

  /** The caller has seen room. */
  put(block: Block): void {
    this.lock?.lock()
    const tail = Atomics.load(this.words, RING_TAIL)
    const slot = slotOf(tail)
    this.words[slot] = block.offset
    this.words[slot + 1] = block.size
    this.words[slot + 2] = block.writer
    this.words[slot + 3] = block.serial
    Atomics.store(this.words, RING_TAIL, (tail + 1) | 0)
    this.lock?.unlock()
  }

  take(): Block | undefined {
    const head = Atomics.load(this.words, RING_HEAD)
    if (Atomics.load(this.words, RING_TAIL) === head) return undefined
    this.lock?.lock()
    const slot = slotOf(head)
    const word = (i: number) => this.words[slot + i]! >>> 0
    const block = { offset: word(0), size: word(1), writer: word(2), serial: word(3) }
    Atomics.store(this.words, RING_HEAD, (head + 1) | 0)
    this.lock?.unlock()
    return block
  }

  close(): void {
    Atomics.store(this.words, RING_CLOSED, 1)
  }

  /** Nothing is put after it has been closed, so closed is read first. */
  closedAndEmpty(): boolean {
    if (Atomics.load(this.words, RING_CLOSED) === 0) return false
    return Atomics.load(this.words, RING_TAIL) === Atomics.load(this.words, RING_HEAD)
  }
}

function slotOf(count: number): number {
  return RING_FIRST_SLOT + ((count >>> 0) % RING_SLOTS) * SLOT_WORDS
}
