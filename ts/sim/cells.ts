/** Which cells of a protocol's tables have been executed. */
import { Engine } from '../coherence/engine.js'
import type { AnyProtocol, Observe } from '../coherence/protocol.js'
import { createStep, type Step } from '../node/step.js'

export class Cells {
  readonly #seen = new Set<string>()

  readonly observe: Observe = (side, _context, state, event) => this.#seen.add(`${side} ${state} ${event}`)

  /** A step over this protocol that notes its cells here. */
  step(protocol: AnyProtocol): Step {
    return createStep(new Engine([protocol], this.observe))
  }

  get count(): number {
    return this.#seen.size
  }

  add(other: Cells): void {
    for (const cell of other.#seen) this.#seen.add(cell)
  }

  /** Cells other than `never` that were not executed, as 'copy I Read'. */
  missing(protocol: AnyProtocol): string[] {
    const missing: string[] = []
    for (const side of ['copy', 'home'] as const) {
      const { states, events, table } = protocol[side]
      for (const state of states) {
        for (const event of events) {
          const cell = `${side} ${state} ${event}`
          if (table[state]?.[event] !== 'never' && !this.#seen.has(cell)) missing.push(cell)
        }
      }
    }
    return missing
  }
}
