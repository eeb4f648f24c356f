/** Litmus tests: herd's format, all outcomes under SC and x86-TSO, conditions. Pure. */
export { claimHolds, holds } from './condition.js'
export { describe, keyOf, namesOf } from './litmus.js'
export type { Condition, Instruction, Litmus, Outcome, Proposition, Thread, Value, Variable } from './litmus.js'
export { atomicOutcomes, outcomes, scOutcomes, tsoOutcomes } from './outcomes.js'
export type { Buffered, Outcomes } from './outcomes.js'
export { parseLitmus } from './parse.js'
