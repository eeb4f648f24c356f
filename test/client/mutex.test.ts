/** Mutexes in TypeScript: signals that are aborted when the grant comes, ends of blocks, holders of one process. */
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { report } from '../../ts/cli/lock-report.js'
import { attach, type Held } from '../../ts/client/index.js'
import { locks } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const PATIENCE_NS = 10_000_000_000
const ok = { is: 'ok' } as const
const failed = (name: string) => ({ is: 'err', text: new RegExp(`^ERR_GSHM_${name}`) }) as const

const cluster = await startCluster(t, 2)
const probe = async (node: number): Promise<Probe> => {
  const made = await Probe.start(cluster.socket(node))
  t.teardown(() => made.kill())
  return made
}
const others = [await probe(0), await probe(1)] as const
const g = attach({ socket: cluster.socket(1) })
t.teardown(() => g.detach())

const told = (key: string) => report(locks(cluster.socket(1))).locks.find((lock) => lock.key === key)
const waits = (key: string) => told(key)?.waiters.some(({ pid }) => pid === process.pid) === true
/** Blocks this thread, so that no promise is settled meanwhile, until an asynchronous holder of it has the mutex. */
function untilGranted(key: string): void {
  while (told(key)?.holder?.pid !== process.pid);
}

/** Nobody holds it: another process, on either node, has it at once or when it has come there. */
async function isFree(t: Test, key: string, expected: object = ok): Promise<void> {
  for (const [i, other] of others.entries()) {
    t.match(await other.send('mutex', key, PATIENCE_NS), i === 0 ? expected : ok, `free, for node ${i}`)
    await other.ok('mutexunlock', key)
  }
}

t.test('lock(): aborted after the grant, before it is known here -> rejected, and given back', async (t) => {
  for (const [i, other] of others.entries()) {
    const key = `granted-${i}`
    const aborts = new AbortController()
    await other.ok('mutex', key, -1)
    const late = g.mutex(key).lock({ signal: aborts.signal })
    t.equal(await becomes(true, () => waits(key)), true)
    const given = other.send('mutexunlock', key)
    untilGranted(key)
    aborts.abort(new Error('enough'))
    await t.rejects(late, { message: 'enough' })
    t.match(await given, ok)
    await isFree(t, key)
  }
})

t.test('lock(): aborted after a grant that tells of a death -> held, for that is told once', async (t) => {
  const victim = await probe(1)
  const aborts = new AbortController()
  await victim.ok('mutex', 'heir', -1)
  const late = g.mutex('heir').lock({ signal: aborts.signal })
  t.equal(await becomes(true, () => waits('heir')), true)
  const killed = victim.kill()
  untilGranted('heir')
  aborts.abort(new Error('enough'))
  const held = await late
  t.equal(held.ownerDied, true)
  await killed
  t.match(await others[0].send('mutex', 'heir', 0), failed('BUSY'))
  held.unlock()
  await isFree(t, 'heir')
})

t.test('lock(): aborted about when the grant comes -> held, or rejected and free', async (t) => {
  const outcomes = { held: 0, rejected: 0 }
  for (let round = 0; round < 80; round++) {
    const other = others[round % 2]!
    const aborts = new AbortController()
    const reason = new Error(`round ${round}`)
    await other.ok('mutex', 'r', PATIENCE_NS)
    const waiting = g.mutex('r').lock({ signal: aborts.signal })
    const outcome = waiting.then(
      (held) => held,
      (error: unknown) => void t.equal(error, reason),
    )
    const moment = (round >> 1) % 5
    if (moment === 0) aborts.abort(reason)
    const given = other.send('mutexunlock', 'r')
    if (moment === 2) await setImmediate()
    if (moment === 3) for (let turns = round * 4; turns > 0; turns--) await setImmediate()
    if (moment === 4) untilGranted('r')
    aborts.abort(reason)
    const held = await outcome
    t.match(await given, ok)
    outcomes[held === undefined ? 'rejected' : 'held']++
    if (held !== undefined) {
      t.match(await other.send('mutex', 'r', 0), failed('BUSY'), 'held, so nobody else has it')
      held.unlock()
      t.throws(() => held.unlock(), { code: 'ERR_GSHM_NOT_HOLDER' })
    }
  }
  t.ok(outcomes.rejected >= 32, `${outcomes.held} held, ${outcomes.rejected} rejected`)
  await isFree(t, 'r')
})

t.test('lock(): aborted about when a holder is killed -> one is told of the death, now or next', async (t) => {
  for (let round = 0; round < 6; round++) {
    const key = `dies-${round}`
    const victim = await probe(round % 2)
    const aborts = new AbortController()
    await victim.ok('mutex', key, -1)
    const outcome = g
      .mutex(key)
      .lock({ signal: aborts.signal })
      .catch(() => undefined)
    const killed = victim.kill()
    if (round >= 2) await (round >= 4 ? killed : setImmediate())
    aborts.abort()
    const held = await outcome
    await killed
    if (held !== undefined) t.equal(held.ownerDied, true)
    held?.unlock()
    await isFree(t, key, held === undefined ? failed('OWNER_DEAD') : ok)
  }
})

t.test('lock(): a signal that is aborted already, or no signal -> refused, also where the mutex is free', async (t) => {
  const mutex = g.mutex('early')
  for (const free of ['never had', 'here']) {
    await t.rejects(mutex.lock({ signal: AbortSignal.abort(new Error('before')) }), { message: 'before' }, free)
    await t.rejects(mutex.lock({ timeoutMs: -1 }), { code: 'ERR_GSHM_INVALID' }, free)
    await t.rejects(mutex.lock({ signal: 1 as never }), { code: 'ERR_GSHM_INVALID' }, free)
    const held = await mutex.lock({ signal: new AbortController().signal, timeoutMs: Infinity })
    held.unlock()
  }
  await isFree(t, 'early')
})

t.test('using: the block’s end gives it back, however it ends; but not twice', async (t) => {
  const mutex = g.mutex('block')
  let kept: Held | undefined
  const fails = async () => {
    using held = await mutex.lock()
    kept = held
    t.equal(await mutex.tryLock(), undefined)
    t.match(await others[1].send('mutex', 'block', 0), failed('BUSY'))
    throw new Error('amid')
  }
  await t.rejects(fails(), { message: 'amid' })
  t.throws(() => kept!.unlock(), { code: 'ERR_GSHM_NOT_HOLDER' }, 'the end has given it back')
  kept![Symbol.dispose]()
  {
    using held = await mutex.lock({ timeoutMs: 10_000 })
    held.unlock()
    t.match(await others[0].send('mutex', 'block', PATIENCE_NS), ok)
  }
  t.match(await others[1].send('mutex', 'block', 0), failed('BUSY'), 'the end has not given back what another has')
  await others[0].ok('mutexunlock', 'block')
  await isFree(t, 'block')
})

t.test('holders of one process wait for each other, for its threads, and for other processes', async (t) => {
  const mutex = g.mutex('tasks')
  let value = 0
  const add = async () => {
    using _held = await mutex.lock()
    const seen = value
    await setImmediate()
    value = seen + 1
  }
  const strangers = others.map((other) => other.thread('mutexcycles', 'tasks', 200))
  await Promise.all(Array.from({ length: 40 }, add))
  t.equal(value, 40)
  t.match(await Promise.all(strangers), [ok, ok])

  const held = await mutex.lock()
  t.throws(() => mutex.lockSync({ timeoutMs: 0 }), { code: 'ERR_GSHM_BUSY' })
  t.throws(() => mutex.lockSync({ timeoutMs: 2 }), { code: 'ERR_GSHM_TIMEOUT' })
  t.throws(() => mutex.unlockSync(), { code: 'ERR_GSHM_NOT_HOLDER' }, 'a task has it, the thread has not')
  held.unlock()
  mutex.lockSync({ timeoutMs: 10_000 })
  t.throws(() => mutex.lockSync(), { code: 'ERR_GSHM_DEADLOCK' })
  t.equal(await mutex.tryLock(), undefined)
  mutex.unlockSync()
})

t.test('two tasks that wait for each other: the one that gives up lets the other go on', async (t) => {
  const [x, y] = [g.mutex('x'), g.mutex('y')]
  const aborts = new AbortController()
  const [first, second] = [await x.lock(), await y.lock()]
  const never = y.lock({ signal: aborts.signal })
  const patient = x.lock()
  t.equal(await becomes(true, () => waits('x') && waits('y')), true)
  aborts.abort(new Error('deadlock'))
  await t.rejects(never, { message: 'deadlock' })
  first.unlock()
  const both = await patient
  both.unlock()
  second.unlock()
  for (const key of ['x', 'y']) await isFree(t, key)
})

t.test('destroy(): busy while it is held, by whomever; takes the news of a death away', async (t) => {
  const mutex = g.mutex('news')
  await mutex.destroy()
  const held = await mutex.lock()
  await t.rejects(mutex.destroy(), { code: 'ERR_GSHM_BUSY' })
  held.unlock()
  const victim = await probe(1)
  await victim.ok('mutex', 'news', PATIENCE_NS)
  await t.rejects(mutex.destroy(), { code: 'ERR_GSHM_BUSY' })
  await victim.kill()
  const end = performance.now() + 20_000
  for (;;) {
    const error = await mutex.destroy().catch((error: NodeJS.ErrnoException) => error)
    if (error === undefined || performance.now() > end) break
    t.equal(error.code, 'ERR_GSHM_BUSY', 'its node does not know yet')
  }
  await isFree(t, 'news')
})
