/**
 * Tables made ready to run: every page fault goes through several cells, so what a cell names (the
 * next state, the actions) is looked up once, when the engine is made.
 */
import type { AnyProtocol } from './protocol.js'
import type { Cell, Context } from './table.js'

export interface ReadyCell {
  readonly cell: Cell<string, string>
  /** The next state's number in records. */
  readonly next: number
  /** In the next state no request is being served. */
  readonly settled: boolean
  readonly actions: readonly ((context: Context) => void)[]
}
/** By the state's number, then by the event's name. */
export type ReadySide = readonly ReadonlyMap<string, ReadyCell>[]

export interface ReadyProtocol {
  readonly protocol: AnyProtocol
  readonly copy: ReadySide
  readonly home: ReadySide
}

export function makeReady(protocol: AnyProtocol): ReadyProtocol {
  return { protocol, copy: readySide(protocol, 'copy'), home: readySide(protocol, 'home') }
}

function readySide(protocol: AnyProtocol, name: 'copy' | 'home'): ReadySide {
  const { states, events, table, actions } = protocol[name]
  const ready = (cell: Cell<string, string>): ReadyCell => {
    if (cell === 'never' || cell === 'stall') return { cell, next: -1, settled: false, actions: [] }
    return {
      cell,
      next: states.indexOf(cell.next),
      settled: protocol.settled.has(cell.next),
      actions: cell.actions.map((action) => actions[action]!),
    }
  }
  return states.map((state) => new Map(events.map((event) => [event, ready(table[state]?.[event] ?? 'never')])))
}
