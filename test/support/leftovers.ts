/**
 * What a stopped cluster must not leave on the machine: processes that know its directory, keepers,
 * sockets, and memfds, which are recognised by their inodes, noted while the cluster ran.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { mappedMemfds, memfds } from '../../ts/launch/guardians.js'

function numbers(path: string): string[] {
  try {
    return readdirSync(path).filter((entry) => /^\d+$/.test(entry))
  } catch {
    return [] // a process that has just ended
  }
}
function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Everything of a cluster that is left, in words; the calling process may mention its directory. */
export function leftovers(dir: string, pids: readonly number[], inodes: ReadonlySet<number>): string[] {
  const left: string[] = []
  for (const pid of numbers('/proc').map(Number)) {
    const command = text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
    if (command === '') continue // a kernel thread, or one that has ended and waits for its parent
    const who = `process ${pid} (${command})`
    if (pids.includes(pid)) left.push(`${who} still runs`)
    else if (pid !== process.pid && `${command} ${text(`/proc/${pid}/environ`)}`.includes(dir))
      left.push(`${who} still runs`)
    if ([...memfds(pid), ...mappedMemfds(pid)].some((inode) => inodes.has(inode))) left.push(`${who} holds frames`)
  }
  if (existsSync(dir)) {
    for (const file of readdirSync(dir)) if (file.endsWith('.sock')) left.push(`socket ${dir}/${file}`)
  }
  return left
}
