/** That no protocol is without its walk-NAME.test.ts. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { CHECKED } from '../../ts/sim/check.js'

t.test('sim: random runs of every protocol are tested', async (t) => {
  for (const { name } of CHECKED) t.ok(existsSync(new URL(`walk-${name}.test.ts`, import.meta.url)), name)
})
