import fc from 'fast-check'
import t from 'tap'
import { TranslationTable } from '../../kmod-sim/translation-table.js'

const P = 4096

t.test('translation: the same page at two addresses, found from both sides', async (t) => {
  const table = new TranslationTable()
  table.add({ start: 16 * P, end: 20 * P, segment: 1, offset: 0 })
  table.add({ start: 4 * P, end: 6 * P, segment: 1, offset: 2 * P })
  t.equal(table.lookup(18 * P + 5), table.views[1])
  t.equal(table.lookup(4 * P), table.views[0])
  t.equal(table.lookup(6 * P), undefined)
  t.equal(table.lookup(15 * P), undefined)
  t.same(parts(table, 1, 3 * P, P), [
    [5 * P, P],
    [19 * P, P],
  ])
})

/** Where the process shows the segment's bytes: [start, length]. */
function parts(table: TranslationTable, segment: number, offset: number, bytes: number): number[][] {
  const found: number[][] = []
  table.forEachPart(segment, offset, bytes, (start, length) => found.push([start, length]))
  return found
}

t.test('translation: of a range, each view shows the part that it has', async (t) => {
  const table = new TranslationTable()
  const unit = 4 * P
  table.add({ start: 10 * P, end: 20 * P, segment: 1, offset: 0 })
  table.add({ start: 33 * P, end: 35 * P, segment: 1, offset: 5 * P }) // begins and ends in the middle of a unit
  table.add({ start: 40 * P, end: 50 * P, segment: 2, offset: 0 })
  t.same(parts(table, 1, unit, unit), [
    [14 * P, 4 * P],
    [33 * P, 2 * P],
  ])
  t.same(parts(table, 1, 2 * unit, unit), [[18 * P, 2 * P]], 'the view ends first')
  t.same(parts(table, 1, 3 * unit, unit), [])
  table.cut(15 * P, 16 * P)
  t.same(parts(table, 1, unit, unit), [
    [14 * P, P],
    [16 * P, 2 * P],
    [33 * P, 2 * P],
  ])
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
  t.match(child.lookup(5 * P), { segment: 1, start: 4 * P, offset: 0 })
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
        const at = shown && (page * P - shown.start + shown.offset) / P
        if ((shown && `${shown.segment}:${at}`) !== model.get(page)) return false
        if (shown && !parts(table, shown.segment, at! * P, P).some(([start]) => start === page * P)) return false
      }
    }
    return true
  })
  t.equal(fc.check(agrees).counterexample, null)
})
