/** Where locks go: whose process becomes another program, or forks one; whose thread ends; more than a node has words for. */
import t, { type Test } from 'tap'
import { lockWaiters } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096
const PATIENCE_NS = 20_000_000_000
const ok = { is: 'ok' }
const refused = (name: string) => ({ is: 'err', text: new RegExp(`^ERR_GSHM_${name}: `) })

async function probes(t: Test, cluster: TestCluster, ...nodes: number[]): Promise<Probe[]> {
  const all = await Promise.all(nodes.map((node) => Probe.start(cluster.socket(node))))
  t.teardown(() => Promise.all(all.map((probe) => probe.kill())))
  return all
}

t.test('exec: who execs another program while it holds locks -> the next holder of each is told, once', async (t) => {
  const cluster = await startCluster(t, 2)
  const [a, b, c] = await probes(t, cluster, 0, 0, 1)
  const segment = await a!.ok('create', 's', P, 0)
  await a!.ok('map', segment, 0, 0, 0)
  for (const other of [b!, c!]) await other.ok('open', 's', 0)
  const keys = ['name', '#7', `@${await a!.ok('at', segment, 64)}`]
  for (const key of keys) await a!.ok('mutex', key, -1)
  await a!.ok('write', 'rw')
  const waits = c!.thread('mutex', 'name', PATIENCE_NS)
  t.match(await a!.send('exec'), { is: 'ended' })
  t.match(await waits, refused('OWNER_DEAD'), 'who waits')
  for (const key of keys.slice(1)) {
    t.match(await b!.send('mutex', key, PATIENCE_NS), refused('OWNER_DEAD'), key)
    await b!.ok('mutexunlock', key)
    t.match(await c!.send('mutex', key, PATIENCE_NS), ok, `${key}: told once`)
  }
  t.match(await c!.send('write', 'rw'), refused('OWNER_DEAD'))
})

t.test('exec: a child that becomes another program, or ends, has nothing of its parent’s locks', async (t) => {
  const cluster = await startCluster(t, 1)
  const [a, b] = await probes(t, cluster, 0, 0)
  await a!.ok('map', await a!.ok('create', 's', P, 0), 0, 0, 0)
  await a!.ok('mutex', 'l', -1)
  const [execs, ends] = [await a!.fork(), await a!.fork()]
  t.teardown(() => process.kill(execs.pid, 'SIGKILL'))
  t.match(await execs.send('exec'), { is: 'ended' })
  await ends.kill()
  t.match(await b!.send('mutex', 'l', 0), refused('BUSY'))
  const waits = b!.thread('mutex', 'l', PATIENCE_NS)
  await a!.ok('mutexunlock', 'l')
  t.match(await waits, ok, 'given back, and nobody has died')
})

t.test(
  'thread: one that ends while it holds locks -> the next holder is told, once; here, there, who waits or not',
  async (t) => {
    const cluster = await startCluster(t, 2)
    const [a, b, c] = await probes(t, cluster, 0, 0, 1)
    const segment = await a!.ok('create', 's', P, 0)
    for (const other of [b!, c!]) await other.ok('open', 's', 0)
    for (const key of ['name', '#7', `@${await a!.ok('at', segment, 64)}`]) {
      for (const next of [a!, b!, c!]) {
        t.match(await a!.thread('mutex', key, PATIENCE_NS), ok) // a probe's thread ends with its command
        t.match(await next.send('mutex', key, PATIENCE_NS), refused('OWNER_DEAD'), key)
        const waits = [b!, c!].map((other) => other.thread('mutex', key, PATIENCE_NS))
        await next.ok('mutexunlock', key)
        t.match(await Promise.race(waits), ok, 'told once')
        const both = await Promise.all(waits)
        t.equal(both.filter(({ is }) => is === 'err').length, 1, 'the other waits for a thread that ends')
        t.match(await next.send('mutex', key, PATIENCE_NS), refused('OWNER_DEAD'))
        await next.ok('mutexunlock', key)
      }
    }
  },
)

t.test(
  'thread: one that ends in a destructor, or is cancelled while it waits, leaves its lock to the next',
  async (t) => {
    const cluster = await startCluster(t, 1)
    const [a, b] = await probes(t, cluster, 0, 0)
    await a!.ok('mutex', 'first', -1) // so that the library knows of its threads' ends before the probe has its key
    await a!.ok('mutexunlock', 'first')
    await a!.ok('late', 'l')
    t.match(await b!.send('mutex', 'l', PATIENCE_NS), refused('OWNER_DEAD'))
    await b!.ok('mutexunlock', 'l')
    await b!.ok('mutex', 'c', -1)
    await a!.ok('cancelled', 'c')
    await lockWaiters(cluster.socket(0), 1)
    await b!.ok('mutexunlock', 'c')
    t.match(await b!.send('mutex', 'c', PATIENCE_NS), refused('OWNER_DEAD'), 'it waited on, had it, and ended')
  },
)

t.test('thread: what it gave back, and what others of its process hold, is as before', async (t) => {
  const cluster = await startCluster(t, 1)
  const [a, b] = await probes(t, cluster, 0, 0)
  t.match(await a!.send('mutex', 'held', -1), ok)
  for (let i = 0; i < 20; i++) t.match(await a!.thread('mutexcycles', `cycles-${i}`, 3), ok)
  t.match(await b!.send('mutex', 'held', 0), refused('BUSY'))
  for (let i = 0; i < 20; i++) {
    t.match(await b!.send('mutex', `cycles-${i}`, PATIENCE_NS), ok)
    await b!.ok('mutexunlock', `cycles-${i}`)
  }
  await a!.ok('mutexunlock', 'held')
  t.match(await b!.send('mutex', 'held', PATIENCE_NS), ok)
})

t.test('more locks than a node has words for: whose word serves another lock now excludes as before', async (t) => {
  const cluster = await startCluster(t, 2)
  const run = (node: number, ...more: string[]) => cluster.run(node, 'crowd', ['3', ...more])
  for (const end of await Promise.all([run(0, 'all'), run(0), run(1)])) t.match(end, { status: 0, stdout: '300\n' })
})
