/** Children of processes that have no view: no fork event tells of them, so they register as any process does. */
import t from 'tap'
import { processes } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const done = { is: 'ok' } as const
const cluster = await startCluster(t, 2)
const start = async (node: number): Promise<Probe> => {
  const probe = await Probe.start(cluster.socket(node))
  t.teardown(() => probe.kill())
  return probe
}
const pids = () =>
  processes(cluster.socket(0))
    .map(({ pid }) => pid)
    .sort((a, b) => a - b)

t.test('fork, without a view: the child is a process of its own', async (t) => {
  const parent = await start(0)
  const other = await start(1)
  t.match(await parent.send('lock', 'l'), done)
  const child = await parent.fork()
  t.teardown(() => child.kill())
  t.same(
    pids(),
    [parent.pid, child.pid].sort((a, b) => a - b),
  )
  t.match(await child.send('unlock', 'l'), { is: 'err', text: /NOT_HOLDER/ }, 'its parent holds it')
  const waits = child.thread('lock', 'l')
  t.match(await parent.send('unlock', 'l'), done)
  t.match(await waits, done)
  const all = [parent, child, other].map((one) => one.thread('meet', 'b', 3))
  for (const reply of await Promise.all(all)) t.match(reply, done)
  const made = await child.ok('create', 'own', 4096)
  const at = await child.ok('map', made, 0, 0, 0)
  await child.ok('put', at, 7)
  const there = await other.ok('map', await other.ok('open', 'own'), 0, 0, 0)
  t.equal(Number(await other.ok('get', there)), 7)
  const grandchild = await child.fork()
  t.teardown(() => grandchild.kill())
  t.equal(Number(await grandchild.ok('get', at)), 7, 'of one that has a view: by a fork event, as ever')
})

t.test('fork, without a view: segments that are open are open in the child, also when the name has gone', async (t) => {
  const parent = await start(0)
  const segment = await parent.ok('create', 'open', 8192)
  const child = await parent.fork()
  t.teardown(() => child.kill())
  t.match(await parent.send('unlink', 'open'), done)
  t.match(await parent.send('close', segment), done)
  const at = await child.ok('map', segment, 0, 0, 0)
  await child.ok('put', at, 9)
  t.equal(Number(await child.ok('get', at)), 9)
  t.ok(Number(await child.ok('alloc', segment, 64)) > 0)
})

t.test('fork, without a view: whoever goes first takes nothing with it', async (t) => {
  const before = pids()
  for (let i = 0; i < 20; i++) {
    const parent = await start(0)
    const child = await parent.fork()
    await parent.kill()
    t.match(await child.send('meet', 'alone', 1), done)
    await child.kill()
  }
  t.same(await becomes(before, pids), before)
})
