/**
 * A cluster of several daemons on this machine: started in order (the first node numbers the
 * others), stopped in reverse. `gshm up`, the testbed and the tests of real processes all use it.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon, type Daemon } from './daemon.js'
import { gone, isAlive, signal, type ProcessId } from './processes.js'
import { socketPath } from './paths.js'

export interface ClusterOptions {
  /** An existing directory: sockets and logs go there. */
  readonly dir: string
  readonly cluster: string
  readonly nodes: number
  /** Bytes of frames on each node. */
  readonly memory: number
  readonly group?: string
  readonly handOver?: boolean
  readonly lockBurst?: number
  readonly barrierTree?: number
  readonly barrierDirect?: number
  readonly fetchAhead?: number
  readonly lockDirect?: number
  readonly background?: boolean
  readonly logLevel?: string
  readonly secretFile?: string
  readonly started?: (daemon: Daemon) => void
}

/** What is left to know of a daemon in order to stop it: also read from cluster.json. */
export interface DaemonRecord {
  readonly name: string
  readonly node: number
  readonly socket: string
  readonly listen: string
  readonly log: string
  readonly id: ProcessId
  readonly keeper: ProcessId
}

/** Milliseconds that a daemon gets to leave after SIGTERM, and keepers after their daemons. */
export const STOP_MS = 15_000
export const KEEPER_MS = 5_000

export async function startCluster(options: ClusterOptions): Promise<Daemon[]> {
  const daemons: Daemon[] = []
  try {
    for (let n = 0; n < options.nodes; n++) {
      const first = daemons[0]
      const daemon = await startDaemon({
        cluster: options.cluster,
        name: `node${n}`,
        socket: socketPath(options.dir, `node${n}`),
        log: join(options.dir, `node${n}.log`),
        memory: options.memory,
        ...(first === undefined ? {} : { join: first.listen }),
        ...(options.group === undefined ? {} : { group: options.group }),
        ...(options.handOver === undefined ? {} : { handOver: options.handOver }),
        ...(options.lockBurst === undefined ? {} : { lockBurst: options.lockBurst }),
        ...(options.barrierTree === undefined ? {} : { barrierTree: options.barrierTree }),
        ...(options.barrierDirect === undefined ? {} : { barrierDirect: options.barrierDirect }),
        ...(options.fetchAhead === undefined ? {} : { fetchAhead: options.fetchAhead }),
        ...(options.lockDirect === undefined ? {} : { lockDirect: options.lockDirect }),
        ...(options.background === undefined ? {} : { background: options.background }),
        ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
        ...(options.secretFile === undefined ? {} : { secretFile: options.secretFile }),
      })
      daemons.push(daemon)
      options.started?.(daemon)
    }
    return daemons
  } catch (error) {
    await stopDaemons(daemons, STOP_MS)
    throw error
  }
}

export interface Stopped {
  /** Daemons that had ended before anybody told them to. */
  readonly dead: DaemonRecord[]
  /** Daemons that did not leave by themselves and were killed. */
  readonly killed: DaemonRecord[]
  /** Daemons that are gone and whose keepers stay: processes still map their frames. */
  readonly guarded: DaemonRecord[]
}

/** Ends daemons, waits for their keepers, and removes their sockets. Keepers are not killed: see guardians.ts. */
export async function stopDaemons(
  daemons: readonly DaemonRecord[],
  milliseconds = STOP_MS,
  keeperMilliseconds = KEEPER_MS,
): Promise<Stopped> {
  const dead: DaemonRecord[] = []
  const killed: DaemonRecord[] = []
  for (const daemon of [...daemons].reverse()) {
    if (!isAlive(daemon.id)) dead.push(daemon)
    signal(daemon.id, 'SIGTERM')
    const late = await gone([daemon.id], milliseconds)
    if (late.length === 0) continue
    killed.push(daemon)
    signal(daemon.id, 'SIGKILL')
    await gone(late, milliseconds)
  }
  const keepers = await gone(
    daemons.map((daemon) => daemon.keeper),
    keeperMilliseconds,
  )
  for (const daemon of daemons) if (existsSync(daemon.socket)) rmSync(daemon.socket)
  return { dead, killed, guarded: daemons.filter((daemon) => keepers.includes(daemon.keeper)) }
}
