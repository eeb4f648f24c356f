/** PARMACS: what goes along with CREATE, and programs that cannot be run in ranks: one line each, and nothing is left of them. */
import t, { type Test } from 'tap'
import { built } from '../../ts/launch/paths.js'
import { startCluster } from '../support/cluster.js'
import { compileParmacs, runParmacs } from '../support/parmacs.js'
import { segmentNames } from '../support/ranks.js'
import { hasCommand, skipUnless } from '../support/skip.js'

const pair = (t: Test) => startCluster(t, 2)

/** Of two ranks, of which rank 0 says it. */
const complaint = (text: string) => new RegExp(`^\\[0\\] gshm: PARMACS: ${text}`)
/** What gshm run says besides. */
const byRun = /^gshm: rank \d on node \d ended first/

t.test('PARMACS: CREATE copies data, bss and what malloc gave, and nothing of libraries or threads', async (t) => {
  if (skipUnless(t, hasCommand('m4'), 'm4')) return
  const cluster = await pair(t)
  const globals = await compileParmacs(cluster.dir, 'globals')
  const fixed = await compileParmacs(cluster.dir, 'globals', { as: 'fixed', flags: ['-no-pie'] })
  for (const path of [globals, fixed]) {
    for (const consistency of ['mrsw', 'lrc']) {
      const { status, out, rest } = await runParmacs(cluster, 2, path, [], { GSHM_CONSISTENCY: consistency })
      t.same(out, ['before, checked 14, mine 2'])
      t.equal(status, 0)
      t.equal(rest.length, 2)
      for (const name of ['list', 'name']) {
        t.ok(
          rest.some((line) => line.includes(`'${name}' points into rank 0's private heap`)),
          `${name} is named`,
        )
      }
    }
  }
  t.same(segmentNames(cluster), [])
})

t.test('PARMACS: more processes than ranks, a static executable, another executable: one line each', async (t) => {
  if (skipUnless(t, hasCommand('m4'), 'm4')) return
  const cluster = await pair(t)
  const jacobi = await compileParmacs(cluster.dir, 'jacobi')
  const lu = await compileParmacs(cluster.dir, 'lu')
  const still = await compileParmacs(cluster.dir, 'jacobi', { as: 'still', flags: ['-static'] })
  const anywhere = await compileParmacs(cluster.dir, 'jacobi', { as: 'anywhere', flags: ['-static-pie'] })
  const either = ['-c', `if [ $GSHM_RANK = 0 ]; then exec ${jacobi} -p2; else exec ${lu} -p2; fi`]
  for (const [path, args, text] of [
    [jacobi, ['-p4'], 'CREATE: the program wants at least 3 processes, and 2 were started: gshm run -n'],
    [lu, ['-p4'], 'CREATE: the program wants 4 processes, and 2 were started: gshm run -n'],
    [still, ['-p2'], 'this program is a static executable.*without -static or -static-pie'],
    [anywhere, ['-p2'], 'this program is a static executable.*without -static or -static-pie'],
    [
      '/bin/sh',
      either,
      'rank 1 is not the same executable as rank 0 \\(build id [0-9a-f]{40}, and not [0-9a-f]{40}\\)',
    ],
  ] as const) {
    const { status, out, rest } = await runParmacs(cluster, 2, path, args)
    t.equal(status, 1, text)
    t.same(out, [])
    const said = rest.filter((line) => !byRun.test(line))
    t.equal(said.length, 1, said.join('\n'))
    t.match(said[0], complaint(text))
  }
  for (const path of [still, anywhere]) {
    t.match(await cluster.run(0, path, ['-p1']), { status: 1, stderr: /^gshm: PARMACS: .*static executable.*\n$/ })
  }
  const alone = await cluster.run(0, jacobi, ['-p1'])
  t.match(alone, { status: 0, stderr: '' }, 'one process needs no gshm run')
  t.match(await cluster.run(0, jacobi, ['-p2']), {
    status: 1,
    stderr: /^gshm: PARMACS: CREATE: .*, and 1 was started: gshm run -n.*\n$/,
  })
  t.same(segmentNames(cluster), [])
})

t.test('PARMACS: where addresses stay at random a program is refused, and runs when linked with -no-pie', async (t) => {
  if (skipUnless(t, hasCommand('m4'), 'm4')) return
  const cluster = await pair(t)
  const free = await compileParmacs(cluster.dir, 'jacobi', { flags: ['-pie', '-fPIE'] })
  const fixed = await compileParmacs(cluster.dir, 'jacobi', { as: 'fixed', flags: ['-no-pie'] })
  const expected = await runParmacs(cluster, 2, free, ['-p2', '-n32', '-s5'])
  t.match(expected, { status: 0, rest: [] })
  const wrapped = (path: string) => runParmacs(cluster, 2, built('no_personality'), [path, '-p2', '-n32', '-s5'])
  const refused = await wrapped(free)
  t.equal(refused.status, 1)
  t.match(
    refused.rest.filter((line) => !byRun.test(line)),
    [complaint('rank 1 has its global variables at .*: link with -no-pie')],
  )
  t.same(await wrapped(fixed), expected)
})

t.test(
  'PARMACS: a CREATE takes ranks whose function is about to end, without WAIT_FOR_END (1, 2, 4; mrsw, lrc)',
  async (t) => {
    if (skipUnless(t, hasCommand('m4'), 'm4')) return
    const cluster = await startCluster(t, 4)
    const program = await compileParmacs(cluster.dir, 'stages')
    const values = new Array<number>(5000).fill(0)
    let sum = 0
    for (let stage = 0; stage < 3; stage++)
      for (const i of values.keys()) sum += values[i] = values[i]! * (stage + (i % 10)) + 1
    const out = [`sum ${sum}, last ${values.at(-1)}`]
    for (const processes of [1, 2, 4]) {
      for (const consistency of ['mrsw', 'lrc']) {
        for (const args of [[], ['-f']]) {
          const env = { GSHM_CONSISTENCY: consistency }
          const end = await runParmacs(cluster, processes, program, [`-p${processes}`, ...args], env)
          const rest = end.rest.filter((line) => !/'scale' points into rank 0's private heap/.test(line))
          t.same({ ...end, rest }, { status: 0, out, rest: [] }, `${processes} ${args} ${consistency}`)
        }
      }
    }
    t.same(segmentNames(cluster), [])
  },
)
