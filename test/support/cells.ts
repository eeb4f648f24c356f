/** Which cells of a table of the sync room are used. */
import type { Table } from '../../ts/coherence/table.js'

/** From now on notes what is looked up; returns what has not been: 'State x Event', `never` left out. */
export function watchCells<S extends string, E extends string, A extends string>(
  table: Table<S, E, A>,
): () => string[] {
  const unmet = new Set<string>()
  for (const [state, row] of Object.entries(table) as [S, Record<E, unknown>][]) {
    for (const [event, cell] of Object.entries(row)) {
      if (cell === 'never') continue
      const name = `${state} x ${event}`
      unmet.add(name)
      Object.defineProperty(row, event, { get: () => (unmet.delete(name), cell) })
    }
  }
  return () => [...unmet]
}
