/** What leaves when memory is used up, who waits for it, and when that is given up. */
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { globalPage } from '../../ts/base/ids.js'
import type { Process } from '../../kmod-sim/process-registry.js'
import { PATIENCE_MS, Reclaim, type Parked, type ReclaimHost } from '../../kmod-sim/reclaim.js'

interface Page {
  readonly access: 'read' | 'write'
  /** What evicting it does: it goes at once, cannot go, or an answer is to come. */
  readonly goes: 'now' | 'never' | 'later'
  readonly stays?: boolean
}

/** A node with that many frames, which holds these pages of segment 1. */
function setUp(capacity: number, pages: readonly Page[], over: Partial<ReclaimHost> = {}) {
  const log: string[] = []
  const here = new Map(pages.entries())
  let ms = 0
  let told = () => {}
  const events = { next: () => new Promise<void>((resolve) => (told = resolve)) }
  const host: ReclaimHost = {
    capacity,
    hasRoom: (frames) => here.size + frames <= capacity,
    pages: () => [...pages.keys()].map((page) => globalPage(1, page)),
    framesOf: () => 1,
    access: (_, page) => here.get(page)?.access ?? 'none',
    stays: (page) => here.get(page % 2 ** 32)?.stays === true,
    evict: (segment, page) => {
      log.push(`evict ${page}`)
      const { goes } = here.get(page)!
      if (goes === 'never') reclaim.stayed(segment, page)
      if (goes === 'now') leaves(page)
    },
    serve: ({ address }) => (log.push(`serve ${address}`), here.set(100 + address, { ...dirty, stays: true }), told()),
    needs: () => 1,
    awaits: () => false,
    refuse: ({ address }, why) => (log.push(`refuse ${address}: ${why}`), told()),
    ...over,
  }
  const reclaim = new Reclaim(host, () => ms)
  t.teardown(() => reclaim.close())
  const leaves = (page: number) => {
    here.delete(page)
    reclaim.left(1, page)
  }
  const fault = (address: number, process = {} as Process): Parked => {
    return { process, address, access: 'read', thread: 1 }
  }
  return { log, here, reclaim, leaves, fault, events, pass: (by: number) => (ms += by) }
}

/** The intervals of what is set up after it pass as often as a second has them, each time it is called. */
function pretendTimers(t: Test): () => void {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  return () => mock.timers.tick(1000)
}

const clean: Page = { access: 'read', goes: 'now' }
const dirty: Page = { access: 'write', goes: 'later' }

t.test('nothing leaves while there is room', async (t) => {
  const { log, reclaim } = setUp(4, [clean, clean])
  t.equal(reclaim.makeRoom(2), true)
  t.same(log, [])
})

t.test('copies to read go before what must be sent, and are enough', async (t) => {
  const { log, reclaim } = setUp(4, [dirty, dirty, clean, clean])
  t.equal(reclaim.makeRoom(2), true)
  t.same(log, ['evict 2', 'evict 3'])
  t.equal(reclaim.evicted, 2)
})

t.test('pages are taken in turn, not the same ones again and again', async (t) => {
  const { log, here, reclaim } = setUp(3, [clean, clean, clean])
  t.equal(reclaim.makeRoom(1), true)
  here.set(0, clean)
  t.equal(reclaim.makeRoom(1), true)
  t.same(log, ['evict 0', 'evict 1'])
})

t.test('a page in its grace, or that somebody waits for, stays', async (t) => {
  const { log, reclaim } = setUp(2, [{ ...clean, stays: true }, clean])
  t.equal(reclaim.makeRoom(1), true)
  t.same(log, ['evict 1'])
})

t.test('a fault waits for a page to leave, and goes on; those behind it wait for their turn', async (t) => {
  const { log, reclaim, leaves, fault, events } = setUp(2, [dirty, dirty])
  t.equal(reclaim.makeRoom(1), false)
  t.same(log, ['evict 0'], 'as many as are needed, not more')
  reclaim.park(fault(1))
  reclaim.park(fault(2))
  t.equal(reclaim.makeRoom(1), false)
  leaves(0)
  await events.next()
  t.same(log, ['evict 0', 'serve 1', 'evict 1'])
})

t.test('a fault that comes twice is parked once; one whose process has ended is forgotten', async (t) => {
  const { log, reclaim, leaves, fault, events } = setUp(2, [dirty, dirty])
  reclaim.makeRoom(1)
  const [one, other] = [{} as Process, {} as Process]
  reclaim.park(fault(1, one))
  reclaim.park(fault(1, one))
  reclaim.park(fault(1, other))
  reclaim.park(fault(9, other))
  reclaim.forget(one)
  reclaim.forget(other, 9, 10)
  leaves(0)
  leaves(1)
  await events.next()
  t.same(
    log.filter((line) => line.startsWith('serve')),
    ['serve 1'],
  )
})

t.test('where no page can go there is no hope: refused at once, and the knob is named', async (t) => {
  const { log, reclaim, fault, events } = setUp(2, [
    { access: 'write', goes: 'never' },
    { access: 'read', goes: 'never' },
  ])
  t.equal(reclaim.makeRoom(1), false)
  reclaim.park(fault(1))
  await events.next()
  t.match(log.at(-1), /^refuse 1: .*--memory/)
})

t.test('two that wait where there is room for one: the other is not refused while that one is served', async (t) => {
  const stuck: Page = { access: 'write', goes: 'never' }
  const { log, reclaim, fault, events } = setUp(3, [stuck, stuck], { awaits: () => log.includes('serve 1') })
  reclaim.park(fault(1))
  reclaim.park(fault(2))
  await events.next()
  t.same(
    log.filter((line) => !line.startsWith('evict')),
    ['serve 1'],
  )
})

t.test('while a page may yet go, a fault is refused only when its patience ends', async (t) => {
  const { log, reclaim, fault, events, pass } = setUp(2, [dirty, dirty])
  reclaim.makeRoom(1)
  reclaim.park(fault(1))
  pass(PATIENCE_MS + 1)
  await events.next()
  t.match(log.at(-1), /^refuse 1: .*--memory/)
  t.same(log.slice(0, -1), ['evict 0', 'evict 1'], 'another page was told to go when the first gave no sign')
})

t.test('while a page is on its way here there is hope', async (t) => {
  const nothing: ReclaimHost['pages'] = () => []
  const tick = pretendTimers(t)
  const { log, reclaim, fault, pass } = setUp(0, [], { pages: nothing, awaits: () => true })
  t.equal(reclaim.makeRoom(1), false)
  reclaim.park(fault(1))
  tick()
  t.same(log, [], 'it waits')
  pass(PATIENCE_MS + 1)
  tick()
  t.match(log.at(-1), /^refuse 1: .*--memory/)
})

t.test('where no page can go the directory is not gone through for each fault', async (t) => {
  const stuck: Page = { access: 'write', goes: 'never' }
  const { log, leaves, reclaim, pass } = setUp(2, [stuck, stuck])
  t.equal(reclaim.makeRoom(1), false)
  const tried = log.length
  t.ok(tried > 0)
  t.equal(reclaim.makeRoom(1), false)
  t.equal(log.length, tried, 'not at once')
  pass(5)
  t.equal(reclaim.makeRoom(1), false)
  t.ok(log.length > tried, 'but a little later')
  leaves(0)
  t.equal(reclaim.makeRoom(1), true)
  t.equal(reclaim.makeRoom(2), false)
  t.match(log.at(-1), 'evict 1', 'and when something has changed')
})

t.test(
  'an eviction that is not answered is hope until patience ends, though the page is told to go again',
  async (t) => {
    const tick = pretendTimers(t)
    let asked = 0
    const { log, reclaim, fault, pass } = setUp(1, [dirty], {
      evict: (segment, page) => void (asked++ > 0 && reclaim.stayed(segment, page)), // its home is still being asked
    })
    t.equal(reclaim.makeRoom(1), false)
    reclaim.park(fault(1))
    pass(PATIENCE_MS / 2)
    tick()
    t.ok(asked > 1)
    t.same(log, [], 'it waits')
    pass(PATIENCE_MS / 2 + 1)
    tick()
    t.match(log, [/^refuse 1: .*--memory/])
  },
)

t.test('whose page has come by the fault of another goes on, whoever waits for room before it', async (t) => {
  const needs = new Map<number, number>()
  const { log, reclaim, fault, events } = setUp(1, [dirty], { needs: ({ address }) => needs.get(address) ?? 1 })
  reclaim.makeRoom(1)
  for (const address of [1, 2, 3]) reclaim.park(fault(address))
  needs.set(2, 0)
  await events.next()
  t.same(log, ['evict 0', 'serve 2'])
})
