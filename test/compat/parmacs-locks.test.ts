/** PARMACS: as many locks at a time as SPLASH's programs have. */
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { compileParmacs, runParmacs } from '../support/parmacs.js'
import { hasCommand, skipUnless } from '../support/skip.js'

t.test('PARMACS: 20,000 locks in shared structures, all used by two nodes (mrsw, lrc)', async (t) => {
  if (skipUnless(t, hasCommand('m4'), 'm4')) return
  const cluster = await startCluster(t, 2)
  const locks = await compileParmacs(cluster.dir, 'locks')
  for (const consistency of ['mrsw', 'lrc']) {
    const env = { GSHM_CONSISTENCY: consistency }
    const end = await runParmacs(cluster, 2, locks, ['-p2', '-l20000', '-r1'], env)
    t.same(end, { status: 0, out: ['sum 40000', 'locks 20000'], rest: [] }, consistency)
  }
})

t.test('PARMACS: who is continued in a monitor is in it before anybody else (1, 2, 4; mrsw, lrc)', async (t) => {
  if (skipUnless(t, hasCommand('m4'), 'm4')) return
  const cluster = await startCluster(t, 4)
  const monitor = await compileParmacs(cluster.dir, 'monitor')
  for (const processes of [1, 2, 4]) {
    for (const consistency of ['mrsw', 'lrc']) {
      const end = await runParmacs(cluster, processes, monitor, [`-p${processes}`], { GSHM_CONSISTENCY: consistency })
      const sum = 5050 * Math.max(1, processes / 2)
      t.same(end, { status: 0, out: [`sum ${sum}, wrong 0`], rest: [] }, `${processes}, ${consistency}`)
    }
  }
})
