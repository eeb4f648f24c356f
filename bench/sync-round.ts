/** One round of the benchmark of synchronisation: every kind, with what it cost. sync-kinds.ts says what they are. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { status, unlink } from '../ts/client/inspect.js'
import type { Daemon } from '../ts/launch/daemon.js'
import { built, compiled } from '../ts/launch/paths.js'
import { systemCalls } from './calls.js'
import { settled } from './fault-cost.js'
import type { RoundCost } from './figures.js'
import { createSegment } from './programs.js'
import type { SyncKind } from './sync-kinds.js'
import { Worker, withWorkers } from './worker.js'

/** Passes of one kind that are not counted: the first episodes of a barrier cost more messages, and pages are fetched. */
const WARM_UP = 20
/** So often, at most, until the processes at a barrier meet by themselves. */
const WARM_UPS_MAX = 1000
/** A hand-over has a pause (alternate.h): so many each way are enough, but for warming up. */
const HAND_OVERS = 100
/** Of bench/sync_worker.c. */
const BATCH = 100

export class SyncRound {
  /** @param nodes four @param dir for files that workers share @param count samples of a kind @param name of the round
   * @param warming as many hand-overs as of everything else */
  constructor(
    private readonly nodes: readonly Daemon[],
    private readonly dir: string,
    private readonly count: number,
    private readonly name: string,
    private readonly warming = false,
  ) {}

  /** Samples that a kind gives. */
  samples(kind: SyncKind): number {
    if (kind === 'relock') return this.#batches
    if (kind === 'local' || kind.startsWith('remote')) return 2 * this.#handOvers
    const two = { barrier2: 2, barrierAsked: 2, barrierSync: 2, barrierAsync: 2 }
    const parties: Partial<Record<SyncKind, number>> = { ...two, barrier4: 4 }
    return this.count * (parties[kind] ?? 1)
  }

  get #batches(): number {
    return this.count // a tenth, 0.2 ms, is over before a CPU that has slept is at its speed
  }

  get #handOvers(): number {
    return this.warming ? this.count : Math.min(this.count, HAND_OVERS)
  }

  /** For one lock and unlock as `relock` makes them. */
  async relockCalls(): Promise<number> {
    const file = join(this.dir, `${this.name}-calls`)
    const command = [built('sync_worker'), 'relock', `${this.name}-relock`]
    return (await systemCalls(this.nodes[1]!, file, command)) / BATCH
  }

  async measure(kind: SyncKind): Promise<RoundCost> {
    const [a, b, c] = this.nodes as [Daemon, Daemon, Daemon]
    switch (kind) {
      case 'relock':
        return this.#passes([this.#c(b, 'relock', kind)], this.#batches, this.#batches * BATCH)
      case 'local':
        return this.#handOver(kind, b, b)
      case 'remote':
        return this.#handOver(kind, b, c)
      case 'remoteLrc':
        return this.#handOverPage(kind, b, c)
      case 'remoteLrcLate':
        return this.#handOverPage(kind, b, c, 'late')
      case 'barrier2':
        return this.#barrier([a, b], (node) => this.#c(node, 'barrier', kind, 2))
      case 'barrier4':
        return this.#barrier(this.nodes, (node) => this.#c(node, 'barrier', kind, 4))
      case 'barrierAsked':
        return this.#passes(
          [a, b].map((node) => this.#c(node, 'barrier', kind, 2, 'asked')),
          this.count,
          this.count,
        )
      case 'relockSync':
      case 'relockAsync':
        return this.#passes([this.#ts(b, kind)], this.count, this.count)
      case 'barrierSync':
      case 'barrierAsync':
        return this.#barrier([a, b], (node) => this.#ts(node, kind))
    }
  }

  #c(node: Daemon, kind: string, ...[name, ...args]: (string | number)[]): Promise<Worker> {
    return Worker.start(node, [built('sync_worker'), kind, `${this.name}-${name}`, ...args])
  }

  #ts(node: Daemon, kind: SyncKind): Promise<Worker> {
    return Worker.start(node, [process.execPath, compiled('bench/sync-client.js'), kind, `${this.name}-${kind}`])
  }

  /** Of processes that meet by themselves. */
  #barrier(nodes: readonly Daemon[], start: (node: Daemon) => Promise<Worker>): Promise<RoundCost> {
    const isDirect = () => nodes.every(({ socket }) => status(socket).directBarriers.standing > 0)
    return this.#passes(nodes.map(start), this.count, this.count, isDirect)
  }

  #handOver(kind: SyncKind, holder: Daemon, other: Daemon, ...page: string[]): Promise<RoundCost> {
    const file = join(this.dir, `${this.name}-${kind}`)
    writeFileSync(file, Buffer.alloc(4096))
    const start = async (node: Daemon, role: string) => this.#c(node, 'handover', kind, file, role, ...page)
    const holds = start(holder, 'holds')
    const asks = holds.then(() => start(other, 'asks'))
    return this.#passes([holds, asks], this.#handOvers, 2 * this.#handOvers)
  }

  async #handOverPage(kind: SyncKind, holder: Daemon, other: Daemon, ...when: string[]): Promise<RoundCost> {
    const segment = `${this.name}-${kind}-page`
    await createSegment(holder, segment, 4096, { consistency: 'lrc', manager: 'fixed' }, holder.node)
    const cost = await this.#handOver(kind, holder, other, segment, ...when)
    unlink(holder.socket, segment)
    return cost
  }

  /** All make a pass at once, when they are warm. */
  #passes(
    starting: readonly Promise<Worker>[],
    count: number,
    operations: number,
    isWarm = () => true,
  ): Promise<RoundCost> {
    return withWorkers(starting, async (workers) => {
      const pass = (times: number) => Promise.all(workers.map((worker) => worker.pass(times)))
      let warmUps = 0
      do {
        if (++warmUps > WARM_UPS_MAX) throw new Error('the processes do not come to meet by themselves')
        await pass(Math.min(count, WARM_UP))
      } while (!isWarm())
      const before = await settled(this.nodes)
      const us = (await pass(count)).flat()
      const after = await settled(this.nodes)
      return { us, operations, messages: after.sent - before.sent }
    })
  }
}
