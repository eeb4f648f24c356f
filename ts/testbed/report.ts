/** The testbed's result, and the page of text that a person reads of it. */
import Table from 'cli-table3'
import type { Place } from './options.js'
import type { Traces } from './control.js'

export interface Faults {
  readonly read: number
  readonly write: number
  readonly upgrade: number
  readonly local: number
  readonly remote: number
}

/** docs/JSON.md explains the fields. */
export interface TestbedResult {
  readonly ok: boolean
  readonly seed: number
  readonly nodes: number
  readonly processes: number
  readonly blocks: number
  readonly bytesVerified: number
  readonly wrong: number
  readonly overlaps: number
  readonly leaked: number
  readonly heapBytesAfter: number
  readonly faults: Faults
  readonly faultLatencyUs: { readonly p50: number; readonly p99: number }
  readonly unregistered: Traces & { readonly minorFaultsBefore: number; readonly minorFaultsDuring: number }
  /** Why it is not ok; absent when it is. */
  readonly failures?: readonly string[]
}

/** One line of the report's table. */
export interface WorkerLine extends Place {
  readonly pid: number
  readonly blocks: number
  readonly crossNode: number
  readonly bytesVerified: number
  readonly wrong: number
}

export function report(result: TestbedResult, workers: readonly WorkerLine[]): string {
  const count = (n: number) => n.toLocaleString('en-US')
  const table = new Table({
    head: ['worker', 'node', 'program', 'blocks verified', 'from other nodes', 'bytes verified', 'wrong'],
    style: { head: [], border: [], compact: true },
    colAligns: ['right', 'right', 'left', 'right', 'right', 'right', 'right'],
  })
  for (const w of workers) {
    const program = w.kind === 'c' ? 'C' : 'Node.js'
    table.push([w.worker, w.node, program, count(w.blocks), count(w.crossNode), count(w.bytesVerified), count(w.wrong)])
  }
  const { faults, faultLatencyUs: latency, unregistered: control } = result
  const crossNode = workers.reduce((sum, w) => sum + w.crossNode, 0)
  return [
    '',
    `${result.nodes} nodes, ${result.processes} processes, seed ${result.seed}`,
    table.toString(),
    `Blocks      ${count(result.blocks)} verified, ${count(crossNode)} of them on another node than their writer's`,
    `Bytes       ${count(result.bytesVerified)} verified, ${count(result.wrong)} wrong`,
    `Heap        ${count(result.overlaps)} overlaps, ${count(result.leaked)} blocks leaked, ${count(result.heapBytesAfter)} bytes in use at the end`,
    `Page faults ${count(faults.read)} read, ${count(faults.write)} write, ${count(faults.upgrade)} upgrade; ` +
      `${count(faults.local)} served on the node, ${count(faults.remote)} from another`,
    `Latency     ${latency.p50} us median, ${latency.p99} us at the 99th percentile, seen by the thread that faulted`,
    `Unregistered process: ${control.userfaultfd} userfaultfds, ${control.mappings} mappings, ${control.sockets} sockets of ours; ` +
      `${count(control.minorFaultsBefore)} page faults without a cluster, ${count(control.minorFaultsDuring)} beside one, for the same work`,
    '',
    ...(result.failures === undefined
      ? ['OK: every byte was right.']
      : ['NOT OK:', ...result.failures.map((text) => `  - ${text}`)]),
  ].join('\n')
}
