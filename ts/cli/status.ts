/** `gshm status`: the nodes of this machine, what they hold and how often they were asked. */
import { command } from './command.js'
import { CLUSTER_OPTION, localNodes, type ClusterOption } from './local-nodes.js'
import { counted, human } from './parse.js'
import { table } from './table.js'

const SUMS = ['frameBytes', 'touchedPages', 'directoryBytes', 'processes', 'views'] as const

export const statusCommand = () =>
  command<ClusterOption>('status', 'the nodes on this machine and what they hold', async (say, options) => {
    const { cluster, nodes, dead } = await localNodes(options)
    const of = nodes.map((n) => n.status)
    const sums = Object.fromEntries(SUMS.map((field) => [field, of.reduce((sum, s) => sum + s[field], 0)]))
    say.print(
      `cluster '${cluster}': ${counted(of[0]?.nodes.length ?? 0, 'node')}, ${of.length} of them here, ${counted(of[0]?.segments ?? 0, 'segment')}`,
    )
    say.print(
      table(
        ['node', 'name', 'pid', 'listen', 'up', 'processes', 'views', 'frames', 'of', 'pages', 'faults', 'remote'],
        of.map((s) => [
          s.node,
          s.name,
          s.pid,
          s.listen,
          `${Math.floor(s.uptimeSeconds)} s`,
          s.processes,
          s.views,
          human(s.frameBytes),
          human(s.memoryBytes),
          s.touchedPages,
          s.faults.read + s.faults.write + s.faults.upgrade,
          s.faults.remote,
        ]),
      ),
    )
    for (const socket of dead) say.print(`nobody answers at ${socket}: npx gshm down --force cleans up`)
    return { ok: dead.length === 0, cluster, ...sums, dead, nodes: of }
  }).option(...CLUSTER_OPTION)
