/**
 * Mutexes that go to and fro between one process of each of two nodes by a line (native/abi/lock_line.h): they come by
 * it, and whatever else happens there is as if it had never been.
 */
import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { status } from '../../ts/client/inspect.js'
import { becomes, lockWaiters } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe, type Reply } from '../support/probe.js'

const P = 4096
const SECOND = 1_000_000_000
const ok = { is: 'ok' }
const refused = (name: string) => ({ is: 'err', text: new RegExp(`^ERR_GSHM_${name}: `) })

/** Node 0 manages the locks; those who use them are on the others. */
const NODES = 3
const AFTER = 2

async function probes(t: Test, cluster: TestCluster, ...nodes: number[]): Promise<Probe[]> {
  const all = await Promise.all(nodes.map((node) => Probe.start(cluster.socket(node))))
  t.teardown(() => Promise.all(all.map((probe) => probe.kill())))
  return all
}

const lines = (cluster: TestCluster, node: number) => status(cluster.socket(node)).directLocks
const came = (cluster: TestCluster): number =>
  cluster.daemons.reduce((sum, { socket }) => sum + status(socket).directLocks.came, 0)

/** Somebody has the lock; `to` waits for it from now on. */
async function asked(cluster: TestCluster, to: Probe, key: string, timeoutNs = -1): Promise<{ reply: Promise<Reply> }> {
  const reply = to.send('mutex', key, timeoutNs)
  await lockWaiters(cluster.socket(0), 1)
  return { reply }
}

async function handOver(t: Test, cluster: TestCluster, from: Probe, to: Probe, key: string): Promise<void> {
  const { reply } = await asked(cluster, to, key)
  await from.ok('mutexunlock', key)
  t.match(await reply, ok)
}

/** Until the lock has a line; `a`, on node 1, holds it then. `b` is on node 2. */
async function untilDirect(t: Test, cluster: TestCluster, a: Probe, b: Probe, key: string): Promise<void> {
  await a.ok('mutex', key, -1)
  const end = performance.now() + 20_000
  while (lines(cluster, 1).standing !== 1 || lines(cluster, 2).standing !== 1) {
    if (performance.now() > end) throw new Error(`'${key}' has got no line`)
    await handOver(t, cluster, a, b, key)
    await handOver(t, cluster, b, a, key)
  }
}

/** Until who holds the lock may give it to who waits for it. */
async function untilReady(cluster: TestCluster): Promise<void> {
  const ready = () => [1, 2].map((node) => lines(cluster, node).ready)
  const seen = await becomes([1, 1], ready)
  if (seen.join() !== '1,1') throw new Error(`lines that may be used: ${seen.join()}`)
}

t.test('direct: hundreds of hand-overs add up, and most come by lines', async (t) => {
  const [locks, rounds] = [3, 100]
  const cluster = await startCluster(t, 2, { lockDirect: AFTER })
  const [maker] = await probes(t, cluster, 0)
  const segment = await maker!.ok('create', 'sum', locks * P, 0)
  const at = await maker!.ok('map', segment, 0, 0, 0)
  const run = (node: number) => cluster.run(node, 'locker', ['sum', locks, node, 1, rounds, 300].map(String))
  for (const end of await Promise.all([0, 1].map(run))) t.match(end, { status: 0, stdout: '' })
  for (let lock = 0; lock < locks; lock++) {
    for (const word of [0, 8]) t.equal(await maker!.ok('get', at + BigInt(lock * P + word)), BigInt(2 * rounds))
  }
  t.ok(came(cluster) > 0, `${came(cluster)} came by lines`)
})

const cluster = await startCluster(t, NODES, { lockDirect: AFTER })

t.test('direct: it comes by the line, each time; a try and a time limit are as ever', async (t) => {
  const [a, b] = await probes(t, cluster, 1, 2)
  await untilDirect(t, cluster, a!, b!, 'ways')
  for (const [from, to] of [
    [a!, b!],
    [b!, a!],
  ] as const) {
    t.match(await to.send('mutex', 'ways', 0), refused('BUSY'))
    t.match(await to.send('mutex', 'ways', 1_000_000), refused('TIMEOUT'))
    const before = came(cluster)
    const { reply } = await asked(cluster, to, 'ways', 60 * SECOND)
    await untilReady(cluster)
    await from.ok('mutexunlock', 'ways')
    t.match(await reply, ok)
    t.match(await to.send('mutex', 'ways', -1), refused('DEADLOCK'))
    t.equal(await becomes(before + 1, () => came(cluster)), before + 1)
    t.match(await from.send('mutexunlock', 'ways'), refused('NOT_HOLDER'))
  }
  await a!.ok('mutexunlock', 'ways')
})

t.test('direct: strangers, of these nodes and another, get it too, and end the line', async (t) => {
  const [a, b, c, d] = await probes(t, cluster, 1, 2, 1, 0)
  for (const stranger of [c!, d!]) {
    await untilDirect(t, cluster, a!, b!, 'others')
    await handOver(t, cluster, a!, stranger, 'others')
    await handOver(t, cluster, stranger, b!, 'others')
    await b!.ok('mutexunlock', 'others')
    const none = () => [1, 2].map((node) => lines(cluster, node).standing)
    t.same(await becomes([0, 0], none), [0, 0])
  }
})

t.test('direct: whoever waits is killed -> nobody is told of a death, and the line ends', async (t) => {
  const [a, b, c] = await probes(t, cluster, 1, 2, 2)
  await untilDirect(t, cluster, a!, b!, 'waiter')
  const { reply } = await asked(cluster, b!, 'waiter')
  await untilReady(cluster)
  await b!.kill()
  t.match(await reply, { is: 'ended' })
  await a!.ok('mutexunlock', 'waiter')
  await c!.ok('mutex', 'waiter', -1)
  await c!.ok('mutexunlock', 'waiter')
  await a!.ok('mutex', 'waiter', -1)
  t.same(await becomes([0, 0], () => [1, 2].map((node) => lines(cluster, node).standing)), [0, 0])
})

t.test('direct: whoever holds it is killed -> the next is told, once', async (t) => {
  const [a, b] = await probes(t, cluster, 1, 2)
  await untilDirect(t, cluster, a!, b!, 'holder')
  const { reply } = await asked(cluster, b!, 'holder')
  await untilReady(cluster)
  await a!.kill()
  t.match(await reply, refused('OWNER_DEAD'))
  await b!.ok('mutexunlock', 'holder')
  await b!.ok('mutex', 'holder', -1)
})

/** a has passed the lock on to b by the line, and a's daemon, which is stopped, has not heard of it. */
async function ahead(t: Test, from: TestCluster, a: Probe, b: Probe, key: string): Promise<void> {
  await untilDirect(t, from, a, b, key)
  const { reply } = await asked(from, b, key)
  await untilReady(from)
  process.kill(from.daemons[1]!.pid, 'SIGSTOP')
  await a.ok('mutexunlock', key)
  t.match(await reply, ok, 'no daemon has had a part in that')
}

t.test('direct: it has come before its token; whoever gives it back, and asks for it again, gets it', async (t) => {
  const [a, b, c] = await probes(t, cluster, 1, 2, 2)
  await ahead(t, cluster, a!, b!, 'early')
  await b!.ok('mutexunlock', 'early')
  const again = b!.send('mutex', 'early', -1)
  process.kill(cluster.daemons[1]!.pid, 'SIGCONT')
  t.match(await again, ok)
  const { reply } = await asked(cluster, c!, 'early')
  await b!.ok('mutexunlock', 'early')
  t.match(await reply, ok)
})

t.test('direct: it has come before its token, and its holder is killed -> the next is told', async (t) => {
  const [a, b, c] = await probes(t, cluster, 1, 2, 2)
  for (const other of [c!, a!]) {
    const [fresh] = other === c! ? [b!] : await probes(t, cluster, 2)
    await ahead(t, cluster, a!, fresh!, other === c! ? 'dies' : 'dies-too')
    await fresh!.kill()
    const next = other === c! ? other.send('mutex', 'dies', -1) : undefined
    process.kill(cluster.daemons[1]!.pid, 'SIGCONT')
    t.match(await (next ?? other.send('mutex', 'dies-too', -1)), refused('OWNER_DEAD'))
  }
})

t.test('direct: nothing comes by a line while a process here has a segment of lrc open', async (t) => {
  const [a, b, c] = await probes(t, cluster, 1, 2, 2)
  await untilDirect(t, cluster, a!, b!, 'lazy')
  const segment = await c!.ok('createWith', 'lazy', P, 0, 'consistency=lrc')
  const before = came(cluster)
  for (let i = 0; i < 3; i++) {
    await handOver(t, cluster, a!, b!, 'lazy')
    await handOver(t, cluster, b!, a!, 'lazy')
  }
  t.equal(came(cluster), before)
  await c!.ok('close', segment)
  await a!.ok('mutexunlock', 'lazy')
})

t.test('direct: nothing is left of lines when their processes have ended', async (t) => {
  const descriptors = () => cluster.daemons.map(({ pid }) => readdirSync(`/proc/${pid}/fd`).length)
  const before = descriptors()
  const all = await Promise.all([1, 2].map((node) => Probe.start(cluster.socket(node))))
  await untilDirect(t, cluster, all[0]!, all[1]!, 'left')
  for (const one of all) await one.kill()
  const none = cluster.daemons.map(() => 0)
  const more = () => descriptors().map((now, node) => Math.max(0, now - before[node]!))
  t.same(await becomes(none, more), none)
})

t.test('direct: it has come before its token, and the other daemon is killed -> it is had, and goes on', async (t) => {
  const own = await startCluster(t, NODES, { lockDirect: AFTER })
  const [a, b, c] = await probes(t, own, 1, 2, 0)
  await ahead(t, own, a!, b!, 'lost')
  process.kill(own.daemons[1]!.pid, 'SIGKILL')
  await becomes(2, () => status(own.socket(0)).nodes.length)
  await b!.ok('mutexunlock', 'lost')
  // Whether its node had the token is not known to all: whoever is next may be told.
  const next = await c!.send('mutex', 'lost', -1)
  if (next.is !== 'ok') t.match(next, refused('OWNER_DEAD'))
  await c!.ok('mutexunlock', 'lost')
  await b!.ok('mutex', 'lost', -1)
})
