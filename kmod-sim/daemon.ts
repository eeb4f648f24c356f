/**
 * One node: wires the device, the processes, the fault path, the pager, the engine and the cluster
 * together. Nothing is decided here; each part decides in its own file.
 */
import { globalPage, PAGE_SIZE, type NodeId } from '../ts/base/ids.js'
import { Cluster, during, frameOf } from '../ts/cluster/index.js'
import { native, type DeviceHandlers, type DeviceListener, type FaultPoll } from '../ts/native/index.js'
import { attributesOf, comingOf } from '../ts/names/index.js'
import { hasCapability } from '../ts/project/index.js'
import { isCoherence } from '../ts/node/messages.js'
import {
  accessOf,
  copies,
  createNode,
  isBeyond,
  isFlushing,
  mayTwin,
  touchedPages,
  type NodeState,
} from '../ts/node/state.js'
import type { Effect } from '../ts/node/effects.js'
import type { Message } from '../ts/node/messages.js'
import { Beyond } from './beyond.js'
import { Device } from './device.js'
import { DirectBarriers } from './direct-barriers.js'
import { SPARED } from './fault-ahead.js'
import { FaultPath } from './fault-path.js'
import { FrameStore } from './frame-store.js'
import { Hold } from './hold.js'
import { inspect } from './inspect.js'
import { locksText, LOCKS_QUESTION, type LocksSources } from './inspect-locks.js'
import { Keeper } from './keeper.js'
import { LockLines } from './lock-lines.js'
import { LockWords } from './lock-words.js'
import { MemoryNeeds } from './memory-needs.js'
import type { DaemonOptions } from './options.js'
import { Pager } from './pager.js'
import { KILL_MS, waitUntil } from './patience.js'
import { Processes } from './processes.js'
import { ProcessRegistry, type Process } from './process-registry.js'
import { QuietLog } from './quiet-log.js'
import { Reclaim } from './reclaim.js'
import { Reflexes } from './reflexes.js'
import { Runtime } from './runtime.js'
import { Spans } from './spans.js'
import { TwinStore } from './twin-store.js'
import { UserfaultfdDevice } from './userfaultfd-device.js'
import { Units } from './units.js'
import { Waiting } from './waiting.js'

export interface Log {
  info(text: string): void
  warn(text: string): void
  error(text: string): void
}

export class Daemon {
  readonly #registry = new ProcessRegistry()
  readonly #waiting = new Waiting()
  readonly #keeper: Keeper
  readonly #units = new Units((segment) => attributesOf(this.#state.names, segment))
  readonly #frames: FrameStore
  readonly #twins: TwinStore
  readonly #poll: FaultPoll
  readonly #userfaultfd: UserfaultfdDevice
  readonly #faults: FaultPath
  readonly #processes: Processes
  readonly #spans: Spans
  readonly #device: Device
  readonly #hold: Hold
  readonly #reclaim: Reclaim
  readonly #needs: MemoryNeeds
  readonly #reflexes = new Reflexes()
  readonly #words = new LockWords(
    {
      exists: (segment) => attributesOf(this.#state.names, segment) !== undefined,
      says: (key) => during(() => this.#runtime.submit({ is: 'word', key, held: false })),
      made: (segment, fd) => this.#keeper.addLocks(segment, fd),
      gone: (segment) => this.#keeper.dropLocks(segment),
    },
    this.#reflexes,
  )
  readonly #directs = new DirectBarriers({
    self: () => this.#state.self,
    invite: (guest, about) => this.#cluster.invite(guest, about),
    accept: (host, ticket) => this.#cluster.accept(host, ticket),
    submit: (event) => during(() => this.#runtime.submit(event)),
    warn: (text) => this.#quiet.about('direct barriers', text),
  })
  readonly #lockLines: LockLines
  readonly #beyond: Beyond
  readonly #quiet = new QuietLog((text) => this.log.warn(text))
  readonly #messages = { sent: 0, received: 0 }
  readonly #started = performance.now()
  #cluster!: Cluster
  #runtime!: Runtime
  #listener: DeviceListener | undefined
  #stopping = false

  /** @param failed called once when the node cannot go on: fenced, or its keeper has died */
  constructor(
    private readonly options: DaemonOptions,
    private readonly log: Log,
    private readonly failed: (why: string) => void,
  ) {
    this.#lockLines = new LockLines(options.lockDirect)
    const keeper = new Keeper({
      warn: (text) => this.log.warn(text),
      failed: (why) => this.#stopping || this.failed(why),
    })
    this.#keeper = keeper
    this.#userfaultfd = new UserfaultfdDevice(options.handOver)
    if (!hasCapability('CAP_KILL')) {
      this.log.warn(
        'other users’ processes that do not let their memory be guarded cannot be killed: CAP_KILL is missing',
      )
    }
    if (this.#userfaultfd.why !== '') this.log.info(`no userfaultfd is handed over: ${this.#userfaultfd.why}`)
    this.#frames = new FrameStore(
      options.memory,
      (segment, frames) => keeper.addFrames(segment, frames),
      (segment) => keeper.dropFrames(segment),
      this.#units,
    )
    this.#twins = new TwinStore(this.#frames)
    this.#poll = new native.FaultPoll((records, count) => during(() => this.#faults.batch(records, count)))
    this.#processes = new Processes(this.#registry, this.#frames, this.#poll, keeper, {
      attributes: (segment) => attributesOf(this.#state.names, segment),
      letGo: (segment) => {
        this.#directs.lazy(segment, false)
        this.#runtime.submit({ is: 'let', segment })
      },
      ended: (process) => this.#ended(process),
      warn: (text) => this.log.warn(text),
    })
    this.#needs = new MemoryNeeds({
      state: () => this.#state,
      units: this.#units,
      frames: this.#frames,
      waiting: this.#waiting,
      spans: () => this.#spans,
      reclaim: () => this.#reclaim,
      full: (full) => this.#runtime.submit({ is: 'full', full }),
    })
    const spared = Math.floor((options.memory / PAGE_SIZE) * SPARED)
    this.#faults = new FaultPath(this.#registry, this.#waiting, {
      access: (segment, page) => accessOf(this.#state, segment, page),
      units: this.#units,
      frames: (segment, page, now, access) => this.#needs.ofFault(segment, page, now, access),
      sizeOf: (segment) => attributesOf(this.#state.names, segment)?.bytes ?? Infinity,
      comingOf: (segment) => comingOf(this.#state.names, segment),
      beyond: (process, address, segment, offset) => {
        const size = attributesOf(this.#state.names, segment)?.bytes
        this.#sayRefused(process, address, `beyond the ${size} bytes of segment ${segment}`)
        this.#beyond.refuse(process, address, segment, offset)
      },
      isHere: (segment, page) => accessOf(this.#state, segment, page) !== 'none' || this.#frames.present(segment, page),
      makeRoom: (frames) => this.#reclaim.makeRoom(frames),
      park: (fault) => this.#reclaim.park(fault),
      freshRun: (segment, page) => this.#needs.run(segment, page),
      aheadBytes: options.fetchAhead,
      accessAhead: (segment, page, access) => (mayTwin(this.#state, segment, page) ? 'read' : access),
      hasRoomAhead: (frames) => this.#frames.hasRoom(this.#waiting.frames + frames + spared),
      fault: (segment, page, access, pages) => {
        this.#runtime.pager.run = pages > 1 ? { page: globalPage(segment, page), pages } : undefined
        this.#runtime.submit({ is: 'fault', segment, page, access })
        this.#runtime.pager.run = undefined
      },
      refuse: (process, address, why) => this.#refuse(process, address, why),
      forked: (parent, userfaultfd) => this.#processes.forked(parent, userfaultfd),
      unmapped: (process, start, end) => this.#unmapped(process, start, end),
      remapped: (process, from, to, length) => {
        this.#waiting.forget(process, from, from + length)
        this.#reclaim.forget(process, from, from + length)
        this.#processes.remapped(process, from, to, length)
      },
      adopt: (process, address) => this.#processes.adopt(process, address),
      sawThread: (process, thread, address) => this.#processes.sawThread(process, thread, address),
    })
    this.#hold = new Hold((event) => during(() => this.#runtime.submit(event)))
    this.#reclaim = new Reclaim({
      hasRoom: (frames) => this.#frames.hasRoom(this.#waiting.frames + frames),
      capacity: Math.floor(options.memory / PAGE_SIZE),
      pages: () => copies(this.#state),
      framesOf: (segment) => this.#units.of(segment) / PAGE_SIZE,
      access: (segment, page) => accessOf(this.#state, segment, page),
      stays: (page) => this.#waiting.has(page) || this.#hold.keeps(page),
      awaits: () => this.#waiting.pages > 0 || isFlushing(this.#state),
      evict: (segment, page) => this.#runtime.submit({ is: 'evict', segment, page }),
      needs: (fault) => this.#faults.needs(fault),
      serve: (fault) => this.#faults.serve(fault),
      refuse: (fault, why) => this.#faults.refuse(fault, why),
    })
    this.#spans = new Spans({
      attributes: (segment) => attributesOf(this.#state.names, segment),
      held: (segment) => this.#registry.holds(segment),
      request: (request, settle) => this.#runtime.request(request, settle),
    })
    this.#beyond = new Beyond(
      {
        poison: (process, address) => this.#runtime.pager.poison(process, address, PAGE_SIZE),
        unpoison: (segment, offset) => this.#runtime.pager.unpoison(segment, offset),
      },
      this.#units,
    )
    this.#device = new Device(this.#deviceHost())
  }

  /** Joins or founds the cluster, then opens the device. */
  async start(): Promise<{ node: NodeId; listen: string; keeperPid: number }> {
    const { options } = this
    this.#cluster = new Cluster(
      {
        clusterName: options.cluster,
        nodeName: options.name,
        listen: options.listen,
        ...(options.join && { join: options.join }),
        ...(options.advertise && { advertise: options.advertise }),
        ...(options.secret && { secret: options.secret }),
        version: options.version,
        log: (level, text) => this.log[level](text),
        takeLine: (fd) => native.takeLine(fd),
        openPeerSocket: (...socket) => new native.PeerSocket(...socket, this.#reflexes.native),
      },
      {
        self: (node) => this.#found(node),
        joined: (node, name) => {
          this.log.info(`node ${node} (${name}) has joined`)
          this.#runtime.submit({ is: 'joined', node })
        },
        message: (from, message, payload) => this.#receive(from, message, payload),
        lost: (node, why) => {
          this.log.warn(`node ${node} is lost: ${why}`)
          this.#hold.lost(node)
          this.#directs.lost(node)
          this.#lockLines.lost(node)
          this.#runtime.submit({ is: 'lost', node })
        },
        fenced: (why) => this.failed(`fenced by the cluster: ${why}`),
        asked: (what) => (what === LOCKS_QUESTION ? locksText(this.#locks()) : ''),
        invited: (from, about, ticket) => {
          if (!this.#lockLines.invited(from, about, ticket)) this.#directs.invited(from, about, ticket)
        },
      },
    )
    this.#openDevice().close() // a socket that cannot be opened shall cost no node number
    const { self, listen } = await this.#cluster.start()
    this.#listener = this.#openDevice()
    return { node: self, listen, keeperPid: this.#keeper.pid }
  }

  /** Ends the node in an orderly way. Processes that are still attached get SIGBUS from the keeper. */
  async stop(): Promise<void> {
    this.#stopping = true
    // Whoever has detached by now has gone. Two turns of the event loop: its goodbye may be unread, and the keeper would
    // guard what nobody has until that process ends.
    await new Promise((heard) => setImmediate(() => setImmediate(heard)))
    const others = this.#runtime === undefined ? 0 : this.#cluster.members().length - 1
    if (others > 0 && touchedPages(this.#state) > 0) {
      this.log.warn('pages whose home or owner is this node go with it: on other nodes they get SIGBUS')
    }
    this.#listener?.close()
    this.#reflexes.close()
    this.#directs.close()
    this.#lockLines.close()
    for (const process of [...this.#registry.all()]) this.#device.forget(process)
    await this.#cluster?.stop()
    this.#processes.close()
    this.#poll.close()
    this.#hold.close()
    this.#reclaim.close()
    this.#quiet.close()
    this.#spans.close()
    this.#words.close()
    this.#keeper.close()
    this.#userfaultfd.close()
    if (this.#registry.size === 0) await this.#keeper.ended
    this.#frames.close()
  }

  #openDevice(): DeviceListener {
    const device = this.#device
    try {
      const handlers: DeviceHandlers = {
        connect: (channel) => device.connect(channel),
        request: (channel, request, fds) => during(() => device.request(channel, request, fds)),
        malformed: (channel, why) => device.malformed(channel, why),
        disconnect: (channel) => device.disconnect(channel),
      }
      return new native.DeviceListener(this.options.socket, handlers, this.options.group)
    } catch (error) {
      if (error instanceof Error && !error.message.startsWith('--group')) error.message = `--socket: ${error.message}`
      throw error
    }
  }

  get #state(): NodeState {
    return this.#runtime.state
  }

  #found(self: NodeId): void {
    this.#runtime = new Runtime(createNode(self, this.options), {
      send: (to, message, payload) => {
        this.#messages.sent++
        this.#cluster.send(to, message, payload)
      },
      sent: () => this.#messages.sent++,
      fence: (node, why) => this.#cluster.fence(node, why),
      held: (segment) => this.#registry.holds(segment),
      holds: (event) => this.#hold.takes(event),
      spanQuery: (query) => this.#spans.query(query),
      segmentSized: (sized) => this.#sized(sized),
      lines: {
        introduce: (effect) => this.#directs.introduce(effect),
        part: (effect) => this.#directs.part(effect),
      },
      pidOf: (process) => this.#registry.byId(process)?.pid ?? 0,
      segmentGone: ({ segment }) => {
        this.#beyond.drop(segment)
        this.#twins.dropSegment(segment)
        this.#frames.drop(segment)
        this.#spans.drop(segment)
        this.#lockLines.segmentGone(segment)
        this.#words.segmentGone(segment)
        this.#directs.lazy(segment, false)
      },
    })
    this.#runtime.words = this.#words
    this.#runtime.reflexes = this.#reflexes
    this.#runtime.lockLines = this.#lockLines
    this.#lockLines.host = {
      state: this.#runtime.state,
      invite: (guest, about) => this.#cluster.invite(guest, about),
      accept: (host, ticket) => this.#cluster.accept(host, ticket),
      allowed: () => this.#directs.unhindered,
      wordOf: (key, process) => this.#words.wordOf(key, process),
      keep: (key, kept) => this.#words.keep(key, kept),
      says: (key) => during(() => this.#runtime.submit({ is: 'word', key, held: false })),
      warn: (text) => this.#quiet.about('direct hand-overs', text),
    }
    this.#reflexes.host = {
      isBusy: (key) => this.#lockLines.isBusy(key),
      state: this.#runtime.state,
      wordOf: (key, process) => this.#words.wordOf(key, process),
      keepsShut: () => this.#words.keptShut,
      callerOf: (ticket) => this.#runtime.callerOf(ticket),
      socket: (to) => this.#cluster.socket(to),
      frameOf,
    }
    this.#runtime.pager = new Pager(
      this.#registry,
      this.#frames,
      this.#twins,
      this.#waiting,
      {
        drain: (process) => this.#poll.drain(process.id),
        beyond: (segment, page) => this.#beyond.poisoned(segment, page),
        left: (segment, page) => this.#reclaim.left(segment, page),
        writable: (segment, page) => accessOf(this.#state, segment, page) === 'write',
        stayed: (segment, page) => this.#reclaim.stayed(segment, page),
        isItself: (process) => this.#processes.isItself(process),
        kill: (process, why) => this.#kill(process, why),
        warn: (text) => this.#quiet.about('the pager', text),
      },
      (segment, page, thread) => this.#hold.installed(globalPage(segment, page), thread),
    )
  }

  #receive(from: NodeId, message: Message, payload: Uint8Array | undefined): void {
    this.#messages.received++
    if (message.type === 'Put') this.#needs.tellWhetherFull(message.segment, message.page)
    const event = { is: 'message', from, message } as const
    // What is late is taken in, and ignored, at once: it must not wait until the segment has grown again.
    const isLate = isCoherence(message) && isBeyond(this.#state, message.segment, message.page)
    if (isLate || !this.#hold.takes(event)) this.#runtime.submit(event, payload)
    // Several pages may have been put here at once, come home, or begun here as master copies, without a fault.
    this.#reclaim.evictFor(0)
  }

  #ended(process: Process): void {
    this.#device.forget(process)
    this.#waiting.forget(process)
    this.#reclaim.forget(process)
    this.#spans.ended(process)
    const waited = this.#directs.ended(process.id)
    this.#lockLines.ended(process.id)
    this.#runtime.submit({ is: 'exit', process: process.id, held: [], died: !process.left, waited })
  }

  #refuse(process: Process, address: number, why: string): void {
    this.#sayRefused(process, address, why)
    this.#runtime.pager.poison(process, address, PAGE_SIZE)
  }

  #sayRefused(process: Process, address: number, why: string): void {
    const who = `process ${process.pid}`
    this.#quiet.about(who, `${who} gets SIGBUS at 0x${address.toString(16)}: ${why}`)
  }

  /** The segment has another size, or will have it soon: ts/names/sizes.ts. */
  #sized({ segment, before, bytes, coming }: Extract<Effect, { do: 'SegmentSized' }>): void {
    if (bytes < before) this.#hold.forget(segment, Math.ceil(bytes / this.#units.of(segment)))
    else if (coming > bytes) this.#beyond.clear(segment, bytes, coming)
    else this.#runtime.pager.wake(segment, before, this.#units.bytesOf(segment) - before)
  }

  #kill(process: Process, why: string): void {
    this.log.error(`process ${process.pid} is killed: ${why}`)
    try {
      process.watch?.kill() // through its pidfd: never a process that came after it
      // One whose pages nothing but itself can take away writes them until it has ended.
      if (process.faults.trapped) waitUntil(() => !process.faults.alive(), KILL_MS)
    } catch (error) {
      this.log.error(`process ${process.pid} goes on with memory that nobody guards: ${(error as Error).message}`)
    }
    this.#processes.end(process)
  }

  #locks(): LocksSources {
    const { state, watch } = this.#runtime
    return { sync: state.sync, words: this.#words, watch, pidOf: (process) => this.#registry.byId(process)?.pid ?? 0 }
  }

  #traceSync(on: boolean): void {
    this.#reflexes.forget()
    this.#words.keepShut(on)
    this.#directs.tracing(on)
    this.#lockLines.forbid()
    this.#runtime.watch.tracing(on)
  }

  #unmapped(process: Process, start: number, end: number): void {
    this.#waiting.forget(process, start, end)
    this.#reclaim.forget(process, start, end)
    this.#processes.unmapped(process, start, end)
  }

  #deviceHost(): ConstructorParameters<typeof Device>[0] {
    const processes = this.#processes
    return {
      memoryBytes: this.options.memory,
      nodes: () => this.#cluster.members().length,
      register: (userfaultfd, channel, estate) => processes.register(userfaultfd, channel, estate),
      registerTrapped: (channel, estate) => processes.registerTrapped(channel, estate),
      leaveEstate: (parent) => processes.leaveEstate(parent),
      settleEstate: (estate) => processes.settleEstate(estate),
      byToken: (token) => this.#registry.byToken(token),
      attachChild: (parent, fork, channel) => processes.attachChild(parent, fork, channel),
      disconnected: (process) => processes.disconnected(process),
      userfaultfdDevice: () => this.#userfaultfd.fd,
      hello: (process) => ({
        token: process?.token ?? 0n,
        node: this.#state.self,
        nodes: this.#cluster.members().length,
        cluster: this.options.cluster,
        nodeName: this.options.name,
      }),
      request: (request, settle, caller) => this.#runtime.request(request, settle, caller),
      cancel: (ticket) => this.#runtime.submit({ is: 'cancel', ticket }),
      words: this.#words,
      hold: (process, attributes) => {
        if (attributes.consistency === 'lrc') {
          this.#directs.lazy(attributes.segment, true)
          this.#lockLines.forbid()
        }
        return processes.hold(process, attributes)
      },
      directs: this.#directs,
      lockLines: this.#lockLines,
      letGo: (segment) => processes.letGoIfUnheld(segment),
      unmapped: (process, start, end) => this.#unmapped(process, start, end),
      map: (process, segment, address, offset, length) => processes.map(process, segment, address, offset, length),
      closeHandle: (process, segment) => {
        processes.closeHandle(process, segment)
        this.#spans.ended(process, segment)
      },
      spans: this.#spans,
      newestSegment: () => this.#state.names.highest,
      sizeOf: (segment) => attributesOf(this.#state.names, segment)?.bytes ?? 0,
      inspect: (what, name, who) =>
        inspect(
          {
            options: this.options,
            keeperPid: this.#keeper.pid,
            uptimeSeconds: Math.round((performance.now() - this.#started) / 1000),
            cluster: this.#cluster,
            state: this.#state,
            frames: this.#frames,
            processes: this.#registry,
            faults: this.#faults.counts,
            evicted: this.#reclaim.evicted,
            refused: this.#reclaim.refused,
            messages: { ...this.#messages, held: this.#hold.count },
            ask: (request, settle) => this.#runtime.request(request, settle),
            locks: this.#locks(),
            reflexes: this.#reflexes.count,
            directBarriers: this.#directs.count,
            directLocks: this.#lockLines.count,
            askOthers: () => this.#cluster.ask(LOCKS_QUESTION),
            traceSync: (on) => this.#traceSync(on),
          },
          what,
          name,
          who,
        ),
      warn: (text) => this.log.warn(text),
      breach: (pid, why) => this.#quiet.about(`process ${pid}`, `device: process ${pid} ${why}`),
    }
  }
}
