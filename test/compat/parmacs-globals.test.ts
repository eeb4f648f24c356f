/** PARMACS: global variables that all ranks share, for programs that were written for threads. */
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { compileParmacs, runParmacs } from '../support/parmacs.js'
import { segmentNames } from '../support/ranks.js'
import { hasCommand, skipUnless } from '../support/skip.js'

t.test('PARMACS: with shared globals processes see what others write there (1, 2, 4; mrsw, lrc)', async (t) => {
  if (skipUnless(t, hasCommand('m4'), 'm4')) return
  const cluster = await startCluster(t, 4)
  const program = await compileParmacs(cluster.dir, 'threadlike')
  for (const processes of [1, 2, 4]) {
    for (const consistency of ['mrsw', 'lrc']) {
      const env = { GSHM_GLOBALS: 'shared', GSHM_CONSISTENCY: consistency }
      const end = await runParmacs(cluster, processes, program, [`-p${processes}`], env)
      t.same(end, { status: 0, out: ['sum 199990000', `called ${processes}, turn 10`], rest: [] })
    }
  }
  const wrong = await runParmacs(cluster, 2, program, ['-p2'], { GSHM_GLOBALS: 'split' })
  t.equal(wrong.status, 1)
  t.match(wrong.rest[0], /^\[0\] gshm: PARMACS: GSHM_GLOBALS='split' in the environment: copied or shared$/)
  t.same(segmentNames(cluster), [])
})
