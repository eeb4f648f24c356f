import t from 'tap'
import { Prng } from '../../ts/base/prng.js'
import {
  NO_SLOT,
  copyRecordStore,
  createRecordStore,
  findRecord,
  recordPages,
  recordStoreBytes,
  recordWord,
  setRecordWord,
  touchRecord,
} from '../../ts/coherence/record-store.js'

for (const [name, bound] of [
  ['dense', 2000],
  ['sparse', 2 ** 32],
] as const) {
  t.test(`record store: ${name} pages, held against a Map`, async (t) => {
    const prng = new Prng(bound)
    const store = createRecordStore(2)
    const model = new Map<number, number>()
    let dirty = 0
    for (let i = 0; i < 20_000; i++) {
      const page = prng.below(bound)
      const slot = touchRecord(store, page)
      if (!model.has(page) && recordWord(store, slot, 0) + recordWord(store, slot, 1) !== 0) dirty++
      setRecordWord(store, slot, 0, i)
      setRecordWord(store, slot, 1, page)
      model.set(page, i)
      if (findRecord(store, page) === NO_SLOT) dirty++
    }
    t.equal(dirty, 0, 'a new record is zero, and is found')
    const wrong = [...model].filter(([page, value]) => {
      const slot = findRecord(store, page)
      return recordWord(store, slot, 0) !== value || recordWord(store, slot, 1) !== page
    })
    t.strictSame(wrong, [])
    t.equal(store.count, model.size)
    t.strictSame(
      recordPages(store),
      [...model.keys()].sort((a, b) => a - b),
    )
    const copy = copyRecordStore(store)
    setRecordWord(copy, findRecord(copy, recordPages(copy)[0]!), 0, 999_999)
    t.not(recordWord(store, findRecord(store, recordPages(store)[0]!), 0), 999_999, 'a copy is its own')
  })
}

t.test('record store: bytes per record', async (t) => {
  const bytes = (pages: (i: number) => number, count = 100_000) => {
    const store = createRecordStore(1)
    for (let i = 0; i < count; i++) touchRecord(store, pages(i))
    return recordStoreBytes(store) / store.count
  }
  const prng = new Prng(1)
  const found = {
    dense: bytes((i) => i),
    strided: bytes((i) => ((i * 64) % 100_000) + Math.floor(i / 1563)),
    tenth: bytes(() => prng.below(1_000_000)),
    alone: bytes((i) => i * 64),
  }
  t.ok(found.dense < 5, `dense ${found.dense}`)
  t.ok(found.strided < 10, `every 64th page first ${found.strided}`)
  t.ok(found.tenth < 16, `every tenth page ${found.tenth}`)
  t.ok(found.alone < 34, `one page a block ${found.alone}`)
})
