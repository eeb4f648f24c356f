import t from 'tap'
import { PAGE_SIZE } from '../../ts/base/ids.js'
import { addSharer, clearSharers, countSharers, dropSharer, isSharer, sharersOf } from '../../ts/coherence/copyset.js'
import { createCoherence, segmentMade } from '../../ts/coherence/state.js'
import { createNode, directoryBytes, inspectPages, touchedPages, type NodeState } from '../../ts/node/state.js'
import { step } from '../../ts/node/step.js'

const PAGES = 2 ** 20

function attributes(homes: number[]) {
  const model = { consistency: 'mrsw', manager: 'fixed', unit: PAGE_SIZE } as const
  const rest = { name: 's', ...model, uid: 0, gid: 0, mode: 0o600, createdMs: 0 }
  return { segment: 1, bytes: PAGES * PAGE_SIZE, maxBytes: PAGES * PAGE_SIZE, homes, ...rest }
}

function touch(state: NodeState, pages: Iterable<number>): void {
  for (const page of pages) step(state, { is: 'fault', segment: 1, page, access: 'write' }, [])
}

const held = (state: NodeState) => inspectPages(state, 1).filter(({ access }) => access !== 'none').length

t.test('copyset: nodes beyond 31 go to a set aside, and come back', async (t) => {
  const state = createCoherence(0)
  segmentMade(state, attributes([0]))
  const pages = state.segments.get(1)!
  for (const node of [3, 31, 1023, 32]) addSharer(pages, 5, node)
  t.strictSame(sharersOf(pages, 5), [3, 31, 32, 1023])
  t.equal(countSharers(pages, 5), 4)
  t.ok(isSharer(pages, 5, 1023))
  t.equal(pages.wide.size, 1)
  dropSharer(pages, 5, 1023)
  dropSharer(pages, 5, 3)
  t.strictSame(sharersOf(pages, 5), [31, 32])
  dropSharer(pages, 5, 32)
  t.equal(pages.wide.size, 0, 'the set aside is only for those who need it')
  t.strictSame(sharersOf(pages, 5), [31])
  clearSharers(pages, 5)
  t.strictSame(sharersOf(pages, 5), [])
  t.strictSame(sharersOf(pages, 6), [])
})

t.test('directory: at most 32 bytes a touched page on a node', async (t) => {
  for (const [name, pages] of [
    ['dense', Array.from({ length: 100_000 }, (_, page) => page)],
    ['every third', Array.from({ length: 100_000 }, (_, page) => page * 3)],
    ['every tenth', Array.from({ length: 100_000 }, (_, page) => page * 10)],
  ] as const) {
    const state = createNode(0)
    segmentMade(state.coherence, attributes([0]))
    touch(state, pages)
    t.equal(touchedPages(state), 100_000)
    t.equal(held(state), 100_000)
    const each = directoryBytes(state) / touchedPages(state)
    t.ok(each <= 32, `${name}: ${each.toFixed(1)} bytes`)
  }
})

t.test('directory: a home that does not hold a page still counts it once', async (t) => {
  const home = createNode(0)
  segmentMade(home.coherence, attributes([0, 1]))
  step(home, { is: 'joined', node: 1 }, [])
  const ask = { type: 'GetWrite', segment: 1, requester: 1, serial: 1, bytes: 'none', confirm: false } as const
  step(home, { is: 'message', from: 1, message: { ...ask, page: 4 } }, [])
  t.equal(touchedPages(home), 1)
  touch(home, [6])
  t.equal(touchedPages(home), 2)
  t.equal(held(home), 1)
})
