/**
 * The heap benchmark: allocating and freeing against glibc's malloc, in one run, in two placements. `ok` says that the run was whole, not that it was fast: that is `met`.
 */
import { printFigures } from './figures.js'
import { bothPlacements } from './placements.js'
import type { HeapPlacement } from './heap-placement.js'

type Shown = Omit<HeapPlacement, 'failures'>

export interface HeapBenchmark {
  ok: boolean
  count: number
  rounds: number
  pinned: Shown
  free: Shown
  /** Only when it is not ok. */
  failures?: string[]
}

export async function heapBenchmark(count: number, rounds: number): Promise<HeapBenchmark> {
  const args = [String(count), String(rounds)]
  const { ok, pinned, free, ...rest } = await bothPlacements<HeapPlacement>('bench/heap-placement.js', args)
  for (const [name, { floorUs, kinds }] of Object.entries({ pinned, free })) printFigures(name, floorUs, kinds)
  process.stderr.write(`system calls of an alloc and free of 64 bytes: ${pinned.smallCalls}\n`)
  return { ok, count, rounds, pinned, free, ...rest }
}
