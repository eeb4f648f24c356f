import t from 'tap'
import type { Process } from '../../kmod-sim/process-registry.js'
import { Waiting, type Waiter } from '../../kmod-sim/waiting.js'

const process = (id: number) => ({ id }) as Process
const one = process(1)
const other = process(2)
const waiter = (of: Process, address: number, frames = 1): Waiter => ({
  process: of,
  address,
  thread: 7,
  mapped: false,
  frames,
})

t.test('waiting: every thread is kept until its page is taken, one that faults twice once', async (t) => {
  const waiting = new Waiting()
  waiting.add(5, waiter(one, 4096))
  waiting.add(5, waiter(one, 4096)) // the same fault twice
  waiting.add(5, waiter(other, 4096))
  waiting.add(6, waiter(one, 8192))
  waiting.add(7, waiter(one, 12288))
  waiting.add(7, waiter(one, 16384)) // another view of the page
  t.equal(waiting.pages, 3)
  t.ok(waiting.has(5) && waiting.has(6) && waiting.has(7))
  t.same(
    waiting.take(5).map((w) => w.process.id),
    [1, 2],
  )
  t.same(waiting.take(5), [], 'taken once')
  t.same(
    waiting.take(7).map((w) => w.address),
    [12288, 16384],
  )
  t.same(
    waiting.take(6).map((w) => w.address),
    [8192],
  )
  t.equal(waiting.pages, 0)
})

t.test('waiting: the threads of a process that ends are forgotten, wherever they are', async (t) => {
  for (const order of [
    [one, other],
    [other, one],
  ] as const) {
    const waiting = new Waiting()
    for (const [page, of] of order.entries()) waiting.add(page, waiter(of, 4096 * (page + 1)))
    waiting.add(9, waiter(one, 40960))
    waiting.add(9, waiter(other, 40960))
    waiting.forget(one)
    t.equal(waiting.pages, 2)
    t.same(
      waiting.take(9).map((w) => w.process.id),
      [2],
    )
    t.same(
      waiting.take(order.indexOf(other)).map((w) => w.process.id),
      [2],
    )
    t.equal(waiting.pages, 0)
  }
})

t.test('waiting: a page whose first waiter was taken can be waited for again', async (t) => {
  const waiting = new Waiting()
  for (let round = 0; round < 3; round++) {
    waiting.add(1, waiter(one, 4096))
    t.equal(waiting.take(1).length, 1)
    t.notOk(waiting.has(1))
  }
})

t.test('waiting: threads whose view is unmapped or moved are forgotten, the others are not', async (t) => {
  const waiting = new Waiting()
  waiting.add(5, waiter(one, 4096))
  waiting.add(5, waiter(other, 4096))
  waiting.add(5, waiter(one, 12288))
  waiting.add(6, waiter(one, 8192))
  waiting.forget(one, 4096, 12288)
  t.equal(waiting.pages, 1)
  t.same(
    waiting.take(5).map((w) => [w.process.id, w.address]),
    [
      [2, 4096],
      [1, 12288],
    ],
  )
})

t.test('waiting: the frames of its pages are counted, however many each has', async (t) => {
  const waiting = new Waiting()
  waiting.add(5, waiter(one, 4096, 16))
  t.equal(waiting.frames, 16)
  waiting.add(5, waiter(other, 8192, 16)) // elsewhere in the same unit
  waiting.add(6, waiter(one, 131072, 2))
  waiting.add(7, waiter(other, 131072))
  t.equal(waiting.frames, 16 + 2 + 1)
  waiting.take(7)
  waiting.forget(one)
  t.equal(waiting.frames, 16, 'one waits for the first still')
  waiting.take(5)
  t.equal(waiting.frames, 0)
})
