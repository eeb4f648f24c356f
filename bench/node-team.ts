/**
 * Ranks in Node.js that share memory in parts, one of each rank: worker threads over SharedArrayBuffers, processes
 * over segments, or one alone in its own memory. The kernels do not tell them apart.
 */
import { attach, type Gshm, type Segment } from '../ts/index.js'

export interface NodeTeam {
  readonly rank: number
  readonly ranks: number
  /** A part of each rank, of so many numbers, all zeros. All ranks call it with the same, in the same order. */
  parts(name: string, lengths: readonly number[]): Float64Array[]
  barrier(): void
  leave(): void
}

export function alone(): NodeTeam {
  return {
    rank: 0,
    ranks: 1,
    parts: (_, lengths) => lengths.map((length) => new Float64Array(length)),
    barrier: () => {},
    leave: () => {},
  }
}

/** What threads of one process have in common; it is posted to each. */
export interface ThreadsMemory {
  readonly ranks: number
  /** How many have come to the barrier; how often all have. */
  readonly barrier: SharedArrayBuffer
  /** The parts' memory, of all calls together. */
  readonly parts: SharedArrayBuffer
}

export function threadsMemory(ranks: number, numbers: number): ThreadsMemory {
  return { ranks, barrier: new SharedArrayBuffer(8), parts: new SharedArrayBuffer(8 * numbers) }
}

export function threadTeam(rank: number, { ranks, barrier, parts }: ThreadsMemory): NodeTeam {
  const state = new Int32Array(barrier)
  let next = 0
  return {
    rank,
    ranks,
    parts: (_, lengths) =>
      lengths.map((length) => {
        const part = new Float64Array(parts, 8 * next, length)
        next += length
        return part
      }),
    barrier: () => {
      const episode = Atomics.load(state, 1)
      if (Atomics.add(state, 0, 1) === ranks - 1) {
        Atomics.store(state, 0, 0)
        Atomics.add(state, 1, 1)
        Atomics.notify(state, 1)
      } else while (Atomics.load(state, 1) === episode) Atomics.wait(state, 1, episode)
    },
    leave: () => {},
  }
}

/** A process that `gshm run` has started, or its like. */
export function processTeam(): NodeTeam {
  const rank = Number(process.env['GSHM_RANK'])
  const ranks = Number(process.env['GSHM_RANKS'])
  const run = process.env['GSHM_RUN']!
  const g: Gshm = attach()
  const open: Segment[] = [] // for as long as their views are used
  const barrier = () => {
    if (ranks > 1) g.barrierSync(`barrier.${run}`, ranks)
  }
  return {
    rank,
    ranks,
    barrier,
    parts: (name, lengths) => {
      const called = (r: number) => `${name}.${r}.${run}`
      // What a rank writes is at home on its node, in the fewest faults.
      open.push(g.create(called(rank), 8 * Math.max(1, lengths[rank]!), { unit: 65_536, home: g.node }))
      const mine = open.at(-1)!
      barrier()
      const all = lengths.map((_, r) => (r === rank ? mine : g.open(called(r))))
      open.push(...all)
      barrier()
      g.unlink(called(rank))
      return all.map((segment, r) => segment.view(Float64Array, 0, Math.max(1, lengths[r]!)).subarray(0, lengths[r]))
    },
    leave: () => {
      barrier()
      g.detach()
    },
  }
}
