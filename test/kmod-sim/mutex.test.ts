/** Mutexes of real processes on real nodes: by their words, across nodes, when holders die, when somebody scribbles. */
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { status } from '../../ts/client/inspect.js'
import { becomes, lockWaiters } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { fields, frame, Hostile } from '../support/hostile.js'
import { Probe } from '../support/probe.js'

const P = 4096
const CANCEL = 22
const ok = { is: 'ok' }
const refused = (name: string) => ({ is: 'err', text: new RegExp(`^ERR_GSHM_${name}: `) })

async function probes(t: Test, cluster: TestCluster, ...nodes: number[]): Promise<Probe[]> {
  const all = await Promise.all(nodes.map((node) => Probe.start(cluster.socket(node))))
  t.teardown(() => Promise.all(all.map((probe) => probe.kill())))
  return all
}

/** System calls of the process so far that gave up the processor: each request to the daemon is one. */
function waits(pid: number): number {
  return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

for (const [name, model] of [
  ['mrsw', ['consistency=mrsw']],
  ['srsw', ['consistency=srsw']],
  ['dynamic', ['consistency=mrsw', 'manager=dynamic']],
  ['lrc', ['consistency=lrc']],
] as const) {
  t.test(`mutex, ${name}: 2 nodes, 2 processes, 2 threads add under it -> the exact sum`, async (t) => {
    const [locks, rounds] = [3, 150]
    const cluster = await startCluster(t, 2)
    const [maker] = await probes(t, cluster, 0)
    const segment = await maker!.ok('createWith', 'sum', locks * P, 0, ...model)
    const at = await maker!.ok('map', segment, 0, 0, 0)
    const run = (node: number) => cluster.run(node, 'locker', ['sum', locks, node, 2, rounds].map(String))
    for (const end of await Promise.all([0, 1, 0, 1].map(run))) t.match(end, { status: 0, stdout: '' })
    await maker!.ok('acquire', segment, 0, 0)
    for (let lock = 0; lock < locks; lock++) {
      for (const word of [0, 8]) t.equal(await maker!.ok('get', at + BigInt(lock * P + word)), BigInt(8 * rounds))
    }
  })
}

t.test('mutex: taken again where it was -> no message, no request', async (t) => {
  const cluster = await startCluster(t, 2)
  const [a] = await probes(t, cluster, 1)
  await a!.ok('mutexcycles', 'l', 10)
  const sent = () => [0, 1].map((node) => status(cluster.socket(node)).messages.sent)
  const before = { sent: sent(), waits: waits(a!.pid) }
  await a!.ok('mutexcycles', 'l', 100_000)
  t.same(sent(), before.sent)
  const more = waits(a!.pid) - before.waits
  t.ok(more < 1000, `${more} waits for 100,000 rounds: a request each would be 200,000`)
})

t.test('mutex: tries, timeouts, recursion, unlock by who does not hold it', async (t) => {
  const cluster = await startCluster(t, 2)
  const [a, b, c] = await probes(t, cluster, 0, 0, 1)
  for (const key of ['name', '#7']) {
    t.match(await a!.send('mutexunlock', key), refused('NOT_HOLDER'), 'never locked')
    await a!.ok('mutex', key, -1)
    t.match(await a!.send('mutex', key, -1), refused('DEADLOCK'))
    t.match(await a!.send('mutex', key, 0), refused('DEADLOCK'))
    for (const other of [b!, c!]) {
      t.match(await other.send('mutexunlock', key), refused('NOT_HOLDER'))
      t.match(await other.send('mutex', key, 0), refused('BUSY'))
      t.match(await other.send('mutex', key, 1), refused('TIMEOUT'))
      t.match(await other.send('mutex', key, 20_000_000), refused('TIMEOUT'))
      t.match(await other.send('mutex', key, -2), refused('INVALID'))
    }
    const local = b!.thread('mutex', key, -1)
    await a!.ok('mutexunlock', key)
    t.match(await local, ok)
    t.match(await a!.send('mutexunlock', key), refused('NOT_HOLDER'), 'twice')
  }
})

t.test(
  'mutex: holders killed -> whoever is next is told, once; on their node, on another, while others wait',
  async (t) => {
    const cluster = await startCluster(t, 2)
    const [a, b, c, d] = await probes(t, cluster, 0, 0, 1, 1)
    await a!.ok('mutex', 'one', -1)
    await b!.ok('mutex', 'two', -1)
    const waiting = [b!, c!, d!].map((probe) => probe.send('mutex', 'one', 20_000_000_000))
    await a!.kill()
    const first = await Promise.race(waiting)
    t.match(first, refused('OWNER_DEAD'))
    await Promise.all([b!, c!, d!].map((probe) => probe.kill()))
    t.same((await Promise.all(waiting)).filter(({ is }) => is === 'err').length, 1, 'nobody else was')
    const [e] = await probes(t, cluster, 1)
    for (const key of ['one', 'two']) {
      t.match(await e!.send('mutex', key, -1), refused('OWNER_DEAD'))
      await e!.ok('mutexunlock', key)
      await e!.ok('mutex', key, -1)
      await e!.ok('mutexunlock', key)
    }
  },
)

t.test('mutex: forked children hold nothing; detach is the holder’s end; attached again it is another', async (t) => {
  const cluster = await startCluster(t, 1)
  const [a] = await probes(t, cluster, 0)
  await a!.ok('map', await a!.ok('create', 's', P, 0), 0, 0, 0) // the kernel tells of forks of who has views
  await a!.ok('mutex', 'l', -1)
  const child = await a!.fork()
  t.teardown(() => child.kill())
  t.match(await child.send('mutexunlock', 'l'), refused('NOT_HOLDER'))
  t.match(await child.send('mutex', 'l', 0), refused('BUSY'))
  const next = child.send('mutex', 'l', -1)
  await a!.ok('mutexunlock', 'l')
  t.match(await next, ok)
  t.match(await a!.send('mutex', 'l', 0), refused('BUSY'))
  await child.kill()
  t.match(await a!.send('mutex', 'l', -1), refused('OWNER_DEAD'))
  await a!.ok('detach')
  t.match(await a!.send('mutex', 'l', -1), refused('DETACHED'))
  await a!.ok('attach', cluster.socket(0))
  // The daemon hears of the detach by the closed connections, perhaps after the new hello.
  t.match(await a!.send('mutex', 'l', -1), refused('OWNER_DEAD'))
  await a!.ok('mutexcycles', 'other', 10)
})

t.test('mutex at an address: only while the segment is open; who waits when it goes gets it', async (t) => {
  const cluster = await startCluster(t, 1)
  const [a, b] = await probes(t, cluster, 0, 0)
  const segment = await a!.ok('create', 's', P, 0)
  const key = `@${await a!.ok('at', segment, 64)}`
  t.match(await b!.send('mutex', key, -1), refused('INVALID'), 'not open')
  await a!.ok('mutexcycles', key, 10)
  await a!.ok('close', segment)
  t.match(await a!.send('mutex', key, -1), refused('INVALID'), 'closed')
  const again = await a!.ok('open', 's', 0)
  await a!.ok('mutexcycles', key, 10)
  await a!.ok('mutex', key, -1)
  const waits = a!.thread('mutex', key, 20_000_000_000)
  await lockWaiters(cluster.socket(0), 1)
  await a!.ok('unlink', 's')
  await a!.ok('close', again)
  t.match(await waits, ok)
  t.match(await a!.send('mutexunlock', key), refused('NOT_HOLDER'), 'the segment is gone, and what its locks guarded')
})

t.test('mutex: whoever waits gets it before the engine has its turn, on the node and on another', async (t) => {
  const cluster = await startCluster(t, 2)
  const [a, b, c] = await probes(t, cluster, 0, 0, 1)
  const reflexes = () => [0, 1].map((node) => status(cluster.socket(node)).reflexes)
  const handOver = async (from: Probe, to: Probe) => {
    const waits = to.send('mutex', 'l', -1) // by its only thread, which is to unlock
    await lockWaiters(cluster.socket(0), 1)
    await from.ok('mutexunlock', 'l')
    t.match(await waits, ok)
  }
  await a!.ok('mutex', 'l', -1)
  // On the node it is always so; between nodes when the recall is there before the lock is given back.
  await handOver(a!, b!)
  t.same(await becomes([1, 0], reflexes), [1, 0])
  await handOver(b!, a!)
  t.same(await becomes([2, 0], reflexes), [2, 0])
  let rounds = 0
  for (; rounds < 200 && reflexes().some((count) => count < 6); rounds++) {
    await handOver(a!, c!)
    await handOver(c!, a!)
  }
  t.ok(rounds < 200, `${rounds} rounds for ${reflexes().join(' and ')}`)
  await a!.ok('mutexunlock', 'l')
})

t.test('mutex: kill -9 of the daemon -> no lock is had by its word any more', async (t) => {
  const cluster = await startCluster(t, 1)
  const [a] = await probes(t, cluster, 0)
  const segment = await a!.ok('create', 's', P, 0)
  const keys = ['l', `@${await a!.ok('at', segment, 0)}`]
  for (const key of keys) await a!.ok('mutexcycles', key, 2)
  await cluster.kill(0)
  for (const key of keys) {
    let reply
    do {
      reply = await a!.send('mutex', key, -1)
      if (reply.is === 'ok') await a!.send('mutexunlock', key) // the keeper has not been there yet
    } while (reply.is === 'ok')
    t.match(reply, refused('DAEMON_LOST'))
  }
})

t.test('mutex: scribbled words and bells break the locks there, and nothing else', async (t) => {
  const cluster = await startCluster(t, 2)
  const [a, b, c] = await probes(t, cluster, 0, 0, 1)
  const one = await a!.ok('create', 'one', P, 0)
  const two = await b!.ok('create', 'two', P, 0)
  const [mine, theirs] = [`@${await a!.ok('at', one, 0)}`, `@${await b!.ok('at', two, 0)}`]
  await a!.ok('mutexcycles', mine, 2)
  await b!.ok('mutexcycles', theirs, 2)
  await b!.ok('mutexcycles', 'named', 2)
  await a!.ok('scrawl', `gshm-locks:${BigInt(mine.slice(1)) >> 44n}`)
  await c!.ok('open', 'two', 0)
  for (let round = 0; round < 20; round++) {
    for (const key of [theirs, 'named']) for (const who of [b!, c!]) await who.ok('mutexcycles', key, 5)
  }
  const lines = cluster.log(0).split('\n').length
  t.ok(lines < 30, `${lines} lines in the log`)
  await a!.kill()
  await c!.ok('mutexcycles', theirs, 5)
})

t.test('a CANCEL that cancels nothing has no reply, and changes nothing', async (t) => {
  const cluster = await startCluster(t, 1)
  const hostile = new Hostile(cluster.socket(0))
  t.teardown(() => hostile.stop())
  const stranger = await hostile.connect()
  await hostile.send(stranger, frame(CANCEL)) // before hello
  const connection = await hostile.register()
  const lock = (holder: bigint) => frame('lock', fields(1, 0, 0n, 'l', holder, 0, 0))
  for (let i = 0; i < 5; i++) await hostile.send(connection, frame(CANCEL))
  t.equal((await hostile.exchange(connection, lock(1n)))?.error, 'OK')
  await hostile.send(connection, lock(2n))
  for (let i = 0; i < 5; i++) await hostile.send(connection, frame(CANCEL))
  t.equal((await hostile.receive(connection))?.error, 'TIMEOUT')
  for (const holder of [0n, 2n ** 30n, 2n ** 40n, 2n ** 63n])
    t.equal((await hostile.exchange(connection, lock(holder)))?.error, 'INVALID', `holder ${holder}`)
  const unlock = (holder: bigint) => frame('unlock', fields(1, 0, 0n, 'l', holder, 0, 0))
  for (const holder of [2n, 2n ** 30n + 1n, 2n ** 44n + 1n])
    t.not((await hostile.exchange(connection, unlock(holder)))?.error, 'OK', `holder ${holder}`)
  t.equal((await hostile.exchange(connection, unlock(1n)))?.error, 'OK')
})
