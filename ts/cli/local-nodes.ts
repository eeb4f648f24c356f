/**
 * The nodes that a command speaks of: those of one cluster on this machine, found by the sockets in
 * its directory, or the single one that GSHM_SOCKET names (as inside of `gshm run`).
 */
import { basename } from 'node:path'
import { GshmError } from '../base/errors.js'
import { sockets } from '../launch/cluster-state.js'
import { clusterDir, DEFAULT_CLUSTER } from '../launch/paths.js'
import type { NodeStatus } from '../client/inspect.js'

export interface ClusterOption {
  readonly cluster?: string
}
export interface LocalNode {
  readonly socket: string
  readonly status: NodeStatus
}
export interface LocalNodes {
  readonly cluster: string
  readonly nodes: LocalNode[]
  /** Sockets that nobody answers at: their daemons have been killed. */
  readonly dead: string[]
}

export async function localNodes(options: ClusterOption): Promise<LocalNodes> {
  const { status } = await import('../client/inspect.js')
  const socket = options.cluster === undefined ? process.env['GSHM_SOCKET'] : undefined
  const cluster = options.cluster ?? DEFAULT_CLUSTER
  const paths = socket ? [socket] : sockets(clusterDir(cluster))
  const nodes: LocalNode[] = []
  const dead: string[] = []
  for (const path of paths) {
    try {
      nodes.push({ socket: path, status: status(path) })
    } catch (error) {
      const code = (error as { code?: string }).code
      if (code !== 'ERR_GSHM_NO_DAEMON' && code !== 'ERR_GSHM_DAEMON_LOST') throw error
      dead.push(path)
    }
  }
  if (nodes.length === 0) throw nobody(cluster, dead)
  nodes.sort((a, b) => a.status.node - b.status.node)
  return { cluster: nodes[0]?.status.cluster ?? cluster, nodes, dead }
}

function nobody(cluster: string, dead: readonly string[]): GshmError {
  if (dead.length > 0) {
    const names = dead.map((path) => basename(path)).join(', ')
    return new GshmError(
      'NO_DAEMON',
      `cluster '${cluster}': nobody answers at ${names}: npx gshm down --force, then npx gshm up`,
    )
  }
  return new GshmError(
    'NO_DAEMON',
    `no node of cluster '${cluster}' on this machine: npx gshm up, npx gshm node, or --cluster NAME`,
  )
}

export const CLUSTER_OPTION = [
  '-c, --cluster <name>',
  `the cluster (default: that of GSHM_SOCKET, else '${DEFAULT_CLUSTER}')`,
] as const
