/**
 * What the runs of a test may see, and what they have seen. Which threads have a store buffer that
 * others notice follows from who shares a node: docs/CONSISTENCY.md has the argument.
 */
import {
  atomicOutcomes,
  describe,
  holds,
  keyOf,
  outcomes,
  scOutcomes,
  type Buffered,
  type Litmus,
  type Outcome,
  type Outcomes,
} from '../../litmus/index.js'
import type { Seen } from './job.js'
import { nodesOf, type Layout } from './layout.js'
import type { LitmusOptions } from './options.js'

/** An outcome that must not be, with all that is needed to look for its cause. */
export interface Violation {
  readonly file: string
  readonly outcome: string
  /** Runs of the job that ended so; the first of them, and its place. */
  readonly runs: number
  readonly run: number
  /** By thread: its node. */
  readonly nodes: readonly number[]
  /** By location: `x: page 7 line 3, home 1` in that run */
  readonly places: readonly string[]
  /** The line that the workers got: they do the same again with it. */
  readonly job: string
}

export interface Verdict {
  readonly file: string
  readonly name: string
  readonly runs: number
  /** Runs whose outcome is not allowed; whose outcome is not sequentially consistent, allowed or not. */
  readonly forbidden: number
  readonly outsideSc: number
  /** Distinct allowed outcomes: how many there are, how many were there. */
  readonly reachable: number
  readonly seen: number
  /** Did a run end as the file's condition asks? For forall: did one end otherwise? */
  readonly condition: 'seen' | 'not seen'
}

/** Threads alone on their node have no store buffer that others notice. */
export function bufferedOf(nodes: readonly number[]): Buffered {
  return nodes.map((node) => nodes.filter((other) => other === node).length > 1)
}

export class Judge {
  readonly #allowed: Outcomes
  readonly #sc: Outcomes
  readonly #seen = new Map<string, Outcome>()
  #runs = 0
  #forbidden = 0
  #outsideSc = 0

  constructor(
    private readonly file: string,
    private readonly test: Litmus,
    { spread, guard }: Pick<LitmusOptions, 'spread' | 'guard'>,
    private readonly nodes: number,
  ) {
    this.#sc = scOutcomes(test)
    const buffered = bufferedOf(nodesOf(test.threads.length, spread, nodes))
    if (guard === 'lock') this.#allowed = atomicOutcomes(test)
    else this.#allowed = buffered.includes(true) ? outcomes(test, buffered) : this.#sc
  }

  /** Takes what a job has seen; gives what must not be. */
  take(seen: readonly Seen[], layout: Layout, job: string): Violation[] {
    const violations: Violation[] = []
    for (const { outcome, runs, first } of seen) {
      this.#runs += runs
      this.#seen.set(keyOf(outcome), outcome)
      if (!this.#sc.has(outcome)) this.#outsideSc += runs
      if (this.#allowed.has(outcome)) continue
      this.#forbidden += runs
      violations.push({
        file: this.file,
        outcome: describe(this.test, outcome),
        runs,
        run: first,
        nodes: layout.workers,
        places: this.#places(layout, first),
        job,
      })
    }
    return violations
  }

  verdict(): Verdict {
    const seen = [...this.#seen.values()]
    const asked = this.test.condition.quantifier !== 'forall'
    return {
      file: this.file,
      name: this.test.name,
      runs: this.#runs,
      forbidden: this.#forbidden,
      outsideSc: this.#outsideSc,
      reachable: this.#allowed.size,
      seen: seen.filter((outcome) => this.#allowed.has(outcome)).length,
      condition: seen.some((outcome) => holds(this.test, outcome) === asked) ? 'seen' : 'not seen',
    }
  }

  #places(layout: Layout, run: number): string[] {
    return layout.places.map(({ page, line, stride }, l) => {
      const there = page + Math.floor(run / layout.perPage) * layout.step
      const at = line + (run % layout.perPage) * stride
      return `${this.test.locations[l]?.name}: page ${there} line ${at}, home ${there % this.nodes}`
    })
  }
}
