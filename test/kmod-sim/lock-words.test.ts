/** Words of locks by themselves: slots that serve one lock after another, words without a slot, ends of processes. */
import { writeSync } from 'node:fs'
import t, { type Test } from 'tap'
import { LockPages, type Place } from '../../kmod-sim/lock-pages.js'
import { LockWords } from '../../kmod-sim/lock-words.js'
import { native } from '../../ts/native/index.js'
import { becomes } from '../support/becomes.js'

const { LOCK_SLOTS, HOLD_BUCKETS } = native.constants

function pages(t: Test): LockPages {
  const made = new LockPages('gshm-locks:test')
  t.teardown(() => made.close())
  return made
}

/** @param gone segments that there are none of: their locks have no slots */
function words(t: Test, gone = new Set<number>()): { words: LockWords; said: string[] } {
  const said: string[] = []
  const made = new LockWords({
    says: (key) => said.push(key),
    exists: (segment) => !gone.has(segment),
    made: () => {},
    gone: () => {},
  })
  t.teardown(() => made.close())
  return { words: made, said }
}

/** Where a lock's word is, at that moment. */
function placeOf(all: LockPages | LockWords, key: string): Place | undefined {
  const place = all.place(key)
  return place && { slot: place.slot, generation: place.generation }
}

const one = { process: 1, holder: 7 }
const two = { process: 2, holder: 8 }
const lend = (key: string, process: number, holder = 7, shut = false) =>
  ({ do: 'Lend', key, process, holder, shut }) as const

t.test(
  'pages: a lock is lent, held, given back by its holder alone, and keeps its slot when it is forgotten',
  async (t) => {
    const all = pages(t)
    t.ok(all.lend('=a', one, false))
    t.equal(all.held('=a'), undefined, 'its word is open')
    all.want('=a')
    t.equal(all.held('=a'), true)
    t.same(all.owner('=a'), one)
    t.notOk(all.giveBack('=a', two))
    t.ok(all.giveBack('=a', one))
    t.notOk(all.giveBack('=a', one), 'once')
    t.equal(all.held('=a'), false)
    t.equal(all.owner('=a'), undefined)
    const place = placeOf(all, '=a')
    all.forget('=a')
    t.same(all.lent(), [])
    t.same(placeOf(all, '=a'), place)
    all.lend('=a', two, true)
    t.same(placeOf(all, '=a'), place, 'whoever remembers it is right')
    t.same(all.lent(), ['=a'])
  },
)

t.test(
  'pages: all slots in use -> the longest forgotten free one serves another lock, with a new generation',
  async (t) => {
    const all = pages(t)
    for (let i = 0; i < LOCK_SLOTS; i++) if (!all.lend(`#${i}`, one, true)) t.fail(`no slot for lock ${i}`)
    t.notOk(all.lend('=more', two, false), 'none is forgotten')
    const before = ['#5', '#6', '#7'].map((key) => placeOf(all, key)!)
    for (const key of ['#5', '#6', '#7']) all.forget(key) // of these #5 is held still
    for (const key of ['#6', '#7']) all.giveBack(key, one)
    t.ok(all.lend('=more', two, true))
    t.same(placeOf(all, '=more'), { slot: before[1]!.slot, generation: before[1]!.generation + 1 })
    t.equal(placeOf(all, '#6'), undefined)
    t.equal(all.held('#6'), false)
    t.same(placeOf(all, '#5'), before[0], 'somebody holds it')
    t.same(placeOf(all, '#7'), before[2], 'one was enough')
    t.match(all.counts('=more'), { acquired: 0 })
    t.equal(all.counts('=more')!.holds.length, HOLD_BUCKETS)
    t.ok(all.counts('=more')!.holds.every((count) => count === 0))
  },
)

t.test('pages: whoever ends loses what it holds, and nothing else; a forgotten lock is not told of', async (t) => {
  const all = pages(t)
  all.lend('=a', one, false)
  all.lend('=b', { process: 1, holder: 9 }, true)
  all.lend('=c', two, false)
  all.lend('=d', one, false)
  all.forget('=d')
  t.same(all.bury(1), ['=a', '=b'])
  t.equal(all.held('=a'), false, 'shut, and free')
  t.equal(all.held('=c'), undefined)
  t.equal(all.owner('=c')?.process, 2)
  t.same(all.bury(1), [])
})

t.test('words: without a slot a lock is held and given back by requests; ended processes lose it too', async (t) => {
  const gone = new Set([9])
  const { words: all, said } = words(t, gone)
  all.perform(lend('@9:0', 40))
  t.equal(placeOf(all, '@9:0'), undefined)
  t.equal(all.held('@9:0'), undefined)
  t.match(all.owner('@9:0'), { process: 40, holder: 7 })
  all.perform({ do: 'Want', key: '@9:0' })
  t.same(said, ['@9:0'])
  t.equal(all.held('@9:0'), true)
  t.notOk(all.giveBack('@9:0', 40, 8))
  t.notOk(all.giveBack('@9:0', 41, 7))
  t.ok(all.isHeldBy('@9:0', 40, 7))
  t.ok(all.giveBack('@9:0', 40, 7))
  t.equal(all.held('@9:0'), false)
  all.perform(lend('@9:0', 41))
  t.same(all.bury(40), [])
  t.same(all.bury(41), ['@9:0'])
  t.equal(all.held('@9:0'), false)
  gone.delete(9)
  all.perform(lend('@9:0', 42))
  t.ok(placeOf(all, '@9:0'), 'it has a slot now')
})

t.test('words: the number of a process that has ended is the next one’s, who holds nothing of it', async (t) => {
  const { words: all } = words(t)
  all.perform(lend('=a', 40))
  const number = all.numberOf(40)
  t.same(all.bury(40), ['=a'])
  t.equal(all.numberOf(41), number)
  t.notOk(all.isHeldBy('=a', 41, 7))
  t.equal(all.owner('=a'), undefined)
  t.same(all.bury(99), [], 'nobody knows it')
})

t.test(
  'words: kept shut -> each lend is shut, those lent before are asked; then the next lend opens one',
  async (t) => {
    const { words: all, said } = words(t)
    all.perform(lend('=a', 40))
    t.equal(all.held('=a'), undefined)
    all.keepShut(true)
    t.same(said, ['=a'])
    t.equal(all.held('=a'), true)
    all.giveBack('=a', 40, 7)
    all.perform(lend('=a', 40))
    t.equal(all.held('=a'), true, 'shut')
    all.keepShut(false)
    all.giveBack('=a', 40, 7)
    all.perform(lend('=a', 40))
    t.equal(all.held('=a'), undefined, 'open')
  },
)

t.test('words: the words of a segment are its own, and go with it', async (t) => {
  const { words: all } = words(t)
  all.shown(3, 40)
  all.perform(lend('@3:64', 40))
  t.same(placeOf(all, '@3:64'), { slot: 0, generation: 1 })
  all.perform(lend('=a', 40))
  t.same(placeOf(all, '=a'), { slot: 0, generation: 1 }, 'other pages')
  all.segmentGone(3)
  t.equal(placeOf(all, '@3:64'), undefined)
  t.equal(all.owner('@3:64'), undefined)
  t.equal(all.held('=a'), undefined)
})

t.test('words: a ring that somebody has taken from the bell is heard all the same', async (t) => {
  const { words: all, said } = words(t)
  all.perform(lend('=a', 1, 7, true))
  const { fd } = all.shown(0, 1)
  const { words: memory, slot } = all.wordOf('=a', 1)!
  // As its holder does, but for the bell.
  t.ok(memory.take(slot, 1, 7))
  const rung = new BigUint64Array([1n << BigInt(slot)])
  writeSync(fd, rung, 0, 8, 0)
  t.same(said, [])
  t.same(await becomes(['=a'], () => said), ['=a'])
})
