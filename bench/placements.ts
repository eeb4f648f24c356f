/**
 * Benchmarks measure in two placements: everything pinned to one CPU (what the code costs) and free (how many
 * sleeps and wake-ups the path has). Each is a process of its own, since a placement is inherited by
 * everything that it starts; it prints its result as one JSON line.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { compiled } from '../ts/launch/paths.js'

export type PlacementName = 'pinned' | 'free'

/** @param script compiled, as in `bench/fault-placement.js` */
export async function inPlacement<T>(placement: PlacementName, script: string, args: readonly string[]): Promise<T> {
  const call = [process.execPath, compiled(script), ...args]
  const [command, ...rest] = placement === 'pinned' ? ['taskset', '-c', '0', ...call] : call
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`the ${placement} run ended with status ${status}`)
  return JSON.parse(output.trim().split('\n').at(-1)!) as T
}

/** Both, one after the other; `ok` when neither has failures. */
export async function bothPlacements<T extends { readonly failures: readonly string[] }>(
  script: string,
  args: readonly string[],
): Promise<{ ok: boolean; pinned: Omit<T, 'failures'>; free: Omit<T, 'failures'>; failures?: string[] }> {
  const { failures: inPinned, ...pinned } = await inPlacement<T>('pinned', script, args)
  const { failures: inFree, ...free } = await inPlacement<T>('free', script, args)
  const failures = [...inPinned.map((why) => `pinned, ${why}`), ...inFree.map((why) => `free, ${why}`)]
  for (const why of failures) process.stderr.write(`NOT OK: ${why}\n`)
  const ok = failures.length === 0
  return { ok, pinned, free, ...(ok ? {} : { failures }) }
}

export function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text.padEnd(60)}\r`)
}
