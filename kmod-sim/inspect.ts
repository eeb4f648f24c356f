/** What can be asked of a running daemon: plain objects that docs/JSON.md lists the fields of. */
import { GshmError } from '../ts/base/errors.js'
import type { SegmentStat } from '../ts/base/requests.js'
import type { FrameStore } from './frame-store.js'
import type { ProcessRegistry } from './process-registry.js'

export const INSPECT_STATUS = 1
export const INSPECT_SEGMENTS = 2
export const INSPECT_PAGES = 3
export const INSPECT_PROCESSES = 4

export interface InspectSources {
  status(): object
  segments(): Promise<readonly SegmentStat[]>
  /** The pages of a segment that this node's directory knows. */
  pages(segment: number): object[]
  readonly frames: FrameStore
  readonly processes: ProcessRegistry
}

export async function inspect(sources: InspectSources, what: number, name: string): Promise<string> {
  switch (what) {
    case INSPECT_STATUS:
      return JSON.stringify(sources.status())
    case INSPECT_SEGMENTS:
      return JSON.stringify(
        (await sources.segments()).map((stat) => ({
          ...stat,
          localFrames: sources.frames.residentPages(stat.segment),
        })),
      )
    case INSPECT_PAGES: {
      const stat = (await sources.segments()).find((one) => one.name === name && one.linked)
      if (stat === undefined) throw new GshmError('NOT_FOUND', `pages: no segment is named '${name}'`)
      const { segment, consistency, manager } = stat
      return JSON.stringify({ segment, name, consistency, manager, pages: sources.pages(segment) })
    }
    case INSPECT_PROCESSES:
      return JSON.stringify(
        [...sources.processes.all()].map((process) => ({
          pid: process.pid,
          uid: process.uid,
          views: process.table.views.map((view) => ({
            segment: view.segment,
            address: `0x${view.start.toString(16)}`,
            length: view.end - view.start,
            offset: view.offset,
          })),
        })),
      )
    default:
      throw new GshmError('INVALID', `inspect: ${what} is nothing that can be inspected`)
  }
}
