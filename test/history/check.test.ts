import fc from 'fast-check'
import t from 'tap'
import { Prng } from '../../ts/base/prng.js'
import { describe } from '../../ts/history/index.js'
import {
  hasInterleaving,
  judge,
  largeHistory,
  shuffled,
  smallHistory,
  textOf,
  wrongStep,
  type Op,
} from '../support/history.js'

/** Locations x and y; values 1, 2, ... */
const [x, y] = [0, 8]

/** Hand-written histories by the names that the literature has for them. */
const HISTORIES: readonly { name: string; edges: string | undefined; ops: readonly Op[] }[] = [
  {
    name: 'store buffering: both saw the other not yet written',
    edges: 'po rw po rw',
    ops: [
      [0, x, 0, 1],
      [0, y, 0],
      [1, y, 0, 2],
      [1, x, 0],
    ],
  },
  {
    name: 'store buffering, allowed: one of them saw the other',
    edges: undefined,
    ops: [
      [0, x, 0, 1],
      [0, y, 0],
      [1, y, 0, 2],
      [1, x, 1],
    ],
  },
  {
    name: 'message passing: the flag was seen, the message was not',
    edges: 'po wr po rw',
    ops: [
      [0, x, 0, 1],
      [0, y, 0, 2],
      [1, y, 2],
      [1, x, 0],
    ],
  },
  {
    name: 'message passing, allowed: flag and message',
    edges: undefined,
    ops: [
      [1, y, 2],
      [1, x, 1],
      [0, x, 0, 1],
      [0, y, 0, 2],
    ],
  },
  {
    name: 'independent reads of independent writes: two readers saw them in different orders',
    edges: 'wr po rw wr po rw',
    ops: [
      [0, x, 0, 1],
      [1, y, 0, 2],
      [2, x, 1],
      [2, y, 0],
      [3, y, 2],
      [3, x, 0],
    ],
  },
  {
    name: 'independent reads of independent writes, allowed: the same order',
    edges: undefined,
    ops: [
      [0, x, 0, 1],
      [1, y, 0, 2],
      [2, x, 1],
      [2, y, 0],
      [3, y, 0],
      [3, x, 1],
    ],
  },
  {
    name: 'coherence of two reads: the newer version was seen first',
    edges: 'wr po rw',
    ops: [
      [0, x, 0, 1],
      [1, x, 1],
      [1, x, 0],
    ],
  },
  {
    name: 'coherence of two reads, allowed: the older version was seen first',
    edges: undefined,
    ops: [
      [0, x, 0, 1],
      [1, x, 0],
      [1, x, 1],
    ],
  },
  {
    name: 'a thread did not see its own write',
    edges: 'po rw',
    ops: [
      [0, x, 0, 1],
      [0, x, 0],
    ],
  },
  {
    name: 'a thread saw its write before it was made',
    edges: 'po wr',
    ops: [
      [0, x, 1],
      [0, x, 0, 1],
    ],
  },
  {
    name: 'load buffering: each saw what the other wrote later',
    edges: 'po wr po wr',
    ops: [
      [0, x, 1],
      [0, y, 0, 2],
      [1, y, 2],
      [1, x, 0, 1],
    ],
  },
  {
    name: 'two exchanges overwrote each other',
    edges: 'ww ww',
    ops: [
      [0, x, 2, 1],
      [1, x, 1, 2],
    ],
  },
  { name: 'an exchange overwrote itself', edges: 'ww', ops: [[0, x, 1, 1]] },
  {
    name: '2+2W: the versions of two locations, each against program order',
    edges: 'po ww po ww',
    ops: [
      [0, x, 2, 1],
      [0, y, 0, 3],
      [1, y, 3, 4],
      [1, x, 0, 2],
    ],
  },
  {
    name: 'one exchange was lost: two saw the same version',
    edges: 'atomicity',
    ops: [
      [0, x, 0, 1],
      [1, x, 0, 2],
    ],
  },
]

/** The edges in order, turned so that equal cycles give equal words. */
function turned(edges: readonly string[]): string {
  return edges.map((_, i) => [...edges.slice(i), ...edges.slice(0, i)].join(' ')).sort()[0] ?? ''
}

for (const { name, edges, ops } of HISTORIES) {
  t.test(name, async (t) => {
    const violation = judge(textOf(ops))
    t.equal(violation === undefined, hasInterleaving(ops), 'as every interleaving says')
    if (edges === undefined || violation === undefined) {
      t.equal(violation, edges)
      return
    }
    if (edges === 'atomicity') t.equal(violation.kind, edges)
    else t.equal(turned(violation.steps.map(({ edge }) => edge ?? '')), turned(edges.split(' ')))
    t.equal(wrongStep(ops, violation), undefined)
  })
}

t.test('a violation is shown as lines of the history with what orders them', async (t) => {
  const [, , passing] = HISTORIES
  t.strictSame(describe(judge(textOf(passing!.ops))!), [
    'Not sequentially consistent: each of these operations must be before the next, the last before the first.',
    '  line 1  0 X 0 0 1  po: is before, in its thread,',
    '  line 2  0 X 8 0 2  wr: wrote the version that was seen by',
    '  line 3  1 R 8 2    po: is before, in its thread,',
    '  line 4  1 R 0 0    rw: saw the version that was overwritten by the first',
  ])
})

t.test('100,000 small histories: the checker says what trying every interleaving says', async (t) => {
  const random = new Prng(1)
  const counts = { none: 0, cycle: 0, atomicity: 0 }
  for (let i = 0; i < 100_000; i++) {
    const ops = smallHistory(random)
    const violation = judge(textOf(ops))
    counts[violation?.kind ?? 'none']++
    const wrong = violation === undefined ? undefined : wrongStep(ops, violation)
    if ((violation === undefined) !== hasInterleaving(ops) || wrong !== undefined) {
      t.fail(`history ${i}: ${wrong ?? violation?.kind ?? 'none found'}\n${textOf(ops)}`)
      break
    }
  }
  t.comment(JSON.stringify(counts))
  for (const [kind, count] of Object.entries(counts)) t.ok(count > 5000, `${count} of kind ${kind}`)
})

const LARGE = 200_000
const large = (seed: number) => [...largeHistory(seed, LARGE, 6, 64)]

t.test('a large sequentially consistent history passes, in whatever pieces it is read', async (t) => {
  const text = textOf(large(2))
  for (const piece of [1, 7, 4096, text.length]) t.equal(judge(text, piece), undefined, `pieces of ${piece}`)
})

t.test('each violation that is planted into a large history is found, and shown in a few lines', async (t) => {
  const random = new Prng(3)
  for (let round = 0; round < 10; round++) {
    const ops = large(round)
    const at = 1000 + random.below(LARGE - 2000)
    const [planted, name] = plant(ops, at, round)
    const violation = judge(textOf(planted))
    t.ok(violation, `${name} at ${at} is found`)
    if (violation === undefined) continue
    t.equal(wrongStep(planted, violation), undefined, `${violation.steps.length} steps`)
    t.ok(violation.steps.length <= 4)
  }
})

/** Makes one operation after `from` see what its thread knows to be overwritten, in one of two ways. */
function plant(ops: readonly Op[], from: number, round: number): [Op[], string] {
  const first = ops.findIndex(([, , , written], i) => i >= from && written !== undefined)
  const [thread, location, old] = ops[first]!
  const isNext = ([t, l, , w]: Op, i: number) => i > first && t === thread && l === location && w === undefined
  const second = ops.findIndex(isNext)
  if (round % 2 === 0) return [ops.toSpliced(second, 1, [thread, location, old]), 'a stale read']
  const other = ops.findIndex(([, l, , w], i) => i > first && l === location && w !== undefined)
  const [t2, , , w2] = ops[other]!
  return [ops.toSpliced(other, 1, [t2, location, old, w2 ?? 0]), 'a lost exchange']
}

t.test('however the threads of a history lie in the file, the answer is the same', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0 }), fc.integer({ min: 0 }), (seed, order) => {
      const ops = smallHistory(new Prng(seed))
      return judge(textOf(shuffled(ops, new Prng(order))))?.kind === judge(textOf(ops))?.kind
    }),
  )
})

t.test('what happened before some moment of a consistent history is consistent', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0 }), fc.integer({ min: 1, max: 60 }), fc.nat(), (seed, count, cut) => {
      const ops = [...largeHistory(seed, count, 4, 3)]
      return judge(textOf(ops.slice(0, 1 + (cut % count)))) === undefined
    }),
  )
})
