/**
 * The registered processes of this node: who they are, their userfaultfd, their translation table,
 * the segments they hold. A process is here from its registration (or its parent's fork event)
 * until it ends.
 */
import { randomBytes } from 'node:crypto'
import type { DeviceChannel, ExitWatch, FaultChannel } from '../ts/native/index.js'
import type { SegmentId } from '../ts/base/ids.js'
import type { Identity } from './permission.js'
import { TranslationTable } from './translation-table.js'

/** 'new': not mapped yet, so it counts as a view to come; 'mapped': it has been, views count now. */
export type Handle = 'new' | 'mapped'

export interface Process {
  /** This daemon's number for it; also the channel's number in the FaultPoll and the keeper. */
  readonly id: number
  /** What the process shows on further connections. */
  readonly token: bigint
  /** 0 for a forked child that has not said who it is yet. */
  pid: number
  /** Who it was when it registered: a process that becomes another user stays what it was until it detaches. */
  who: Identity
  /** Its parent's token, until a forked child has said who it is: it may outlive that parent. */
  parent: bigint | undefined
  readonly faults: FaultChannel
  readonly table: TranslationTable
  readonly handles: Map<SegmentId, Handle>
  readonly devices: Set<DeviceChannel>
  watch: ExitWatch | undefined
  /** Forks announced by this process so far, and the number that the next fork event belongs to. */
  forks: number
  forkAnnounced: number | undefined
  /** Of a child: which of its parent's forks made it (undefined: a fork nobody announced). */
  readonly fork: number | undefined
  ended: boolean
  /** It has said that its registration is to end: else it has died when that ends. */
  left: boolean
}

export class ProcessRegistry {
  readonly #byId = new Map<number, Process>()
  readonly #byToken = new Map<bigint, Process>()
  #next = 1
  #trapped = 0

  get size(): number {
    return this.#byId.size
  }

  /** Is there one that traps its own faults? */
  get anyTrapped(): boolean {
    return this.#trapped > 0
  }

  /** Live: processes that are added while it is gone through (a child that a drain brings) come at its end. */
  all(): IterableIterator<Process> {
    return this.#byId.values()
  }

  add(made: {
    faults: FaultChannel
    pid: number
    who: Identity
    parent?: Process
    fork?: number | undefined
  }): Process {
    const process: Process = {
      id: this.#next++,
      token: randomBytes(8).readBigUInt64LE(),
      pid: made.pid,
      who: made.who,
      parent: made.parent?.token,
      faults: made.faults,
      table: made.parent?.table.clone() ?? new TranslationTable(),
      handles: new Map(made.parent?.handles),
      devices: new Set(),
      watch: undefined,
      forks: 0,
      forkAnnounced: undefined,
      fork: made.fork,
      ended: false,
      left: false,
    }
    if (process.faults.trapped) this.#trapped++
    this.#byId.set(process.id, process)
    this.#byToken.set(process.token, process)
    return process
  }

  remove(process: Process): void {
    process.ended = true
    if (process.faults.trapped) this.#trapped--
    this.#byId.delete(process.id)
    this.#byToken.delete(process.token)
  }

  byId(id: number): Process | undefined {
    return this.#byId.get(id)
  }

  byToken(token: bigint): Process | undefined {
    return this.#byToken.get(token)
  }

  /** The child that fork number `fork` of the process with that token made and that has not attached yet. */
  childOf(parent: bigint, fork: number): Process | undefined {
    for (const process of this.#byId.values()) {
      if (process.parent === parent && process.fork === fork && process.devices.size === 0) return process
    }
    return undefined
  }

  /** Does anybody on this node hold the segment: by a view, or by a handle that is yet to be mapped? */
  holds(segment: SegmentId): boolean {
    for (const process of this.#byId.values()) {
      if (process.handles.get(segment) === 'new' || process.table.hasSegment(segment)) return true
    }
    return false
  }
}
