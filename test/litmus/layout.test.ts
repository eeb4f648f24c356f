import t from 'tap'
import { Prng } from '../../ts/base/prng.js'
import { parseLitmus, type Litmus } from '../../ts/litmus/index.js'
import { jobLine, LINES, parseAnswer, whyNot } from '../../ts/testbed/litmus/job.js'
import { bufferedOf, Judge } from '../../ts/testbed/litmus/judge.js'
import { chooseLayout, nodesOf, PAGES } from '../../ts/testbed/litmus/layout.js'
import { PLACEMENTS, SPREADS, type Placement, type Spread } from '../../ts/testbed/litmus/options.js'
import { known, litmusText } from '../support/litmus-tests.js'

const asked = (placement: Placement, spread: Spread, guard?: 'lock') => ({ placement, spread, guard, runs: 1000 })
const layouts = (test: Litmus, placement: Placement, spread: Spread, nodes: number, guard?: 'lock') => {
  const random = new Prng(7)
  return Array.from({ length: 200 }, (_, turn) =>
    chooseLayout(test, asked(placement, spread, guard), nodes, turn, 1000, random),
  )
}

t.test('layouts: every cell of every run is its own and lies in the segment', async (t) => {
  const locations = Array.from({ length: 32 }, (_, l) => `l${l}`)
  const wide = parseLitmus(litmusText('wide', [['movq $1,(l0)']], 'exists (l0=1)', locations.join(';')))
  for (const test of [known('CoRR'), known('SB'), known('IRIW'), wide]) {
    for (const placement of PLACEMENTS) {
      for (const layout of layouts(test, placement, 'node-each', 3)) {
        const cells = new Set<string>()
        for (let run = 0; run < layout.runs; run++) {
          for (const { page, line, stride } of layout.places) {
            const there = page + Math.floor(run / layout.perPage) * layout.step
            const at = line + (run % layout.perPage) * stride
            if (there >= PAGES || at >= LINES) t.fail(`${test.name} ${placement}: page ${there} line ${at}`)
            cells.add(`${there} ${at}`)
          }
        }
        if (cells.size !== layout.runs * layout.places.length) t.fail(`${test.name} ${placement}: a cell twice`)
      }
    }
  }
})

t.test('layouts: locations and threads are where the options want them', async (t) => {
  const test = known('IRIW')
  const pages = (placement: Placement) =>
    layouts(test, placement, 'node-each', 4).map(({ places }) => new Set(places.map(({ page }) => page)).size)
  t.same(new Set(pages('same-page')), new Set([1]))
  t.same(new Set(pages('page-each')), new Set([2]))
  t.same(new Set(pages('mixed')), new Set([1, 2]))
  for (const { workers } of layouts(test, 'mixed', 'node-each', 4)) t.same([...workers].sort(), [0, 1, 2, 3])
  const shared = layouts(test, 'mixed', 'same-node', 2)
  for (const { workers } of shared) t.equal(new Set(workers).size, 1)
  t.equal(new Set(shared.map(({ workers }) => workers[0])).size, 2, 'now on this node, now on that')
  const homes = new Set(layouts(test, 'mixed', 'node-each', 4).map(({ places }) => places[0]!.page % 4))
  t.equal(homes.size, 4, 'every node is home')
  t.ok(layouts(test, 'mixed', 'node-each', 4, 'lock').every(({ warm, reader }) => warm === 0 && reader === undefined))
})

t.test('threads that share a node have a store buffer that others notice, alone they have none', async (t) => {
  t.same(bufferedOf(nodesOf(3, 'node-each', 3)), [false, false, false])
  t.same(bufferedOf(nodesOf(3, 'same-node', 2)), [true, true, true])
  t.same(bufferedOf(nodesOf(3, 'node-each', 2)), [true, false, true])
  t.same(bufferedOf(nodesOf(1, 'same-node', 2)), [false])
  for (const spread of SPREADS) {
    for (const { workers } of layouts(known('IRIW'), 'mixed', spread, 3)) {
      t.same(bufferedOf(workers), bufferedOf(nodesOf(4, spread, 3)), 'as the judge believes')
    }
  }
})

t.test('job: the line of numbers, and the answer', async (t) => {
  const test = known('SB')
  const layout = {
    ...{
      runs: 5,
      perPage: 2,
      step: 3,
      reset: 0,
      collect: 1,
      guard: 0,
      seed: 9,
      burst: 1,
      warm: 300,
      delay: 10,
      gap: 20,
    },
    places: [
      { page: 7, line: 0, stride: 1 },
      { page: 8, line: 0, stride: 1 },
    ],
    workers: [1, 0],
    reader: undefined,
  }
  const head = '4 5 2 3 0 1 0 9 1 300 10 20'
  const locations = '2 7 0 1 0 8 0 1 0'
  const first = '1 1 0 0 2 1 0 0 -1 1 0 1 0 -1 0'
  const second = '0 1 1 0 2 1 1 0 -1 1 0 0 0 -1 0'
  t.equal(jobLine(4, test, layout), `${head} ${locations} 2 ${first} ${second}`)
  const reader = '1 1 -1 0 2 0 0 0 -1 0 0 1 0 -1 0'
  t.equal(jobLine(4, test, { ...layout, reader: 1 }), `${head} ${locations} 3 ${first} ${second} ${reader}`)
  t.same(parseAnswer('4 2 3 0 1 0 1 1 2 3 0 0 1 1', 4, 4), [
    { runs: 3, first: 0, outcome: [1, 0, 1, 1] },
    { runs: 2, first: 3, outcome: [0, 0, 1, 1] },
  ])
  for (const line of ['', '5 0', '4 1 3 0 1 0 1', '4 1 3 0 1 0 1 x']) t.equal(parseAnswer(line, 4, 4), undefined)
})

t.test('judge: what is allowed depends on who shares a node, and on the lock', async (t) => {
  const test = known('SB')
  const layout = layouts(test, 'page-each', 'node-each', 2)[0]!
  const both = [
    { runs: 3, first: 0, outcome: [0, 0, 1, 1] }, // not SC
    { runs: 4, first: 3, outcome: [1, 1, 1, 1] }, // not one thread after the other
    { runs: 5, first: 7, outcome: [0, 1, 1, 1] },
  ]
  const judged = (spread: Spread, guard?: 'lock') => {
    const judge = new Judge('SB.litmus', test, { spread, guard }, 2)
    const violations = judge.take(both, layout, 'job').map(({ outcome }) => outcome)
    const { forbidden, outsideSc, reachable, seen, runs, condition } = judge.verdict()
    t.match({ runs, outsideSc, condition }, { runs: 12, outsideSc: 3, condition: 'seen' })
    return { violations, forbidden, reachable, seen }
  }
  const weak = '0:rax=0 1:rax=0 x=1 y=1'
  t.same(judged('node-each'), { violations: [weak], forbidden: 3, reachable: 3, seen: 2 })
  t.same(judged('same-node'), { violations: [], forbidden: 0, reachable: 4, seen: 3 })
  t.same(judged('node-each', 'lock'), {
    violations: [weak, '0:rax=1 1:rax=1 x=1 y=1'],
    forbidden: 7,
    reachable: 2,
    seen: 1,
  })
})

t.test('what the workers cannot run is refused with its size', async (t) => {
  t.equal(whyNot(known('IRIW')), undefined)
  const many = Array.from({ length: 65 }, () => 'mfence')
  t.match(whyNot(parseLitmus(litmusText('long', [many], 'exists (x=0)'))), /65 instructions: 64 at most/)
  const none = parseLitmus('X86_64 none\n{ }\n P0 ;\n mfence ;\nexists true\n')
  t.match(whyNot(none), /no location/)
})
