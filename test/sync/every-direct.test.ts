/** One barrier that is direct, or is to be: a few nodes, every order; and random orders of more:
 * test/support/one-barrier.ts. */
import t from 'tap'
import { directTable } from '../../ts/sync/direct.table.js'
import { watchCells } from '../support/cells.js'
import { explore } from '../support/explore.js'
import { DIRECT_SIZES } from '../support/direct-sizes.js'
import { firstFailure } from '../support/direct-walks.js'
import { OneBarrier } from '../support/one-barrier.js'

const unmet = watchCells(directTable)

for (const { name, visits, counts, options, states } of DIRECT_SIZES) {
  t.test(`barrier: every order where it is direct: ${name}`, async (t) => {
    t.equal(explore(new OneBarrier(visits, counts, options)), states)
  })
}

t.test('barrier: random orders of six nodes that meet directly', async (t) => {
  const failure = firstFailure(3000)
  t.equal(failure, undefined)
})

t.test(
  'barrier: every cell of a direct barrier is met, but for what daemons say too late (direct.test.ts)',
  async (t) => {
    const late = ['Ready x Made', 'Ended x Made', 'Ended x Unfit', 'Ended x Parted', 'Gone x Unfit', 'Gone x Parted']
    t.same(unmet(), late)
  },
)
