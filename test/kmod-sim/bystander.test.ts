/** Processes that do not register never notice, and cannot get at a segment. */
import { chmodSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { status } from '../../ts/client/inspect.js'
import { built } from '../../ts/launch/paths.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'
import { runProgram } from '../support/program.js'

const P = 4096
const RUNS = 7
/** The same for every run, and nothing of ours in it. */
const ENV = { PATH: '/usr/bin:/bin', LANG: 'C' }
const NOBODY = 65534

interface Seen {
  /** The least of all runs: a run may have more when the kernel reclaims or moves pages meanwhile. */
  faults: number
  /** What else the runs said; one line when they agree. */
  has: string[]
}

async function bystander(): Promise<Seen> {
  const faults: number[] = []
  const has = new Set<string>()
  for (let run = 0; run < RUNS; run++) {
    const { stdout, status } = await runProgram(undefined, 'bystander', ['faults'], { env: ENV })
    if (status !== 0) throw new Error(`bystander: ${stdout}`)
    const [, count, rest] = /^faults (\d+) (.*)\n$/.exec(stdout)!
    faults.push(Number(count))
    has.add(rest!)
  }
  return { faults: Math.min(...faults), has: [...has] }
}

async function busy(t: Test): Promise<{ cluster: TestCluster; stop: () => Promise<number> }> {
  const cluster = await startCluster(t, 2)
  const probes: Probe[] = []
  for (const node of [0, 1]) {
    const probe = await Probe.start(cluster.socket(node))
    t.teardown(() => probe.kill())
    const segment = await (node === 0 ? probe.ok('create', 'busy', 4 * P, 0) : probe.ok('open', 'busy', 0))
    probes.push(probe)
    void probe.thread('increment', await probe.ok('map', segment, 0, 0, 0), 60)
  }
  const faults = () => status(cluster.socket(1)).faults.remote
  const before = faults()
  return {
    cluster,
    stop: async () => {
      const served = faults() - before
      await Promise.all(probes.map((probe) => probe.kill()))
      return served
    },
  }
}

t.test('faults: exactly as many with two busy daemons as without any', async (t) => {
  const without = await bystander()
  t.ok(without.faults > 7000, `${without.faults} faults`)
  t.same(without.has, ['userfaultfds 0 frames 0 libraries 0 preload 0'])
  const { stop } = await busy(t)
  const during = await bystander()
  t.ok((await stop()) > 0, 'the daemons were busy meanwhile')
  t.same(during, without, 'not one fault more, no descriptor, no mapping, no preload')
})

t.test('reach: another user finds every way closed', async (t) => {
  const cluster = await startCluster(t, 1)
  const a = await Probe.start(cluster.socket(0))
  t.teardown(() => a.kill())
  await a.ok('put', await a.ok('map', await a.ok('create', 'secret', P, 0), 0, 0, 0), 1)
  // The socket's own rights are to be seen; and another user may not see where this project lies.
  chmodSync(cluster.dir, 0o755)
  const program = join(cluster.dir, 'bystander')
  copyFileSync(built('bystander'), program)
  const { pid, keeperPid } = cluster.daemon(0)
  for (const holder of [pid, keeperPid, a.pid]) {
    const args = ['reach', cluster.socket(0), String(holder), 'secret']
    const nobody = { env: ENV, uid: NOBODY, gid: NOBODY }
    const { stdout, stderr, status } = await runProgram(undefined, program, args, nobody)
    t.match({ stdout, stderr, status }, { stdout: 'connect: Permission denied\n', stderr: '', status: 0 })
  }
})

t.test('reach: a request before hello gets neither an answer that helps nor a descriptor, even as root', async (t) => {
  const cluster = await startCluster(t, 1)
  const a = await Probe.start(cluster.socket(0))
  t.teardown(() => a.kill())
  const at = await a.ok('map', await a.ok('create', 'secret', P, 0), 0, 0, 0)
  const args = ['reach', cluster.socket(0), String(cluster.daemon(0).pid), 'secret']
  const { stdout } = await runProgram(undefined, 'bystander', args)
  t.match(stdout, /^connect: answered$/m)
  t.match(stdout, /open: the daemon's descriptors/, 'root gets in: what the test above looks for can be seen')
  t.notMatch(stdout, /open: a request without hello|open: shm_open|open: \/dev\/shm|open: the memfd's name/)
  t.equal(await a.ok('get', at), 0n)
})
