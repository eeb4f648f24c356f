/**
 * Barriers at which processes meet by themselves, without their daemons (native/abi/direct.h): they become so, go on
 * without a message, and whatever else happens there is as if they had never been.
 */
import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { attach } from '../../ts/client/index.js'
import { status, switchTrace, syncTrace } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'
import type { Program } from '../support/program.js'

const MS = 1_000_000
const AFTER = 4
const done = { is: 'ok' } as const
const failed = (name: string) => ({ is: 'err', text: new RegExp(`^ERR_GSHM_${name}`) }) as const

const cluster = await startCluster(t, 3, { barrierDirect: AFTER })
const probe = async (t: Test, node: number, from: TestCluster = cluster): Promise<Probe> => {
  const made = await Probe.start(from.socket(node))
  t.teardown(() => made.kill())
  return made
}

/** Processes of a node that meet others by themselves. */
const direct = (node: number, from: TestCluster = cluster): number => status(from.socket(node)).directBarriers.standing

/** Everybody, once. */
async function meet(t: Test, all: readonly Probe[], key: string): Promise<void> {
  for (const reply of await Promise.all(all.map((one) => one.thread('meet', key, all.length)))) t.match(reply, done)
}

/** Until the barrier of those, one of each of the nodes from 0 on, is one at which they meet by themselves. */
async function untilDirect(t: Test, all: readonly Probe[], key: string, from: TestCluster = cluster): Promise<void> {
  const before = all.map((_, node) => direct(node, from))
  const end = performance.now() + 20_000
  while (all.some((_, node) => direct(node, from) === before[node])) {
    if (performance.now() > end) throw new Error(`'${key}' has not become direct`)
    await meet(t, all, key)
  }
}

/** Until so many processes of the nodes wait by themselves. */
async function untilWaiting(nodes: readonly number[], from: TestCluster = cluster): Promise<void> {
  const waiting = () => nodes.map((node) => status(from.socket(node)).directBarriers.waiting)
  const wanted = nodes.map(() => 1)
  const seen = await becomes(wanted, waiting)
  if (seen.join() !== wanted.join()) throw new Error(`on the nodes ${nodes.join()} ${seen.join()} wait by themselves`)
}

async function rounds(t: Test, from: TestCluster, parties: number, key: string): Promise<Program[]> {
  const all = Array.from({ length: parties }, (_, node) =>
    from.start(node, 'rounds', [`of ${key}`, key, String(parties), String(node)]),
  )
  for (const one of all) t.equal(await one.line(), 'ready')
  return all
}

/** Each goes on for so many; gives what they say. */
async function go(all: readonly Program[], episodes: number): Promise<string[]> {
  for (const one of all) one.say(String(episodes))
  return Promise.all(all.map((one) => one.line()))
}

t.test('direct: thousands of episodes without a message, each of them whole', async (t) => {
  const all = await rounds(t, cluster, 3, 'many')
  t.same(await go(all, 500), ['ok 500', 'ok 500', 'ok 500'])
  await becomes([1, 1, 1], () => [0, 1, 2].map((node) => direct(node)))
  t.same(await go(all, 3000), ['ok 3500', 'ok 3500', 'ok 3500'])
  for (const one of all) await one.stop()
  t.same(await becomes([0, 0, 0], () => [0, 1, 2].map((node) => direct(node))), [0, 0, 0])
})

t.test('direct: messages of barriers alone are none', async (t) => {
  const all = [await probe(t, 0), await probe(t, 1), await probe(t, 2)]
  await untilDirect(t, all, 'none')
  const sent = () => [0, 1, 2].map((node) => status(cluster.socket(node)).messages.sent)
  const before = sent()
  for (let i = 0; i < 50; i++) await meet(t, all, 'none')
  t.same(sent(), before)
})

t.test('direct: another count is refused while somebody waits, and they go on', async (t) => {
  const all = [await probe(t, 0), await probe(t, 1), await probe(t, 2)]
  const other = await probe(t, 1)
  for (const late of [0, 1, 2]) {
    await untilDirect(t, all, 'count')
    const early = [0, 1, 2].filter((node) => node !== late)
    const waits = early.map((node) => all[node]!.thread('meet', 'count', 3))
    await untilWaiting(early)
    t.match(await other.send('meet', 'count', 2), failed('BARRIER_MISMATCH'))
    t.match(await all[late]!.send('meet', 'count', 3), done)
    for (const reply of await Promise.all(waits)) t.match(reply, done)
  }
})

t.test('direct: destroyed when nobody waits; BUSY while somebody does', async (t) => {
  const all = [await probe(t, 0), await probe(t, 1)]
  const other = await probe(t, 2)
  await untilDirect(t, all, 'destroy')
  t.match(await other.send('destroy', 'destroy', 'barrier'), done)
  await untilDirect(t, all, 'destroy')
  for (const first of [0, 1]) {
    const waits = all[first]!.thread('meet', 'destroy', 2)
    for (;;) {
      const reply = await other.send('destroy', 'destroy', 'barrier')
      if (reply.is === 'ok') continue
      t.match(reply, failed('BUSY'))
      break
    }
    t.match(await all[1 - first]!.send('meet', 'destroy', 2), done)
    t.match(await waits, done)
  }
})

t.test('direct: tried, timed, by another thread, from TypeScript: all the same', async (t) => {
  const all = [await probe(t, 0), await probe(t, 1)]
  const g = attach({ socket: cluster.socket(2) })
  t.teardown(() => g.detach())
  await untilDirect(t, all, 'mixed')
  t.match(await all[0]!.send('meet', 'mixed', 2, 0), failed('BUSY'))
  t.match(await all[1]!.send('meet', 'mixed', 2, 5 * MS), failed('TIMEOUT'))
  await meet(t, all, 'mixed')
  await untilDirect(t, all, 'mixed')
  const waits = all[0]!.thread('meet', 'mixed', 2)
  t.match(await all[1]!.send('meet', 'mixed', 2, 60_000 * MS), done, 'in time')
  t.match(await waits, done)
  await untilDirect(t, all, 'mixed')
  const two = [all[0]!.thread('meet', 'mixed', 2), all[0]!.thread('meet', 'mixed', 2)]
  for (const reply of await Promise.all(two)) t.match(reply, done, 'two threads of one process')
  await untilDirect(t, all, 'mixed')
  const last = all[1]!.thread('meet', 'mixed', 2)
  await g.barrier('mixed', 2)
  t.match(await last, done)
})

t.test('direct: one that is killed breaks it for those who wait, whoever it was', async (t) => {
  for (const dies of [0, 1, 2]) {
    const all = [await probe(t, 0), await probe(t, 1), await probe(t, 2)]
    const key = `killed${dies}`
    await untilDirect(t, all, key)
    const others = [0, 1, 2].filter((node) => node !== dies)
    const waits = others.map((node) => all[node]!.thread('meet', key, 3))
    await untilWaiting(others)
    await all[dies]!.kill()
    for (const reply of await Promise.all(waits)) t.match(reply, failed('NODE_LOST'))
    for (const one of all) await one.kill()
  }
})

t.test('direct: what is written in an lrc segment is there behind a barrier', async (t) => {
  const all = [await probe(t, 0), await probe(t, 1)]
  await untilDirect(t, all, 'lazy')
  const made = await all[0]!.ok('createWith', 'lazily', 4096, 0, 'consistency=lrc')
  const at = await all[0]!.ok('map', made, 0, 0, 0)
  const opened = await all[1]!.ok('open', 'lazily')
  const there = await all[1]!.ok('map', opened, 0, 0, 0)
  for (let i = 1; i <= 20; i++) {
    await all[0]!.ok('put', at, i)
    await meet(t, all, 'lazy')
    t.equal(Number(await all[1]!.ok('get', there)), i)
    await meet(t, all, 'lazy')
  }
  t.same([direct(0), direct(1)], [0, 0])
})

t.test('direct: at an address of a segment that has been closed meanwhile: INVALID, as ever', async (t) => {
  const all = [await probe(t, 0), await probe(t, 1)]
  const made = await all[0]!.ok('create', 'closed', 4096)
  await all[1]!.ok('open', 'closed')
  const key = `@${await all[0]!.ok('at', made, 64)}`
  await untilDirect(t, all, key)
  t.match(await all[0]!.send('close', made), done)
  t.match(await all[0]!.send('meet', key, 2), failed('INVALID'))
  const again = await all[0]!.ok('open', 'closed')
  await meet(t, all, key)
  t.match(await all[0]!.send('close', again), done)
})

t.test('direct: while everything is traced daemons see all of it', async (t) => {
  const all = [await probe(t, 0), await probe(t, 1)]
  await untilDirect(t, all, 'traced')
  switchTrace(cluster.socket(0), 'on')
  await meet(t, all, 'traced')
  await meet(t, all, 'traced')
  t.same(direct(0), 0)
  t.ok(syncTrace(cluster.socket(0)).includes('=traced'))
  switchTrace(cluster.socket(0), 'off')
  await untilDirect(t, all, 'traced')
})

t.test('direct: a child of one who meets meets nobody by itself; its parent goes on', async (t) => {
  const all = [await probe(t, 0), await probe(t, 1)]
  const made = await all[0]!.ok('create', 'of-forks', 4096)
  await all[0]!.ok('map', made, 0, 0, 0) // without a view its daemon would not know the child
  await untilDirect(t, all, 'forked')
  const child = await all[0]!.fork()
  t.teardown(() => child.kill())
  const waits = child.thread('meet', 'forked', 2)
  t.match(await all[1]!.send('meet', 'forked', 2), done)
  t.match(await waits, done)
  await untilDirect(t, all, 'forked')
})

t.test('direct: a node that is lost breaks it, with the root or without', async (t) => {
  for (const dies of [0, 1, 2]) {
    const own = await startCluster(t, 3, { barrierDirect: AFTER })
    const all = await Promise.all([0, 1, 2].map((node) => probe(t, node, own)))
    await untilDirect(t, all, 'lost', own)
    const others = [0, 1, 2].filter((node) => node !== dies)
    const waits = others.map((node) => all[node]!.thread('meet', 'lost', 3))
    await untilWaiting(others, own)
    await own.kill(dies)
    for (const reply of await Promise.all(waits)) t.match(reply, failed('NODE_LOST'))
  }
})

t.test('direct: the daemons of the root and of one that does not come end at once: none waits on', async (t) => {
  const own = await startCluster(t, 3, { barrierDirect: AFTER })
  const all = await Promise.all([0, 1, 2].map((node) => probe(t, node, own)))
  await untilDirect(t, all, 'two', own)
  const waits = [0, 2].map((node) => all[node]!.thread('meet', 'two', 3))
  await untilWaiting([0, 2], own)
  await Promise.all([own.kill(0), own.kill(1)])
  t.match(await waits[0], failed('(DAEMON|NODE)_LOST'))
  t.match(await waits[1], failed('NODE_LOST'))
})

t.test('direct: a root whose daemon stops, and is lost later, lets none wait for it', async (t) => {
  const own = await startCluster(t, 3, { barrierDirect: AFTER })
  const all = [await probe(t, 1, own), await probe(t, 2, own)]
  const other = await probe(t, 0, own)
  while (direct(1, own) + direct(2, own) < 2) await meet(t, all, 'stopped')
  const waits = all[1]!.thread('meet', 'stopped', 2)
  await untilWaiting([2], own)
  own.daemon(1).child.kill('SIGSTOP')
  const tried = other.thread('meet', 'stopped', 2, 0) // the manager asks; node 2 answers when its patience is over
  t.equal(await becomes(0, () => direct(2, own)), 0)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await own.kill(1)
  t.match(await waits, failed('NODE_LOST'))
  t.match(await tried, failed('(BUSY|NODE_LOST)'))
})

t.test('direct: a process keeps nothing of barriers that were destroyed', async (t) => {
  const all = [await probe(t, 0), await probe(t, 1)]
  const descriptors = () => all.map(({ pid }) => readdirSync(`/proc/${pid}/fd`).length)
  const seen: number[][] = []
  for (let i = 0; i < 4; i++) {
    await untilDirect(t, all, `destroyed${i}`)
    seen.push(descriptors())
    t.match(await all[0]!.send('destroy', `destroyed${i}`, 'barrier'), done)
    t.same(await becomes([0, 0], () => [direct(0), direct(1)]), [0, 0])
  }
  t.same(seen, [seen[0], seen[0], seen[0], seen[0]])
})

t.test('direct: who detaches while it waits wakes', async (t) => {
  const all = [await probe(t, 0), await probe(t, 1)]
  await untilDirect(t, all, 'detach')
  for (const [node, one] of all.entries()) {
    const waits = one.thread('meet', 'detach', 2)
    await untilWaiting([node])
    t.match(await one.send('detach'), done)
    t.match(await waits, failed('(DETACHED|DAEMON_LOST)'))
    await one.ok('attach', cluster.socket(node))
    await untilDirect(t, all, 'detach')
  }
})

t.test('direct: who detaches while it waits breaks it for those who wait', async (t) => {
  for (const leaves of [0, 1]) {
    const all = [await probe(t, 0), await probe(t, 1), await probe(t, 2)]
    const key = `left${leaves}`
    await untilDirect(t, all, key)
    const waits = [leaves, 2].map((node) => all[node]!.thread('meet', key, 3))
    await untilWaiting([leaves, 2])
    t.match(await all[leaves]!.send('detach'), done)
    t.match(await waits[0], failed('(DETACHED|DAEMON_LOST)'))
    t.match(await waits[1], failed('NODE_LOST'))
    for (const one of all) await one.kill()
  }
})
