/**
 * All outcomes of a litmus test on a machine of which it is known which threads have a store buffer
 * that others can notice. The machine is the operational x86-TSO of P. Sewell, S. Sarkar, S. Owens,
 * F. Zappa Nardelli and M. Myreen (CACM 53(7), 2010): a store enters its thread's FIFO buffer and
 * leaves it for memory at any later time; a load takes the newest entry for its location, else
 * memory; mfence and locked instructions wait until the buffer is empty. Without buffers it is
 * sequential consistency. Which threads have one that matters is told in docs/CONSISTENCY.md.
 *
 * The search goes through all states, each once. What no other thread can notice (moves, entering
 * the buffer, a fence over an empty buffer) is done at once and makes no state of its own: done
 * later it would lead to the same.
 */
import { keyOf, type Instruction, type Litmus, type Outcome, type Value } from './litmus.js'

/** By thread: does it have a store buffer that others can notice? */
export type Buffered = readonly boolean[]

export interface Outcomes {
  readonly size: number
  has(outcome: Outcome): boolean
  readonly all: readonly Outcome[]
}

/** Sequential consistency: interleavings, every access at once. */
export function scOutcomes(test: Litmus): Outcomes {
  return outcomes(
    test,
    test.threads.map(() => false),
  )
}

/** x86-TSO: as on one PC. */
export function tsoOutcomes(test: Litmus): Outcomes {
  return outcomes(
    test,
    test.threads.map(() => true),
  )
}

/** Each thread as a whole without interruption, in every order: what a lock around it promises. */
export function atomicOutcomes(test: Litmus): Outcomes {
  return search(new Machine(test, []), (machine, state) =>
    machine.running(state).map((t) => {
      let next = state
      while (next.pc[t]! < machine.length(t)) next = machine.step(next, t)!
      return next
    }),
  )
}

export function outcomes(test: Litmus, buffered: Buffered): Outcomes {
  return search(new Machine(test, buffered), (machine, state) => {
    const next: State[] = []
    for (let t = 0; t < test.threads.length; t++) {
      if (state.buffers[t]!.length > 0) next.push(machine.settle(machine.drain(state, t)))
      const stepped = machine.step(state, t)
      if (stepped !== undefined) next.push(machine.settle(stepped))
    }
    return next
  })
}

interface State {
  readonly pc: number[]
  /** All threads' registers and then memory: an outcome, at the end. */
  readonly values: number[]
  /** By thread, oldest first: place of the location in `values`, value, place, value ... */
  readonly buffers: number[][]
}

function search(machine: Machine, successors: (machine: Machine, state: State) => State[]): Outcomes {
  const seen = new Set<string>()
  const found = new Map<string, Outcome>()
  const open = [machine.settle(machine.start())]
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const next = successors(machine, state)
    if (next.length === 0) found.set(keyOf(state.values), state.values)
    for (const each of next) {
      const key = `${each.pc.join()} ${each.values.join()} ${each.buffers.join(' ')}`
      if (seen.has(key)) continue
      seen.add(key)
      open.push(each)
    }
  }
  return { size: found.size, all: [...found.values()], has: (outcome) => found.has(keyOf(outcome)) }
}

/** An instruction with its names replaced by places in State.values. */
type Compiled =
  | { readonly op: 'load' | 'exchange'; readonly location: number; readonly register: number }
  | { readonly op: 'store' | 'move'; readonly to: number; readonly constant: number; readonly from: number | undefined }
  | { readonly op: 'fence' }

class Machine {
  readonly #programs: Compiled[][]
  readonly #initial: number[]

  constructor(
    test: Litmus,
    private readonly buffered: Buffered,
  ) {
    const registers = test.threads.flatMap((thread) => thread.registers)
    this.#initial = [...registers, ...test.locations].map((variable) => variable.initial)
    let first = 0
    this.#programs = test.threads.map((thread) => {
      const base = first
      first += thread.registers.length
      const place = (name: string) => base + thread.registers.findIndex((register) => register.name === name)
      return thread.instructions.map((instruction) => compile(instruction, place, registers.length))
    })
  }

  start(): State {
    return { pc: this.#programs.map(() => 0), values: [...this.#initial], buffers: this.#programs.map(() => []) }
  }

  length(t: number): number {
    return this.#programs[t]!.length
  }

  running(state: State): number[] {
    return this.#programs.flatMap((program, t) => (state.pc[t]! < program.length ? [t] : []))
  }

  /** The oldest store in thread t's buffer reaches memory. */
  drain(state: State, t: number): State {
    const [to = 0, value = 0, ...rest] = state.buffers[t]!
    return { pc: state.pc, values: state.values.with(to, value), buffers: state.buffers.with(t, rest) }
  }

  /** Thread t's next instruction; undefined when there is none, or its buffer must drain before. */
  step(state: State, t: number): State | undefined {
    const instruction = this.#programs[t]![state.pc[t]!]
    if (instruction === undefined) return undefined
    const { values } = state
    const buffer = state.buffers[t]!
    const pc = state.pc.with(t, state.pc[t]! + 1)
    switch (instruction.op) {
      case 'fence':
        return buffer.length > 0 ? undefined : { ...state, pc }
      case 'load':
        return { ...state, pc, values: values.with(instruction.register, visible(state, t, instruction.location)) }
      case 'exchange': {
        if (buffer.length > 0) return undefined
        const { register, location } = instruction
        return { ...state, pc, values: values.with(register, values[location]!).with(location, values[register]!) }
      }
      case 'store':
      case 'move': {
        const value = instruction.from === undefined ? instruction.constant : values[instruction.from]!
        if (instruction.op === 'move' || this.buffered[t] !== true) {
          return { ...state, pc, values: values.with(instruction.to, value) }
        }
        return { ...state, pc, buffers: state.buffers.with(t, [...buffer, instruction.to, value]) }
      }
    }
  }

  /** Does what nobody else can notice, in every thread. */
  settle(state: State): State {
    for (let t = 0; t < this.#programs.length; t++) {
      while (this.#isPrivate(state, t)) state = this.step(state, t)!
    }
    return state
  }

  #isPrivate(state: State, t: number): boolean {
    const op = this.#programs[t]![state.pc[t]!]?.op
    if (op === 'fence') return state.buffers[t]!.length === 0
    return op === 'move' || (op === 'store' && this.buffered[t] === true)
  }
}

/** What thread t sees at the location: its own newest store that is still buffered, else memory. */
function visible(state: State, t: number, location: number): number {
  const buffer = state.buffers[t]!
  for (let at = buffer.length - 2; at >= 0; at -= 2) if (buffer[at] === location) return buffer[at + 1]!
  return state.values[location]!
}

function compile(instruction: Instruction, place: (register: string) => number, memory: number): Compiled {
  const value = (from: Value) =>
    'constant' in from ? { constant: from.constant, from: undefined } : { constant: 0, from: place(from.register) }
  switch (instruction.op) {
    case 'fence':
      return { op: 'fence' }
    case 'load':
    case 'exchange':
      return { op: instruction.op, location: memory + instruction.location, register: place(instruction.register) }
    case 'store':
      return { op: 'store', to: memory + instruction.location, ...value(instruction.value) }
    case 'move':
      return { op: 'move', to: place(instruction.register), ...value(instruction.value) }
  }
}
