/** kill -9 of processes and of daemons wherever they are; processes that are stopped. */
import { readdirSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { Prng } from '../../ts/base/prng.js'
import { segments, status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { settled } from '../support/holdings.js'
import { Probe } from '../support/probe.js'
import type { Program } from '../support/program.js'
import { except } from '../support/trap.js'

const P = 4096
const PAGES = 4096
const FIRST = 16
const SLOT_PAGES = 4

interface Shared {
  readonly cluster: TestCluster
  readonly probes: Probe[]
  readonly at: bigint[]
}

/** A cluster with a probe on each node that maps the segment 'shared', whose page 0 is full of 0x5a. */
async function shared(t: Test, nodes: number): Promise<Shared> {
  const cluster = await startCluster(t, nodes)
  const probes: Probe[] = []
  const at: bigint[] = []
  for (let node = 0; node < nodes; node++) {
    const probe = await Probe.start(cluster.socket(node))
    t.teardown(() => probe.kill())
    const segment = await (node === 0 ? probe.ok('create', 'shared', PAGES * P, 0) : probe.ok('open', 'shared', 0))
    await (node === 0 ? probe.ok('create', 'blocks', PAGES * P, 0) : probe.ok('open', 'blocks', 0))
    probes.push(probe)
    at.push(await probe.ok('map', segment, 0, 0, 0))
  }
  await probes[0]!.ok('fill', at[0]!, P, 0x5a)
  return { cluster, probes, at }
}

/** A test/programs/victim.c and what it has said so far. */
class Victim {
  wrote = 0
  wrong: string[] = []
  #lines = 0
  #more: (() => void) | undefined

  constructor(
    readonly program: Program,
    readonly slot: number,
  ) {
    void this.#listen()
  }

  /** Resolves when it has printed that many more lines, or has ended. */
  async acts(lines: number): Promise<void> {
    const enough = this.#lines + lines
    while (this.#lines < enough && this.program.child.exitCode === null && this.program.child.signalCode === null) {
      await new Promise<void>((resolve) => (this.#more = resolve))
    }
  }

  async kill(): Promise<void> {
    this.program.child.kill('SIGKILL')
    await this.program.ended
  }

  async #listen(): Promise<void> {
    for (;;) {
      const line = await this.program.line().catch(() => undefined)
      if (line?.startsWith('wrote ') === true) this.wrote = Number(line.slice(6))
      else if (line?.startsWith('wrong') === true) this.wrong.push(line)
      this.#lines++
      this.#more?.()
      if (line === undefined) return
    }
  }
}

function victim(cluster: TestCluster, node: number, slot: number, seed: number): Victim {
  return new Victim(cluster.start(node, 'victim', ['shared', slot, seed].map(String)), slot)
}

t.test(
  'processes killed amid faults, allocations, locks, barriers, forks and views: nothing of them is left',
  async (t) => {
    const { cluster, probes, at } = await shared(t, 3)
    const prng = new Prng(20261121)
    for (let round = 0; round < 8; round++) {
      const victims = [0, 1, 2].map((node) => victim(cluster, node, node, round * 16 + node))
      await Promise.all(
        victims.map(async (one) => {
          await one.acts(20 + prng.below(150))
          await one.kill()
        }),
      )
      t.same(
        victims.flatMap((one) => one.wrong),
        [],
      )
      for (const one of victims) {
        // From another node; its last words may not have been read before it was killed, so it may be more.
        const [reader, start] = [probes[(one.slot + 1) % 3]!, at[(one.slot + 1) % 3]!]
        const first = BigInt((FIRST + one.slot * SLOT_PAGES) * P)
        const words: number[] = []
        for (let page = 0; page < SLOT_PAGES; page++)
          words.push(Number(await reader.ok('get', start + first + BigInt(page * P))))
        t.ok(
          words.every((word) => word >= one.wrote && word <= words[0]!),
          `${words.join(' ')} after ${one.wrote}`,
        )
      }
      for (const [node, probe] of probes.entries()) {
        t.equal(await probe.ok('wrong', at[node]!, P, 0x5a), 0n)
        const lock = await probe.send('lock', `l${round % 2}`)
        t.ok(lock.is === 'ok' || (lock.is === 'err' && /OWNER_DEAD/.test(lock.text)), lock.is)
        await probe.ok('unlock', `l${round % 2}`)
      }
      const arrivals = probes.map((probe) => probe.thread('barrier', 'never', 4))
      t.match(await probes[0]!.thread('barrier', 'never', 4), { is: 'ok' }, 'the dead have left the barrier')
      t.match(await Promise.all(arrivals), [{ is: 'ok' }, { is: 'ok' }, { is: 'ok' }])
      for (const node of [0, 1, 2]) {
        const counts = () => {
          const { processes, views } = status(cluster.socket(node))
          return { processes, views }
        }
        t.same(await becomes({ processes: 1, views: 1 }, counts), { processes: 1, views: 1 })
        const { wanted, got } = await settled(cluster, node, 1, 2)
        t.same(got, wanted)
      }
    }
  },
)

for (const [lost, survivors] of [
  [2, [0, 1]],
  [1, [0, 2]],
  [0, [1, 2]],
] as const) {
  t.test(
    `node ${lost}'s daemon killed amid everything: SIGBUS there, nothing hangs elsewhere, nobody reads a zero`,
    async (t) => {
      const { cluster, probes, at } = await shared(t, 3)
      const prng = new Prng(lost + 1)
      const victims = [0, 1, 2].map((node) => victim(cluster, node, node, 16 * node))
      await Promise.all(victims.map((one) => one.acts(30 + prng.below(60))))
      const homes = segments(cluster.socket(0)).find((one) => one.name === 'shared')!.homes
      const page = BigInt((3 * 700 + homes.indexOf(lost)) * P) // its home will be lost
      await probes[lost]!.ok('lock', 'held')
      const [a, b] = survivors
      const lock = probes[a]!.thread('lock', 'held')
      const barrier = probes[b]!.thread('barrier', 'both', 2)
      await victims[lost]!.acts(prng.below(40))
      const killed = performance.now()
      await cluster.kill(lost)
      const seconds = () => (performance.now() - killed) / 1000

      const end = await victims[lost]!.program.ended
      t.ok(end.signal === 'SIGBUS' || end.status === 4, `its process ended by ${end.signal ?? end.status}`)
      t.match(await probes[lost]!.send('get', at[lost]! + BigInt(9 * P)), { is: 'sigbus' })
      t.ok(seconds() < 2.5, `within ${seconds().toFixed(1)} s`)

      t.match(await probes[a]!.send('get', at[a]! + page), { is: 'sigbus' }, 'a page whose home is lost')
      t.match(await lock, { is: 'err', text: lost === 0 ? /NODE_LOST/ : /OWNER_DEAD/ })
      if (lost === 0) t.match(await barrier, { is: 'err', text: /NODE_LOST/ })
      else {
        t.match(await probes[a]!.send('barrier', 'both', 2), { is: 'ok' })
        t.match(await barrier, { is: 'ok' })
      }
      t.ok(seconds() < 5.5, `within ${seconds().toFixed(1)} s`)
      for (const node of survivors) {
        const one = victims[node]!
        await one.acts(50) // or it has lost a page, and its life
        if (one.program.child.signalCode === null && one.program.child.exitCode === null) await one.kill()
        t.match((await one.program.ended).signal, /SIGBUS|SIGKILL/)
        t.equal(await becomes(1, () => status(cluster.socket(node)).processes), 1)
      }
      t.same(
        victims.flatMap((one) => one.wrong),
        [],
      )
    },
  )
}

/** Whether every thread has taken the stop in: a signal is sent before it arrives. */
function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) =>
    /\) T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')),
  )
}

t.test('a process that is stopped amid a fault delays nobody, and goes on', except('stopped'), async (t) => {
  const { cluster, probes, at } = await shared(t, 2)
  const [a, b] = probes as [Probe, Probe]
  const homes = segments(cluster.socket(0)).find((one) => one.name === 'shared')!.homes
  const page = BigInt(homes.indexOf(1) * P) + BigInt(2 * P) // at home on node 1
  await b.ok('put', at[1]! + page, 1)
  process.kill(cluster.daemon(1).pid, 'SIGSTOP')
  const sent = status(cluster.socket(0)).messages.sent
  const blocked = a.thread('add', at[0]! + page, 10)
  t.ok(await becomes(true, () => status(cluster.socket(0)).messages.sent > sent), 'the fault is on its way')
  process.kill(a.pid, 'SIGSTOP')
  t.ok(await becomes(true, () => isStopped(a.pid)), 'it is stopped before it is served')
  process.kill(cluster.daemon(1).pid, 'SIGCONT')
  const child = await b.fork() // node 1 serves, and so does the other
  t.teardown(() => child.kill())
  for (let n = 0; n < 20; n++) {
    await b.ok('add', at[1]! + page, 1)
    await child.ok('add', at[1]! + page, 1)
  }
  t.equal(await b.ok('get', at[1]! + page), 41n, 'pages that it waits for come and go')
  process.kill(a.pid, 'SIGCONT')
  t.equal((await blocked).is, 'ok')
  t.equal(await b.ok('get', at[1]! + page), 51n)
})

t.test('a process that is stopped while it holds a lock keeps it; killed then, it passes on', async (t) => {
  const { probes } = await shared(t, 2)
  const [a, b] = probes as [Probe, Probe]
  await a.ok('lock', 'l')
  process.kill(a.pid, 'SIGSTOP')
  let passed = false
  const waits = b.thread('lock', 'l').then((reply) => ((passed = true), reply))
  await b.ok('lock', 'another')
  t.notOk(passed)
  process.kill(a.pid, 'SIGCONT')
  await a.ok('unlock', 'l')
  t.match(await waits, { is: 'ok' })
  const again = a.thread('lock', 'another')
  process.kill(b.pid, 'SIGSTOP')
  process.kill(b.pid, 'SIGKILL')
  t.match(await again, { is: 'err', text: /OWNER_DEAD/ })
})
