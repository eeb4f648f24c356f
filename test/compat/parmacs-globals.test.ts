/** PARMACS: global variables that all ranks share, for programs that were written for threads. */
import t from 'tap'
import { status } from '../../ts/client/inspect.js'
import { built } from '../../ts/launch/paths.js'
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

t.test(
  'PARMACS: CREATE(f, n) is that of threads, whose globals are shared; CREATE(f) copies, as a fork does',
  async (t) => {
    if (skipUnless(t, hasCommand('m4'), 'm4')) return
    const cluster = await startCluster(t, 2)
    const program = await compileParmacs(cluster.dir, 'result')
    const before = 'before: 1, 0'
    for (const consistency of ['mrsw', 'lrc']) {
      for (const [args, globals, out] of [
        [['1'], '', [before, 'result: 2.5, 1']],
        [['3'], '', [before, 'result: 7.5, 1']],
        [['3'], 'copied', [before, 'result: 1, 0']],
        [['3', 'forked'], '', ['result: 1, 0']],
        [['3', 'forked'], 'shared', ['result: 7.5, 1']],
        [['3', 'both'], '', [before, 'result: 7.5, 2']], // what is shared stays so
      ] as const) {
        const env = { GSHM_GLOBALS: globals, GSHM_CONSISTENCY: consistency }
        const end = await runParmacs(cluster, Number(args[0]), program, args, env)
        t.same(end, { status: 0, out, rest: [] }, `${args.join(' ')}, ${globals || 'by itself'}, ${consistency}`)
      }
    }
    t.same(segmentNames(cluster), [])
  },
)

t.test('PARMACS: where libraries lie at random CREATE(f, n) copies, and says so once', async (t) => {
  if (skipUnless(t, hasCommand('m4'), 'm4')) return
  const cluster = await startCluster(t, 2)
  const program = await compileParmacs(cluster.dir, 'result', { flags: ['-no-pie'] })
  const end = await runParmacs(cluster, 3, built('no_personality'), [program, '3'])
  t.match(end, { status: 0, out: ['before: 1, 0', 'result: 1, 0'] })
  t.equal(end.rest.length, 1)
  t.match(
    end.rest[0],
    /^\[0\] gshm: PARMACS: what a rank writes .* the others do not see: rank 2 has its libraries elsewhere/,
  )
  const asked = await runParmacs(cluster, 3, built('no_personality'), [program, '3'], { GSHM_GLOBALS: 'shared' })
  t.equal(asked.status, 1)
  t.match(asked.rest[0], /^\[0\] gshm: PARMACS: GSHM_GLOBALS=shared: rank 2 has its libraries elsewhere/)
})

t.test('PARMACS: of shared globals only pages that are not zeros go to the segment', async (t) => {
  if (skipUnless(t, hasCommand('m4'), 'm4')) return
  const cluster = await startCluster(t, 2)
  const program = await compileParmacs(cluster.dir, 'padded')
  const end = await runParmacs(cluster, 2, program, ['-p2'])
  t.same(end, { status: 0, out: ['sum 3'], rest: [] })
  const { read, write } = status(cluster.socket(0)).faults
  t.ok(read + write < 1000, `${read + write} faults, and not one of each of 16,384 pages`)
})
