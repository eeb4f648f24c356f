/**
 * What a running daemon tells visitors, who register no memory: `gshm status` and its like. The
 * shapes are kmod-sim/inspect.ts's; docs/JSON.md explains the fields. Failures throw ERR_GSHM_*.
 */
import { native } from '../native/index.js'
import { calling } from './failure.js'

export interface NodeStatus {
  readonly cluster: string
  readonly node: number
  readonly name: string
  readonly version: string
  readonly pid: number
  readonly keeperPid: number
  readonly socket: string
  readonly listen: string
  readonly uptimeSeconds: number
  readonly nodes: readonly { readonly node: number; readonly name: string; readonly address: string }[]
  readonly memoryBytes: number
  readonly frameBytes: number
  readonly touchedPages: number
  readonly directoryBytes: number
  readonly processes: number
  readonly views: number
  readonly segments: number
  readonly faults: {
    readonly read: number
    readonly write: number
    readonly upgrade: number
    readonly local: number
    readonly remote: number
    /** Pages that were asked for before anybody had faulted on them. */
    readonly ahead: number
  }
  /** Pages that have left for want of memory. */
  readonly evicted: number
  /** Faults that ended in SIGBUS because the memory was used up. */
  readonly refused: number
  /** Hand-overs of locks and arrivals of tokens that were answered before the engine had its turn. */
  readonly reflexes: number
  /** Barriers at which a process of this node meets others by itself; at how many of them it is waiting, as it says. */
  readonly directBarriers: { readonly standing: number; readonly waiting: number }
  readonly directLocks: { readonly standing: number; readonly ready: number; readonly came: number }
  readonly messages: { readonly sent: number; readonly received: number; readonly held: number }
}

export interface SegmentEntry {
  readonly segment: number
  readonly name: string
  /** That it has now, and may have. */
  readonly bytes: number
  readonly maxBytes: number
  readonly consistency: string
  readonly manager: string
  /** Bytes that the protocol keeps together. */
  readonly unit: number
  readonly homes: readonly number[]
  readonly uid: number
  readonly gid: number
  readonly mode: number
  readonly createdMs: number
  readonly linked: boolean
  readonly heapBytes: number
  readonly heapBlocks: number
  /** Nodes that hold it open. */
  readonly holders: number
  /** Frames that the asked node has of it. */
  readonly localFrames: number
}

export interface SegmentPages {
  readonly segment: number
  readonly name: string
  readonly consistency: string
  readonly manager: string
  /** Bytes of a page, as the protocol counts them, but perhaps the last. */
  readonly unit: number
  /** Pages that the asked node's directory knows. */
  readonly pages: readonly {
    readonly page: number
    readonly access: 'none' | 'read' | 'write'
    readonly home: number
    readonly state: string
    readonly owner?: number
    readonly copyset?: readonly number[]
    /** On the page's home: its state there, and the nodes whose requests wait. */
    readonly homeState?: string
    readonly stalled?: readonly number[]
  }[]
}

export interface ProcessEntry {
  readonly pid: number
  readonly uid: number
  /** How its faults reach the daemon. */
  readonly trap: 'userfaultfd' | 'mprotect'
  readonly views: readonly {
    readonly segment: number
    /** Hexadecimal: an address may exceed what a number holds exactly. */
    readonly address: string
    readonly length: number
    readonly offset: number
  }[]
}

/** What one node tells of its locks: JSON that ts/cli/lock-report.ts reads, for it may be another machine's. undefined:
 * the node did not answer. */
export interface NodeLocks {
  readonly node: number
  readonly text?: string
}

const { INSPECT_STATUS, INSPECT_SEGMENTS, INSPECT_PAGES, INSPECT_PROCESSES, INSPECT_LOCKS, INSPECT_TRACE } =
  native.constants

function ask(socket: string, what: number, name: string): unknown {
  return JSON.parse(calling(() => native.inspect(socket, what, name)))
}

export function status(socket: string): NodeStatus {
  return ask(socket, INSPECT_STATUS, '') as NodeStatus
}
export function segments(socket: string): SegmentEntry[] {
  return ask(socket, INSPECT_SEGMENTS, '') as SegmentEntry[]
}
export function pages(socket: string, segment: string): SegmentPages {
  return ask(socket, INSPECT_PAGES, segment) as SegmentPages
}
export function processes(socket: string): ProcessEntry[] {
  return ask(socket, INSPECT_PROCESSES, '') as ProcessEntry[]
}

/** What every node of the cluster tells of its locks: the asked one asks the others, for a few seconds. */
export function locks(socket: string): NodeLocks[] {
  return ask(socket, INSPECT_LOCKS, '') as NodeLocks[]
}

/** Switches the node's trace of synchronisation: while it is on every lock goes by the daemon. Errors: ACCESS. */
export function switchTrace(socket: string, to: 'on' | 'off'): void {
  calling(() => native.inspect(socket, INSPECT_TRACE, to))
}

/** What was traced: JSON lines, of which the first says since when (ts/trace/sync.ts). */
export function syncTrace(socket: string): string {
  return calling(() => native.inspect(socket, INSPECT_TRACE, ''))
}

/** The name goes; the memory stays until the last view anywhere closes. */
export function unlink(socket: string, name: string): void {
  calling(() => native.visitorUnlink(socket, name))
}

/** Opens a userfaultfd as a registering process does and reports what the kernel offers. */
export function probe(): ReturnType<typeof native.probe> {
  return native.probe()
}
