import t from 'tap'
import { atomicOutcomes, claimHolds, describe, outcomes, scOutcomes, tsoOutcomes } from '../../ts/litmus/index.js'
import { parseLitmus } from '../../ts/litmus/index.js'
import { KNOWN, known, litmusText, type KnownName } from '../support/litmus-tests.js'

t.test('which known outcomes SC and x86-TSO allow, and how many outcomes there are', async (t) => {
  // [allowed under SC, under TSO, outcomes under SC, under TSO]
  const table: Record<KnownName, [boolean, boolean, number, number]> = {
    SB: [false, true, 3, 4],
    'SB+mfences': [false, false, 3, 3],
    'SB+xchgs': [false, false, 3, 3],
    MP: [false, false, 3, 3],
    LB: [false, false, 3, 3],
    '2+2W': [false, false, 3, 3],
    S: [false, false, 3, 3],
    R: [false, true, 3, 4],
    CoRR: [false, false, 3, 3],
    CoWW: [false, false, 1, 1],
    IRIW: [false, false, 15, 15],
    WRC: [false, false, 7, 7],
    n6: [false, true, 4, 5],
  }
  t.same(Object.keys(table).sort(), Object.keys(KNOWN).sort())
  for (const name of Object.keys(KNOWN) as KnownName[]) {
    const test = known(name)
    const sc = scOutcomes(test)
    const tso = tsoOutcomes(test)
    t.same([claimHolds(test, sc.all), claimHolds(test, tso.all), sc.size, tso.size], table[name], name)
    t.ok(
      sc.all.every((outcome) => tso.has(outcome)),
      `${name}: TSO allows what SC allows`,
    )
  }
})

t.test(
  'each thread has a store buffer or none: in SB one of them is enough, in R it must be the right one',
  async (t) => {
    const allowed = (name: KnownName, ...buffered: boolean[]) =>
      claimHolds(known(name), outcomes(known(name), buffered).all)
    t.same([allowed('SB', false, false), allowed('SB', true, false), allowed('SB', false, true)], [false, true, true])
    t.same([allowed('R', true, false), allowed('R', false, true)], [false, true])
  },
)

t.test('a store buffer forwards to its own thread only, and its newest entry', async (t) => {
  const own = parseLitmus(
    litmusText('own', [['movq $1,(x)', 'movq $2,(x)', 'movq (x),%rax'], ['movq (x),%rax']], 'forall (0:rax=2)'),
  )
  t.ok(claimHolds(own, tsoOutcomes(own).all))
  t.equal(tsoOutcomes(own).size, 3)
})

t.test('under one lock threads run as a whole, in any order', async (t) => {
  t.same(
    atomicOutcomes(known('SB'))
      .all.map((outcome) => describe(known('SB'), outcome))
      .sort(),
    ['0:rax=0 1:rax=1 x=1 y=1', '0:rax=1 1:rax=0 x=1 y=1'],
  )
  t.equal(atomicOutcomes(known('IRIW')).size, 14)
  t.equal(atomicOutcomes(known('CoWW')).size, 1)
})

t.test('registers pass values on, and an exchange is one step', async (t) => {
  const both = ['movq $1,%rax', 'xchgq %rax,(x)']
  const test = parseLitmus(litmusText('xchg', [both, both], 'forall (0:rax=0 /\\ 1:rax=1 \\/ 0:rax=1 /\\ 1:rax=0)'))
  for (const allowed of [scOutcomes(test), tsoOutcomes(test), atomicOutcomes(test)]) {
    t.equal(allowed.size, 2)
    t.ok(claimHolds(test, allowed.all))
  }
  const copy = parseLitmus(
    litmusText('copy', [['movq (x),%rax', 'movq %rax,%rbx', 'movq %rbx,(y)']], 'forall (y=7)', 'x=7; y;'),
  )
  t.ok(claimHolds(copy, scOutcomes(copy).all))
})

t.test('a test of five threads is gone through within a second', async (t) => {
  const thread = (a: string, b: string) => [`movq $1,(${a})`, `movq (${b}),%rax`]
  const names = ['a', 'b', 'c', 'd', 'e']
  const threads = names.map((name, i) => thread(name, names[(i + 1) % 5]!))
  const test = parseLitmus(litmusText('5.SB', threads, 'exists (a=1)', names.join(';')))
  const started = performance.now()
  t.equal(tsoOutcomes(test).size, 32)
  t.equal(scOutcomes(test).size, 31)
  t.ok(performance.now() - started < 1000)
})
