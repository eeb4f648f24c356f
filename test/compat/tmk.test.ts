/** Tmk.h with real processes on real nodes, started by `gshm run` or alone. */
import t from 'tap'
import { startCluster, startNode } from '../support/cluster.js'
import { linesOf, runRanks, segmentNames } from '../support/ranks.js'

const SUM = ((100_000 * 99_999) / 2) % 2 ** 32
const everyRank = (ranks: number, text: (rank: number) => string) =>
  Array.from({ length: ranks }, (_, rank) => (ranks > 1 ? `[${rank}] ` : '') + text(rank))

for (const nodes of [1, 2, 3]) {
  t.test(`Tmk.h: ${nodes} processes on ${nodes} nodes write the same pages, and count under a lock`, async (t) => {
    const cluster = await startCluster(t, nodes)
    const end = await runRanks(cluster, nodes, 'tmk_checks', ['sum', '--', '-n', String(nodes)])
    t.match(end, { status: 0, stderr: '' })
    t.same(
      linesOf(end),
      everyRank(nodes, (rank) => `${rank} of ${nodes}: count ${nodes * 100}, sum ${SUM}`),
    )
    t.same(segmentNames(cluster), [], 'nothing of the run is left')
  })
}

t.test('Tmk.h: processes take turns by a condition variable', async (t) => {
  const cluster = await startCluster(t, 2)
  t.match(await runRanks(cluster, 3, 'tmk_checks', ['turns']), { status: 0, stderr: '', stdout: '[0] turn 60\n' })
})

t.test('Tmk.h: Tmk_distribute changes a variable in processes that compute meanwhile', async (t) => {
  const cluster = await startCluster(t, 2)
  const end = await runRanks(cluster, 3, 'tmk_checks', ['distribute'])
  t.match(end, { status: 0, stderr: '' })
  t.same(
    linesOf(end),
    everyRank(3, (rank) => `${rank} of 3: 50001`),
  )
  t.match(await runRanks(cluster, 3, 'tmk_checks', ['after-ends']), { status: 0, stderr: '', stdout: '[0] 20\n' })
})

t.test('Tmk.h: without gshm run it is one process', async (t) => {
  const cluster = await startCluster(t, 2)
  const end = await cluster.run(1, 'tmk_checks', ['sum'])
  t.match(end, { status: 0, stderr: '', stdout: `0 of 1: count 100, sum ${SUM}\n` })
  t.same(segmentNames(cluster), [])
})

t.test('Tmk.h: memory that is used up is NULL, and a line that names the knob', async (t) => {
  const cluster = await startNode(t)
  const { status, stdout, stderr } = await cluster.run(0, 'tmk_checks', ['full'], { env: { GSHM_TMK_SIZE: '1M' } })
  t.equal(status, 0)
  t.match(stdout, /^2\d\d of 256, 1\n$/)
  t.equal(stderr, 'Tmk 0: Tmk_malloc(4096): no such block is left of 1048576 bytes: raise GSHM_TMK_SIZE\n')
})

t.test('Tmk.h: what is wrong ends the process with one line that names the call', async (t) => {
  const cluster = await startNode(t)
  for (const [what, text] of [
    ['first', /Tmk_barrier before Tmk_startup/],
    ['startup-twice', /Tmk_startup a second time/],
    ['lock', /Tmk_lock_acquire\(1024\): TMK_NLOCKS is 1024/],
    ['barrier', /Tmk_barrier\(32\): TMK_NBARRIERS is 32/],
    ['condition', /Tmk_lock_cond_wait\(1, 4\): TMK_NCONDS is 4/],
    ['condition-unheld', /Tmk_lock_cond_wait\(1, 0\): ERR_GSHM_NOT_HOLDER/],
    ['acquire-twice', /Tmk_lock_acquire\(1\): ERR_GSHM_DEADLOCK/],
    ['release-unheld', /Tmk_lock_release\(1\): ERR_GSHM_NOT_HOLDER/],
    ['free-private', /Tmk_free\(0x\w+\): not in shared memory/],
    ['free-inside', /Tmk_free\(0x\w+\): ERR_GSHM_NOT_ALLOCATED/],
    ['free-twice', /Tmk_free\(0x\w+\): ERR_GSHM_NOT_ALLOCATED/],
    ['malloc-0', /Tmk_malloc\(0\): ERR_GSHM_INVALID/],
    ['distribute-local', /Tmk_distribute\(0x\w+, 4\): those bytes are not of a global variable/],
    ['distribute-beyond', /Tmk_distribute\(0x\w+, 1073741824\): those bytes are not of a global variable/],
    ['distribute-less', /Tmk_distribute\(0x\w+, -1\): there is no such size/],
  ] as const) {
    const end = await cluster.run(0, 'tmk_checks', [what])
    t.match(end, { status: 1, stdout: '' }, what)
    const [line = '', ...more] = end.stderr.trim().split('\n')
    t.match(line, new RegExp(`^Tmk: ${text.source}`), what)
    t.same(more, [], what)
  }
  t.match(await cluster.run(0, 'tmk_checks', ['errexit']), { status: 1, stderr: 'Tmk 0: 1 of two\n' })
  t.match(await cluster.run(0, 'tmk_checks', ['exit']), { status: 9, stderr: '' })
  for (const [env, text] of [
    [{ GSHM_RANKS: '65' }, 'Tmk: 65 processes: TMK_NPROCS, 64, is the most\n'],
    [{ GSHM_TMK_SIZE: '0' }, "Tmk: GSHM_TMK_SIZE='0': bytes are wanted, such as 65536, 64K or 1G\n"],
    [{ GSHM_TMK_SIZE: '1000G' }, 'Tmk: 1073741824000 bytes of shared memory (GSHM_TMK_SIZE): ERR_GSHM_MEMORY: '],
  ] as const) {
    const end = await cluster.run(0, 'tmk_checks', ['run'], { env })
    t.equal(end.status, 1)
    t.ok(end.stderr.startsWith(text), end.stderr)
  }
  t.match(await runRanks(cluster, 2, 'tmk_checks', ['run', '--', '-n', '3']), {
    status: 1,
    stderr: /^\[\d\] Tmk: -n 3: gshm run has started 2: gshm run -n 3 -- /,
  })
  t.same(segmentNames(cluster), [], 'not even what had a name when its processes ended')
})

t.test('Tmk.h: a process that dies ends those that meet with it', async (t) => {
  const cluster = await startCluster(t, 2)
  t.match(await runRanks(cluster, 2, 'tmk_checks', ['die-at-barrier']), {
    status: 1,
    stderr: /^\[0\] Tmk: Tmk_barrier\(0\): ERR_GSHM_NODE_LOST/,
  })
})
