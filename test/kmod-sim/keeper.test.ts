/** kill -9 of the keeper, of the daemon, and of both: nothing reads zeros, and what can go on does. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import t from 'tap'
import { status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startNode } from '../support/cluster.js'
import { settled } from '../support/holdings.js'
import { Probe, type Reply } from '../support/probe.js'
import { except } from '../support/trap.js'

const P = 4096

/** Threads of the process that wait for somebody to serve their faults. */
function pendingFaults(pid: number): number {
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    if (readlinkSync(`/proc/${pid}/fd/${fd}`) !== 'anon_inode:[userfaultfd]') continue
    return Number(/^pending:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1])
  }
  return 0
}

t.test('kill -9 of the keeper: the daemon starts another and hands everything over', async (t) => {
  const node = await startNode(t)
  const { pid, keeperPid } = node.daemon(0)
  const a = await Probe.start(node.socket(0))
  const at = await a.ok('map', await a.ok('create', 'one', 4 * P, 0), 0, 0, 0)
  await a.ok('map', await a.ok('create', 'two', 4 * P, 0), 0, 0, 0)
  await a.ok('put', at, 1)
  const child = await a.fork()
  t.teardown(() => Promise.all([a.kill(), child.kill()]))
  process.kill(keeperPid, 'SIGKILL')
  const replaced = () => status(node.socket(0)).keeperPid
  t.ok(await becomes(true, () => replaced() !== keeperPid))
  const held = await settled(node, 0, 2, 2, replaced())
  t.same(held.got, held.wanted, 'the new one holds what the old one held')
  t.match(node.log(0), /the keeper is replaced: it ended with SIGKILL/)
  t.equal(await child.ok('get', at), 1n)
  const late = await child.fork()
  t.teardown(() => late.kill())
  await late.ok('put', at + BigInt(P), 2)
  const started = performance.now()
  process.kill(pid, 'SIGKILL')
  for (const one of [a, child, late]) {
    let reply: Reply
    do reply = await one.send('get', at)
    while (reply.is === 'ok' && BigInt(reply.text) === 1n)
    t.match(reply, { is: 'sigbus' }, 'and does its work')
  }
  t.ok(performance.now() - started < 2000)
})

t.test('a keeper that is stopped is replaced when the daemon has something to say to it', async (t) => {
  const node = await startNode(t)
  const { keeperPid } = node.daemon(0)
  const a = await Probe.start(node.socket(0))
  t.teardown(() => a.kill())
  const at = await a.ok('map', await a.ok('create', 'one', 4 * P, 0), 0, 0, 0)
  process.kill(keeperPid, 'SIGSTOP')
  // Until its queue is full: then the daemon gives up on it.
  while (status(node.socket(0)).keeperPid === keeperPid) await (await a.fork()).send('exit', 0)
  t.equal(await a.ok('get', at), 0n)
  const held = await settled(node, 0, 1, 1, status(node.socket(0)).keeperPid)
  t.same(held.got, held.wanted)
})

t.test(
  'kill -9 of the keeper and then of the daemon: accesses wait, none reads a zero',
  except('descriptors'),
  async (t) => {
    const node = await startNode(t)
    const { pid, keeperPid } = node.daemon(0)
    const a = await Probe.start(node.socket(0))
    t.teardown(() => a.kill())
    const at = await a.ok('map', await a.ok('create', 'one', 4 * P, 0), 0, 0, 0)
    await a.ok('put', at, 1)
    process.kill(pid, 'SIGSTOP') // so that it starts no other
    process.kill(keeperPid, 'SIGKILL')
    await node.kill(0)
    const reads = a.thread('get', at + BigInt(P)) // never fetched
    t.equal(await a.ok('get', at), 1n, 'what was here is here')
    const waits = await Promise.race([reads, becomes(true, () => pendingFaults(a.pid) === 1)])
    t.equal(waits, true, 'the other waits')
    await a.kill()
    t.match(await reads, { is: 'ended' })
  },
)

t.test('a child that nobody guards (its fork was told to a daemon that died): SIGBUS', except('clones'), async (t) => {
  const node = await startNode(t)
  const { pid, keeperPid } = node.daemon(0)
  const a = await Probe.start(node.socket(0))
  t.teardown(() => a.kill())
  const at = await a.ok('map', await a.ok('create', 'one', 4 * P, 0), 0, 0, 0)
  await a.ok('put', at, 1)
  const own = await a.ok('mmap', 0, P) // memory that is not shared stays what it is
  await a.ok('put', own, 5)
  process.kill(pid, 'SIGSTOP')
  process.kill(keeperPid, 'SIGKILL')
  await node.kill(0)
  // Reads the fork event as the daemon would have, and lets the child's userfaultfd go.
  const child = await a.fork('unguarded')
  t.teardown(() => child.kill())
  for (const page of [0, 1, 3]) t.match(await child.send('get', at + BigInt(page * P)), { is: 'sigbus' })
  t.match(await child.send('put', at, 7), { is: 'sigbus' })
  t.equal(await child.ok('get', own), 5n)
  t.equal(await a.ok('get', at), 1n)
})
