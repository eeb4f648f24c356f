/** How a bug is planted: a protocol with one cell altered. */
import type { AnyProtocol } from '../coherence/protocol.js'
import type { Cell } from '../coherence/table.js'
import { run, type RunReport } from './run.js'

export interface Mutant {
  readonly name: string
  /** Shows only when nodes are lost. */
  readonly lossy?: true
  /** The seed to begin at; where it is not 1 the bug is rare, and none of the thousands before shows it. */
  readonly first?: number
  readonly protocol: AnyProtocol
}

/** Random runs until one goes wrong. */
export function caught({ protocol, lossy, first = 1 }: Mutant): RunReport['failed'] {
  return run({ seeds: 2000, first, protocol, ...(lossy ? { losses: 1 } : {}) }).failed
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
