/**
 * The clusters that the explorer goes through, and how many states each has: a change of a count
 * that nobody meant is a tripwire. `full`: too long for every day.
 */
import type { Setup } from './world.js'

export interface ExplorerSize extends Omit<Setup, 'step'> {
  readonly name: string
  readonly full: boolean
  readonly states: number
}

export const EXPLORER_SIZES: readonly ExplorerSize[] = [
  { name: '2n1p', nodes: 2, pages: 1, threads: 2, ops: 2, duplicates: 0, losses: 0, full: false, states: 0 },
  { name: '3n1p', nodes: 3, pages: 1, threads: 1, ops: 2, duplicates: 0, losses: 0, full: false, states: 0 },
  { name: '3n1p-lost', nodes: 3, pages: 1, threads: 1, ops: 1, duplicates: 0, losses: 1, full: false, states: 0 },
]
