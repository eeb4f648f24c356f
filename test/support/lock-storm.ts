/**
 * kill -9 at random points among processes that lock, unlock and change what the locks guard, at full speed
 * (test/programs/locker.c). Gives what came of it; whatever went wrong is told, and ends it.
 */
import { readdirSync } from 'node:fs'
import { Prng } from '../../ts/base/prng.js'
import { becomes } from './becomes.js'
import type { TestCluster } from './cluster.js'
import { fields, frame, Hostile } from './hostile.js'
import { Probe } from './probe.js'
import type { Program } from './program.js'

const P = 4096
const LOCK = 11
const LOCK_PAGES = 21
/** A process that has not got on for so long hangs. */
const PATIENCE_MS = 30_000

export interface Storm {
  readonly kills: number
  readonly seed: number
  readonly locks: number
  /** Processes on each node, and threads in each. */
  readonly processes: number
  readonly threads: number
  /** They hold locks for so many microseconds, at most; else for a moment. */
  readonly hold?: number
  /** How often something has happened: each kill waits until it has, again. */
  readonly happened?: () => number
  /** createWith's words. */
  readonly model: readonly string[]
}

export interface Calm {
  readonly wrong: readonly string[]
  readonly kills: number
  /** Lines of processes: 16 acquisitions each. */
  readonly lines: number
  /** What was changed, and how many deaths were told, of all locks. */
  readonly changes: number
  readonly deaths: number
  /** Records whose counts differ. */
  readonly torn: number
  /** Descriptors of daemons beyond those before. */
  readonly descriptors: readonly number[]
  /** On each node the number of a process that comes afterwards, and the slot of its first lock. */
  readonly numbers: readonly number[]
  readonly slots: readonly number[]
}

const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

class Locker {
  readonly program: Program
  wrong: string | undefined
  lines = 0
  #more: (() => void) | undefined

  constructor(cluster: TestCluster, node: number, args: readonly (string | number)[]) {
    this.program = cluster.start(node, 'locker', args.map(String))
    void this.#listen()
  }

  get ended(): boolean {
    return this.program.child.exitCode !== null || this.program.child.signalCode !== null
  }

  /** Resolves when it has printed that many more lines; false: it hangs. */
  async acts(lines: number): Promise<boolean> {
    const enough = this.lines + lines
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#more?.()
    }, PATIENCE_MS)
    while (this.lines < enough && !this.ended && !late) {
      await new Promise<void>((resolve) => (this.#more = resolve))
    }
    clearTimeout(timer)
    return !late
  }

  async #listen(): Promise<void> {
    for (;;) {
      const line = await this.program.line().catch(() => undefined)
      if (line !== undefined && line !== 'acts') this.wrong = line
      this.lines++
      this.#more?.()
      if (line === undefined) return
    }
  }
}

export async function storm(cluster: TestCluster, options: Storm): Promise<Calm> {
  const { kills, seed, locks, processes, threads, model, hold = 0, happened } = options
  const nodes = cluster.daemons.length
  const prng = new Prng(seed)
  const name = `storm-${seed}`
  const maker = await Probe.start(cluster.socket(0))
  const segment = await maker.ok('createWith', name, locks * P, 0, ...model)
  const at = await maker.ok('map', segment, 0, 0, 0)
  // Once round, so that all words and their memory are there before descriptors are counted.
  const settle = async (): Promise<string[]> => {
    const wrong: string[] = []
    for (let node = 0; node < nodes; node++) {
      const end = await cluster.run(node, 'locker', [name, locks, seed, 1, 1].map(String), { deadline: PATIENCE_MS })
      if (end.status !== 0) wrong.push(`node ${node}: ${end.stdout}${end.stderr}`)
    }
    return wrong
  }
  const wrong = await settle()
  const before = cluster.daemons.map(({ pid }) => descriptorsOf(pid))
  let serial = 0
  const start = (node: number): Locker =>
    new Locker(cluster, node, [name, locks, seed * 65536 + serial++, threads, 0, hold])
  const lockers = Array.from({ length: nodes * processes }, (_, i) => start(i % nodes))
  let killed = 0
  let lines = 0
  while (killed < kills && wrong.length === 0) {
    if (happened !== undefined) {
      const before = happened()
      const end = performance.now() + PATIENCE_MS
      while (happened() === before && performance.now() < end) await new Promise((resolve) => setImmediate(resolve))
      if (happened() === before) wrong.push('it has not happened again')
    }
    const which = prng.below(lockers.length)
    const victim = lockers[which]!
    // Often at once, amid its first requests; else amid whatever it does.
    if (!(await victim.acts(prng.below(3)))) wrong.push(`process ${victim.program.pid} hangs`)
    for (let spin = prng.below(50); spin > 0; spin--) await new Promise((resolve) => setImmediate(resolve))
    for (const one of lockers) if (one.wrong !== undefined) wrong.push(one.wrong)
    if (victim.ended && victim.wrong === undefined) wrong.push('a process has ended by itself')
    await victim.program.stop()
    lines += victim.lines
    killed++
    lockers[which] = start(which % nodes)
  }
  // Who is left gets on.
  for (const one of lockers) {
    if (wrong.length === 0 && !(await one.acts(3))) wrong.push(`process ${one.program.pid} hangs at the end`)
    await one.program.stop()
    lines += one.lines
    if (one.wrong !== undefined) wrong.push(one.wrong)
  }
  if (wrong.length === 0) wrong.push(...(await settle()))
  const calm = { changes: 0, deaths: 0, torn: 0 }
  if (wrong.length === 0) {
    const word = async (index: number): Promise<number> => Number(await maker.ok('get', at + BigInt(index)))
    await maker.ok('acquire', segment, 0, 0)
    for (let lock = 0; lock < locks; lock++) {
      const [first, second] = [await word(lock * P), await word(lock * P + 8)]
      if (first !== second) calm.torn++
      calm.changes += second
      calm.deaths += await word(lock * P + 24)
    }
  }
  const now = (): number[] => cluster.daemons.map(({ pid }, node) => Math.max(0, descriptorsOf(pid) - before[node]!))
  const descriptors = await becomes(
    cluster.daemons.map(() => 0),
    now,
  )
  const numbers: number[] = []
  const slots: number[] = []
  for (let node = 0; node < nodes; node++) {
    const hostile = new Hostile(cluster.socket(node))
    const connection = await hostile.register()
    const pages = await hostile.exchange(connection, frame(LOCK_PAGES, fields(0, 0)))
    numbers.push(pages?.body.readUInt32LE(0) ?? -1)
    const body = fields(1, 0, 0n, `fresh ${seed} ${node}`, 1n, 0, 0)
    const reply = await hostile.exchange(connection, frame(LOCK, body))
    slots.push(reply?.error === 'OK' ? reply.body.readUInt32LE(0) : -1)
    await hostile.stop()
  }
  await maker.ok('unlink', name)
  await maker.kill()
  return { wrong, kills: killed, lines, ...calm, descriptors, numbers, slots }
}
