/** Random runs catch every planted bug. */
import t from 'tap'
import { MUTANTS } from '../../ts/sim/mutants.js'
import { caught } from '../../ts/sim/plant.js'

for (const mutant of MUTANTS) {
  const { name, protocol } = mutant
  t.test(`sim: ${protocol.name}: catches a planted bug: ${name}`, async (t) => {
    const failed = caught(mutant)
    t.ok(failed, 'found')
    t.comment(`seed ${failed?.seed}, step ${failed?.steps}: ${failed?.violation}`)
  })
}
