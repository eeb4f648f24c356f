/** Out of file descriptors, daemon or client: who asks is told so, who is served goes on, and it passes. */
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import t from 'tap'
import { segments, status } from '../../ts/client/inspect.js'
import type { GshmError } from '../../ts/base/errors.js'
import { becomes } from '../support/becomes.js'
import { startNode } from '../support/cluster.js'
import { Probe, type Reply } from '../support/probe.js'
import { except } from '../support/trap.js'

const P = 4096
const NO_LIMIT = 4096

/** The process may open `free` more descriptors from now on. */
function leaves(pid: number, free: number): void {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  let limit = 0
  for (let left = free; left > 0 || open.has(limit); limit++) if (!open.has(limit)) left--
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:`])
}
function unlimited(pid: number): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${NO_LIMIT}:`])
}
function open(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
/** 'ok', or the error's name. */
function outcome(reply: Reply): string {
  return reply.is === 'err' ? (/^ERR_GSHM_(\w+)/.exec(reply.text)?.[1] ?? reply.text) : reply.is
}

t.test(
  'daemon: whatever step finds no descriptor, its request gets DESCRIPTORS and nothing is left of it',
  async (t) => {
    const node = await startNode(t)
    const socket = node.socket(0)
    const { pid } = node.daemon(0)
    const old = await Probe.start(socket)
    t.teardown(() => old.kill())
    const segment = await old.ok('create', 'old', 64 * P, 0)
    const at = await old.ok('map', segment, 0, 0, 0)
    await old.ok('lock', 'a') // which opens the connection that waits for locks
    await old.ok('unlock', 'a')
    await old.ok('free', segment, await old.ok('alloc', segment, 100)) // and this the heap's control pages
    const before = open(pid)
    const seen = new Set<string>()
    for (let free = 0; free < 8; free++) {
      const api = free % 4 === 0 ? 'TypeScript' : 'C'
      const p = await Probe.start(undefined, {}, api)
      t.teardown(() => p.kill())
      leaves(pid, free)
      const steps: string[] = []
      try {
        status(socket)
        steps.push('status ok')
      } catch (error) {
        steps.push(`status ${(error as GshmError).reason}`)
      }
      const step = async (...words: (string | number | bigint)[]): Promise<boolean> => {
        const is = outcome(await p.send(...words))
        steps.push(`${words[0]} ${is}`)
        return is === 'ok'
      }
      if ((await step('attach', socket)) && (await step('create', 'new', P, 0)) && (await step('map', 0, 0, 0, 0))) {
        await old.ok('unlink', 'new')
      }
      // Those who were here before are served throughout: faults, the heap, locks by the connections they have.
      await old.ok('put', at + BigInt(free * P), 100 + free)
      await old.ok('free', segment, await old.ok('alloc', segment, 100))
      await old.ok('lock', 'a')
      await old.ok('unlock', 'a')
      await p.kill()
      unlimited(pid)
      t.equal(await becomes(before, () => open(pid)), before, `${free} free: nothing is left`)
      t.same(
        segments(socket).map((one) => one.name),
        ['old'],
        'a segment whose creation failed was not made',
      )
      for (const one of steps) seen.add(one)
      t.same(
        steps.filter((one) => !/ (ok|DESCRIPTORS)$/.test(one)),
        [],
        `${free} free: ${steps.join(', ')}`,
      )
    }
    for (const one of ['status', 'attach', 'create']) t.ok(seen.has(`${one} DESCRIPTORS`), `${one} met it`)
    t.ok(seen.has('map ok'), 'and in the end all was possible')
    for (let page = 0; page < 8; page++) t.equal(await old.ok('get', at + BigInt(page * P)), BigInt(100 + page))
  },
)

t.test('daemon: a fork without descriptors is served as soon as there are some', except('clones'), async (t) => {
  const node = await startNode(t)
  const { pid } = node.daemon(0)
  const old = await Probe.start(node.socket(0))
  t.teardown(() => old.kill())
  const at = await old.ok('map', await old.ok('create', 'old', 64 * P, 0), 0, 0, 0)
  await old.ok('put', at, 1)
  leaves(pid, 0)
  const child = await old.fork('rawfork')
  t.teardown(() => child.kill())
  t.equal(await child.ok('get', at), 1n, 'a spare one was kept for the first')
  const forked = old.fork('rawfork')
  unlimited(pid)
  const second = await forked
  t.teardown(() => second.kill())
  t.equal(await second.ok('get', at), 1n)
  await second.ok('put', at, 2)
  t.equal(await old.ok('get', at), 2n)
})

for (const api of ['C', 'TypeScript'] as const) {
  t.test(`client in ${api}: it gets DESCRIPTORS, and goes on when it has some`, async (t) => {
    const node = await startNode(t)
    const socket = node.socket(0)
    const p = await Probe.start(undefined, {}, api)
    t.teardown(() => p.kill())
    const seen = new Set<string>()
    let attached = false
    for (let free = 0; free < 6; free++) {
      leaves(p.pid, free)
      const reply = await p.send('attach', socket)
      seen.add(`attach ${outcome(reply)}`)
      attached = reply.is === 'ok'
      if (reply.is === 'err') t.match(reply.text, /ulimit -n/)
      if (attached) break
    }
    t.same([...seen], ['attach DESCRIPTORS', 'attach ok'])
    leaves(p.pid, 0)
    t.match(await p.send('create', 'shared', P, 0), { is: 'err', errno: 24, text: /^ERR_GSHM_DESCRIPTORS.*ulimit -n/ })
    unlimited(p.pid)
    t.same(segments(socket), [], 'what it could not be given is not there')
    const segment = await p.ok('create', 'shared', P, 0)
    leaves(p.pid, 0)
    t.equal(outcome(await p.send('open', 'shared', 0)), 'DESCRIPTORS')
    unlimited(p.pid)
    const at = await p.ok('map', segment, 0, 0, 0)
    await p.ok('put', at, 5)
    t.equal(await p.ok('get', at), 5n)
    await p.ok('unlink', 'shared')
    await p.ok('unmap', at)
    await p.ok('close', segment)
    t.equal(await becomes(0, () => segments(socket).length), 0, 'nothing holds what could not be opened')
  })
}

for (const [what, open, wait, wake] of [
  ['semaphore', ['semopen', 'x', 0], ['take', 'x', -1], ['post', 'x', 16]],
  ['mutex', ['mutex', 'x', -1], ['mutex', 'x', -1], ['mutexunlock', 'x']],
] as const) {
  t.test(`client: as many threads as can wait for a ${what}, and another still lets them go, and forks`, async (t) => {
    const node = await startNode(t)
    const p = await Probe.start(node.socket(0))
    t.teardown(() => p.kill())
    // The kernel tells of forks of who has views.
    await p.ok('map', await p.ok('create', 's', P, 0), 0, 0, 0)
    await p.ok(...open)
    leaves(p.pid, 6)
    const outcomes: string[] = []
    const waiting = Array.from({ length: 16 }, () => p.thread(...wait).then((reply) => outcomes.push(outcome(reply))))
    t.equal(await becomes(true, () => outcomes.includes('DESCRIPTORS')), true, 'there are no more connections')
    const waits = 16 - outcomes.length
    t.ok(waits > 0, `${waits} wait`)
    t.equal(outcome(await p.send(...wake)), 'ok', 'by the connection that is not for waiting')
    unlimited(p.pid)
    const child = await p.fork()
    t.teardown(() => child.kill())
    await Promise.all(waiting)
    // A thread of the probe ends with its wait: the mutex that it has got goes to the next as from the dead.
    t.same(
      outcomes.filter((one) => !['DESCRIPTORS', 'ok', 'OWNER_DEAD'].includes(one)),
      [],
    )
  })
}
