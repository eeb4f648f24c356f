/**
 * Litmus tests in a World: every outcome that a protocol can produce, by going through everything that
 * can happen. Each thread is on a node of its own. Under sequential consistency these must be exactly the
 * outcomes that interleaving allows: no more, or the protocol is wrong, and no fewer, or it cannot reach
 * what it should, or the search does not.
 */
import type { ProtocolName } from '../base/consistency.js'
import { keyOf, type Instruction, type Litmus, type Outcome } from '../litmus/index.js'
import type { Step } from '../node/step.js'
import { explore } from './explore.js'
import { PLACES_MAX } from './places.js'
import type { Op, Program } from './setup.js'
import type { World } from './world.js'

export type Placement = 'same-page' | 'page-each'

export interface ModelOutcomes {
  readonly outcomes: ReadonlyMap<string, Outcome>
  readonly states: number
  /** The protocol broke a promise of its own on the way. */
  readonly violation: string | undefined
  readonly complete: boolean
}

export function modelOutcomes(
  test: Litmus,
  options: { protocol: ProtocolName; step: Step; placement: Placement; statesMax?: number },
): ModelOutcomes {
  const { protocol, step, placement, statesMax } = options
  const program = new LitmusProgram(test, placement)
  const outcomes = new Map<string, Outcome>()
  const { states, violation, complete } = explore({
    protocol,
    step,
    nodes: test.threads.length,
    threads: 1,
    pages: program.pages,
    places: 1,
    locks: 0,
    blocks: 0,
    ranges: false,
    ops: 1000,
    duplicates: 0,
    evictions: 0,
    losses: 0,
    tries: false,
    cancels: 0,
    deaths: 0,
    holds: false,
    program,
    ...(statesMax === undefined ? {} : { statesMax }),
    atEnd: (world) => {
      const outcome = program.outcome(world)
      outcomes.set(keyOf(outcome), outcome)
    },
  })
  return { outcomes, states, violation, complete }
}

class LitmusProgram implements Program {
  readonly pages: number
  /** By location, its initial value first: what is in memory are places in these lists. */
  readonly #values: number[][]
  readonly #accesses: Instruction[][]

  constructor(
    private readonly test: Litmus,
    private readonly placement: Placement,
  ) {
    const { locations, threads } = test
    if (placement === 'same-page' && locations.length > PLACES_MAX)
      throw new RangeError('too many locations for a page')
    this.pages = placement === 'same-page' ? 1 : locations.length
    this.#values = locations.map(({ initial }) => [initial])
    this.#accesses = threads.map(({ instructions }) => instructions.filter(({ op }) => op !== 'move' && op !== 'fence'))
  }

  op(thread: number, done: number): Op | undefined {
    const access = this.#accesses[thread]![done]
    if (access === undefined || !('location' in access)) return undefined
    return { ...this.#where(access.location), access: access.op === 'load' ? 'read' : 'write' }
  }

  perform(thread: number, done: number, registers: readonly number[], seen: number) {
    const { instructions, registers: named } = this.test.threads[thread]!
    // Moves in front of the access are done with it: nobody else can tell.
    const now = done === 0 && registers.length === 0 ? named.map(({ initial }) => initial) : registers.slice()
    const at = (name: string) => named.findIndex((register) => register.name === name)
    const valueOf = (value: { constant: number } | { register: string }) =>
      'constant' in value ? value.constant : now[at(value.register)]!
    let accesses = 0
    let written: number | undefined
    for (const instruction of instructions) {
      if (instruction.op === 'fence') continue
      if (instruction.op === 'move') {
        if (accesses === done || accesses === done + 1) now[at(instruction.register)] = valueOf(instruction.value)
        continue
      }
      if (accesses++ !== done) continue
      const { location } = instruction
      if (instruction.op === 'store') {
        written = this.#numberOf(location, valueOf(instruction.value))
        continue
      }
      if (instruction.op === 'exchange') written = this.#numberOf(location, now[at(instruction.register)]!)
      now[at(instruction.register)] = this.#values[location]![seen]!
    }
    return { registers: now, written }
  }

  outcome({ nodes, memory }: World): Outcome {
    const registers = this.test.threads.flatMap(({ registers: named }, thread) => {
      const now = nodes[thread]!.kernel.threads[0]!.registers
      return now.length > 0 ? now : named.map(({ initial }) => initial)
    })
    const locations = this.test.locations.map((_, location) => {
      const { page, place } = this.#where(location)
      return this.#values[location]![memory.get(`${page}.${place}`) ?? 0]!
    })
    return [...registers, ...locations]
  }

  #where(location: number): { page: number; place: number } {
    return this.placement === 'same-page' ? { page: 0, place: location } : { page: location, place: 0 }
  }

  #numberOf(location: number, value: number): number {
    const values = this.#values[location]!
    const known = values.indexOf(value)
    return known >= 0 ? known : values.push(value) - 1
  }
}
