/** The daemon's side of the heap's control pages, as processes see and scribble on them. */
import { readSync, writeSync } from 'node:fs'
import t from 'tap'
import { native, type HeapPages } from '../../ts/native/index.js'

const SPAN = 65536
const CHUNKS = 40
/** native/abi/heap_pages.h */
const HEADER = 64
const STRIDE = HEADER + (SPAN / 16 / 32) * 8

const SIZES = native.spanBlockBytes

function open(t: { teardown(end: () => void): void }): HeapPages {
  const pages = new native.HeapPages('gshm:test:heap', CHUNKS, SPAN)
  t.teardown(() => pages.close())
  return pages
}
function word(pages: HeapPages, chunk: number, at: number): bigint {
  const bytes = Buffer.alloc(8)
  readSync(pages.fd, bytes, 0, 8, chunk * STRIDE + HEADER + 8 * at)
  return bytes.readBigUInt64LE()
}
function scribble(pages: HeapPages, chunk: number, at: number, value: bigint): void {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  writeSync(pages.fd, bytes, 0, 8, chunk * STRIDE + HEADER + 8 * at)
}

t.test('heap pages: sizes of blocks rise from 16 to 4096 in steps of a quarter at most', async (t) => {
  t.equal(SIZES[0], 16)
  t.equal(SIZES.at(-1), 4096)
  for (const [cls, size] of SIZES.entries()) {
    t.equal(size % 16, 0)
    if (size > 128) t.ok(size / SIZES[cls - 1]! <= 1.25 + 1e-9, `${size}`)
  }
  for (let power = 16; power <= 4096; power *= 2) t.ok(SIZES.includes(power), 'powers of two, which are aligned')
})

t.test('heap pages: every block of every class is counted, and freed once, at its start alone', async (t) => {
  const pages = open(t)
  for (const [cls, size] of SIZES.entries()) {
    const blocks = Math.floor(SPAN / size)
    pages.give(cls, cls, 1, 7)
    t.equal(pages.count(cls, cls), 0)
    for (let at = 0; at < Math.ceil(blocks / 32); at++) scribble(pages, cls, at, (1n << 32n) | 0xffffffffn)
    t.equal(pages.count(cls, cls), blocks, `${size} bytes: bits beyond the last block do not count`)
    t.notOk(pages.seize(cls, cls, 2), 'in use')
    let freed = 0
    for (let offset = 0; offset < SPAN; offset += 16) {
      if (pages.look(cls, cls, offset) !== (offset % size === 0 && offset / size < blocks)) t.fail(`look ${offset}`)
      if (pages.free(cls, cls, offset)) freed++
      if (pages.free(cls, cls, offset)) t.fail(`twice ${offset}`)
    }
    t.equal(freed, blocks)
    t.notOk(pages.free(cls, cls, 8))
    t.notOk(pages.free(cls, cls, SPAN))
    t.equal(pages.count(cls, cls), 0)
    t.ok(pages.seize(cls, cls, 2))
    t.equal(word(pages, cls, 0), (2n << 32n) | 0xffffffffn, 'nobody can allocate there')
  }
})

t.test('heap pages: a span that is passed on keeps what is allocated, in another generation', async (t) => {
  const pages = open(t)
  const cls = SIZES.indexOf(64)
  pages.give(3, cls, 5, 1)
  scribble(pages, 3, 2, (5n << 32n) | 0b101n)
  pages.pass(3, cls, 6, 2)
  t.equal(word(pages, 3, 2), (6n << 32n) | 0b101n)
  t.equal(word(pages, 3, 0), 6n << 32n)
  t.equal(pages.count(3, cls), 2)
  t.notOk(pages.seize(3, cls, 7))
  t.equal(word(pages, 3, 0), 6n << 32n, 'a seizure that comes to nothing leaves it as it was')
})

t.test('heap pages: chunks, classes and sizes that are none are refused', async (t) => {
  const pages = open(t)
  const invalid = { code: 'ERR_GSHM_INVALID' }
  t.throws(() => pages.give(CHUNKS, 0, 1, 1), invalid)
  t.throws(() => pages.count(0, SIZES.length), invalid)
  t.throws(() => pages.free(-1, 0, 0), invalid)
  t.throws(() => pages.seize(0, 0, 2 ** 32), invalid)
  for (const [chunks, bytes] of [
    [0, SPAN],
    [2 ** 32, SPAN],
    [1, 5000],
    [1, 2048],
    [1, 2 * SPAN],
    [1, 2 ** 40],
  ] as const) {
    t.throws(() => new native.HeapPages('x', chunks, bytes), invalid, `${chunks} of ${bytes}`)
  }
  pages.close()
  t.throws(() => pages.count(0, 0), invalid, 'closed')
  t.equal(pages.fd, -1)
})
