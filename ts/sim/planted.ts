/** `explore --break`: the shortest counterexample to a protocol with a bug planted in it. */
import { Cells } from './cells.js'
import { explore, type ExploreReport } from './explore.js'
import { planted, type Mutant } from './plant.js'
import { EXPLORER_SIZES, type ExplorerSize } from './sizes.js'

/** Undefined: the explorer's sizes are too small for it. */
export function counterexample(mutant: Mutant): (ExploreReport & { size: ExplorerSize }) | undefined {
  const { protocol, lossy } = mutant
  const fitting = EXPLORER_SIZES.filter(
    (size) => size.protocol === protocol.name && size.when !== 'full' && size.losses > 0 === (lossy === true),
  )
  for (const size of fitting.sort((one, other) => one.states - other.states)) {
    const { name: _, when: __, states: ___, ...setup } = size
    const report = explore({ ...setup, step: planted(new Cells().step(protocol), mutant) })
    if (report.violation !== undefined) return { ...report, size }
  }
  return undefined
}
