/**
 * Other processes, known by pid and start time together, so that a pid which the kernel has given
 * to somebody else is never mistaken for ours, let alone killed.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ProcessId {
  readonly pid: number
  /** Clock ticks after boot at which it started: field 22 of /proc/PID/stat. */
  readonly started: number
}

/** The fields of /proc/PID/stat from the third (the state) on; the name before them may hold anything. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** undefined: no such process, or it has ended and only its parent's wait() is missing. */
export function processId(pid: number): ProcessId | undefined {
  const fields = statFields(pid)
  if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined
  return { pid, started: Number(fields[19]) }
}

export function isAlive(id: ProcessId): boolean {
  return processId(id.pid)?.started === id.started
}

/** Minor faults of the process so far: field 10. */
export function minorFaults(pid: number): number {
  return Number(statFields(pid)?.[7] ?? 0)
}

/** Sends the signal unless the process is gone. */
export function signal(id: ProcessId, name: NodeJS.Signals): void {
  if (!isAlive(id)) return
  try {
    process.kill(id.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Waits until all are gone; gives those that still are not after `milliseconds`. */
export async function gone(ids: readonly ProcessId[], milliseconds: number): Promise<ProcessId[]> {
  const deadline = Date.now() + milliseconds
  for (;;) {
    const left = ids.filter(isAlive)
    if (left.length === 0 || Date.now() >= deadline) return left
    await sleep(10) // they are no children of ours: nothing tells us of their end
  }
}
