/** Diffs (native/core/diff.h) in memory and in frames: exact to the byte, and nothing malformed is applied. */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { diffRoom, native, type Frames } from '../../ts/native/index.js'
import { startProgram } from '../support/program.js'

const PAGE = 4096
const RUNS = 1
const BITMAP = 2
/** Every unit that a segment may have, and one that is no power of two. */
const UNITS = [PAGE, 2 * PAGE, 3 * PAGE, 16 * PAGE]

const frames = new native.Frames('gshm:diff', 16)
t.teardown(() => frames.close())

/** The diff of `now` against `twin`, by way of a frame. */
function diffOf(now: Uint8Array, twin: Uint8Array): Uint8Array {
  write(frames, now)
  const out = Buffer.alloc(diffRoom(twin.length), 0xee)
  return out.subarray(0, frames.diff(0, twin, out, 0))
}
function write(to: Frames, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += PAGE) to.copyIn(at / PAGE, bytes, at)
}
function read(from: Frames, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += PAGE) from.copyOut(at / PAGE, bytes, at)
  return bytes
}

/** What a diff must be, the slow way. */
function model(now: Uint8Array, twin: Uint8Array): Uint8Array {
  const changed = [...now.keys()].filter((i) => now[i] !== twin[i])
  const runs: number[][] = []
  for (const i of changed) {
    const last = runs.at(-1)
    if (last !== undefined && last.at(-1) === i - 1) last.push(i)
    else runs.push([i])
  }
  if (runs.length === 0) return new Uint8Array()
  if (runs.length * 4 <= now.length / 8) {
    const u16 = (n: number) => [n & 255, n >> 8]
    const parts = runs.flatMap((run) => [...u16(run[0]!), ...u16(run.length - 1), ...run.map((i) => now[i]!)])
    return Uint8Array.from([RUNS, ...parts])
  }
  const bitmap = new Uint8Array(now.length / 8)
  for (const i of changed) bitmap[i >> 3]! |= 1 << (i & 7)
  return Uint8Array.from([BITMAP, ...bitmap, ...changed.map((i) => now[i]!)])
}

interface Piece {
  at: number
  length: number
  times: number
  gap: number
}
/** Pieces of a page: where, how long, how often again after how many bytes. */
const pieces: fc.Arbitrary<Piece[]> = fc.array(
  fc.record({
    at: fc.nat(PAGE - 1),
    length: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: PAGE })),
    times: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 300 })),
    gap: fc.integer({ min: 1, max: 9 }),
  }),
  { maxLength: 6 },
)
const seed = fc.integer()
const unit = fc.constantFrom(...UNITS)

/** Bytes that any seed gives again. */
function noise(seed: number, length: number): Uint8Array {
  let state = seed | 1
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    return state >>> 24
  })
}
/** Whether byte i of a unit lies in one of the pieces. */
function marked(of: readonly Piece[], length: number): Uint8Array {
  const mark = new Uint8Array(length)
  for (const { at, length: size, times, gap } of of) {
    const start = at * (length / PAGE)
    for (let n = 0; n < times; n++) mark.fill(1, start + n * (size + gap), start + n * (size + gap) + size)
  }
  return mark
}
/** `twin` with other bytes, some the same by chance, wherever `mark` says. */
function changedWhere(twin: Uint8Array, mark: Uint8Array, seed: number): Uint8Array {
  const other = noise(seed, twin.length)
  return twin.map((byte, i) => (mark[i] ? other[i]! : byte))
}

t.test('a diff is what the format says, byte by byte, and of no more than the shorter mode', async (t) => {
  const property = fc.property(unit, seed, pieces, (unit, seed, pieces) => {
    const twin = noise(seed, unit)
    const now = changedWhere(twin, marked(pieces, unit), seed + 1)
    const diff = diffOf(now, twin)
    return Buffer.compare(diff, model(now, twin)) === 0 && diff.length <= diffRoom(unit)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }))
})

t.test('applied to any other bytes, it changes exactly those where now and twin differ', async (t) => {
  const property = fc.property(unit, seed, pieces, (unit, seed, pieces) => {
    const twin = noise(seed, unit)
    const now = changedWhere(twin, marked(pieces, unit), seed + 1)
    const other = noise(seed + 2, unit)
    const expected = other.map((byte, i) => (now[i] === twin[i] ? byte : now[i]!))
    const diff = diffOf(now, twin)
    const memory = other.slice()
    write(frames, other)
    const taken = native.applyDiff(memory, diff, 0, diff.length) && frames.patch(0, diff, 0, diff.length, unit)
    return taken && Buffer.compare(memory, expected) === 0 && Buffer.compare(read(frames, unit), expected) === 0
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }))
})

t.test('diffs of disjoint bytes commute', async (t) => {
  const property = fc.property(unit, seed, pieces, (unit, seed, pieces) => {
    const twin = noise(seed, unit)
    const mark = marked(pieces, unit)
    const one = diffOf(changedWhere(twin, mark, seed + 1), twin)
    const rest = mark.map((bit) => 1 - bit)
    const two = diffOf(changedWhere(twin, rest, seed + 2), twin)
    const [oneTwo, twoOne] = [twin.slice(), twin.slice()]
    native.applyDiff(oneTwo, one, 0, one.length)
    native.applyDiff(oneTwo, two, 0, two.length)
    native.applyDiff(twoOne, two, 0, two.length)
    native.applyDiff(twoOne, one, 0, one.length)
    return Buffer.compare(oneTwo, twoOne) === 0
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 100 }))
})

t.test('the ends of what can change', async (t) => {
  for (const unit of UNITS) {
    const twin = noise(5, unit)
    const length = (...changed: number[]) => {
      const now = twin.slice()
      for (const i of changed) now[i]! ^= 1
      const diff = diffOf(now, twin)
      const memory = twin.slice()
      t.ok(native.applyDiff(memory, diff, 0, diff.length))
      t.same(Buffer.compare(memory, now), 0)
      return [diff.length, diff[0]]
    }
    const every = (step: number) => Array.from({ length: unit / step }, (_, i) => i * step)
    t.same(length(), [0, undefined], 'nothing')
    t.same(length(0), [6, RUNS], 'the first byte')
    t.same(length(unit - 1), [6, RUNS], 'the last byte')
    t.same(length(0, unit - 1), [11, RUNS])
    t.same(length(63, 64), [7, RUNS], 'a run goes on from block to block')
    t.same(length(...every(1)), [5 + unit, RUNS], 'every byte is one run')
    t.same(length(...every(1).slice(1)), [4 + unit, RUNS])
    t.same(length(...every(2)), [1 + unit / 8 + unit / 2, BITMAP], 'every other byte')
    t.same(length(...every(32)), [1 + unit / 8 + unit / 32, RUNS], 'as many runs as a bitmap is long')
    t.same(length(...every(32), 2), [1 + unit / 8 + unit / 32 + 1, BITMAP], 'and one more')
    const longest = every(1).filter((i) => i % 31 !== 30)
    const [bytes = 0, mode] = length(...longest)
    t.equal(mode, BITMAP)
    t.ok(bytes > unit && bytes < diffRoom(unit))
  }
})

/** A run's header. */
const run = (offset: number, length: number, bytes = length) => [
  ...[offset & 255, offset >> 8, (length - 1) & 255, (length - 1) >> 8],
  ...new Array<number>(bytes).fill(9),
]
function bitmap(bits: number, bytes: number, size = PAGE / 8): number[] {
  const map = new Array<number>(size).fill(0)
  for (let i = 0; i < bits; i++) map[i >> 3]! |= 1 << (i & 7)
  return [BITMAP, ...map, ...new Array<number>(bytes).fill(9)]
}
const many = (count: number) => Array.from({ length: count }, (_, i) => run(2 * i, 1)).flat()

const MALFORMED: Readonly<Record<string, number[]>> = {
  'no such mode': [0, ...run(0, 1)],
  'no such mode either': [3, ...run(0, 1)],
  'runs without a run': [RUNS],
  'a header that ends early': [RUNS, 0, 0, 0],
  'a run without its bytes': [RUNS, ...run(0, 1, 0)],
  'a run with too few bytes': [RUNS, ...run(0, 100, 99)],
  'a byte behind the last run': [RUNS, ...run(0, 1), 0],
  'three bytes behind the last run': [RUNS, ...run(0, 1), 5, 0, 0],
  'runs that overlap': [RUNS, ...run(0, 8), ...run(7, 8)],
  'a run twice': [RUNS, ...run(4, 1), ...run(4, 1)],
  'runs that touch': [RUNS, ...run(0, 8), ...run(8, 8)],
  'runs that descend': [RUNS, ...run(100, 8), ...run(0, 8)],
  'a run that begins beyond the unit': [RUNS, ...run(PAGE, 1)],
  'a run that ends beyond the unit': [RUNS, ...run(PAGE - 1, 2)],
  'a run at the last offset there is': [RUNS, ...run(65535, 1)],
  'a run of 64 KiB': [RUNS, ...run(0, 65536)],
  'more runs than a bitmap is long': [RUNS, ...many(PAGE / 32 + 1)],
  'a bitmap that ends early': bitmap(0, 0, PAGE / 8 - 1),
  'a bitmap of nothing': bitmap(0, 0),
  'a bitmap without bytes': bitmap(300, 0),
  'a bitmap with a byte too few': bitmap(300, 299),
  'a bitmap with a byte too many': bitmap(300, 301),
  'a bitmap of another unit': bitmap(300, 300, PAGE / 4),
}

t.test('a diff that no encoder makes is refused whole', async (t) => {
  const before = noise(3, PAGE)
  for (const [what, bytes] of Object.entries(MALFORMED)) {
    const diff = Uint8Array.from(bytes)
    const memory = before.slice()
    write(frames, before)
    t.equal(native.applyDiff(memory, diff, 0, diff.length), false, what)
    t.equal(frames.patch(0, diff, 0, diff.length), false, what)
    t.equal(Buffer.compare(memory, before), 0, 'nothing was stored in memory')
    t.equal(Buffer.compare(read(frames, PAGE), before), 0, 'nor in the frame')
  }
  for (const diff of [[RUNS, ...run(0, 8), ...run(9, 8)], [RUNS, ...many(PAGE / 32)], bitmap(300, 300), []]) {
    t.ok(frames.patch(0, Uint8Array.from(diff), 0, diff.length), 'while these are as an encoder makes them')
  }
})

t.test('bytes of any kind are refused or stay within the unit', async (t) => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 700 }),
    fc.uint8Array({ maxLength: 40 }).map((rest) => Uint8Array.from([RUNS, ...rest])),
    fc.uint8Array({ minLength: 512, maxLength: 5000 }).map((rest) => Uint8Array.from([BITMAP, ...rest])),
  )
  const property = fc.property(bytes, (bytes) => {
    const around = Buffer.alloc(3 * PAGE)
    const accepted = native.applyDiff(around.subarray(PAGE, 2 * PAGE), bytes, 0, bytes.length)
    const outside = [around.subarray(0, PAGE), around.subarray(2 * PAGE)]
    return outside.every((part) => part.every((byte) => byte === 0)) && (accepted || around.every((byte) => byte === 0))
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }))
})

t.test('a patch by many runs and one by few go to the same page', async (t) => {
  const small = new native.Frames('gshm:patch', 4)
  t.teardown(() => small.close())
  for (let page = 0; page < 4; page++) small.zero(page)
  for (const count of [1, 9, 10, 128]) {
    const diff = Uint8Array.from([RUNS, ...many(count)])
    t.ok(small.patch(2, diff, 0, diff.length), `${count} runs`)
  }
  const all = read(small, 4 * PAGE)
  t.same(
    [...all.keys()].filter((i) => all[i] !== 0),
    Array.from({ length: 128 }, (_, i) => 2 * PAGE + 2 * i),
  )
})

t.test('what the caller gets wrong has a code', async (t) => {
  const twin = new Uint8Array(PAGE)
  const out = new Uint8Array(diffRoom(PAGE))
  const diff = Uint8Array.from([RUNS, ...run(0, 1)])
  const invalid = { code: 'ERR_GSHM_INVALID' }
  const beyond = { code: 'ERR_GSHM_BEYOND_END' }
  t.throws(() => frames.diff(0, twin, out, 1), invalid, 'a byte of room is missing')
  t.throws(() => frames.diff(0, new Uint8Array(4095), out, 0), invalid, 'no such unit')
  t.throws(() => frames.diff(0, new Uint8Array(0), out, 0), invalid)
  t.throws(() => frames.diff(0, new Uint8Array(17 * PAGE), new Uint8Array(20 * PAGE), 0), invalid)
  t.throws(() => frames.diff(0.5, twin, out, 0), invalid)
  t.throws(() => frames.diff(16, twin, out, 0), beyond)
  t.throws(() => frames.diff(15, new Uint8Array(2 * PAGE), new Uint8Array(4 * PAGE), 0), beyond)
  t.throws(() => frames.patch(0, diff, 0, 7), invalid, 'a diff that is not all there')
  t.throws(() => frames.patch(0, diff, 1, 6), invalid)
  t.throws(() => frames.patch(0, diff, 0, 6, 100), invalid)
  t.throws(() => frames.patch(16, diff, 0, 6), beyond)
  t.throws(() => frames.patch(15, diff, 0, 6, 2 * PAGE), beyond)
  t.throws(() => native.applyDiff(new Uint8Array(100), diff, 0, 6), invalid)
  t.throws(() => native.applyDiff(twin, diff, 0, 7), invalid)
})

/**
 * A process writes every odd byte of a page, over and over, and looks each time whether the byte is
 * what it wrote last, while this one patches even bytes. Both count; neither looks at a clock.
 */
async function besideNeighbour(t: Test, changes: (round: number) => readonly number[]) {
  const shared = new native.Frames('gshm:neighbour', 2)
  t.teardown(() => shared.close())
  shared.zero(0)
  shared.zero(1)
  const neighbour = startProgram(undefined, 'neighbour', [`/proc/${process.pid}/fd/${shared.fd}`])
  t.teardown(() => neighbour.stop())
  t.equal(await neighbour.line(), 'ready')
  const rounds = () => Number(new DataView(readPage(shared, 1).buffer).getBigUint64(0, true))

  const twin = new Uint8Array(PAGE)
  const now = new Uint8Array(PAGE)
  const out = new Uint8Array(diffRoom(PAGE))
  const begun = rounds()
  let patches = 0
  for (; patches < 2000 || rounds() < begun + 2000; patches++) {
    twin.set(now)
    for (const at of changes(patches)) now[at]! ^= 0x55
    write(frames, now)
    if (!shared.patch(0, out, 0, frames.diff(0, twin, out, 0))) t.fail('a diff was refused')
  }
  neighbour.say('end')
  const [total = 0, lost] = (await neighbour.line()).split(' ').map(Number)
  t.equal(lost, 0, `none of its stores was lost (${patches} patches, ${total} rounds)`)
  const bytes = readPage(shared, 0)
  t.ok(
    bytes.every((byte, i) => byte === (i % 2 === 0 ? now[i] : total & 255)),
    'and none of the patches',
  )
}
function readPage(from: Frames, page: number): Uint8Array {
  const bytes = new Uint8Array(PAGE)
  from.copyOut(page, bytes, 0)
  return bytes
}
const evens = (count: number) => Array.from({ length: count }, (_, i) => 2 * i)

t.test('a patch loses no store of a process to a neighbouring byte: few runs', (t) =>
  besideNeighbour(t, (n) => [(2 * n) % PAGE, (2 * n + 600) % PAGE, (2 * n + 2000) % PAGE]),
)
t.test('the same: many runs', (t) => besideNeighbour(t, (n) => evens(100).map((at) => (at + 2 * n) % PAGE)))
t.test('the same: a bitmap', (t) => besideNeighbour(t, () => evens(PAGE / 2)))

t.test('a diff while a process writes is of what it has written, and the next has the rest', async (t) => {
  const shared = new native.Frames('gshm:neighbour', 2)
  t.teardown(() => shared.close())
  shared.zero(0)
  shared.zero(1)
  const twin = new Uint8Array(PAGE)
  const home = new Uint8Array(PAGE)
  const out = new Uint8Array(diffRoom(PAGE))
  const neighbour = startProgram(undefined, 'neighbour', [`/proc/${process.pid}/fd/${shared.fd}`])
  t.teardown(() => neighbour.stop())
  t.equal(await neighbour.line(), 'ready')
  const flush = () => {
    const length = shared.diff(0, twin, out, 0)
    return native.applyDiff(home, out, 0, length) && native.applyDiff(twin, out, 0, length)
  }
  for (let i = 0; i < 2000; i++) if (!flush()) t.fail('a diff was refused')
  neighbour.say('end')
  const total = Number((await neighbour.line()).split(' ')[0])
  flush()
  t.ok(home.every((byte, i) => byte === (i % 2 === 0 ? 0 : total & 255)))
})
