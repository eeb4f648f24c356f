/**
 * The stream benchmark: how fast a process goes through what another node's process has written, against a TCP connection
 * and memcpy, in one run, in two placements. `ok` says that the run was whole, not that it was fast: that is `met`.
 */
import { bothPlacements } from './placements.js'
import type { StreamPlacement } from './stream-placement.js'

type Shown = Omit<StreamPlacement, 'failures'>

export interface StreamBenchmark {
  ok: boolean
  mebibytes: number
  rounds: number
  pinned: Shown
  free: Shown
  /** Only when it is not ok. */
  failures?: string[]
}

export async function streamBenchmark(mebibytes: number, rounds: number): Promise<StreamBenchmark> {
  const args = [String(mebibytes), String(rounds)]
  const { ok, pinned, free, ...rest } = await bothPlacements<StreamPlacement>('bench/stream-placement.js', args)
  for (const [name, placement] of Object.entries({ pinned, free })) print(name, placement)
  return { ok, mebibytes, rounds, pinned, free, ...rest }
}

function print(name: string, { floors, kinds, times }: Shown): void {
  const mega = (bytesPerSecond: number) => (bytesPerSecond / 1e6).toFixed(0)
  process.stderr.write(`\n${name}: C floors, MB/s: tcp ${mega(floors.tcp)}, memcpy ${mega(floors.memcpy)}\n`)
  process.stderr.write('  kind               MB/s    of rounds  x tcp        target  faults a page of 4 KiB\n')
  for (const [kind, { bytesPerSecond, ratio, faults, target, met }] of Object.entries(kinds)) {
    const range = `${mega(bytesPerSecond.min)}..${mega(bytesPerSecond.max)}`
    const goal = target === undefined ? '' : `${target}${met ? ' met' : ' not met'}`
    const words = [mega(bytesPerSecond.median).padStart(8), range.padStart(12), ratio.toFixed(3).padStart(6)]
    process.stderr.write(`  ${kind.padEnd(14)} ${[...words, goal.padStart(13)].join(' ')}  ${faults.toFixed(3)}\n`)
  }
  const goal = `target ${times.target}${times.met ? ' met' : ' not met'}`
  process.stderr.write(`  sequential is ${times.ratio.toFixed(1)} times page at a time (${goal})\n`)
}
