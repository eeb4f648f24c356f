import fc from 'fast-check'
import t from 'tap'
import {
  allocate,
  createAllocator,
  moveEnd,
  release,
  resize,
  type Allocator,
  type Place,
  type Placed,
} from '../../ts/heap/allocator.js'
import { binOf, sureBin } from '../../ts/heap/bins.js'
import { checkHeap } from '../../ts/heap/check.js'

const PAGE = 4096

function place(allocator: Allocator, bytes: number): Placed {
  const placed = allocate(allocator, bytes)
  if (typeof placed === 'string') throw new Error(placed)
  return placed
}

t.test('allocator: the first block lies at offset 0', async (t) => {
  const heap = createAllocator(PAGE)
  t.same(allocate(heap, 100), { offset: 0, bytes: 112, oldBytes: 0 })
  t.equal(heap.usedBytes, 112)
  t.equal(heap.usedBlocks, 1)
  checkHeap(heap)
})

t.test('allocator: one block may be the whole segment, whatever its size', async (t) => {
  for (const pages of [1, 2, 3, 17, 1000, 2 ** 20 + 1, 2 ** 32]) {
    const heap = createAllocator(pages * PAGE)
    t.equal(place(heap, pages * PAGE).offset, 0)
    t.equal(allocate(heap, 1), 'HEAP_FULL')
    checkHeap(heap)
    t.ok(release(heap, 0))
    t.equal(place(heap, pages * PAGE - 15).bytes, pages * PAGE)
    checkHeap(heap)
  }
})

t.test('allocator: a segment takes as many 16-byte blocks as fit', async (t) => {
  const heap = createAllocator(16 * PAGE)
  const offsets = new Set<number>()
  for (let i = 0; i < PAGE; i++) offsets.add(place(heap, 1 + (i % 16)).offset)
  t.equal(offsets.size, PAGE)
  t.equal(allocate(heap, 1), 'HEAP_FULL')
  checkHeap(heap)
  t.ok([...offsets].every((offset) => release(heap, offset)))
  checkHeap(heap)
  t.equal(place(heap, 16 * PAGE).offset, 0)
})

t.test('allocator: blocks of a page or more start on a page, also when only just enough is left', async (t) => {
  const heap = createAllocator(4 * PAGE)
  place(heap, 16)
  t.equal(place(heap, PAGE).offset, PAGE)
  t.equal(place(heap, 2 * PAGE).offset, 2 * PAGE)
  t.equal(allocate(heap, PAGE), 'HEAP_FULL', 'the rest of page 0 is smaller')
  t.equal(place(heap, PAGE - 16).offset, 16)
  t.equal(heap.usedBytes, 4 * PAGE)
  checkHeap(heap)
})

t.test('allocator: free of an interior pointer, a free block, the same block twice -> false', async (t) => {
  const heap = createAllocator(PAGE)
  const { offset } = place(heap, 64)
  t.notOk(release(heap, offset + 16))
  t.notOk(release(heap, offset + 64))
  t.ok(release(heap, offset))
  t.notOk(release(heap, offset))
  t.equal(resize(heap, offset, 10), 'NOT_ALLOCATED')
  checkHeap(heap)
})

t.test('allocator: realloc shrinks and grows in place while the block behind is free', async (t) => {
  const heap = createAllocator(PAGE)
  const { offset } = place(heap, 512)
  t.same(resize(heap, offset, 100), { offset, bytes: 112, oldBytes: 512 })
  t.same(resize(heap, offset, 1000), { offset, bytes: 1008, oldBytes: 112 })
  t.same(resize(heap, offset, 1000), { offset, bytes: 1008, oldBytes: 1008 })
  t.equal(heap.usedBytes, 1008)
  checkHeap(heap)
})

t.test('allocator: realloc that cannot grow in place gives a new block and keeps the old one', async (t) => {
  const heap = createAllocator(2 * PAGE)
  const a = place(heap, 64)
  const b = place(heap, 64)
  const moved = resize(heap, a.offset, 128)
  t.same(moved, { offset: 128, bytes: 128, oldBytes: 64 })
  t.equal(heap.usedBlocks, 3)
  t.equal(resize(heap, b.offset, 2 * PAGE), 'HEAP_FULL')
  t.ok(release(heap, a.offset), 'the old block is still there to be freed')
  t.ok(release(heap, b.offset))
  checkHeap(heap)
})

t.test('allocator: a small block that grows to a page moves to a page boundary', async (t) => {
  const heap = createAllocator(4 * PAGE)
  place(heap, 16)
  const { offset } = place(heap, 64)
  t.match(resize(heap, offset, PAGE), { offset: PAGE, bytes: PAGE })
  checkHeap(heap)
})

t.test('allocator: every size of a bin that is sure to fit fits (sampled to 2^44)', async (t) => {
  const granules = fc.bigInt({ min: 1n, max: 2n ** 40n }).map(Number)
  fc.assert(
    fc.property(granules, granules, (a, b) => {
      const [small, large] = a < b ? [a, b] : [b, a]
      return binOf(small * 16) <= binOf(large * 16) && (binOf(small * 16) < sureBin(large * 16) || small >= large)
    }),
    { numRuns: 2000 },
  )
  t.equal(binOf(2 ** 44), 37 * 16)
})

t.test('allocator: segments of 2^44 bytes, and offsets beyond 2^32', async (t) => {
  const heap = createAllocator(2 ** 44)
  t.equal(place(heap, 2 ** 43).offset, 0)
  t.equal(place(heap, 2 ** 42 + 1).offset, 2 ** 43)
  t.equal(place(heap, 100).offset, 2 ** 43 + 2 ** 42 + 16)
  checkHeap(heap)
  t.ok(release(heap, 2 ** 43))
  t.ok(release(heap, 0))
  checkHeap(heap)
})

/** Any sequence of operations, against a map of what must be allocated. */
type Op =
  | { is: 'alloc'; bytes: number }
  | { is: 'free'; which: number }
  | { is: 'resize'; which: number; bytes: number }
const size = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 20_000 }), fc.constant(PAGE))
const which = fc.nat({ max: 1000 })
const ops = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: size.map((bytes): Op => ({ is: 'alloc', bytes })) },
    { weight: 3, arbitrary: which.map((which): Op => ({ is: 'free', which })) },
    { weight: 2, arbitrary: fc.tuple(which, size).map(([which, bytes]): Op => ({ is: 'resize', which, bytes })) },
  ),
  { maxLength: 120 },
)

t.test(
  'allocator: any sequence -> blocks tile the arena, never overlap, are refused only when none fits',
  async (t) => {
    const pages = fc.constantFrom(1, 2, 5, 16)
    fc.assert(
      fc.property(pages, ops, (pages, sequence) => {
        const heap = createAllocator(pages * PAGE)
        const model = new Map<number, number>()
        for (const op of sequence) {
          apply(heap, model, op)
          checkHeap(heap)
          checkModel(heap, model)
        }
        for (const offset of model.keys()) if (!release(heap, offset)) throw new Error(`free ${offset}`)
        checkHeap(heap)
        return heap.usedBytes === 0 && place(heap, pages * PAGE).offset === 0
      }),
      { numRuns: 400 },
    )
    t.pass()
  },
)

/** Bytes and align are the unit's at most where it lies in certain units. */
const places = fc
  .record({
    unit: fc.constantFrom(PAGE, 4 * PAGE),
    every: fc.integer({ min: 1, max: 4 }),
    log2: fc.integer({ min: 0, max: 14 }),
  })
  .chain(({ unit, every, log2 }) =>
    fc.record({
      bytes: fc.integer({ min: 1, max: every === 1 ? 5 * PAGE : unit }),
      place: fc.integer({ min: 0, max: every - 1 }).map((nth): Place => {
        const align = Math.min(2 ** log2, every === 1 ? 2 ** 14 : unit)
        return every === 1 ? { align } : { align, within: { unit, every, nth } }
      }),
      free: fc.boolean(),
    }),
  )

t.test('allocator: blocks lie where they were asked to, and are refused only when no such place is free', async (t) => {
  fc.assert(
    fc.property(fc.constantFrom(3, 16, 40), fc.array(places, { maxLength: 40 }), (pages, sequence) => {
      const heap = createAllocator(pages * PAGE)
      const model = new Map<number, number>()
      for (const { bytes, place, free } of sequence) {
        const placed = allocate(heap, bytes, place)
        if (typeof placed === 'object') {
          if (!fits(placed.offset, bytes, place)) throw new Error(`${placed.offset} for ${JSON.stringify(place)}`)
          model.set(placed.offset, placed.bytes)
        } else if (placeLeft(heap, model, bytes, place)) throw new Error(`refused ${bytes}, ${JSON.stringify(place)}`)
        checkHeap(heap)
        checkModel(heap, model)
        const [first] = model.keys()
        if (!free || first === undefined) continue
        model.delete(first)
        if (!release(heap, first)) throw new Error('free')
      }
      return true
    }),
    { numRuns: 300 },
  )
  t.pass()
})

function fits(offset: number, bytes: number, { align, within }: Place): boolean {
  if (offset % align !== 0 || offset % (bytes > PAGE - 16 ? PAGE : 16) !== 0) return false
  if (within === undefined) return true
  const { unit, every, nth } = within
  return Math.floor(offset / unit) % every === nth && (offset % unit) + bytes <= unit
}

function placeLeft(heap: Allocator, model: Map<number, number>, bytes: number, place: Place): boolean {
  const blocks = [...model, [heap.bytes, 0] as const].sort(([a], [b]) => a - b)
  let end = 0
  for (const [offset, length] of blocks) {
    for (let at = end; at + bytes <= offset; at += 16) if (fits(at, bytes, place)) return true
    end = offset + length
  }
  return false
}

function apply(heap: Allocator, model: Map<number, number>, op: Op): void {
  const nth = op.is === 'alloc' ? undefined : [...model.keys()][op.which % Math.max(1, model.size)]
  if (op.is === 'alloc') {
    const placed = allocate(heap, op.bytes)
    if (placed === 'HEAP_FULL') expectFull(heap, model, op.bytes)
    else if (typeof placed === 'string' || placed.bytes < op.bytes) throw new Error(`alloc: ${JSON.stringify(placed)}`)
    else model.set(placed.offset, placed.bytes)
    return
  }
  if (nth === undefined) {
    if (op.is === 'free' ? release(heap, 0) : resize(heap, 0, op.bytes) !== 'NOT_ALLOCATED') throw new Error('empty')
    return
  }
  if (op.is === 'free') {
    model.delete(nth)
    if (!release(heap, nth) || release(heap, nth)) throw new Error(`free ${nth}`)
    return
  }
  const placed = resize(heap, nth, op.bytes)
  if (placed === 'HEAP_FULL') return expectFull(heap, model, op.bytes)
  if (typeof placed === 'string' || placed.bytes < op.bytes) throw new Error(`resize: ${JSON.stringify(placed)}`)
  if (placed.oldBytes !== model.get(nth)) throw new Error('resize: oldBytes')
  model.set(placed.offset, placed.bytes)
}

function checkModel(heap: Allocator, model: Map<number, number>): void {
  let end = 0
  let bytes = 0
  for (const [offset, length] of [...model].sort(([a], [b]) => a - b)) {
    if (offset < end) throw new Error(`blocks overlap at ${offset}`)
    if (offset % 16 !== 0) throw new Error(`offset ${offset}`)
    end = offset + length
    bytes += length
  }
  if (end > heap.bytes || bytes !== heap.usedBytes || model.size !== heap.usedBlocks) throw new Error('sums')
}

/** Looks at every gap of the model: does a block of that size really fit nowhere? */
function expectFull(heap: Allocator, model: Map<number, number>, bytes: number): void {
  const unit = bytes > PAGE - 16 ? PAGE : 16
  const blocks = [...model, [heap.bytes, 0] as const].sort(([a], [b]) => a - b)
  let end = 0
  for (const [offset, length] of blocks) {
    const start = Math.ceil(end / unit) * unit
    if (start + bytes <= offset) throw new Error(`refused ${bytes} bytes, which fit at ${start}`)
    end = offset + length
  }
}

t.test('moveEnd: the arena grows and shrinks behind its last block, and stays sound', async (t) => {
  const allocator = createAllocator(4 * 4096)
  const first = allocate(allocator, 4096) as Placed
  t.equal(moveEnd(allocator, 4096), 4096)
  checkHeap(allocator)
  t.equal(allocate(allocator, 16), 'HEAP_FULL')
  t.equal(moveEnd(allocator, 16 * 4096), 4096, 'grown behind an allocated block')
  checkHeap(allocator)
  t.equal(moveEnd(allocator, 32 * 4096), 4096, 'and behind a free one')
  checkHeap(allocator)
  const big = allocate(allocator, 31 * 4096) as Placed
  t.equal(moveEnd(allocator, 31 * 4096), 32 * 4096, 'in use: nothing has changed')
  checkHeap(allocator)
  t.equal(allocator.bytes, 32 * 4096)
  t.ok(release(allocator, big.offset))
  t.ok(release(allocator, first.offset))
  t.equal(moveEnd(allocator, 4096), 0)
  checkHeap(allocator)
  t.equal(allocate(allocator, 4097), 'HEAP_FULL')
  t.match(allocate(allocator, 4096), { offset: 0 })
})
