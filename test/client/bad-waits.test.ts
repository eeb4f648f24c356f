/** Locks and objects: waits of no time and of all time, unlocks and destructions that cannot be, in C and TypeScript. */
import t from 'tap'
import { attach, GshmError, type WaitOptions } from '../../ts/client/index.js'
import { status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster } from '../support/cluster.js'
import { Probe, type Reply } from '../support/probe.js'

const P = 4096
const FOREVER = 2n ** 63n - 1n
const failed = (name: string) => ({ is: 'err', text: new RegExp(`^ERR_GSHM_${name}: `) }) as const
const ok = { is: 'ok' } as const

const cluster = await startCluster(t, 2)
const [a, b] = [await Probe.start(cluster.socket(0)), await Probe.start(cluster.socket(1))]
t.teardown(() => Promise.all([a.kill(), b.kill()]))
const g = attach({ socket: cluster.socket(1) })
t.teardown(() => g.detach())
const segment = g.create('words', P)
segment.map()
const address = segment.at(0)
const word = await a.ok('map', await a.ok('open', 'words', 0), 0, 0, 0)

interface Wait {
  readonly what: string
  /** A holds it, so that nobody else has it; nothing for those that wait for what never comes. */
  readonly hold?: readonly (string | bigint)[]
  readonly giveBack?: readonly (string | bigint)[]
  /** The same wait in C (its timeout follows) and in TypeScript. */
  readonly c: readonly (string | bigint)[]
  readonly ts: (options: WaitOptions) => Promise<unknown>
  readonly sync: (options: { timeoutMs?: number }) => unknown
}
const [mutex, rwlock, semaphore] = [g.mutex('m'), g.rwlock('rw'), g.semaphore('s', 0)]
await semaphore.value()
const guard = g.mutex('guard')
const WAITS: readonly Wait[] = [
  {
    what: 'mutex',
    hold: ['mutex', 'm', FOREVER],
    giveBack: ['mutexunlock', 'm'],
    c: ['mutex', 'm'],
    ts: async (options) => (await mutex.lock(options)).unlock(),
    sync: (options) => (mutex.lockSync(options), mutex.unlockSync()),
  },
  {
    what: 'read',
    hold: ['write', 'rw', FOREVER],
    giveBack: ['rwunlock', 'rw'],
    c: ['read', 'rw'],
    ts: async (options) => (await rwlock.read(options)).unlock(),
    sync: (options) => (rwlock.readSync(options), rwlock.unlockSync()),
  },
  {
    what: 'write',
    hold: ['read', 'rw', FOREVER],
    giveBack: ['rwunlock', 'rw'],
    c: ['write', 'rw'],
    ts: async (options) => (await rwlock.write(options)).unlock(),
    sync: (options) => (rwlock.writeSync(options), rwlock.unlockSync()),
  },
  {
    what: 'semaphore',
    giveBack: ['post', 's', '1'],
    c: ['take', 's'],
    ts: async (options) => (await semaphore.wait(options), semaphore.post()),
    sync: (options) => (semaphore.waitSync(options), semaphore.postSync()),
  },
  {
    what: 'condition',
    c: ['condwait', 'cv', 'guard'],
    ts: async (options) => {
      using held = await guard.lock()
      await g.condition('cv').wait(held, options)
    },
    sync: (options) => {
      guard.lockSync()
      try {
        g.condition('cv').waitSync(guard, options)
      } finally {
        guard.unlockSync()
      }
    },
  },
  {
    what: 'word',
    c: ['waitword', word, '0'],
    ts: (options) => g.wait(address, 0, options),
    sync: (options) => g.waitSync(address, 0, options),
  },
]

for (const { what, hold, giveBack, c, ts, sync } of WAITS) {
  t.test(
    `${what}: no time is BUSY, a time that is over TIMEOUT, any other number INVALID; nothing is left of it`,
    async (t) => {
      if (hold !== undefined) t.match(await a.send(...hold), ok)
      const inC = (timeout: bigint): Promise<Reply> => a.thread(...c, timeout)
      t.match(await inC(0n), failed('BUSY'))
      t.match(await inC(1n), failed('TIMEOUT'))
      for (const timeout of [-2n, -(2n ** 63n)]) t.match(await inC(timeout), failed('INVALID'), `${timeout} ns`)
      await t.rejects(ts({ timeoutMs: 0 }), { code: 'ERR_GSHM_BUSY' })
      await t.rejects(ts({ timeoutMs: 0.001 }), { code: 'ERR_GSHM_TIMEOUT' })
      t.throws(() => sync({ timeoutMs: 0 }), { code: 'ERR_GSHM_BUSY' })
      t.throws(() => sync({ timeoutMs: 1 }), { code: 'ERR_GSHM_TIMEOUT' })
      for (const timeoutMs of [-1, NaN, -Infinity, 2 ** 31, '5' as never]) {
        await t.rejects(async () => ts({ timeoutMs }), { code: 'ERR_GSHM_INVALID' }, `${timeoutMs} ms`)
        t.throws(() => sync({ timeoutMs }), { code: 'ERR_GSHM_INVALID' }, `${timeoutMs} ms`)
      }
      await t.rejects(async () => ts({ timeout: 5 } as never), { code: 'ERR_GSHM_INVALID' }, 'no such option')
      if (giveBack === undefined) return
      t.match(await a.send(...giveBack), ok)
      t.match(await inC(-2n), failed('INVALID'), 'it could be had at once')
    },
  )

  t.test(`${what}: all time is enough, in nanoseconds and in Infinity`, async (t) => {
    if (giveBack === undefined) {
      // Nobody holds what these wait for: somebody tells them.
      const wake = async (waiting: Promise<unknown>) => {
        let isOver = false
        const over = waiting.finally(() => (isOver = true))
        for (; !isOver; await new Promise(setImmediate)) {
          if (what === 'word') await g.notify(address)
          else await g.condition('cv').broadcast()
        }
        return over
      }
      t.match(await wake(a.thread(...c, FOREVER)), ok)
      await t.resolves(wake(ts({ timeoutMs: Infinity })))
      return
    }
    const again: readonly (string | bigint)[] = what === 'semaphore' ? giveBack : []
    t.match(await b.send(...c, FOREVER), ok)
    t.match(await b.send(...(again.length > 0 ? again : giveBack)), ok)
    await t.resolves(ts({ timeoutMs: Infinity }))
    sync({ timeoutMs: Infinity })
  })
}

t.test('unlock by one who does not hold it: NOT_HOLDER, of every kind, and who holds it goes on', async (t) => {
  const held = await mutex.lock()
  const [reads, writes] = [await g.rwlock('reads').read(), await g.rwlock('writes').write()]
  for (const other of [a, b]) {
    t.match(await other.send('mutexunlock', 'm'), failed('NOT_HOLDER'))
    for (const key of ['reads', 'writes', 'never'])
      t.match(await other.send('rwunlock', key), failed('NOT_HOLDER'), key)
    t.match(await other.send('condwaitUnlocked', 'cv', 'm', 0), failed('NOT_HOLDER'))
  }
  t.throws(() => mutex.unlockSync(), { code: 'ERR_GSHM_NOT_HOLDER' })
  for (const key of ['reads', 'writes'])
    t.throws(() => g.rwlock(key).unlockSync(), { code: 'ERR_GSHM_NOT_HOLDER' }, key)
  t.throws(() => g.condition('cv').waitSync(mutex), { code: 'ERR_GSHM_NOT_HOLDER' })
  await t.rejects(g.unlock('m'), { code: 'ERR_GSHM_NOT_HOLDER' })
  t.match(await a.send('mutex', 'm', 0), failed('BUSY'))
  t.match(await a.send('read', 'writes', 0), failed('BUSY'))
  t.match(await a.send('write', 'reads', 0), failed('BUSY'))
  held.unlock()
  for (const one of [reads, writes]) await one.unlock()
})

t.test('recursion: DEADLOCK of a thread; a task has a holder of its own for each call, and waits', async (t) => {
  t.match(await a.send('mutex', 'm', FOREVER), ok)
  for (const timeout of [0n, 1n, FOREVER]) t.match(await a.send('mutex', 'm', timeout), failed('DEADLOCK'))
  t.match(await a.send('mutexunlock', 'm'), ok)
  mutex.lockSync({ timeoutMs: Infinity })
  for (const timeoutMs of [0, 1, Infinity]) t.throws(() => mutex.lockSync({ timeoutMs }), { code: 'ERR_GSHM_DEADLOCK' })
  t.throws(() => g.lockSync('m'), { code: 'ERR_GSHM_DEADLOCK' })
  mutex.unlockSync()
  const held = await mutex.lock()
  await t.rejects(mutex.lock({ timeoutMs: 1 }), { code: 'ERR_GSHM_TIMEOUT' })
  held.unlock()
})

t.test('destroy while it is held, or waited for: BUSY, of every kind, wherever one asks; then it can be', async (t) => {
  const cases = [
    ['mutex', 'd', ['mutex', 'd', FOREVER], ['mutexunlock', 'd'], () => g.mutex('d').destroy()],
    ['rwlock', 'r', ['read', 'r', FOREVER], ['rwunlock', 'r'], () => g.rwlock('r').destroy()],
    ['rwlock', 'w', ['write', 'w', FOREVER], ['rwunlock', 'w'], () => g.rwlock('w').destroy()],
  ] as const
  for (const [kind, key, hold, giveBack, destroy] of cases) {
    t.match(await a.send(...hold), ok)
    for (const one of [a, b]) t.match(await one.send('destroy', key, kind), failed('BUSY'), `${kind} ${key}`)
    await t.rejects(destroy(), { code: 'ERR_GSHM_BUSY' })
    t.match(await a.send(...giveBack), ok)
    await destroyed(destroy)
  }
  const idle = g.condition('dc')
  const waits = a.thread('condwait', 'dc', 'guard')
  let reply: Reply
  while ((reply = await b.send('destroy', 'dc', 'condition')).is === 'ok'); // nobody waits yet
  t.match(reply, failed('BUSY'))
  await t.rejects(idle.destroy(), { code: 'ERR_GSHM_BUSY' })
  await idle.signal()
  t.match(await waits, ok)
  await destroyed(() => idle.destroy())
  for (;;) {
    t.match(await a.send('semopen', 'ds', 0), ok)
    const takes = a.thread('take', 'ds')
    const refused = await g
      .semaphore('ds')
      .destroy()
      .catch((error: GshmError) => error)
    if (refused !== undefined) {
      t.equal(refused.code, 'ERR_GSHM_BUSY')
      t.match(await b.send('destroy', 'ds', 'semaphore'), failed('BUSY'))
      t.match(await b.send('post', 'ds', 1), ok)
      t.match(await takes, ok)
      break
    }
    t.match(await takes, failed('NOT_FOUND'), 'it was destroyed before')
  }
  await g.semaphore('ds').destroy()
  await t.rejects(g.semaphore('never').destroy(), { code: 'ERR_GSHM_NOT_FOUND' })
  await t.rejects(g.counter('never').destroy(), { code: 'ERR_GSHM_NOT_FOUND' })

  /** What is on its way to its manager may be in the way for a moment. */
  async function destroyed(destroy: () => Promise<void>): Promise<void> {
    const end = performance.now() + 20_000
    for (let isOver = false; !isOver && performance.now() < end; ) {
      isOver = await destroy().then(
        () => true,
        (error: GshmError) => (t.equal(error.code, 'ERR_GSHM_BUSY'), false),
      )
    }
  }
})

t.test('scribbled control pages: in TypeScript too all else goes on, and calls about what is broken end', async (t) => {
  const vandal = await Probe.start(cluster.socket(1))
  t.teardown(() => vandal.kill())
  const broken = g.create('broken', 64 * P)
  const whole = g.create('whole', 64 * P)
  await vandal.ok('open', 'broken', 0)
  const key = { at: broken.at(64) }
  t.match(await vandal.send('mutex', `@${key.at}`, FOREVER), ok)
  t.match(await vandal.send('mutexunlock', `@${key.at}`), ok)
  t.ok((await vandal.ok('alloc', 0, 64)) > 0n)
  await vandal.ok('scrawl', `gshm-locks:${broken.id}`)
  for (let round = 0; round < 30; round++) {
    // It is had, refused, or says nonsense; but it ends.
    await g
      .mutex(key)
      .lock({ timeoutMs: 20 })
      .then((held) => held.unlock())
      .catch((error: unknown) => t.type(error, GshmError))
    for (const other of [g.mutex({ at: whole.at(64) }), g.mutex('named')]) {
      const held = await other.lock({ timeoutMs: 10_000 })
      held.unlock()
    }
    whole.free(whole.alloc(48))
    broken.free(broken.alloc(48))
  }
  await vandal.kill()
  t.equal(
    await becomes(2, () => status(cluster.socket(1)).processes),
    2,
    'the daemon goes on: the probe and this process',
  )
})
