/**
 * A keeper outlives its daemon while processes map the node's frames, and turns their accesses into
 * SIGBUS. To kill it would let them read zeros or hang, so whoever wants it gone ends them first.
 */
import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { KEEPER_MS, type DaemonRecord } from './local-cluster.js'
import { gone, processId, signal, type ProcessId } from './processes.js'

function numbers(path: string): string[] {
  try {
    return readdirSync(path).filter((entry) => /^\d+$/.test(entry))
  } catch {
    return [] // a process that has just ended
  }
}

/** Inodes of the memfds that a process has open. @param called what their names begin with */
export function memfds(pid: number, called = ''): Set<number> {
  const found = new Set<number>()
  for (const fd of numbers(`/proc/${pid}/fd`)) {
    const path = `/proc/${pid}/fd/${fd}`
    try {
      if (readlinkSync(path).startsWith(`/memfd:${called}`)) found.add(statSync(path).ino)
    } catch {
      // closed since
    }
  }
  return found
}

/** Inodes of the memfds that a process maps. */
export function mappedMemfds(pid: number): Set<number> {
  try {
    const maps = readFileSync(`/proc/${pid}/maps`, 'utf8')
    return new Set([...maps.matchAll(/^\S+ \S+ \S+ \S+ (\d+)\s+\/memfd:/gm)].map((line) => Number(line[1])))
  } catch {
    return new Set()
  }
}

/** Processes that map frames which the keeper holds: not words of locks, which the daemon maps too. */
export function frameUsers(keeper: ProcessId): ProcessId[] {
  const frames = memfds(keeper.pid, 'gshm:')
  const users: ProcessId[] = []
  for (const pid of numbers('/proc').map(Number)) {
    if (pid === keeper.pid || pid === process.pid) continue
    const id = [...mappedMemfds(pid)].some((inode) => frames.has(inode)) ? processId(pid) : undefined
    if (id !== undefined) users.push(id)
  }
  return users
}

/** Kills the processes that keep keepers of stopped daemons busy; keepers leave by themselves then. */
export async function dismiss(guarded: readonly DaemonRecord[]): Promise<ProcessId[]> {
  const keepers = guarded.map((daemon) => daemon.keeper)
  const users = keepers.flatMap(frameUsers)
  for (const id of users) signal(id, 'SIGKILL')
  await gone(users, KEEPER_MS)
  const late = await gone(keepers, KEEPER_MS)
  for (const id of late) signal(id, 'SIGKILL')
  await gone(late, KEEPER_MS)
  return users
}
