import fc from 'fast-check'
import t from 'tap'
import { TranslationTable } from '../../kmod-sim/translation-table.js'

const P = 4096

t.test('translation: the same page at two addresses, found from both sides', async (t) => {
  const table = new TranslationTable()
  table.add({ start: 16 * P, end: 20 * P, segment: 1, offset: 0 })
  table.add({ start: 4 * P, end: 6 * P, segment: 1, offset: 2 * P })
  t.same(table.lookup(18 * P + 5), { segment: 1, page: 2 })
  t.same(table.lookup(4 * P), { segment: 1, page: 2 })
  t.equal(table.lookup(6 * P), undefined)
  t.equal(table.lookup(15 * P), undefined)
  const found: number[] = []
  table.forEachAddress(1, 3, (address) => found.push(address))
  t.same(found, [5 * P, 19 * P])
})

t.test('translation: overlapping views are refused', async (t) => {
  const table = new TranslationTable()
  table.add({ start: 4 * P, end: 8 * P, segment: 1, offset: 0 })
  t.throws(() => table.add({ start: 7 * P, end: 9 * P, segment: 2, offset: 0 }))
  t.throws(() => table.add({ start: 3 * P, end: 5 * P, segment: 2, offset: 0 }))
  t.throws(() => table.add({ start: 4 * P + 1, end: 5 * P, segment: 2, offset: 0 }), 'not whole pages')
})

t.test('translation: a clone shares nothing', async (t) => {
  const table = new TranslationTable()
  table.add({ start: 4 * P, end: 8 * P, segment: 1, offset: 0 })
  const child = table.clone()
  table.cut(0, 100 * P)
  t.same(child.lookup(5 * P), { segment: 1, page: 1 })
  t.equal(table.lookup(5 * P), undefined)
})

// The model: a plain map from page address to global page.
type Model = Map<number, string>
const operation = fc.oneof(
  fc.record({
    is: fc.constant('add' as const),
    at: fc.nat(40),
    pages: fc.integer({ min: 1, max: 9 }),
    segment: fc.integer({ min: 1, max: 3 }),
    offset: fc.nat(30),
  }),
  fc.record({ is: fc.constant('cut' as const), at: fc.nat(40), pages: fc.integer({ min: 1, max: 20 }) }),
  fc.record({
    is: fc.constant('move' as const),
    at: fc.nat(40),
    to: fc.integer({ min: 60, max: 80 }),
    pages: fc.integer({ min: 1, max: 10 }),
  }),
)

t.test('translation: any sequence of map, unmap and mremap agrees with a page-by-page model', async (t) => {
  const agrees = fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
    const table = new TranslationTable()
    const model: Model = new Map()
    for (const op of operations) {
      if (op.is === 'add') {
        const wanted = Array.from({ length: op.pages }, (_, i) => op.at + i)
        const free = wanted.every((page) => !model.has(page))
        if (table.overlaps(op.at * P, (op.at + op.pages) * P) === free) return false
        if (!free) continue
        table.add({ start: op.at * P, end: (op.at + op.pages) * P, segment: op.segment, offset: op.offset * P })
        for (const page of wanted) model.set(page, `${op.segment}:${op.offset + page - op.at}`)
      } else if (op.is === 'cut') {
        table.cut(op.at * P, (op.at + op.pages) * P)
        for (let i = 0; i < op.pages; i++) model.delete(op.at + i)
      } else {
        table.move(op.at * P, op.to * P, op.pages * P)
        const moved = Array.from({ length: op.pages }, (_, i) => model.get(op.at + i))
        for (let i = 0; i < op.pages; i++) model.delete(op.at + i)
        for (const [i, shown] of moved.entries()) {
          model.delete(op.to + i)
          if (shown !== undefined) model.set(op.to + i, shown)
        }
      }
      for (let page = 0; page < 100; page++) {
        const shown = table.lookup(page * P + 17)
        const text = shown === undefined ? undefined : `${shown.segment}:${shown.page}`
        if (text !== model.get(page)) return false
      }
    }
    return true
  })
  t.equal(fc.check(agrees).counterexample, null)
})
