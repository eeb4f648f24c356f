/** gshm locks and gshm trace, of real processes on several nodes: who holds, who waits, who waits for whom. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { locks, switchTrace, syncTrace } from '../../ts/client/inspect.js'
import { deadlocks, lasting } from '../../ts/cli/deadlock.js'
import { report, type LockReport, type LocksReport } from '../../ts/cli/lock-report.js'
import { compiled } from '../../ts/launch/paths.js'
import type { SyncEvent } from '../../ts/trace/sync.js'
import { becomes, lockWaiters } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'
import { runProgram } from '../support/program.js'

interface Room {
  cluster: TestCluster
  probes: Probe[]
  told: () => LocksReport
  lock: (key: string) => LockReport | undefined
  gshm: (...args: string[]) => ReturnType<typeof runProgram>
}

/** A process on each of the nodes given. */
async function start(t: Test, nodes: number, on: readonly number[]): Promise<Room> {
  const cluster = await startCluster(t, nodes)
  const probes: Probe[] = []
  t.teardown(() => Promise.all(probes.map((probe) => probe.kill())))
  for (const node of on) probes.push(await Probe.start(cluster.socket(node)))
  const told = () => report(locks(cluster.socket(0)))
  const lock = (key: string) => told().locks.find((each) => each.key === key)
  const env = { GSHM_SOCKET: cluster.socket(0) }
  const gshm = (...args: string[]) => runProgram(undefined, compiled('ts/cli/main.js'), args, { env })
  return { cluster, probes, told, lock, gshm }
}

const last = (text: string) => JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')

/** So many wait for locks, in all. */
async function waiting(room: Room, wanted: number): Promise<void> {
  await lockWaiters(room.cluster.socket(0), wanted)
}

t.test('locks: acquisitions, by the word and not, hand-overs, holder and waiters, of every node', async (t) => {
  const room = await start(t, 2, [0, 1])
  const [a, b] = room.probes as [Probe, Probe]
  t.same(room.told(), { locks: [], silent: [], untoldLocks: 0, untoldWaiters: 0 })
  for (let i = 0; i < 10; i++) {
    await a.ok('lock', 'x')
    await a.ok('unlock', 'x')
  }
  t.match(room.lock('x'), {
    kind: 'name',
    node: 0,
    holder: null,
    acquisitions: 10,
    localReacquisitions: 9,
    handOvers: 0,
    waiters: [],
  })
  const { waitUs, holdUs } = room.lock('x')!
  for (const us of [waitUs.p50, waitUs.p99, holdUs.p50, holdUs.p99]) t.ok(us !== null && us > 0)

  await b.ok('lock', 'x')
  t.match(room.lock('x'), { node: 1, holder: { node: 1, pid: b.pid, thread: b.pid, async: false }, handOvers: 1 })
  await a.ok('lockn', 7)
  const waits = a.send('lock', 'x')
  await waiting(room, 1)
  t.match(room.lock('x'), { node: 1, waiters: [{ node: 0, pid: a.pid, thread: a.pid, async: false }] })
  t.match(room.lock('7'), { kind: 'number', node: 0, holder: { node: 0, pid: a.pid } })
  const end = await room.gshm('locks', '--json')
  t.equal(end.status, 0, 'to wait is no deadlock')
  t.match(last(end.stdout), { ok: true, silent: [], deadlocks: [], locks: [{ key: 'x', waiters: [{ node: 0 }] }, {}] })
  const text = (await room.gshm('locks')).stdout
  t.match(text, /^ *x +1 +\d+\/\d+ +11 +9 +1 +1 /m)
  t.match(text, new RegExp(`process ${a.pid} on node 0, thread ${a.pid} has waited \\d+\\.\\d{3} s for name x`))
  await b.ok('unlock', 'x')
  t.match(await waits, { is: 'ok' })
  t.match(room.lock('x'), { node: 0, acquisitions: 12, handOvers: 2, holder: { pid: a.pid } })
})

t.test('locks: what a node asks another one that has died, nobody waits for', async (t) => {
  const room = await start(t, 3, [2])
  await room.probes[0]!.ok('lock', 'x')
  t.match(room.lock('x'), { node: 2 })
  await room.cluster.kill(1)
  const { silent } = room.told()
  t.ok(silent.length === 0 || silent[0] === 1, 'lost before it was asked, or meanwhile')
  t.match(room.lock('x'), { node: 2, holder: { node: 2 } })
})

t.test('locks: two locks in opposite order on two nodes are a deadlock, which ends with one of them', async (t) => {
  const room = await start(t, 2, [0, 1])
  const [a, b] = room.probes as [Probe, Probe]
  await a.ok('lock', 'x')
  await b.ok('lock', 'y')
  const first = a.send('lock', 'y')
  await waiting(room, 1)
  t.equal((await room.gshm('locks')).status, 0)
  const second = b.send('lock', 'x')
  await waiting(room, 2)
  const end = await room.gshm('locks', '--json')
  t.equal(end.status, 1)
  const [found, ...more] = last(end.stdout).deadlocks
  t.same(more, [])
  t.equal(last(end.stdout).ok, false)
  t.equal(found.sure, true)
  const steps = found.waits.map(({ waiter, key, holder }: never) => [
    (waiter as { pid: number }).pid,
    key,
    (holder as { pid: number }).pid,
  ])
  t.same(steps.sort(), [[a.pid, 'y', b.pid] as unknown[], [b.pid, 'x', a.pid]].sort())
  t.match((await room.gshm('locks')).stdout, /DEADLOCK:\n.* waits for name y, held by process \d+ on node 1/)
  await b.kill()
  t.match(await second, { is: 'ended' })
  t.match(await first, { is: 'err', text: /ERR_GSHM_OWNER_DEAD/ })
  t.match(last((await room.gshm('locks', '--json')).stdout), { ok: true, deadlocks: [] })
})

t.test(
  'locks: a cycle of three processes on two nodes is found, and one who only waits for it is not in it',
  async (t) => {
    const room = await start(t, 2, [0, 1, 1, 0])
    const keys = ['x', 'y', 'z']
    const three = room.probes.slice(0, 3)
    const bystander = room.probes[3]!
    for (const [i, probe] of three.entries()) await probe.ok('lock', keys[i]!)
    const waits = three.map((probe, i) => probe.send('lock', keys[(i + 1) % 3]!))
    const beside = bystander.send('lock', 'x')
    await waiting(room, 4)
    const [found, ...more] = last((await room.gshm('locks', '--json')).stdout).deadlocks
    t.same(more, [])
    t.equal(found.sure, true)
    const pids = found.waits.map(({ waiter }: { waiter: { pid: number } }) => waiter.pid)
    t.same(pids.sort(), three.map(({ pid }) => pid).sort())
    await three[1]!.kill()
    t.match(await waits[0], { is: 'err', text: /ERR_GSHM_OWNER_DEAD/ })
    await waiting(room, 2)
    t.match(last((await room.gshm('locks', '--json')).stdout), { ok: true, deadlocks: [] })
    await three[0]!.kill()
    await three[2]!.kill()
    t.match(await beside, { is: 'err', text: /ERR_GSHM_OWNER_DEAD/ })
  },
)

const party = (node: number, pid: number, async = false) => ({ node, pid, thread: pid, async })
const waiter = (node: number, pid: number, ticket: number, async = false) => ({
  ...party(node, pid, async),
  ticket,
  waitedUs: 1,
})
const none = { p50: null, p99: null }
const held = (key: string, holder: LockReport['holder'], ...waiters: LockReport['waiters']): LockReport => ({
  kind: 'name',
  key,
  node: holder?.node ?? null,
  holder,
  acquisitions: 0,
  localReacquisitions: 0,
  handOvers: 0,
  waiters,
  waitUs: none,
  holdUs: none,
})

t.test('deadlocks: only what lasts counts; asynchronous holders are only possible ones', async (t) => {
  const x = held('x', party(0, 1), waiter(1, 2, 5))
  const y = held('y', party(1, 2), waiter(0, 1, 9))
  t.equal(deadlocks([x]).length, 0)
  t.equal(deadlocks([x, held('y', null, waiter(0, 1, 9))]).length, 0, 'nobody holds y')
  t.equal(deadlocks([x, held('y', party(1, 3), waiter(0, 1, 9))]).length, 0, 'another thread holds it')
  const [found, ...more] = deadlocks([x, y, held('z', party(0, 1), waiter(0, 7, 1), waiter(0, 8, 2))])
  t.same(more, [])
  t.equal(found?.sure, true)
  t.equal(lasting([found!], deadlocks([y, x])).length, 1, 'in whatever order it is told')
  const later = held('y', party(1, 2), waiter(0, 1, 10))
  t.same(lasting([found!], deadlocks([x, later])), [], 'another wait than before')
  const self = held('s', party(0, 4, true), waiter(0, 4, 1, true))
  t.same(deadlocks([self]), [], 'two tasks of a process')
  const tasks = [held('x', party(0, 1, true), waiter(1, 2, 5)), held('y', party(1, 2), waiter(0, 1, 9, true))]
  t.match(deadlocks(tasks), [{ sure: false }])
})

t.test('locks: what a node tells that makes no sense is refused, and it is named', async (t) => {
  const fine = { key: '=x', here: true, holder: null, granted: 1, byWord: 2, passed: 3, waits: [1], holds: [0, 1] }
  const told = (...locks: unknown[]) => [{ node: 3, text: JSON.stringify({ locks, untoldLocks: 0, untoldWaiters: 0 }) }]
  t.match(report(told({ ...fine, waiters: [] })), { locks: [{ key: 'x', acquisitions: 3, waitUs: { p99: 0.032 } }] })
  t.same(report([{ node: 4 }]).silent, [4])
  const bad = [null, 7, {}, { ...fine }, { ...fine, waiters: [{}] }, { ...fine, waiters: [], granted: -1 }]
  for (const lock of [...bad, { ...fine, waiters: [], holder: {} }, { ...fine, waiters: [], waits: ['1'] }]) {
    t.throws(() => report(told(lock)), { code: 'ERR_GSHM_BAD_FRAME', message: /node 3/ }, JSON.stringify(lock))
  }
  for (const text of ['', 'x', 'null', '[]', '{}']) t.throws(() => report([{ node: 3, text }]), /node 3/)
})

/** The events of a node's trace, without what differs from run to run. */
function events(socket: string): (SyncEvent & { ns: number })[] {
  const [head, ...lines] = syncTrace(socket)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(head, { trace: 'sync', version: 1, lost: 0, wallNs: /^\d+$/, monotonicNs: /^\d+$/ })
  return lines
}

t.test('trace: every lock and unlock is traced, by whom, and the token’s ways; off again they are not', async (t) => {
  const room = await start(t, 2, [0, 1])
  const [a, b] = room.probes as [Probe, Probe]
  const sockets = [room.cluster.socket(0), room.cluster.socket(1)] as const
  await a.ok('lock', 'x')
  await a.ok('unlock', 'x')
  t.same(events(sockets[0]), [], 'off')
  for (const socket of sockets) switchTrace(socket, 'on')
  for (let i = 0; i < 3; i++) {
    await a.ok('lock', 'x')
    await a.ok('unlock', 'x')
  }
  const once = [{ is: 'request', what: 'lock' }, { is: 'hold' }, { is: 'grant' }, { is: 'release' }]
  const mine = once.map((event) => ({ ...event, key: '=x' }))
  await becomes(3 * mine.length, () => events(sockets[0]).length) // that the last one is given back comes by the bell
  t.match(events(sockets[0]), [...mine, ...mine, ...mine])
  t.match(events(sockets[0])[1], { pid: a.pid, holder: a.pid })
  await b.ok('lock', 'x')
  t.match(events(sockets[0]).at(-1), { is: 'pass', to: 1 })
  t.match(events(sockets[1]), [
    { is: 'request' },
    { is: 'arrive', from: 0 },
    { is: 'hold', pid: b.pid },
    { is: 'grant' },
  ])
  const waits = a.send('lock', 'x')
  await waiting(room, 1)
  await a.kill()
  t.match(await waits, { is: 'ended' })
  await waiting(room, 0)
  t.match(events(sockets[0]).slice(-2), [{ is: 'request' }, { is: 'gone' }])
  await b.ok('barrier', 'all', 1)
  t.match(events(sockets[1]).slice(-2), [{ is: 'request', what: 'barrier', key: '=all', holder: 0 }, { is: 'grant' }])
  const ns = events(sockets[1]).map((event) => event.ns)
  t.same(
    ns,
    [...ns].sort((one, other) => one - other),
  )
  for (const socket of sockets) switchTrace(socket, 'off')
  const before = events(sockets[1]).length
  await b.ok('unlock', 'x')
  await b.ok('lock', 'x')
  await b.ok('unlock', 'x')
  t.equal(events(sockets[1]).length, before, 'kept, and nothing is added')
  const word = room.lock('x')!.localReacquisitions
  await b.ok('lock', 'x')
  t.equal(room.lock('x')!.localReacquisitions, word + 1, 'by its word again')
})

t.test('gshm trace: on, dump to a file, off; and who may not', async (t) => {
  const room = await start(t, 1, [0])
  t.match(await room.gshm('trace'), { status: 1, stderr: /--sync: one of on, off, dump/ })
  t.match(await room.gshm('trace', '--sync', 'of'), { status: 1, stderr: /--sync 'of': one of/ })
  t.match(last((await room.gshm('trace', '--sync', 'on', '--json')).stdout), { ok: true, sync: 'on', nodes: [0] })
  await room.probes[0]!.ok('lock', 'x')
  const file = join(t.testdir(), 'trace.jsonl')
  t.match(last((await room.gshm('trace', '--sync', 'dump', '-o', file, '--json')).stdout), { ok: true, events: 3 })
  const kinds = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).is)
  t.same(kinds, [undefined, 'request', 'hold', 'grant'])
  t.equal((await room.gshm('trace', '--sync', 'dump')).stdout, readFileSync(file, 'utf8'))
  t.match(await room.gshm('trace', '--sync', 'dump', '-o', '/nonexistent/x'), { status: 1, stderr: /--output: / })
  t.equal((await room.gshm('trace', '--sync', 'off')).status, 0)
  t.match(syncTrace(room.cluster.socket(0)), /^\{"trace":"sync","version":1,"node":0,"on":false,/)
})
