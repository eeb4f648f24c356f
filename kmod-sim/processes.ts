/**
 * The life of registered processes: registration, views, forks, address events, the end. It keeps
 * the registry, the FaultPoll, the keeper and the engine's idea of who holds what in step.
 */
import { GshmError } from '../ts/base/errors.js'
import type { SegmentId } from '../ts/base/ids.js'
import type { SegmentAttributes } from '../ts/base/requests.js'
import { native, type DeviceChannel, type FaultChannel, type FaultPoll, type KeeperLink } from '../ts/native/index.js'
import { Estates } from './estates.js'
import type { FrameStore } from './frame-store.js'
import { mappingAt, mapsMemory, processOfThread, type Mapping } from './proc-maps.js'
import type { Process, ProcessRegistry } from './process-registry.js'

/** Views in one process: each costs the pager a look at every access change. */
export const VIEWS_MAX = 65_536
/** Between looks for processes whose memory has gone without a sign. */
const SWEEP_MS = 1000

export interface ProcessesHost {
  attributes(segment: SegmentId): SegmentAttributes | undefined
  /** Nobody on this node holds the segment any more. */
  letGo(segment: SegmentId): void
  ended(process: Process): void
  warn(text: string): void
}

export class Processes {
  readonly #estates = new Estates()
  readonly #sweeper = setInterval(() => this.#sweep(this.registry.all()), SWEEP_MS).unref()

  constructor(
    private readonly registry: ProcessRegistry,
    private readonly frames: FrameStore,
    private readonly poll: FaultPoll,
    private readonly keeper: KeeperLink,
    private readonly host: ProcessesHost,
  ) {}

  /** A process hands over its fresh userfaultfd. Throws NOT_USERFAULTFD, KERNEL_FEATURES, DESCRIPTORS, DETACHED.
   * @param estate 0n, or that of a child which was forked without views: it has the segments open that its parent had */
  register(userfaultfd: number, channel: DeviceChannel, estate: bigint): Process {
    return this.#enter(fresh(userfaultfd), channel, estate)
  }

  /** The same for a process that traps its own faults (native/abi/trap.h). Throws SYSTEM, DETACHED. */
  registerTrapped(channel: DeviceChannel, estate: bigint): Process {
    return this.#enter(new native.FaultChannel(channel.peer.pid, 'trapped'), channel, estate)
  }

  /** The process is about to fork a child that will register by itself; gives the estate's token. @throws GshmError LIMIT */
  leaveEstate(parent: Process): bigint {
    const mapped = parent.faults.trapped ? parent.table.views.map((view) => view.segment) : []
    return this.#estates.leave(new Set([...parent.handles.keys(), ...mapped]))
  }

  /** The child has registered, or there will be none. */
  settleEstate(estate: bigint): void {
    for (const segment of this.#estates.settle(estate)) this.letGoIfUnheld(segment)
  }

  #enter(faults: FaultChannel, channel: DeviceChannel, estate: bigint): Process {
    const process = this.registry.add({ faults, pid: channel.peer.pid, who: channel.peer })
    try {
      if (estate !== 0n) this.#inherit(process, estate)
      this.#watch(process)
      this.poll.add(faults, process.id)
      this.keeper.addChannel(process.id, faults, process.watch?.fd ?? -1)
    } catch (error) {
      this.end(process)
      throw error
    }
    return process
  }

  /** The child that fork `fork` of the process with token `parent` made says who it is. */
  attachChild(parent: bigint, fork: bigint, channel: DeviceChannel): Process {
    const child = this.registry.childOf(parent, Number(fork))
    if (child === undefined) throw new GshmError('DETACHED', `no fork ${fork} of a process with that token is known`)
    child.parent = undefined
    child.who = channel.peer
    this.#identify(child, channel.peer.pid)
    return child
  }

  /** A fork event: the child exists from now on, with its parent's views. */
  forked(parent: Process, userfaultfd: number): void {
    // Children of forks that failed, or that died before they said who they are.
    this.#sweep([...this.registry.all()].filter((process) => process.pid === 0))
    const faults = new native.FaultChannel(userfaultfd, 'forked')
    const { who } = parent
    const child = this.registry.add({ faults, pid: 0, who, parent, fork: parent.forkAnnounced })
    parent.forkAnnounced = undefined
    this.poll.add(faults, child.id)
    this.keeper.addChannel(child.id, faults, -1)
  }

  /**
   * A thread of the process faulted: tells the pid of a child that forked without libgshm. The number is that of the
   * thread's own PID namespace, which may mean another process here: one that shows a segment there it must be, of its user.
   */
  sawThread(process: Process, thread: number, address: number): void {
    if (process.pid !== 0) return
    const { pid, uid } = processOfThread(thread)
    const segment = uid === process.who.uid ? segmentOf(mappingAt(pid, address)) : 0
    if (segment !== 0 && process.table.hasSegment(segment)) this.#identify(process, pid)
  }

  hold(process: Process, attributes: SegmentAttributes): number {
    const frames = this.frames.open(attributes.segment)
    if (!process.handles.has(attributes.segment)) {
      process.handles.set(attributes.segment, process.table.hasSegment(attributes.segment) ? 'mapped' : 'new')
    }
    return frames.fd
  }

  #inherit(process: Process, estate: bigint): void {
    for (const segment of this.#estates.of(estate)) {
      const attributes = this.host.attributes(segment)
      if (attributes !== undefined) this.hold(process, attributes)
    }
  }

  closeHandle(process: Process, segment: SegmentId): void {
    if (!process.handles.delete(segment)) throw new GshmError('INVALID', `segment ${segment} is not open here`)
    this.letGoIfUnheld(segment)
  }

  /** The client has mapped the range PROT_NONE: traps it and enters it into the table. */
  map(process: Process, segment: SegmentId, address: number, offset: number, length: number): void {
    const attributes = this.host.attributes(segment)
    if (!process.handles.has(segment) || attributes === undefined) {
      throw new GshmError('INVALID', `segment ${segment} is not open in this process`)
    }
    if (offset + length > attributes.maxBytes) {
      const wanted = `${length} bytes from ${offset}`
      throw new GshmError('BEYOND_END', `map: ${wanted} end beyond the segment's ${attributes.maxBytes}`)
    }
    if (process.table.views.length >= VIEWS_MAX) {
      throw new GshmError('LIMIT', `map: a process may have ${VIEWS_MAX} views`)
    }
    this.poll.drain(process.id) // an unmap of this very range may not have been read yet
    if (process.table.overlaps(address, address + length)) {
      throw new GshmError('OVERLAP', `map: a view lies in the ${length} bytes at 0x${address.toString(16)}`)
    }
    process.faults.register(address, length)
    process.table.add({ start: address, end: address + length, segment, offset })
    process.handles.set(segment, 'mapped')
  }

  unmapped(process: Process, start: number, end: number): void {
    if (process.faults.trapped) {
      process.faults.unregister(start, end - start)
      process.faults.wake(start, end - start) // no event says so: a thread that waits there would do so for ever
    }
    const cut = process.table.cut(start, end)
    if (cut.length === 0) return
    for (const segment of new Set(cut.map((view) => view.segment))) this.letGoIfUnheld(segment)
  }

  remapped(process: Process, from: number, to: number, length: number): void {
    process.table.move(from, to, length)
  }

  /**
   * A fault outside every view: mremap can grow a view, or double it, without telling how far. The
   * process's own maps say what is shown there. What cannot be read there is none of it, but a view that
   * its process has yet to tell of (map).
   */
  adopt(process: Process, address: number): boolean {
    const mapping = mappingAt(process.pid, address)
    const segment = segmentOf(mapping)
    const attributes = this.host.attributes(segment)
    if (mapping === undefined || !mapping.readable || attributes === undefined) return false
    // Anybody can name a memfd so: a view that has grown was one of what the process has.
    if (!process.table.hasSegment(segment) && !process.handles.has(segment)) return false
    if (mapping.offset + (address - mapping.start) >= attributes.maxBytes) return false
    process.table.cut(mapping.start, mapping.end)
    const end = Math.min(mapping.end, mapping.start + (attributes.maxBytes - mapping.offset))
    process.table.add({ start: mapping.start, end, segment, offset: mapping.offset })
    return true
  }

  /**
   * The last connection has gone while the process lives. After exec its memory is gone, and so is
   * the registration; a process that merely closed its descriptors goes on being served.
   */
  disconnected(process: Process): void {
    this.poll.drain(process.id)
    if (process.table.views.length === 0 || !process.faults.alive() || !this.isItself(process)) this.end(process)
  }

  /** Exec ends the memory of a trapped process, and detaching its registration: no descriptor tells. */
  isItself(process: Process): boolean {
    return !process.faults.trapped || (!process.left && mapsMemory(process.pid, 'gshm-trap'))
  }

  /** The process has ended or is to be treated as if: its views, handles and descriptors go. */
  end(process: Process): void {
    if (process.ended) return
    this.registry.remove(process)
    this.poll.remove(process.id)
    this.keeper.dropChannel(process.id)
    process.faults.close()
    process.watch?.close()
    this.host.ended(process)
    const held = new Set([...process.handles.keys(), ...process.table.views.map((view) => view.segment)])
    for (const segment of held) this.letGoIfUnheld(segment)
  }

  close(): void {
    clearInterval(this.#sweeper)
  }

  letGoIfUnheld(segment: SegmentId): void {
    if (!this.registry.holds(segment) && !this.#estates.holds(segment)) this.host.letGo(segment)
  }

  #identify(process: Process, pid: number): void {
    if (pid === 0 || pid === process.pid) return // a child may fault before it attaches
    process.pid = pid
    process.watch?.close()
    this.#watch(process)
    this.keeper.addChannel(process.id, process.faults, process.watch?.fd ?? -1) // now with its pidfd
  }

  /**
   * A process ends with its memory, not with its pid: what a clone shares (CLONE_VM) outlives it, and
   * must stay trapped.
   */
  #watch(process: Process): void {
    try {
      process.watch = native.watchExit(process.pid, () => this.#sweep([process]))
    } catch (error) {
      // It ended between its fault or frame and now; or a descriptor is missing, and a sweep will see its end.
      this.host.warn(`process ${process.pid} cannot be watched: ${(error as Error).message}`)
      setImmediate(() => this.#sweep([process]))
    }
  }

  #sweep(processes: Iterable<Process>): void {
    for (const process of processes) if (!process.ended && !process.faults.alive()) this.end(process)
  }
}

/** By the name of its memfd; 0: of none. */
function segmentOf(mapping: Mapping | undefined): SegmentId {
  return Number(/^gshm:(\d+)$/.exec(mapping?.name ?? '')?.[1] ?? 0)
}

function fresh(userfaultfd: number): FaultChannel {
  try {
    return new native.FaultChannel(userfaultfd, 'fresh')
  } catch (error) {
    native.closeFd(userfaultfd)
    throw error
  }
}
