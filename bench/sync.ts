/**
 * The benchmark of synchronisation: locks and barriers against what the kernel and C alone cost, in one run, in
 * two placements. `ok` says that the run was whole, not that it was fast: that is `met`.
 */
import { printFigures } from './figures.js'
import { bothPlacements } from './placements.js'
import type { SyncKind } from './sync-kinds.js'
import type { SyncPlacement } from './sync-placement.js'

type Shown = Omit<SyncPlacement, 'failures'>

export interface SyncBenchmark {
  ok: boolean
  count: number
  rounds: number
  pinned: Shown
  free: Shown
  /** Only when it is not ok. */
  failures?: string[]
}

export async function syncBenchmark(count: number, rounds: number, kinds: readonly SyncKind[]): Promise<SyncBenchmark> {
  const args = [String(count), String(rounds), ...kinds]
  const { ok, pinned, free, ...rest } = await bothPlacements<SyncPlacement>('bench/sync-placement.js', args)
  for (const [name, { floorUs, kinds }] of Object.entries({ pinned, free })) printFigures(name, floorUs, kinds)
  process.stderr.write(`system calls of a lock and unlock: ${pinned.relockCalls ?? 'not counted'}\n`)
  return { ok, count, rounds, pinned, free, ...rest }
}
