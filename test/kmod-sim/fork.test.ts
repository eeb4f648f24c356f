/** Forks in depth: amid faults and remote writes, failed, killed, unseen by libgshm, followed by exec. */
import t, { type Test } from 'tap'
import { status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { settled } from '../support/holdings.js'
import { Probe } from '../support/probe.js'
import type { Program } from '../support/program.js'
import { except, TRAPPED } from '../support/trap.js'

const P = 4096
const PAGES = 8

interface Started {
  cluster: TestCluster
  /** On each node a program that forks (test/programs/forks.c). */
  forks: Program[]
  /** Sends a command to the one on that node and gives its answer. */
  readonly do: (node: number, ...words: (string | number)[]) => Promise<string>
  /** A process on node 0, and where it sees the segment. */
  reader: Probe
  at: bigint
}

async function started(t: Test, nodes: number): Promise<Started> {
  const cluster = await startCluster(t, nodes)
  const reader = await Probe.start(cluster.socket(0))
  t.teardown(() => reader.kill())
  const at = await reader.ok('map', await reader.ok('create', 'forks', PAGES * P, 0), 0, 0, 0)
  const forks: Program[] = []
  for (let node = 0; node < nodes; node++) {
    const program = cluster.start(node, 'forks', ['forks'])
    t.equal(await program.line(), 'ready')
    forks.push(program)
  }
  const command = (node: number, ...words: (string | number)[]) => {
    forks[node]!.say(words.join(' '))
    return forks[node]!.line()
  }
  return { cluster, forks, do: command, reader, at }
}

async function sum(reader: Probe, at: bigint): Promise<number> {
  let total = 0
  for (let page = 0; page < PAGES; page++) total += Number(await reader.ok('get', at + BigInt(page * P)))
  return total
}

/** The node knows that many processes, and holds what they and the one segment need. */
async function holds(t: Test, cluster: TestCluster, node: number, processes: number): Promise<void> {
  t.equal(await becomes(processes, () => status(cluster.socket(node)).processes), processes)
  const { wanted, got } = await settled(cluster, node, processes, 1)
  t.same(got, wanted)
}

t.test('fork amid faults of threads and writes of other nodes: no store is lost', async (t) => {
  const { cluster, do: command, reader, at } = await started(t, 2)
  const answers = await Promise.all([command(0, 'stress', 3, 3000, 60, 1000), command(1, 'stress', 2, 3000, 30, 1000)])
  t.same(answers, ['added 69000', 'added 36000'])
  t.equal(await sum(reader, at), 105_000)
  await holds(t, cluster, 0, 2)
  await holds(t, cluster, 1, 1)
})

t.test('thirty children at once, each of which writes', async (t) => {
  const { cluster, do: command, reader, at } = await started(t, 2)
  t.equal(await command(1, 'bomb', 30), 'wrong 0')
  t.equal(await reader.ok('get', at), 30n)
  for (let n = 0; n < 30; n++) t.equal(await reader.ok('get', at + BigInt(8 * (n + 1))), BigInt(1000 + n))
  await holds(t, cluster, 1, 1)
})

t.test('children killed at once after fork: none stays registered', async (t) => {
  const { cluster, do: command } = await started(t, 1)
  t.equal(await command(0, 'killed', 60), 'done')
  await holds(t, cluster, 0, 2)
})

t.test('a clone that fails after its memory was copied leaves no half child behind', async (t) => {
  const { cluster, do: command, reader, at } = await started(t, 1)
  t.equal(await command(0, 'failing', 5), 'done')
  t.equal(await sum(reader, at), 50, 'the forks between them are whole')
  await holds(t, cluster, 0, 2)
  t.equal(await command(0, 'limited'), 'EAGAIN', 'RLIMIT_NPROC fails it before')
  t.equal(await sum(reader, at), 60)
  t.equal(status(cluster.socket(0)).processes, 2)
})

t.test('a child that faults before it has said who it is', except('clones'), async (t) => {
  const { cluster, do: command, reader, at } = await started(t, 2)
  t.equal(await command(1, 'handled'), 'done', 'its own fork handler used global memory; then the API')
  t.equal(await sum(reader, at), 20)
  await holds(t, cluster, 1, 1)
})

t.test('posix_spawn, vfork, system and popen do nothing to the registration', async (t) => {
  const { cluster, do: command, reader, at } = await started(t, 1)
  t.equal(await command(0, 'spawned'), 'done')
  t.equal(await sum(reader, at), 10)
  t.equal(status(cluster.socket(0)).processes, 2)
})

t.test('a child that calls exec at once leaves nothing, while it runs and afterwards', async (t) => {
  const { cluster, do: command, reader, at } = await started(t, 1)
  t.equal(await command(0, 'exec', 20), 'done')
  const sleepers = [Number(await command(0, 'sleeper', 'fork')), Number(await command(0, 'sleeper', 'raw'))]
  t.teardown(() => sleepers.forEach((pid) => process.kill(pid, 'SIGKILL')))
  await holds(t, cluster, 0, 2)
  t.equal(await command(0, 'add', 1, 10), 'added 10')
  t.equal(await sum(reader, at), 10)
})

t.test('a grandchild goes on when its parent and grandparent have ended', async (t) => {
  const { cluster, do: command, forks, reader, at } = await started(t, 2)
  t.equal(await command(1, 'orphan'), 'done')
  await forks[1]!.stop()
  t.equal(await becomes(1, () => status(cluster.socket(1)).processes), 1, 'it alone')
  const seen = await reader.ok('get', at + BigInt(P))
  let later = seen
  while (later === seen) later = await reader.ok('get', at + BigInt(P))
  await reader.ok('put', at + BigInt(2 * P), 1)
  let pid = 0n
  while (pid === 0n) pid = await reader.ok('get', at + BigInt(4 * P))
  t.equal(await reader.ok('get', at + BigInt(3 * P)), await reader.ok('get', at + BigInt(P)), 'every increment counts')
  t.equal(await becomes(0, () => status(cluster.socket(1)).processes), 0)
})

for (const how of ['mapped', 'bare'] as const) {
  t.test(`a ${how} grandchild that says who it is after its parent's end has what that had`, async (t) => {
    const { cluster, do: command, reader, at } = await started(t, 1)
    t.equal(await command(0, 'late', how), 'done')
    // The one that forks and the reader; a fork event tells of a child with views before it says anything.
    const known = how === 'bare' || TRAPPED ? 2 : 3
    t.equal(await becomes(known, () => status(cluster.socket(0)).processes), known, 'the parent has ended')
    t.equal(await command(0, 'open'), 'added 10')
    t.equal(await sum(reader, at), 10)
    await holds(t, cluster, 0, 2)
  })
}
