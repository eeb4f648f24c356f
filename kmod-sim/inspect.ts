/** What can be asked of a running daemon: plain objects that docs/JSON.md lists the fields of. */
import { GshmError } from '../ts/base/errors.js'
import { PAGE_SIZE, type NodeId } from '../ts/base/ids.js'
import type { SegmentStat } from '../ts/base/requests.js'
import type { Member } from '../ts/cluster/index.js'
import { native } from '../ts/native/index.js'
import { directoryBytes, inspectPages, touchedPages, type NodeState } from '../ts/node/state.js'
import { answered, statWithHeap, type Ask } from './ask.js'
import type { FaultCounts } from './fault-path.js'
import type { FrameStore } from './frame-store.js'
import { locksText, type LocksSources } from './inspect-locks.js'
import type { DaemonOptions } from './options.js'
import { mustRead, type Identity } from './permission.js'
import type { ProcessRegistry } from './process-registry.js'

const { INSPECT_STATUS, INSPECT_SEGMENTS, INSPECT_PAGES, INSPECT_PROCESSES, INSPECT_LOCKS, INSPECT_TRACE } =
  native.constants

export interface InspectSources {
  readonly options: DaemonOptions
  readonly keeperPid: number
  readonly uptimeSeconds: number
  readonly cluster: { readonly listen: string; members(): readonly Member[] }
  readonly state: NodeState
  readonly frames: FrameStore
  readonly processes: ProcessRegistry
  readonly faults: FaultCounts
  /** Pages that have left for want of memory. */
  readonly evicted: number
  readonly refused: number
  readonly messages: { readonly sent: number; readonly received: number; readonly held: number }
  /** Reactions to locks given back and tokens that came, carried out before the engine did. */
  readonly reflexes: number
  readonly directBarriers: { readonly standing: number; readonly waiting: number }
  readonly directLocks: { readonly standing: number; readonly ready: number; readonly came: number }
  readonly ask: Ask
  readonly locks: LocksSources
  /** What the other nodes say of their locks. */
  askOthers(): Promise<Map<NodeId, string | undefined>>
  /** Switches the trace of synchronisation on or off. */
  readonly traceSync: (on: boolean) => void
}

/** @param who asks */
export async function inspect(sources: InspectSources, what: number, name: string, who: Identity): Promise<string> {
  switch (what) {
    case INSPECT_STATUS:
      return JSON.stringify(status(sources))
    case INSPECT_SEGMENTS:
      return JSON.stringify(
        (await segments(sources.ask)).map((stat) => ({
          ...stat,
          localFrames: sources.frames.residentPages(stat.segment),
        })),
      )
    case INSPECT_PAGES: {
      const { stat } = await answered(sources.ask, { op: 'stat', name }, 'stat')
      mustRead('pages', who, stat)
      const { segment, consistency, manager, unit } = stat
      const pages = inspectPages(sources.state, segment)
      return JSON.stringify({ segment, name, consistency, manager, unit, pages })
    }
    case INSPECT_PROCESSES:
      return JSON.stringify(
        [...sources.processes.all()].map((process) => ({
          pid: process.pid,
          uid: process.who.uid,
          trap: process.faults.trapped ? 'mprotect' : 'userfaultfd',
          views: process.table.views.map((view) => ({
            segment: view.segment,
            address: `0x${view.start.toString(16)}`,
            length: view.end - view.start,
            offset: view.offset,
          })),
        })),
      )
    case INSPECT_LOCKS: {
      const others = await sources.askOthers()
      const nodes = [{ node: sources.state.self, text: locksText(sources.locks) as string | undefined }]
      for (const [node, text] of others) nodes.push({ node, text })
      return JSON.stringify(nodes)
    }
    case INSPECT_TRACE:
      return trace(sources, name, who)
    default:
      throw new GshmError('INVALID', `inspect: ${what} is nothing that can be inspected`)
  }
}

/** Words are kept shut while it is on, which slows locks down: not for everybody to want. */
function trace({ locks, state, traceSync }: InspectSources, name: string, { uid }: Identity): string {
  if (name === '') return locks.watch.trace.lines(state.self)
  if (name !== 'on' && name !== 'off') throw new GshmError('INVALID', `trace: '${name}' is neither on nor off`)
  if (uid !== 0 && uid !== process.getuid?.()) {
    throw new GshmError('ACCESS', "trace: only root and the daemon's user switch it")
  }
  traceSync(name === 'on')
  return ''
}

function status({ options, cluster, state, frames, processes, ...rest }: InspectSources): object {
  const all = [...processes.all()]
  return {
    cluster: options.cluster,
    node: state.self,
    name: options.name,
    version: options.version,
    pid: process.pid,
    keeperPid: rest.keeperPid,
    socket: options.socket,
    listen: cluster.listen,
    uptimeSeconds: rest.uptimeSeconds,
    nodes: cluster.members().map(({ node, name, address }) => ({ node, name, address })),
    memoryBytes: options.memory,
    frameBytes: frames.heldBytes,
    pageBytes: PAGE_SIZE,
    touchedPages: touchedPages(state),
    directoryBytes: directoryBytes(state),
    processes: all.length,
    views: all.reduce((sum, one) => sum + one.table.views.length, 0),
    segments: state.names.known.size,
    faults: rest.faults,
    evicted: rest.evicted,
    refused: rest.refused,
    messages: rest.messages,
    reflexes: rest.reflexes,
    directBarriers: rest.directBarriers,
    directLocks: rest.directLocks,
  }
}

async function segments(ask: Ask): Promise<SegmentStat[]> {
  const list = await answered(ask, { op: 'list' }, 'list')
  // A heap whose node is lost says nothing; the segment is still listed.
  return Promise.all(list.segments.map((stat) => statWithHeap(ask, stat).catch(() => stat)))
}
