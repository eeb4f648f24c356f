/** `gshm ls`: the segments of the cluster, and the frames that nodes of this machine hold of them. */
import { command } from './command.js'
import { CLUSTER_OPTION, localNodes, type ClusterOption } from './local-nodes.js'
import { lostHomes } from './losses.js'
import { human, ranges } from './parse.js'
import { table } from './table.js'
import type { SegmentEntry } from '../client/inspect.js'

export const lsCommand = () =>
  command<ClusterOption>('ls', 'the segments of the cluster', async (say, options) => {
    const { cluster, nodes } = await localNodes(options)
    const { segments } = await import('../client/inspect.js')
    const found = new Map<number, SegmentEntry>()
    for (const { socket } of nodes) {
      for (const entry of segments(socket)) {
        const before = found.get(entry.segment)?.localFrames ?? 0
        found.set(entry.segment, { ...entry, localFrames: before + entry.localFrames })
      }
    }
    const members = nodes[0]!.status.nodes
    const list = [...found.values()]
      .sort((a, b) => a.segment - b.segment)
      .map((segment) => ({ ...segment, lostHomes: lostHomes(segment, members) }))
    if (list.length === 0) say.print(`cluster '${cluster}' has no segments`)
    else {
      say.print(
        table(
          [
            'segment',
            'name',
            'size',
            'max',
            'model',
            'unit',
            'home',
            'mode',
            'uid',
            'heap',
            'blocks',
            'nodes',
            'frames here',
          ],
          list.map((s) => [
            s.segment,
            `${s.name}${s.linked ? '' : ' (unlinked)'}${s.lostHomes.length === 0 ? '' : ' (PAGES LOST)'}`,
            human(s.bytes),
            human(s.maxBytes),
            `${s.consistency}/${s.manager}`,
            s.unit,
            ranges([...s.homes].sort((a, b) => a - b)),
            s.mode.toString(8).padStart(4, '0'),
            s.uid,
            human(s.heapBytes),
            s.heapBlocks,
            s.holders,
            s.localFrames,
          ]),
        ),
      )
    }
    const lost = [...new Set(list.flatMap((s) => s.lostHomes))]
    if (lost.length > 0)
      say.print(`PAGES LOST: of node ${lost.join(', ')}, which has left the cluster; accesses to them get SIGBUS`)
    return { ok: true, cluster, segments: list }
  }).option(...CLUSTER_OPTION)
