/**
 * A job is some runs of one test with one layout: a line of numbers for native/testbed/litmus_worker.c,
 * and a line of numbers back. native/testbed/litmus_job.h tells what they mean and has the same bounds.
 */
import type { Instruction, Litmus, Outcome, Thread, Value } from '../../litmus/index.js'
import type { Layout } from './layout.js'

export const LINES = 64
const RUNS_MOST = 2048
/** sizeof(struct sync) */
export const SYNC_BYTES = 3 * 64 + RUNS_MOST * (64 + 32) * 8
const BOUNDS = { locations: 32, threads: 24, registers: 16, instructions: 64, slots: 64 } as const
const OPS = ['load', 'store', 'exchange', 'move', 'fence'] as const
const NONE = -1

/** Why the workers cannot run the test; undefined when they can. */
export function whyNot({ threads, locations }: Litmus): string | undefined {
  const most = (what: (thread: Thread) => number) => Math.max(...threads.map(what))
  const sizes = {
    locations: locations.length,
    threads: threads.length,
    registers: most((thread) => thread.registers.length),
    instructions: most((thread) => thread.instructions.length),
    slots: threads.reduce((sum, thread) => sum + thread.registers.length, 0),
  }
  for (const [what, bound] of Object.entries(BOUNDS)) {
    const size = sizes[what as keyof typeof BOUNDS]
    const name = what === 'slots' ? 'registers in all' : what
    if (size > bound) return `${size} ${name}: ${bound} at most can be run`
  }
  return locations.length === 0 ? 'no location: there is nothing to share' : undefined
}

/** The line for all workers. */
export function jobLine(id: number, test: Litmus, layout: Layout): string {
  const { runs, perPage, step, reset, collect, guard, seed, burst, warm, delay, gap } = layout
  const words: number[] = [id, runs, perPage, step, reset, collect, guard, seed, burst, warm, delay, gap]
  words.push(test.locations.length)
  test.locations.forEach(({ initial }, l) => {
    const { page, line, stride } = layout.places[l]!
    words.push(page, line, stride, initial)
  })
  words.push(test.threads.length + (layout.reader === undefined ? 0 : 1))
  let slot = 0
  test.threads.forEach((thread, t) => {
    words.push(...threadWords(thread, layout.workers[t]!, slot))
    slot += thread.registers.length
  })
  if (layout.reader !== undefined) words.push(...readerWords(test, layout.reader))
  return words.join(' ')
}

function threadWords({ registers, instructions }: Thread, worker: number, slot: number): number[] {
  const words = [worker, Math.max(1, registers.length)]
  if (registers.length === 0) words.push(NONE, 0) // one that nobody looks at: the line has one for each instruction
  registers.forEach(({ initial }, r) => words.push(slot + r, initial))
  words.push(instructions.length)
  const place = (name: string) => registers.findIndex((register) => register.name === name)
  for (const instruction of instructions) words.push(...instructionWords(instruction, place))
  return words
}

function instructionWords(instruction: Instruction, place: (register: string) => number): number[] {
  const value: Value = 'value' in instruction ? instruction.value : { constant: 0 }
  return [
    OPS.indexOf(instruction.op),
    'location' in instruction ? instruction.location : 0,
    'register' in instruction ? place(instruction.register) : 0,
    'register' in value ? place(value.register) : NONE,
    'constant' in value ? value.constant : 0,
  ]
}

/** A thread that only loads, and whose registers are no part of the outcome, allows what the test allows. */
function readerWords(test: Litmus, worker: number): number[] {
  const loads = test.locations.flatMap((_, location) => [OPS.indexOf('load'), location, 0, NONE, 0])
  return [worker, 1, NONE, 0, test.locations.length, ...loads]
}

export interface Seen {
  readonly outcome: Outcome
  /** Runs of the job that ended so, and the number of the first. */
  readonly runs: number
  readonly first: number
}

/** The answer to a job; undefined when the line is none. */
export function parseAnswer(line: string, id: number, width: number): Seen[] | undefined {
  const numbers = line.trim().split(' ').map(Number)
  const [answered, count = 0] = numbers
  if (answered !== id || numbers.length !== 2 + count * (2 + width) || numbers.some(Number.isNaN)) return undefined
  return Array.from({ length: count }, (_, i) => {
    const [runs = 0, first = 0, ...outcome] = numbers.slice(2 + i * (2 + width), 2 + (i + 1) * (2 + width))
    return { runs, first, outcome }
  })
}
