/** Random runs catch every planted bug. */
import t from 'tap'
import { MUTANTS } from '../../ts/sim/mutants.js'
import { run } from '../../ts/sim/run.js'

for (const { name, protocol, lossy } of MUTANTS) {
  t.test(`sim: ${protocol.name}: catches a planted bug: ${name}`, async (t) => {
    const { failed } = run({ seeds: 2000, first: 1, protocol, ...(lossy ? { losses: 1 } : {}) })
    t.ok(failed, 'found')
    t.comment(`seed ${failed?.seed}, step ${failed?.steps}: ${failed?.violation}`)
  })
}
