/** The pager by itself: bytes in real frames, and processes that end or fork in the middle of an effect. */
import t, { type Test } from 'tap'
import { globalPage, LOST_PAGE } from '../../ts/base/ids.js'
import { Change, diffRoom } from '../../ts/native/index.js'
import { FrameStore } from '../../kmod-sim/frame-store.js'
import { Pager } from '../../kmod-sim/pager.js'
import { ProcessRegistry, type Process } from '../../kmod-sim/process-registry.js'
import { TwinStore } from '../../kmod-sim/twin-store.js'
import { Units } from '../../kmod-sim/units.js'
import { Waiting } from '../../kmod-sim/waiting.js'
import { fakeChannel, type Done } from '../support/fake-channel.js'

const P = 4096

/** Segment 1 has two pages. Every process without a parent shows page 0 at pages 1 and 5; every access
 * change is answered by `answers`, by pid, or by pid and what is done; once it has ended, calls throw. */
function setUp(t: Test, drain: (process: Process) => void = () => {}) {
  const log: string[] = []
  const registry = new ProcessRegistry()
  const waiting = new Waiting()
  const answers = new Map<number | `${number} ${Done}`, Change>()
  const frames = new FrameStore(
    8 * P,
    () => {},
    () => {},
    new Units(() => ({ maxBytes: 2 * P, unit: P })),
  )
  const memfd = frames.open(1)
  t.teardown(() => frames.close())
  const add = (pid: number, parent?: Process) => {
    const faults = fakeChannel((what, address) => {
      log.push(`${pid} ${what} ${address / P}`)
      return answers.get(`${pid} ${what}`) ?? answers.get(pid)
    })
    const process = registry.add({ faults, pid, who: { uid: 0, gid: 0, groups: [] }, ...(parent && { parent }) })
    if (parent === undefined) {
      process.table.add({ start: P, end: 2 * P, segment: 1, offset: 0 })
      process.table.add({ start: 5 * P, end: 6 * P, segment: 1, offset: 0 })
    }
    return process
  }
  const end = (process: Process) => {
    registry.remove(process)
    process.faults.close()
  }
  const pager = new Pager(
    registry,
    frames,
    new TwinStore(frames),
    waiting,
    {
      drain,
      isItself: () => true,
      kill: (process) => (log.push(`${process.pid} killed`), end(process)),
      beyond: (segment, page) => void log.push(`${segment}.${page} beyond`),
      left: (segment, page) => void log.push(`${segment}.${page} left`),
      writable: () => false,
      stayed: (segment, page) => void log.push(`${segment}.${page} stayed`),
      warn: (text) => log.push(text),
    },
    (segment, page, thread) => log.push(`${segment}.${page} for thread ${thread}`),
  )
  /** The thread of that number waits for page 0. */
  const waits = (process: Process, thread: number, address = P) =>
    waiting.add(globalPage(1, 0), { process, address, thread, mapped: false, frames: 1 })
  const page0 = { segment: 1, page: 0 } as const
  const install = (access: 'read' | 'write', bytes: 'page' | 'zero' | 'kept', payload?: Uint8Array) =>
    pager.perform({ do: 'Install', ...page0, access, bytes, twin: false }, payload)
  return { log, registry, waiting, pager, frames, memfd, add, answers, end, waits, page0, install }
}

t.test('a page comes, goes on to another node, and its frame is freed', async (t) => {
  const { log, pager, frames, memfd, add, waits, page0, install } = setUp(t)
  waits(add(1), 7)
  install('write', 'page', Buffer.alloc(P, 0x5a))
  t.same(log, ['1.0 for thread 7', '1 resume 1'])
  t.equal(frames.heldBytes, P)
  pager.perform({ do: 'Downgrade', ...page0 }, undefined)
  pager.perform({ do: 'Copy', ...page0 }, undefined)
  pager.perform({ do: 'Punch', ...page0 }, undefined)
  t.same(log.slice(2), ['1 protect 1', '1 protect 5', '1.0 left'])
  t.same(pager.copied, Buffer.alloc(P, 0x5a), 'the bytes outlive the frame')
  t.same([frames.heldBytes, memfd.resident()], [0, 0])
})

t.test('a page that cannot be had wakes those who wait for it: they fault again', async (t) => {
  const { log, pager, waiting, add, waits, page0 } = setUp(t)
  waits(add(1), 7)
  waits(add(2), 8)
  pager.perform({ do: 'Retry', ...page0 }, undefined)
  t.same(log, ['1 wake 1', '2 wake 1', '1.0 stayed'])
  t.equal(waiting.pages, 0)
})

t.test('a page of zeros is a frame of its own, and is copied as zeros', async (t) => {
  const { log, pager, memfd, page0, install } = setUp(t)
  install('read', 'zero')
  t.equal(memfd.present(0), true)
  pager.perform({ do: 'Copy', ...page0 }, undefined)
  t.same([pager.copied, log], [Buffer.alloc(P), []])
})

t.test('a frame that a process has freed is lost, never zeros: other nodes hear so', async (t) => {
  const { log, pager, memfd, page0, install } = setUp(t)
  install('write', 'page', Buffer.alloc(P, 1))
  memfd.punch(0, 1)
  pager.perform({ do: 'Copy', ...page0 }, undefined)
  t.equal(pager.copied, LOST_PAGE)
  t.match(log, [/^page 0 of segment 1 is lost/])
})

t.test('a diff for a frame that a process has freed makes no page of zeros out of it', async (t) => {
  const { log, pager, memfd, page0 } = setUp(t)
  pager.perform({ do: 'Fill', ...page0, bytes: 'page' }, Buffer.alloc(P, 1))
  memfd.punch(0, 1)
  const changed = Buffer.alloc(P)
  changed[7] = 7
  const diffs = Buffer.alloc(diffRoom(P))
  memfd.copyIn(1, changed, 0)
  const length = memfd.diff(1, Buffer.alloc(P), diffs, 0)
  pager.arrived = Uint32Array.of(0, length)
  pager.perform({ do: 'Patch', ...page0, diff: 0 }, diffs)
  t.match(log, [/^page 0 of segment 1 is lost/])
  t.equal(memfd.present(0), false)
  pager.perform({ do: 'Copy', ...page0 }, undefined)
  t.equal(pager.copied, LOST_PAGE, 'other nodes hear so')
})

t.test('a page that was lost where it comes from is poison here, in every view, and no frame', async (t) => {
  const { log, frames, memfd, waiting, add, waits, install } = setUp(t)
  waits(add(1), 7)
  install('read', 'page', LOST_PAGE)
  t.equal(memfd.present(0), false)
  t.equal(waiting.pages, 0)
  t.same(new Set(log.filter((line) => line.includes('poison'))), new Set(['1 poison 1', '1 poison 5']))
  t.notOk(log.some((line) => line.includes('resume')))
  t.equal(frames.heldBytes, P, 'the engine has it')
})

t.test('a hole where the frame has been freed: poison in every view', async (t) => {
  const { log, memfd, add, waits, answers, install } = setUp(t)
  install('write', 'page', Buffer.alloc(P, 1))
  memfd.punch(0, 1)
  add(2)
  waits(add(1), 7)
  answers.set('1 resume', Change.hole)
  install('read', 'kept')
  t.match(log, [/resume 1/, /^page 0 of segment 1 is lost/])
  t.same(
    log.filter((line) => line.includes('poison')),
    ['2 poison 1', '2 poison 5', '1 poison 1', '1 poison 5'],
  )
})

t.test(
  'a hole where the frame is there: that process has other memory in its place, and alone gets SIGBUS',
  async (t) => {
    const { log, add, waits, answers, install } = setUp(t)
    install('write', 'page', Buffer.alloc(P, 1))
    add(2)
    waits(add(1), 7)
    answers.set('1 resume', Change.hole)
    install('read', 'kept')
    t.match(log, [/resume 1/, /^process 1 gets SIGBUS at 0x1000/, /^1 protect 1$/, /^1 poison 1$/])
    t.equal(log.length, 4)
  },
)

t.test('a process that ends while a page is installed in it: the rest of the effect passes it by', async (t) => {
  const { log, add, answers, waits, install } = setUp(t)
  const dies = add(1)
  const lives = add(2)
  for (const process of [dies, lives]) {
    for (const at of [P, 5 * P]) waits(process, 1, at)
  }
  answers.set(1, Change.again)
  install('read', 'zero')
  t.ok(log.includes('1 killed'))
  t.same(
    log.filter((line) => line.startsWith('2')),
    ['2 resume 1', '2 resume 5'],
  )
})

t.test('a process that forks and ends while a page is poisoned: its child is poisoned too', async (t) => {
  const { log, pager, add, answers, end } = setUp(t, (process) => {
    add(3, process)
    end(process)
  })
  answers.set(add(1).pid, Change.again)
  add(2)
  pager.perform({ do: 'Poison', segment: 1, page: 0 }, undefined)
  const seen = (pid: number) => log.filter((line) => line.startsWith(`${pid}`)).map((line) => line.slice(2))
  t.same(seen(1), ['protect 1'])
  for (const pid of [2, 3]) t.same(seen(pid), ['protect 1', 'poison 1', 'protect 5', 'poison 5'])
})

t.test('a child that a drain brings is protected too, and so is its child', async (t) => {
  let left = 2
  const { log, registry, pager, add, answers } = setUp(t, (process) => {
    answers.delete(process.pid)
    if (left-- > 0) answers.set(add(process.pid + 1, process).pid, Change.again)
  })
  add(1)
  answers.set(1, Change.again)
  pager.perform({ do: 'Downgrade', segment: 1, page: 0 }, undefined)
  t.equal(registry.size, 3)
  for (const pid of [1, 2, 3]) t.same(log.filter((line) => line === `${pid} protect 5`).length > 0, true)
})
