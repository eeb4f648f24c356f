/** dsm.h with real processes on real nodes, started by `gshm run` or by hand. */
import t from 'tap'
import { segments } from '../../ts/client/inspect.js'
import { startCluster, startNode } from '../support/cluster.js'
import { linesOf, runRanks, segmentNames } from '../support/ranks.js'

for (const nodes of [1, 2, 3]) {
  t.test(`dsm.h: processes on ${nodes} nodes share a list of blocks, by its pointers and under a lock`, async (t) => {
    const cluster = await startCluster(t, nodes)
    const ranks = Math.max(nodes, 2)
    const sum = ((ranks * (ranks - 1)) / 2) * 100 * 1000 + ranks * 4950
    const end = await runRanks(cluster, ranks, 'dsm_checks', ['list'])
    t.match(end, { status: 0, stderr: '', stdout: `[0] ${ranks * 100} of ${ranks * 100} entries, sum ${sum}\n` })
    t.same(segmentNames(cluster), [], 'nothing of the run is left')
  })
}

t.test('dsm.h: a region is mrsw, its manager is node 0 alone, and its unit can be chosen', async (t) => {
  const cluster = await startCluster(t, 2)
  const { status } = await cluster.run(1, 'dsm_checks', ['again'], { env: { GSHM_DSM_UNIT: '16K' } })
  t.equal(status, 0)
  t.match(segments(cluster.socket(0)), [
    { name: 'dsm.deadbeef000', consistency: 'mrsw', manager: 'central', homes: [0], unit: 16384 },
  ])
  t.match(await cluster.run(0, 'dsm_checks', ['again']), {
    status: 1,
    stderr: /^dsm: dsm_open\(0xdeadbeef000, 1048576\): .*unit/,
  })
})

t.test('dsm.h: by hand, without a run, processes come and go, and find what was there', async (t) => {
  const cluster = await startCluster(t, 2)
  t.match(await cluster.run(0, 'dsm_checks', ['again']), { status: 0, stdout: '1\n2\n3\n', stderr: '' })
  t.match(await cluster.run(1, 'dsm_checks', ['again']), { status: 0, stdout: '4\n5\n6\n', stderr: '' })
  t.same(segmentNames(cluster), ['dsm.deadbeef000'])
  const env = { GSHM_RUN: 'mine' }
  t.match(await cluster.run(1, 'dsm_checks', ['again'], { env }), { status: 0, stdout: '1\n2\n3\n' })
})

t.test('dsm.h: regions whose address it may choose are the same everywhere', async (t) => {
  const cluster = await startCluster(t, 2)
  const end = await runRanks(cluster, 2, 'dsm_checks', ['addresses'])
  t.match(end, { status: 0, stderr: '' })
  t.same(
    linesOf(end),
    [0, 1].map((rank) => `[${rank}] 0x400000000000 0x400040000000 (nil)`),
  )
})

t.test("dsm.h: pthread's mutexes are its own but for those of dsm_lock_init", async (t) => {
  const cluster = await startNode(t)
  const end = await cluster.run(0, 'dsm_checks', ['own-mutexes'])
  t.match(end, { status: 0, stderr: '', stdout: '0 1 0 own\n0 1 1 1 1 0 1 0 0 0 shared\n' })
  t.match(await runRanks(cluster, 2, 'dsm_checks', ['held']), { status: 0, stderr: '', stdout: '[1] 1 1 1 1 held\n' })
})

t.test('dsm.h: whoever gets the lock of a process that has died is told, and has it', async (t) => {
  const cluster = await startCluster(t, 2)
  t.match(await runRanks(cluster, 2, 'dsm_checks', ['die']), { status: 0, stderr: '', stdout: '[1] 1 0 0 died\n' })
})

t.test('dsm.h: what is wrong ends the program with one line that names the call', async (t) => {
  const cluster = await startNode(t)
  const { socket } = cluster.daemon(0)
  for (const [what, text] of [
    ['id-0', /dsm_init\(0\): 0 is the manager/],
    ['id-2', /dsm_init\(2\): this process is 1 already/],
    ['open-first', /dsm_open before dsm_init/],
    ['malloc-first', /dsm_malloc before dsm_init/],
    ['lock-first', /dsm_lock_init before dsm_init/],
    ['malloc-unopened', /dsm_malloc\(1\) before dsm_open/],
    ['malloc-reserved', /dsm_malloc\(1\) before dsm_open/],
    ['unaligned', /dsm_open\(0xdeadbeef001, 4096\): the address must be a multiple of 4096/],
    ['no-size', /dsm_open\(0xdeadbeef000, 0\): there is no such size/],
    ['too-large', /dsm_open\(0xdeadbeef000, 1099511627776\): ERR_GSHM_MEMORY: /],
    ['taken', /dsm_open\(0x\w+, 4096\): ERR_GSHM_OVERLAP: .*something is mapped/],
    ['twice', /dsm_open\(0xdeadbeef000, 1048576\): ERR_GSHM_OVERLAP: /],
    ['malloc-0', /dsm_malloc\(0\): ERR_GSHM_INVALID: /],
    ['malloc-more', /dsm_malloc\(1048577\): ERR_GSHM_HEAP_FULL: /],
    ['full', /dsm_malloc\(4096\): ERR_GSHM_HEAP_FULL: /],
    ['free-private', /dsm_free\(0x\w+, 4\): dsm_malloc has not given that address/],
    ['free-reserved', /dsm_free\(0xcafebeef000, 4\): dsm_malloc has not given that address/],
    ['free-inside', /dsm_free\(0x\w+008, 4088\): ERR_GSHM_NOT_ALLOCATED: /],
    ['free-twice', /dsm_free\(0x\w+, 100\): ERR_GSHM_NOT_ALLOCATED: /],
    ['lock-private', /dsm_lock_init\(0x\w+\): not in memory of dsm_open/],
    ['lock-at-end', /dsm_lock_init\(0xdeadbfeeff8\): not in memory of dsm_open/],
    ['lock-unaligned', /dsm_lock_init\(0xdeadbeef001\): not aligned/],
    ['not-a-lock', /pthread_mutex_lock\(0xcafebeef000\): dsm_lock_init has not made a lock there/],
    ['copied-lock', /pthread_mutex_trylock\(0xcafebeef028\): dsm_lock_init has not made a lock there/],
  ] as const) {
    const end = await runRanks(cluster, 1, 'dsm_checks', [what])
    t.match(end, { status: 1, stdout: '' }, what)
    const [line = '', ...more] = end.stderr.trim().split('\n')
    t.match(line, new RegExp(`^dsm: ${text.source}`), what)
    t.same(more, [], what)
  }
  t.same(segmentNames(cluster), [])
  for (const [env, text] of [
    [{ GSHM_RANK: 'x' }, "GSHM_RANK='x': a number is wanted"],
    [{ GSHM_RANK: '2', GSHM_RANKS: '2' }, 'GSHM_RANK=2 of GSHM_RANKS=2: there is no such rank'],
    [{ GSHM_RUN: 'x'.repeat(33) }, 'more than 32 bytes'],
    [{ GSHM_DSM_UNIT: '4X' }, "GSHM_DSM_UNIT='4X': bytes are wanted"],
    [{ GSHM_DSM_UNIT: '5000' }, 'dsm_open(0xdeadbeef000, 1048576): ERR_GSHM_INVALID: '],
    [{ GSHM_SOCKET: '/nonexistent' }, 'dsm_init: ERR_GSHM_NO_DAEMON: '],
  ] as const) {
    const end = await cluster.run(0, 'dsm_checks', ['again'], { env: { GSHM_SOCKET: socket, ...env } })
    t.equal(end.status, 1)
    t.ok(end.stderr.startsWith('dsm: ') && end.stderr.includes(text), end.stderr)
  }
})
