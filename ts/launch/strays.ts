/**
 * Processes that belong to a cluster's directory although nobody has a record of them: daemons
 * that were started with a socket there, and the keepers among their children.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { processId, type ProcessId } from './processes.js'

/** Every process whose command line names a file in `dir` as its --socket. */
export function strays(dir: string): ProcessId[] {
  const found: ProcessId[] = []
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue
    const args = commandLine(Number(entry))
    const at = args.indexOf('--socket')
    if (at < 0 || !args[at + 1]?.startsWith(`${dir}/`) || !args.some((a) => a.endsWith('gshmd.js'))) continue
    const id = processId(Number(entry))
    if (id !== undefined) found.push(id)
  }
  return found
}

export function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return [] // gone between the listing and the reading
  }
}
