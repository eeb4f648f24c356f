/** Barriers of C and TypeScript on three nodes: by every kind of key, with a time limit, tried, cancelled, destroyed. */
import t from 'tap'
import { attach } from '../../ts/client/index.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

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

/** Until so many wait at the barrier: then it cannot be destroyed. */
async function untilWaited(key: string, count: number): Promise<void> {
  for (;;) {
    const reply = await a.send('destroy', key, 'barrier')
    if (reply.is === 'ok') continue
    if (reply.is !== 'err' || !reply.text.startsWith('ERR_GSHM_BUSY')) throw new Error(JSON.stringify(reply))
    if (reply.text.startsWith(`ERR_GSHM_BUSY: ${count} of`)) return
  }
}

t.test('barrier: by name, by number and at an address, which are different ones, on every node', async (t) => {
  const segment = g.create('at', 4096)
  const address = segment.at(64)
  for (const one of [a, c]) await one.ok('open', 'at')
  const keys = [
    ['meet', 'meet'],
    ['#7', 7],
    [`@${address}`, { at: address }],
  ] as const
  const waits = keys.map(([key]) => [a.thread('meet', key, 3), c.thread('meet', key, 3)])
  for (const [, key] of keys) await g.barrier(key, 3)
  for (const both of waits) t.match(await Promise.all(both), [done, done])
  t.match(await b.send('meet', `@${address}`, 3), failed('INVALID'), 'a segment that is not open')
  t.match(await b.send('meet', '@0x7', 3), failed('INVALID'), 'no global address')
  await t.rejects(g.barrier({ at: 99n << 44n }, 3), { code: 'ERR_GSHM_INVALID' })
  segment.close()
})

t.test('barrier: who gives up does not count; the others wait on, for another', async (t) => {
  const waits = a.thread('meet', 'timed', 3)
  t.match(await c.send('meet', 'timed', 3, 20 * MS), failed('TIMEOUT'))
  await t.rejects(g.barrier('timed', 3, { timeoutMs: 5 }), { code: 'ERR_GSHM_TIMEOUT' })
  t.throws(() => g.barrierSync('timed', 3, { timeoutMs: 5 }), { code: 'ERR_GSHM_TIMEOUT' })
  t.match(await c.send('meet', 'timed', 3, 0), failed('BUSY'))
  await t.rejects(g.barrier('timed', 3, { timeoutMs: 0 }), { code: 'ERR_GSHM_BUSY' })
  const aborts = new AbortController()
  const late = g.barrier('timed', 3, { signal: aborts.signal })
  aborts.abort(new Error('enough'))
  await t.rejects(late, { message: 'enough' })
  const here = g.barrier('timed', 3, { timeoutMs: 60_000, signal: new AbortController().signal })
  // Tries until the two others are there: then it is the last to come.
  for (;;) {
    const reply = await c.send('meet', 'timed', 3, 0)
    if (reply.is === 'ok') break
    t.match(reply, failed('BUSY'))
  }
  t.match(await waits, done)
  await here
})

t.test('barrier: episodes go on amid those who give up, and each has all that it waits for', async (t) => {
  const rounds = 40
  const meet = async (arrive: (round: number) => Promise<void>) => {
    for (let round = 0; round < rounds; round++) await arrive(round)
  }
  const insist = (one: Probe, ns: number) => async () => {
    for (;;) {
      const reply = await one.thread('meet', 'busy', 3, ns)
      if (reply.is === 'ok') return
      t.match(reply, failed('TIMEOUT'))
    }
  }
  let met = 0
  const own = async () => {
    for (;;) {
      const aborts = new AbortController()
      setImmediate(() => aborts.abort())
      try {
        await g.barrier('busy', 3, { signal: aborts.signal })
        met++
        return
      } catch (error) {
        t.equal((error as Error).name, 'AbortError')
      }
    }
  }
  await Promise.all([meet(insist(a, MS / 2)), meet(insist(c, 2 * MS)), meet(own)])
  t.equal(met, rounds)
})

t.test('barrier: a participant that is killed breaks it, for those with a time limit too', async (t) => {
  const victim = await probe(2)
  const dies = victim.send('meet', 'broken', 3)
  const waits = b.thread('meet', 'broken', 3, 60_000 * MS)
  await untilWaited('broken', 2)
  await t.rejects(g.barrier('broken', 4), { code: 'ERR_GSHM_BARRIER_MISMATCH' })
  await victim.kill()
  t.match(await dies, { is: 'ended' })
  t.match(await waits, failed('NODE_LOST'))
})

t.test('barrier: destroyed when nobody waits; BUSY while somebody does', async (t) => {
  t.match(await b.send('destroy', 'gone', 'barrier'), done)
  const waits = c.thread('meet', 'gone', 2)
  await untilWaited('gone', 1)
  await t.rejects(g.destroyBarrier('gone'), { code: 'ERR_GSHM_BUSY' })
  t.match(await b.send('destroy', 'gone', 'barrier'), failed('BUSY'))
  await g.barrier('gone', 2)
  t.match(await waits, done)
  await g.destroyBarrier('gone')
  await g.barrier('gone', 1)
})

t.test('barrier: bad input has a defined result in C and TypeScript', async (t) => {
  t.match(await a.send('meet', 'x'.repeat(64), 1), failed('NAME_TOO_LONG'))
  t.match(await a.send('meet', "''", 1), failed('NAME_INVALID'))
  t.match(await a.send('meet', 'ok', 0), failed('INVALID'))
  t.match(await a.send('meet', 'ok', 65_536), failed('INVALID'))
  t.match(await a.send('meet', 'ok', 1, -7), failed('INVALID'))
  await t.rejects(g.barrier('ok', 1, { timeoutMs: -1 }), { code: 'ERR_GSHM_INVALID' })
  await t.rejects(g.barrier('ok', 0), { code: 'ERR_GSHM_INVALID' })
  await t.rejects(g.barrier('ok', 1, { timeout: 1 } as object), { code: 'ERR_GSHM_INVALID' })
})
