/**
 * A litmus test: what each thread does, from which values, and the outcomes that its author asks
 * about. parse.ts makes it from herd's text; outcomes.ts says what can come of it.
 */

/** Where a stored or moved value comes from; registers are named as `rax`, without `%`. */
export type Value = { readonly constant: number } | { readonly register: string }

/** `location` counts in Litmus.locations. All accesses of a test have the same width. */
export type Instruction =
  | { readonly op: 'load'; readonly location: number; readonly register: string }
  | { readonly op: 'store'; readonly location: number; readonly value: Value }
  /** Swaps register and memory in one step; locked, as xchg with memory always is. */
  | { readonly op: 'exchange'; readonly location: number; readonly register: string }
  | { readonly op: 'move'; readonly register: string; readonly value: Value }
  | { readonly op: 'fence' } // mfence

export interface Variable {
  readonly name: string
  readonly initial: number
}

export interface Thread {
  readonly instructions: readonly Instruction[]
  /** Those that the instructions or the condition name. */
  readonly registers: readonly Variable[]
}

/** About one outcome; a name is `0:rax` or `x`, as in namesOf(). */
export type Proposition =
  | { readonly is: 'equal'; readonly name: string; readonly value: number }
  | { readonly is: 'not'; readonly of: Proposition }
  | { readonly is: 'and' | 'or'; readonly of: readonly Proposition[] } // of nothing: true, false

export interface Condition {
  readonly quantifier: 'exists' | 'not exists' | 'forall'
  readonly proposition: Proposition
}

export interface Litmus {
  readonly name: string
  readonly locations: readonly Variable[]
  readonly threads: readonly Thread[]
  readonly condition: Condition
}

/** Final values of all registers, thread by thread, and then of all locations: as namesOf() has them. */
export type Outcome = readonly number[]

export function namesOf(test: Litmus): string[] {
  const registers = test.threads.flatMap((thread, t) => thread.registers.map(({ name }) => `${t}:${name}`))
  return [...registers, ...test.locations.map(({ name }) => name)]
}

/** `0:rax=1 1:rax=0 x=1 y=1` */
export function describe(test: Litmus, outcome: Outcome): string {
  return namesOf(test)
    .map((name, i) => `${name}=${outcome[i]}`)
    .join(' ')
}

/** The same text for the same values: a key for maps and sets. */
export function keyOf(outcome: Outcome): string {
  return outcome.join()
}
