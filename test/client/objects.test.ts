/** Reader-writer locks, semaphores, conditions, counters and words: C processes on three nodes, TypeScript beside them. */
import t from 'tap'
import { OBJECT_DEEDS, OBJECT_KINDS } from '../../ts/base/objects.js'
import { attach, type HeldRwLock } from '../../ts/client/index.js'
import { native } from '../../ts/native/index.js'
import { status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096
const MS = 1_000_000
const done = { is: 'ok' } as const
const failed = (name: string) => ({ is: 'err', text: new RegExp(`^ERR_GSHM_${name}`) }) as const

const cluster = await startCluster(t, 3)
const probe = async (node: number): Promise<Probe> => {
  const made = await Probe.start(cluster.socket(node))
  t.teardown(() => made.kill())
  return made
}
const [a, b, c] = [await probe(0), await probe(1), await probe(2)]
const g = attach({ socket: cluster.socket(1) })
t.teardown(() => g.detach())

/** Until somebody waits at the condition: then it cannot be destroyed. */
async function untilWaited(key: string): Promise<void> {
  for (;;) {
    const reply = await a.send('destroy', key, 'condition')
    if (reply.is === 'err' && reply.text.startsWith('ERR_GSHM_BUSY')) return
    if (reply.is !== 'ok') throw new Error(JSON.stringify(reply))
  }
}

t.test('the words of objects are those of native/abi/device.h', async (t) => {
  t.same(native.objects, { kinds: OBJECT_KINDS, deeds: OBJECT_DEEDS })
})

t.test('rwlock: readers together, a writer alone, in order; tries, timeouts; a writer that is killed', async (t) => {
  const other = await probe(2)
  await a.ok('read', 'l')
  await b.ok('read', 'l')
  t.match(await other.send('write', 'l', 0), failed('BUSY'))
  t.match(await other.send('write', 'l', 20 * MS), failed('TIMEOUT'))
  t.match(await a.thread('rwunlock', 'l'), failed('NOT_HOLDER'))
  t.match(await a.send('write', 'l'), failed('DEADLOCK'))
  t.match(await a.send('read', 'l'), failed('DEADLOCK'))
  const held = await g.rwlock('l').read()
  t.equal(held.ownerDied, false)
  t.equal(await g.rwlock('l').tryWrite(), undefined)
  await t.rejects(g.rwlock('l').write({ timeoutMs: 5 }), { code: 'ERR_GSHM_TIMEOUT' })
  t.match(await a.send('destroy', 'l', 'rwlock'), failed('BUSY'))
  const writer = other.send('write', 'l')
  for (let passed: HeldRwLock | undefined; (passed = await g.rwlock('l').tryRead()) !== undefined; )
    await passed.unlock()
  await a.ok('rwunlock', 'l')
  await b.ok('rwunlock', 'l')
  await held.unlock()
  await t.rejects(held.unlock(), { code: 'ERR_GSHM_NOT_HOLDER' })
  t.match(await writer, done)
  await other.kill()
  const reader = await g.rwlock('l').read()
  t.equal(reader.ownerDied, true, 'a writer was killed')
  await reader.unlock()
  t.match(await b.send('write', 'l'), failed('OWNER_DEAD'))
  await b.ok('rwunlock', 'l')
  await a.ok('write', 'l')
  await a.ok('rwunlock', 'l')
  await a.ok('destroy', 'l', 'rwlock')
})

t.test('rwlock: a reader and a waiter that are killed stand in nobody’s way', async (t) => {
  const [reads, waits] = [await probe(1), await probe(2)]
  await reads.ok('read', 'dies')
  const waiting = waits.send('write', 'dies')
  const writer = c.send('write', 'dies')
  await waits.kill()
  await reads.kill()
  t.match(await writer, done)
  t.match(await waiting, { is: 'ended' })
  await c.ok('rwunlock', 'dies')
})

t.test('rwlock: TypeScript gives it back at the end of a block, and blocks a thread when told so', async (t) => {
  const lock = g.rwlock(7)
  const held = await lock.write()
  t.match(await a.send('read', '#7', 0), failed('BUSY'), 'by number')
  await held[Symbol.asyncDispose]()
  await held[Symbol.asyncDispose]()
  lock.writeSync()
  t.throws(() => lock.readSync(), { code: 'ERR_GSHM_DEADLOCK' })
  t.match(await a.send('read', '#7', 0), failed('BUSY'))
  lock.unlockSync()
  t.throws(() => lock.unlockSync(), { code: 'ERR_GSHM_NOT_HOLDER' })
  await a.ok('read', '#7')
  lock.readSync({ timeoutMs: 1000 })
  lock.unlockSync()
  const aborts = new AbortController()
  const late = lock.write({ signal: aborts.signal })
  aborts.abort(new Error('enough'))
  await t.rejects(late, { message: 'enough' })
  await a.ok('rwunlock', '#7')
  const free = await lock.write({ timeoutMs: 10_000 }) // the lock may be on its way to who gave up
  await free.unlock()
  await lock.destroy()
})

t.test('semaphore: made once, waits in order, gives up, and is there until it is destroyed', async (t) => {
  t.match(await a.send('take', 's'), failed('NOT_FOUND'))
  await a.ok('semopen', 's', 2)
  await b.ok('semopen', 's', 9)
  t.equal(await c.ok('units', 's'), 2n)
  await b.ok('take', 's')
  await c.ok('take', 's')
  t.match(await b.send('take', 's', 0), failed('BUSY'))
  t.match(await b.send('take', 's', 20 * MS), failed('TIMEOUT'))
  const semaphore = g.semaphore('s')
  t.equal(await semaphore.tryWait(), false)
  const aborts = new AbortController()
  const late = semaphore.wait({ signal: aborts.signal })
  aborts.abort(new Error('enough'))
  await t.rejects(late, { message: 'enough' })
  const waits = c.thread('take', 's')
  await a.ok('post', 's', 1)
  t.match(await waits, done)
  const counts = () => status(cluster.socket(2)).processes
  const before = counts()
  const killed = await probe(2)
  const never = killed.send('take', 's')
  await killed.kill()
  t.match(await never, { is: 'ended' })
  t.equal(await becomes(before, counts), before)
  await semaphore.post(3)
  t.equal(await semaphore.value(), 3, 'who was killed took none')
  semaphore.waitSync({ timeoutMs: 0 })
  semaphore.postSync()
  t.equal(semaphore.valueSync(), 3)
  t.match(await b.send('post', 's', 2 ** 31 - 1), failed('LIMIT'))
  t.match(await b.send('post', 's', 0), failed('INVALID'))
  await semaphore.destroy()
  await t.rejects(semaphore.wait(), { code: 'ERR_GSHM_NOT_FOUND' })
  const fresh = g.semaphore('s', 1)
  await fresh.wait()
  t.equal(await fresh.value(), 0)
  t.match(await a.send('destroy', 's', 'semaphore'), done)
})

t.test(
  'semaphore: a process that is killed while it waits takes no unit once its node knows; nor hangs anybody before',
  async (t) => {
    const semaphore = g.semaphore('kills', 0)
    for (let round = 0; round < 9; round++) {
      const node = round % 3
      const counts = () => status(cluster.socket(node)).processes
      const before = counts()
      const victim = await probe(node)
      const takes = victim.send('take', 'kills')
      // It dies before the unit comes, or when it does: then it may have it, and takes it along.
      const isRace = round % 2 === 0
      const posts = isRace ? semaphore.post() : undefined
      await Promise.all([posts, victim.kill()])
      t.equal(await becomes(before, counts), before)
      await semaphore.post()
      await semaphore.wait({ timeoutMs: 10_000 })
      if (!isRace) t.equal(await semaphore.value(), 0)
      await semaphore.tryWait()
      t.equal(await semaphore.value(), 0)
      await takes
    }
    await semaphore.destroy()
  },
)

t.test('condition: signal wakes one, broadcast all; timeouts have the mutex again; no wake-up is lost', async (t) => {
  const waits = [b.thread('condwait', 'cv', 'm'), c.thread('condwait', 'cv', 'm')]
  await untilWaited('cv')
  t.match(await a.send('condwaitUnlocked', 'cv', 'm'), failed('NOT_HOLDER'))
  await a.ok('lock', 'm')
  await a.ok('unlock', 'm')
  await a.ok('signal', 'cv')
  t.match(await Promise.race(waits), done)
  await untilWaited('cv')
  await a.ok('broadcast', 'cv')
  t.match(await Promise.all(waits), [done, done])
  t.match(await a.send('condwait', 'cv', 'm', 20 * MS), failed('TIMEOUT'))
  t.match(await a.send('condwait', 'cv', 'm', 0), failed('BUSY'))
  await a.ok('lock', 'm')
  await a.ok('unlock', 'm')

  const condition = g.condition('cv')
  const held = await g.mutex('m').lock()
  const waiting = condition.wait(held)
  const there = b.thread('condwait', 'cv', 'm')
  await untilWaited('cv')
  await a.ok('lock', 'm') // so it was given back
  await a.ok('signal', 'cv')
  await a.ok('signal', 'cv')
  await a.ok('signal', 'cv')
  await a.ok('unlock', 'm')
  await a.ok('broadcast', 'cv')
  await waiting
  t.match(await a.send('lock', 'm2'), done)
  held.unlock()
  await a.ok('broadcast', 'cv')
  t.match(await there, done)
  await a.ok('unlock', 'm2')

  const again = await g.mutex('m').lock()
  await t.rejects(condition.wait(again, { timeoutMs: 5 }), { code: 'ERR_GSHM_TIMEOUT' })
  const aborts = new AbortController()
  const late = condition.wait(again, { signal: aborts.signal })
  aborts.abort(new Error('enough'))
  await t.rejects(late, { message: 'enough' })
  again.unlock()
  await t.rejects(condition.wait(again), { code: 'ERR_GSHM_NOT_HOLDER' })
  const mutex = g.mutex('m')
  mutex.lockSync()
  t.throws(() => condition.waitSync(mutex, { timeoutMs: 5 }), { code: 'ERR_GSHM_TIMEOUT' })
  mutex.unlockSync()
  t.throws(() => condition.waitSync(mutex), { code: 'ERR_GSHM_NOT_HOLDER' })
})

t.test('condition: a waiter that is killed when it is signalled leaves the signal to the next', async (t) => {
  for (let round = 0; round < 6; round++) {
    const victim = await probe(1 + (round % 2))
    const first = victim.send('condwait', 'heir', 'hm')
    await untilWaited('heir')
    const next = c.thread('condwait', 'heir', 'hm')
    const killed = victim.kill()
    for (let isOver = false; !isOver; ) {
      await a.ok('signal', 'heir')
      isOver = await Promise.race([
        next.then(() => true),
        new Promise<false>((resolve) => setImmediate(resolve, false)),
      ])
    }
    await killed
    t.match(await next, done)
    await first
  }
})

t.test('counter: every addition of three nodes and five threads counts once, and wraps', async (t) => {
  const counter = g.counter('n')
  const before = await Promise.all([
    ...Array.from({ length: 50 }, () => counter.add(1)),
    ...[a, b, c].flatMap((one) => Array.from({ length: 30 }, () => one.thread('count', 'n', 1))),
  ])
  const values = before.map((one) => (typeof one === 'bigint' ? one : one.is === 'ok' ? BigInt(one.text) : -1n))
  t.same(
    values.sort((x, y) => Number(x - y)),
    Array.from({ length: 140 }, (_, i) => BigInt(i)),
  )
  t.equal(counter.addSync(2n ** 63n - 1n - 140n), 140n)
  t.equal(await counter.add(1n), 2n ** 63n - 1n)
  t.match(await c.send('count', 'n', 0), { is: 'ok', text: String(-(2n ** 63n)) })
  await t.rejects(counter.add(2n ** 63n), { code: 'ERR_GSHM_INVALID' })
  await t.rejects(counter.add(0.5), { code: 'ERR_GSHM_INVALID' })
  await counter.destroy()
  t.match(await a.send('destroy', 'n', 'counter'), failed('NOT_FOUND'))
})

t.test('wait and notify: at a word, across nodes, in C and TypeScript', async (t) => {
  const segment = g.create('words', P)
  const view = segment.map()
  const address = segment.at(64)
  const [at, there] = await Promise.all(
    [a, c].map(async (one) => one.ok('map', await one.ok('open', 'words'), 0, 0, 0)),
  )
  const [word, far] = [at! + 64n, there! + 64n]
  t.match(await a.send('waitword', word, 1), { is: 'ok', text: '0x1' }, 'another value')
  t.equal(await g.wait(address, 7), 'not-equal')
  t.match(await a.send('waitword', word, 0, 0), failed('BUSY'))
  t.match(await a.send('waitword', word, 0, 20 * MS), failed('TIMEOUT'))
  await t.rejects(g.wait(address, 0, { timeoutMs: 5 }), { code: 'ERR_GSHM_TIMEOUT' })
  t.match(await a.send('waitword', word + 2n, 0), failed('MISALIGNED'))
  t.match(await a.send('waitword', 4096, 0), failed('NOT_MAPPED'))
  t.match(await a.send('notify', word, 0), failed('INVALID'))
  t.throws(() => g.wait(address + 1n, 0), { code: 'ERR_GSHM_MISALIGNED' })
  await t.rejects(g.wait(address, 2 ** 32), { code: 'ERR_GSHM_INVALID' })
  await t.rejects(async () => g.wait(8n, 0), { code: 'ERR_GSHM_NOT_MAPPED' })

  const woken = async (notify: () => Promise<number>, waits: Promise<unknown>) => {
    for (let count = 0; (count += await notify()) < 1; );
    await waits
  }
  await woken(() => g.notify(address), a.thread('waitword', word, 0))
  await woken(() => g.notify(address, 1), c.thread('waitword', far, 0))
  await woken(async () => Number(await c.ok('notify', far, 1)), g.wait(address, 0))
  t.equal(g.notifySync(address), 0, 'nobody is left')

  // Waits end when the value changes, whatever comes first.
  const words = new Uint32Array(view.buffer())
  for (let i = 0; i < 20; i++) {
    const both = [a.thread('waitword', word, i), c.thread('waitword', far, i)]
    Atomics.add(words, 16, 1)
    await g.notify(address)
    t.match(await Promise.all(both), [done, done])
  }
})

t.test('lrc: a plain write before a post, notify, signal, unlock or addition is seen by who goes on', async (t) => {
  const size = 8 * P
  const here = await a.ok('createWith', 'lazy', size, 0, 'consistency=lrc')
  const from = await a.ok('map', here, 0, 0, 0)
  const to = await c.ok('map', await c.ok('open', 'lazy'), 0, 0, 0)
  await a.ok('semopen', 'lazy', 0)
  let round = 0n
  const tell: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    ['semaphore', () => a.ok('post', 'lazy', 1), () => c.ok('take', 'lazy')],
    ['counter', () => a.ok('count', 'lazy', 1), () => c.ok('count', 'lazy', 0)],
    [
      'rwlock',
      async () => (await a.ok('write', 'lazy'), a.ok('rwunlock', 'lazy')),
      async () => (await c.ok('read', 'lazy'), c.ok('rwunlock', 'lazy')),
    ],
    [
      'word',
      () => a.ok('put', from + 64n, round + 1n),
      async () => t.equal(await c.ok('waitword', to + 64n, round), 1n),
    ],
  ]
  for (let i = 0; i < 3; i++) {
    for (const [name, says, hears] of tell) {
      round = await c.ok('get', to + 64n)
      const value = await c.ok('get', to + BigInt(P)) // so a copy is there that will be stale
      await a.ok('put', from + BigInt(P), value + 1n)
      await says()
      if (name === 'word') await a.ok('notify', from + 64n, 9)
      await hears()
      t.equal(await c.ok('get', to + BigInt(P)), value + 1n, name)
    }
    const value = await c.ok('get', to + BigInt(P))
    const wakes = c.thread('condwait', 'lazy', 'lazy')
    await untilWaited('lazy')
    await a.ok('put', from + BigInt(P), value + 1n)
    await a.ok('signal', 'lazy')
    t.match(await wakes, done)
    t.equal(await c.ok('get', to + BigInt(P)), value + 1n, 'condition')
  }
})

t.test('bad input: defined results in C and TypeScript', async (t) => {
  t.match(await a.send('read', 'x'.repeat(64)), failed('NAME_TOO_LONG'))
  t.match(await a.send('read', "''"), failed('NAME_INVALID'))
  t.match(await a.send('read', 'ok', -7), failed('INVALID'))
  t.match(await a.send('condwaitUnlocked', 'ok', 'm', -7), failed('INVALID'))
  t.match(await a.send('count', '@0x7', 1), failed('INVALID'), 'no global address')
  t.match(await a.send('count', `@${(77n << 44n) + 8n}`, 1), failed('INVALID'), 'a segment that is not open')
  t.match(await a.send('destroy', 'ok', 'nonsense'), failed('INVALID'))
  t.match(await a.send('semopen', 'ok', 2 ** 31), failed('INVALID'))
  await t.rejects(g.semaphore('ok', 2 ** 31).value(), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => g.semaphore('ok', -1), { code: 'ERR_GSHM_INVALID' })
  await t.rejects(g.rwlock('ok').read({ timeoutMs: -1 }), { code: 'ERR_GSHM_INVALID' })
  await t.rejects(g.rwlock('x'.repeat(64)).read(), { code: 'ERR_GSHM_NAME_TOO_LONG' })
  await a.ok('lock', 'mine')
  t.match(await a.send('destroy', 'mine', 'mutex'), failed('BUSY'))
  t.match(await b.send('destroy', 'mine', 'mutex'), failed('BUSY'))
  await a.ok('unlock', 'mine')
  while ((await b.send('destroy', 'mine', 'mutex')).is !== 'ok'); // its token may be on its way
})
