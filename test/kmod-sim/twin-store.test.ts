/** Twins of dirty pages: what is kept, what is counted, what comes out as a diff. */
import t, { type Test } from 'tap'
import { PAGE_SIZE } from '../../ts/base/ids.js'
import { diffRoom, native } from '../../ts/native/index.js'
import { FrameStore } from '../../kmod-sim/frame-store.js'
import { TwinStore } from '../../kmod-sim/twin-store.js'
import { Units } from '../../kmod-sim/units.js'

const PAGES = 8

/** Two segments, 1 and 2, whose pages 0 to 3 are present, each full of its number. */
function stores(t: Test, memoryPages = 16) {
  const frames = new FrameStore(
    memoryPages * PAGE_SIZE,
    () => {},
    () => {},
    new Units(() => ({ maxBytes: PAGES * PAGE_SIZE, unit: PAGE_SIZE })),
  )
  t.teardown(() => frames.close())
  const opened = new Map([1, 2].map((segment) => [segment, frames.open(segment)]))
  const full = (value: number) => Buffer.alloc(PAGE_SIZE, value)
  for (const segment of [1, 2]) for (let page = 0; page < 4; page++) frames.fill(segment, page, full(segment + page))
  /** What a process does: stores one byte in the frame. */
  const store = (segment: number, page: number, at: number, value: number) => {
    const bytes = full(0)
    opened.get(segment)!.copyOut(page, bytes, 0)
    bytes[at] = value
    opened.get(segment)!.copyIn(page, bytes, 0)
  }
  return { frames, twins: new TwinStore(frames), store, opened }
}

t.test('a diff is what was stored after the twin was made, and the twin stays', async (t) => {
  const { twins, store } = stores(t)
  const out = Buffer.alloc(diffRoom(PAGE_SIZE) + 10)
  store(1, 2, 7, 99)
  twins.make(1, 2)
  t.equal(twins.diff(1, 2, out, 10), 0, 'nothing')
  store(1, 2, 4095, 100)
  t.equal(twins.diff(1, 2, out, 10), 1 + 4 + 1)
  const target = Buffer.alloc(PAGE_SIZE)
  t.ok(native.applyDiff(target, out, 10, 6))
  t.equal(target[4095], 100)
  t.ok(target.subarray(0, 4095).every((byte) => byte === 0))
  store(1, 2, 4094, 101)
  t.equal(twins.diff(1, 2, out, 0), 1 + 4 + 2, 'since the twin, not since the last diff')
})

t.test('a diff becomes bytes of another page, and no others', async (t) => {
  const { frames, twins, store, opened } = stores(t)
  const out = Buffer.alloc(diffRoom(PAGE_SIZE))
  twins.make(1, 0)
  store(1, 0, 5, 77)
  t.ok(frames.patch(2, 3, out, 0, twins.diff(1, 0, out, 0)))
  const bytes = Buffer.alloc(PAGE_SIZE)
  opened.get(2)!.copyOut(3, bytes, 0)
  const expected = Buffer.alloc(PAGE_SIZE, 5)
  expected[5] = 77
  t.ok(bytes.equals(expected))
  t.notOk(frames.patch(2, 3, Buffer.of(3), 0, 1), 'malformed')
})

t.test('a frame that a process has freed gives no diff', async (t) => {
  const { twins, opened } = stores(t)
  twins.make(1, 0)
  opened.get(1)!.punch(0, 1)
  t.equal(twins.diff(1, 0, Buffer.alloc(diffRoom(PAGE_SIZE)), 0), -1)
  opened.get(1)!.zero(0)
  t.equal(twins.diff(1, 0, Buffer.alloc(diffRoom(PAGE_SIZE)), 0), 1 + 4 + PAGE_SIZE, 'zeros that were stored do')
})

t.test('twins are counted, and take of --memory', async (t) => {
  const { frames, twins } = stores(t, 12) // 8 frames
  t.same([twins.count, twins.bytes, frames.hasRoom(4), frames.hasRoom(5)], [0, 0, true, false])
  twins.make(1, 0)
  twins.make(1, 1)
  twins.make(2, 0)
  t.same([twins.count, twins.bytes, frames.hasRoom(1), frames.hasRoom(2)], [3, 3 * PAGE_SIZE, true, false])
  t.ok(twins.has(1, 1))
  t.notOk(twins.has(2, 1))
  twins.drop(1, 1)
  twins.drop(1, 1) // there is none
  twins.drop(2, 3)
  twins.drop(3, 0)
  t.notOk(twins.has(1, 1))
  t.same([twins.count, frames.hasRoom(2), frames.hasRoom(3)], [2, true, false])
  twins.make(1, 1)
  twins.dropSegment(1)
  twins.dropSegment(1)
  t.same([twins.count, twins.has(1, 0), twins.has(2, 0)], [1, false, true])
  t.equal(frames.heldBytes, 8 * PAGE_SIZE, 'which is of frames alone')
})

t.test('a buffer that is used again holds the new page', async (t) => {
  const { twins, store } = stores(t)
  const out = Buffer.alloc(diffRoom(PAGE_SIZE))
  for (const page of [0, 1, 2]) {
    twins.make(1, page)
    t.equal(twins.diff(1, page, out, 0), 0)
    store(1, page, 0, 50)
    t.equal(twins.diff(1, page, out, 0), 6)
    twins.drop(1, page)
  }
})

t.test('one twin a page: making a second, and a diff without one, are mistakes here', async (t) => {
  const { twins } = stores(t)
  twins.make(1, 0)
  t.throws(() => twins.make(1, 0), /segment 1 page 0 has a twin/)
  t.throws(() => twins.diff(1, 1, Buffer.alloc(diffRoom(PAGE_SIZE)), 0), /segment 1 page 1 has no twin/)
  t.throws(() => twins.make(3, 0), /segment 3 has no frames here/)
  t.equal(twins.count, 1)
})
