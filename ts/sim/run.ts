/** `sim run`: many random walks, one after the other. */
import { mrsw } from '../coherence/mrsw/index.js'
import type { AnyProtocol } from '../coherence/protocol.js'
import type { Step } from '../node/step.js'
import { Cells } from './cells.js'
import { walk, type Drawn, type WalkResult } from './walk.js'

export interface RunOptions extends Drawn {
  readonly seeds: number
  readonly first: number
  readonly protocol?: AnyProtocol
  /** Makes another step of the protocol's. */
  readonly plant?: (step: Step) => Step
  readonly log?: (line: string) => void
  readonly progress?: (seed: number) => void
}

export interface RunReport {
  readonly ok: boolean
  readonly seeds: number
  readonly steps: number
  /** Seeds in which at least one node was lost. */
  readonly lossy: number
  readonly cells: Cells
  /** The first seed that went wrong ends the run. */
  readonly failed: WalkResult | undefined
}

export function run({ seeds, first, protocol = mrsw, plant, log, progress, ...drawn }: RunOptions): RunReport {
  const cells = new Cells()
  const step = (plant ?? ((sound) => sound))(cells.step(protocol))
  let steps = 0
  let lossy = 0
  for (let seed = first; seed < first + seeds; seed++) {
    progress?.(seed)
    const result = walk({ ...drawn, seed, protocol: protocol.name, step, ...(log === undefined ? {} : { log }) })
    steps += result.steps
    if (result.losses > 0) lossy++
    if (result.violation !== undefined)
      return { ok: false, seeds: seed - first + 1, steps, lossy, cells, failed: result }
  }
  return { ok: true, seeds, steps, lossy, cells, failed: undefined }
}
