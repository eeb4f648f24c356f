/** From what every process saw to one result: sums, percentiles, and why it is not ok. */
import { merge, percentileUs } from './histogram.js'
import type { TestbedOptions } from './options.js'
import type { Faults, TestbedResult, WorkerLine } from './report.js'
import type { WorkerEnd, WorkerReport } from './workers.js'

export interface Seen {
  readonly options: TestbedOptions
  readonly workers: readonly WorkerEnd[]
  readonly faults: readonly Faults[]
  readonly heapBytesAfter: number
  readonly unregistered: TestbedResult['unregistered']
  /** Who had to be killed because the time was up, which node does not answer: in words. */
  readonly troubles: readonly string[]
}

const NOTHING: WorkerReport = {
  blocks: 0,
  crossNode: 0,
  bytesVerified: 0,
  wrong: 0,
  overlaps: 0,
  leaked: 0,
  latency: [],
}

export function judge(seen: Seen): { result: TestbedResult; lines: WorkerLine[] } {
  const { options, workers, unregistered } = seen
  const reports = workers.map((worker) => worker.report ?? NOTHING)
  const sum = (field: 'blocks' | 'crossNode' | 'bytesVerified' | 'wrong' | 'overlaps' | 'leaked') =>
    reports.reduce((total, report) => total + report[field], 0)
  const latency = merge(reports.map((report) => report.latency))
  const counts = {
    blocks: sum('blocks'),
    bytesVerified: sum('bytesVerified'),
    wrong: sum('wrong'),
    overlaps: sum('overlaps'),
    leaked: sum('leaked'),
    heapBytesAfter: seen.heapBytesAfter,
  }
  const failures = [
    ...seen.troubles,
    ...ends(workers),
    ...wrongs(counts),
    ...shares(options, workers, sum('crossNode')),
    ...traces(unregistered),
  ]
  const result: TestbedResult = {
    ok: failures.length === 0,
    seed: options.seed,
    nodes: options.nodes,
    processes: workers.length,
    ...counts,
    faults: addFaults(seen.faults),
    faultLatencyUs: { p50: percentileUs(latency, 0.5), p99: percentileUs(latency, 0.99) },
    unregistered,
    ...(failures.length === 0 ? {} : { failures }),
  }
  const lines = workers.map(({ worker, node, kind, pid }, i) => ({
    worker,
    node,
    kind,
    pid,
    ...(reports[i] ?? NOTHING),
  }))
  return { result, lines }
}

function ends(workers: readonly WorkerEnd[]): string[] {
  const failed = workers.filter((w) => !w.endedByUs && (w.status !== 0 || w.report === undefined))
  const others = workers.filter((w) => w.endedByUs).length
  const failures = failed.map((w) => {
    const how = w.signal ?? (w.status === 0 ? 'no report' : `status ${w.status}`)
    return `worker ${w.worker} (${w.kind}, node ${w.node}) ended with ${how}${w.complaint === '' ? '' : `: ${w.complaint}`}`
  })
  return others === 0 ? failures : [...failures, `${others} workers were ended before they had a report`]
}

function wrongs(counts: Record<'wrong' | 'overlaps' | 'leaked' | 'heapBytesAfter', number>): string[] {
  const failures: string[] = []
  if (counts.wrong > 0) failures.push(`${counts.wrong} bytes were not what their writer wrote`)
  if (counts.overlaps > 0) failures.push(`${counts.overlaps} blocks overlapped others`)
  if (counts.leaked > 0) failures.push(`${counts.leaked} blocks were never freed`)
  if (counts.heapBytesAfter > 0) failures.push(`the heap still holds ${counts.heapBytesAfter} bytes`)
  return failures
}

/** A run in which nobody shared anything proves nothing. */
function shares(options: TestbedOptions, workers: readonly WorkerEnd[], crossNode: number): string[] {
  if (workers.some((w) => w.report === undefined)) return [] // said already
  const failures: string[] = []
  if (options.nodes > 1 && crossNode === 0) failures.push("no block was verified on another node than its writer's")
  const kinds = new Set(workers.filter((w) => (w.report?.blocks ?? 0) > 0).map((w) => w.kind))
  if (kinds.size < 2) failures.push('C and Node.js workers did not both verify blocks')
  return failures
}

function traces(u: TestbedResult['unregistered']): string[] {
  const failures: string[] = []
  const found = u.userfaultfd + u.mappings + u.sockets
  if (found > 0) failures.push(`the unregistered process has ${found} descriptors or mappings that it should not have`)
  if (u.minorFaultsBefore !== u.minorFaultsDuring) {
    failures.push(
      `the unregistered process took ${u.minorFaultsDuring} page faults beside the cluster, ${u.minorFaultsBefore} without`,
    )
  }
  return failures
}

export function addFaults(all: readonly Faults[]): Faults {
  const add = (field: keyof Faults) => all.reduce((sum, faults) => sum + faults[field], 0)
  return { read: add('read'), write: add('write'), upgrade: add('upgrade'), local: add('local'), remote: add('remote') }
}
