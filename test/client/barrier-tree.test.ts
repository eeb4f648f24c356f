/** A barrier of six nodes as a tree: node 5 tells node 1, which tells the manager. C and TypeScript, real processes. */
import t, { type Test } from 'tap'
import { attach } from '../../ts/client/index.js'
import { status } from '../../ts/client/inspect.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const NODES = 6
const MS = 1_000_000
const failed = (name: string) => ({ is: 'err', text: new RegExp(`^ERR_GSHM_${name}`) }) as const

const cluster = await startCluster(t, NODES, { barrierTree: 2 })
const start = async (t: Test, node: number): Promise<Probe> => {
  const probe = await Probe.start(cluster.socket(node))
  t.teardown(() => probe.kill())
  return probe
}
const probes = await Promise.all(Array.from({ length: NODES }, (_, node) => start(t, node)))
const g = attach({ socket: cluster.socket(5) })
t.teardown(() => g.detach())
const received = () => Array.from({ length: NODES }, (_, node) => status(cluster.socket(node)).messages.received)

/** One thread on each node. */
async function episode(t: Test, key: string, shape = ''): Promise<void> {
  const all = await Promise.all(probes.map((probe) => probe.thread('meet', key, NODES, 60_000 * MS, shape)))
  for (const reply of all) t.match(reply, { is: 'ok' })
}

t.test('tree: no node hears from more than four below it; without one the manager hears from all', async (t) => {
  const rounds = 20
  const heard = async (key: string, shape: string): Promise<number[]> => {
    await episode(t, key, shape)
    const before = received()
    for (let i = 0; i < rounds; i++) await episode(t, key, shape)
    return received().map((now, node) => (now - before[node]!) / rounds)
  }
  t.same((await heard('tree', '')).map(Math.floor), [4, 2, 1, 1, 1, 1], 'node 1: its parent and its kid')
  t.same((await heard('central', 'central')).map(Math.floor), [5, 1, 1, 1, 1, 1])
  t.same((await heard('central', 'tree')).map(Math.floor), [4, 2, 1, 1, 1, 1])
})

t.test('tree: who gives up does not count; who comes elsewhere, or once more, does', async (t) => {
  await episode(t, 'give')
  const five = probes.slice(0, 5).map((probe) => probe.thread('meet', 'give', NODES))
  t.match(await probes[3]!.send('meet', 'give', NODES + 1), failed('BARRIER_MISMATCH'))
  await g.barrier('give', NODES, { shape: 'tree' })
  for (const one of await Promise.all(five)) t.match(one, { is: 'ok' })
  await episode(t, 'give')
  t.match(await probes[5]!.send('meet', 'give', NODES, 20 * MS), failed('TIMEOUT'))
  t.match(await probes[1]!.send('meet', 'give', NODES, 0), failed('BUSY'))
  await t.rejects(g.barrier('give', NODES, { timeoutMs: 5 }), { code: 'ERR_GSHM_TIMEOUT' })
  const moved = [0, 2, 3, 4, 4].map((node) => probes[node]!.thread('meet', 'give', NODES))
  g.barrierSync('give', NODES, { shape: 'auto', timeoutMs: 60_000 })
  for (const one of await Promise.all(moved)) t.match(one, { is: 'ok' })
  await episode(t, 'give')
  await g.destroyBarrier('give')
  await episode(t, 'give')
  await t.rejects(g.barrier('give', 1, { shape: 'bush' as 'tree' }), { code: 'ERR_GSHM_INVALID', message: /bush/ })
  t.match(await probes[0]!.send('meet', 'give', 1, 0, 6), failed('INVALID'))
})

t.test('tree: a participant that is killed breaks it for all, above and below it', async (t) => {
  await episode(t, 'dies')
  const victim = await start(t, 1)
  const waits = [0, 2, 5].map((node) => probes[node]!.thread('meet', 'dies', NODES))
  const dies = victim.send('meet', 'dies', NODES)
  for (;;) {
    const reply = await probes[3]!.send('destroy', 'dies', 'barrier')
    if (reply.is === 'err' && reply.text.startsWith(`ERR_GSHM_BUSY: ${waits.length + 1} of`)) break
  }
  await victim.kill()
  t.match(await dies, { is: 'ended' })
  for (const one of await Promise.all(waits)) t.match(one, failed('NODE_LOST'))
  await episode(t, 'dies')
})

t.test('tree: a node with another below it is lost: NODE_LOST for all that wait, then the rest meet', async (t) => {
  await episode(t, 'lost')
  const rest = [0, 2, 3, 4, 5]
  const before = received()
  const waits = [2, 3, 5].map((node) => probes[node]!.thread('meet', 'lost', NODES))
  while (received()[0]! < before[0]! + 2 || received()[1]! < before[1]! + 1); // they are known as there
  await cluster.kill(1)
  for (const one of await Promise.all(waits)) t.match(one, failed('NODE_LOST'))
  const again = await Promise.all(rest.map((node) => probes[node]!.thread('meet', 'lost', rest.length)))
  for (const one of again) t.match(one, { is: 'ok' })
})
