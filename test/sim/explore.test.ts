import t from 'tap'
import { step } from '../../ts/node/step.js'
import { Cells } from '../../ts/sim/cells.js'
import { explore } from '../../ts/sim/explore.js'
import { MUTANTS } from '../../ts/sim/mutants.js'
import { counterexample } from '../../ts/sim/planted.js'
import { EXPLORER_SIZES } from '../../ts/sim/sizes.js'

for (const { name, when, states, ...size } of EXPLORER_SIZES) {
  if (when !== 'test') continue
  t.test(`explorer: ${size.protocol} ${name}: nothing goes wrong in any of ${states} states`, async (t) => {
    const report = explore({ ...size, step })
    t.equal(report.violation, undefined, report.way.join('\n'))
    t.ok(report.complete)
    t.equal(report.states, states, 'the count of states (ts/sim/sizes.ts)')
  })
}

t.test('explorer: holding requests and orders for a while leads to no new state', async (t) => {
  for (const { name, when: _, states, ...size } of EXPLORER_SIZES) {
    if (name !== '2n2p') continue
    const report = explore({ ...size, holds: true, step })
    t.equal(report.violation, undefined, size.protocol)
    // a request that is forwarded may be held while its requester's page has come by another way
    if (size.protocol !== 'mrsw-dynamic') t.equal(report.states, states, size.protocol)
  }
})

t.test('explorer: the shortest way to a planted bug is told', async (t) => {
  const mutant = MUTANTS.find(({ name }) => name === 'forgotten Downgrade')!
  const size = {
    protocol: 'mrsw',
    places: 1,
    locks: 0,
    blocks: 0,
    ranges: false,
    nodes: 2,
    pages: 1,
    threads: 1,
    ops: 1,
    duplicates: 0,
    losses: 0,
    tries: false,
    cancels: 0,
    deaths: 0,
    evictions: 0,
    holds: false,
  } as const
  const { violation, way } = explore({ ...size, step: new Cells().step(mutant.protocol) })
  t.match(violation, /can (read|write) p0/)
  t.strictSame(way.slice(-3), [
    'deliver 0>1 PageRead p0 page',
    '  1: Install p0 read page',
    'VIOLATION node 1 can read p0, node 0 can use it too',
  ])
})

t.test('explorer: a bug that shows only when a node is lost is looked for where one is', async (t) => {
  const mutant = MUTANTS.find(
    ({ name, protocol }) => protocol.name === 'srsw' && name === 'home lost, waiters forgotten',
  )!
  const found = counterexample(mutant)
  t.equal(found?.size.losses, 1)
  t.match(found?.violation, /for ever/)
})
