/** What a daemon and its keeper hold for processes and segments: exactly one of each kind for each. */
import { readdirSync, readlinkSync } from 'node:fs'
import { becomes } from './becomes.js'
import type { TestCluster } from './cluster.js'
import { TRAPPED } from './trap.js'

/** How the faults of a process come to its daemon. */
const TRAP = TRAPPED ? 'memfd:gshm-trap' : 'anon_inode:[userfaultfd]'

export interface Holdings {
  readonly trap: number
  readonly pidfd: number
  readonly 'memfd:gshm:': number
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // closed since
  }
}

/** How many descriptors of the kinds that registration and memory need a process has. */
export function holdings(pid: number): Holdings {
  const counts = { trap: 0, pidfd: 0, 'memfd:gshm:': 0 }
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const target = linkOf(`/proc/${pid}/fd/${fd}`)
    for (const kind of Object.keys(counts) as (keyof typeof counts)[])
      if (target.includes(kind === 'trap' ? TRAP : kind)) counts[kind]++
  }
  return counts
}

/**
 * Waits until the node holds what so many processes and segments need and no more; gives what it holds then.
 * @param keeperPid when it is not the first any more
 */
export async function settled(
  cluster: TestCluster,
  node: number,
  processes: number,
  segments: number,
  keeperPid = cluster.daemon(node).keeperPid,
) {
  const { pid } = cluster.daemon(node)
  const one = { trap: processes, pidfd: processes, 'memfd:gshm:': segments }
  // Of one that may not answer the daemon wants to know at once whether it has ended.
  const wanted = { daemon: TRAPPED ? { ...one, pidfd: 2 * processes } : one, keeper: one }
  return { wanted, got: await becomes(wanted, () => ({ daemon: holdings(pid), keeper: holdings(keeperPid) })) }
}
