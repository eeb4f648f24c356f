/** Histories for tests: small random ones, large sequentially consistent ones, and a search through all interleavings. */
import { Prng } from '../../ts/base/prng.js'
import { check, History, Reader, type Violation } from '../../ts/history/index.js'

/** [thread, location, value read, value written or undefined], in the order of the file. */
export type Op = readonly [thread: number, location: number, read: number, written?: number]

export function textOf(ops: readonly Op[]): string {
  return ops.map(([t, l, r, w]) => (w === undefined ? `${t} R ${l} ${r}\n` : `${t} X ${l} ${r} ${w}\n`)).join('')
}

/** What the checker says of a text, read in pieces of `piece` bytes. */
export function judge(text: string, piece = 1 << 16): Violation | undefined {
  const bytes = Buffer.from(text)
  const history = new History()
  const reader = new Reader(history)
  for (let at = 0; at < bytes.length; at += piece) reader.feed(bytes.subarray(at, at + piece))
  reader.end()
  return check(history)
}

/** Whether some interleaving of the threads explains every value read: all of them are tried. */
export function hasInterleaving(ops: readonly Op[]): boolean {
  const threads = threadsOf(ops)
  const memory = new Map<number, number>()
  const at = threads.map(() => 0)
  const dead = new Set<string>()
  const go = (left: number): boolean => {
    if (left === 0) return true
    const state = `${at.join()};${[...memory].sort(([a], [b]) => a - b).join()}`
    if (dead.has(state)) return false
    for (const [i, thread] of threads.entries()) {
      const op = thread[at[i]!]
      if (op === undefined) continue
      const [, location, read, written] = op
      const value = memory.get(location) ?? 0
      if (value !== read) continue
      at[i]!++
      if (written !== undefined) memory.set(location, written)
      if (go(left - 1)) return true
      at[i]!--
      memory.set(location, value)
    }
    dead.add(state)
    return false
  }
  return go(ops.length)
}

/**
 * A well-formed history of a few operations: exchanges get new values; what operations saw is true
 * of one execution, drawn at random, and then wrong in up to two places.
 */
export function smallHistory(random: Prng): Op[] {
  const threads = 1 + random.below(4)
  const locations = 1 + random.below(3)
  const count = 1 + random.below(9)
  const memory = new Map<number, number>()
  const values = new Map<number, number[]>()
  const ops: [number, number, number, number?][] = []
  for (let i = 1; i <= count; i++) {
    const location = random.below(locations)
    const read = memory.get(location) ?? 0
    const thread = random.below(threads)
    if (random.chance(0.5)) ops.push([thread, location, read])
    else {
      ops.push([thread, location, read, i])
      memory.set(location, i)
      values.set(location, [...(values.get(location) ?? []), i])
    }
  }
  for (let wrong = random.below(3); wrong > 0; wrong--) {
    const op = random.pick(ops)
    const other = random.pick(ops)
    // Two exchanges that swap what they saw are still one version order; a new value alone is often none.
    if (op[1] === other[1] && random.chance(0.5)) [op[2], other[2]] = [other[2], op[2]]
    else op[2] = random.pick([0, ...(values.get(op[1]) ?? [])])
  }
  return shuffled(ops, random)
}

function threadsOf(ops: readonly Op[]): Op[][] {
  const threads = new Map<number, Op[]>()
  for (const op of ops) threads.set(op[0], [...(threads.get(op[0]) ?? []), op])
  return [...threads.values()]
}

/** The threads' operations interleaved anew: what the file's order says of time must not count. */
export function shuffled(ops: readonly Op[], random: Prng): Op[] {
  const threads = threadsOf(ops)
  const result: Op[] = []
  while (result.length < ops.length) {
    const thread = random.pick(threads)
    const op = thread.shift()
    if (op !== undefined) result.push(op)
  }
  return result
}

/** An execution of `count` operations in one order, which is the file's: sequentially consistent. */
export function* largeHistory(seed: number, count: number, threads: number, locations: number): Generator<Op> {
  const random = new Prng(seed)
  const memory = new Float64Array(locations)
  for (let i = 1; i <= count; i++) {
    const thread = random.below(threads)
    const location = random.below(locations)
    const read = memory[location]!
    if (random.chance(0.5)) yield [thread, location * 64, read]
    else {
      memory[location] = i
      yield [thread, location * 64, read, i]
    }
  }
}

/** Why the steps of a cycle are none; undefined when each edge is one that check.ts defines. */
export function wrongStep(ops: readonly Op[], { kind, steps }: Violation): string | undefined {
  for (const [i, step] of steps.entries()) {
    const to = steps[(i + 1) % steps.length]!
    const [thread, location, read, written] = ops[step.line - 1]!
    const same = step.thread === thread && step.location === location && step.read === read && step.written === written
    if (!same) return `step ${i} is not line ${step.line}`
    if (!holds(step, to, kind)) return `step ${i} is not ${step.edge} before the next`
  }
  return undefined
}

function holds(from: Violation['steps'][number], to: Violation['steps'][number], kind: Violation['kind']): boolean {
  const location = from.location === to.location
  const both = from.written !== undefined && to.written !== undefined
  if (kind === 'atomicity') return location && both && from.read === to.read && from.line !== to.line
  if (from.edge === 'po') return from.thread === to.thread && from.line < to.line
  if (from.edge === 'ww') return location && both && from.written === to.read
  if (from.edge === 'wr') return location && to.written === undefined && from.written === to.read
  return location && from.written === undefined && to.written !== undefined && from.read === to.read
}
