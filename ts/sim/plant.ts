/** How a bug is planted: a protocol with one cell altered. */
import type { AnyProtocol } from '../coherence/protocol.js'
import type { Cell } from '../coherence/table.js'
import type { Step } from '../node/step.js'
import { run, type RunReport } from './run.js'
import type { Drawn } from './walk.js'

export interface Mutant {
  readonly name: string
  /** Shows only when nodes are lost. */
  readonly lossy?: true
  /** The seed to begin at; where it is not 1 the bug is rare, and none of the thousands before shows it. */
  readonly first?: number
  /** Random runs of this kind only. */
  readonly drawn?: Drawn
  readonly protocol: AnyProtocol
  /** Altered besides: a cell of the sync room, which serves all protocols. */
  readonly sync?: SyncCell
}

/** Of a table of the sync room. */
export interface SyncCell {
  readonly table: AnyTable
  readonly state: string
  readonly event: string
  readonly cell: Cell<string, string>
}

/** Random runs until one goes wrong. */
export function caught(mutant: Mutant): RunReport['failed'] {
  const { protocol, lossy, first = 1, drawn } = mutant
  const plant = (step: Step) => planted(step, mutant)
  return run({ seeds: 2000, first, protocol, plant, ...(lossy ? { losses: 1 } : {}), ...drawn }).failed
}

/** @param step of the mutant's protocol. The sync room has one set of tables: they are altered for each step that it takes. */
export function planted(step: Step, { sync }: Mutant): Step {
  if (sync === undefined) return step
  const row = sync.table[sync.state] as Record<string, Cell<string, string>>
  const { event, cell } = sync
  const sound = row[event]!
  return (state, what, effects) => {
    row[event] = cell
    try {
      step(state, what, effects)
    } finally {
      row[event] = sound
    }
  }
}

export function copyCell(protocol: AnyProtocol, state: string, event: string, cell: Cell<string, string>): AnyProtocol {
  return { ...protocol, copy: { ...protocol.copy, table: altered(protocol.copy.table, state, event, cell) } }
}

export function homeCell(protocol: AnyProtocol, state: string, event: string, cell: Cell<string, string>): AnyProtocol {
  return { ...protocol, home: { ...protocol.home, table: altered(protocol.home.table, state, event, cell) } }
}

type AnyTable = AnyProtocol['copy']['table']

function altered(table: AnyTable, state: string, event: string, cell: Cell<string, string>): AnyTable {
  return { ...table, [state]: { ...table[state], [event]: cell } }
}
