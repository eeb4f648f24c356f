/**
 * The device: requests of local processes, as device.h defines them, become registry changes and
 * engine requests. Every field of a frame is checked here or by whom it is handed to; whatever is
 * wrong gets one reply with an error that names the knob, and the connection lives on.
 */
import { ERROR_NAMES, GshmError } from '../ts/base/errors.js'
import { PAGE_SIZE } from '../ts/base/ids.js'
import type { Answer, LocalRequest, SegmentAttributes, SegmentStat } from '../ts/base/requests.js'
import {
  native,
  type DeviceChannel,
  type DeviceHandlers,
  type DeviceRequest,
  type SegmentInfo,
} from '../ts/native/index.js'
import type { Process } from './process-registry.js'

export const HELLO_REGISTER = 1
export const HELLO_CHANNEL = 2
export const HELLO_FORKED = 3
export const HELLO_VISITOR = 4
const CREATE_OR_OPEN = 1
/** Connections of one process: one for each thread that waits at once. */
const DEVICES_MAX = 1024
/** Connections that belong to no process: visitors, and those that have not said hello yet. */
const STRANGERS_MAX = 256
const ADDRESS_END = 2 ** 47

/** What the device needs of the daemon. */
export interface DeviceHost {
  /** Takes the descriptor, whatever comes of it. */
  register(userfaultfd: number, channel: DeviceChannel): Process
  byToken(token: bigint): Process | undefined
  attachChild(parent: bigint, fork: bigint, channel: DeviceChannel): Process
  /** The last connection of the process has gone. */
  disconnected(process: Process): void
  hello(process: Process | undefined): { token: bigint; node: number; nodes: number; cluster: string; nodeName: string }
  request(request: LocalRequest, settle: (outcome: Answer | GshmError) => void): void
  /** The process holds the segment from now on; gives the memfd. */
  hold(process: Process, attributes: SegmentAttributes): number
  /** Nothing here holds it after all. */
  letGo(segment: number): void
  map(process: Process, segment: number, address: number, offset: number, length: number): void
  closeHandle(process: Process, segment: number): void
  readonly memoryBytes: number
  segmentBytes(segment: number): number
  inspect(what: number, name: string): Promise<string>
  warn(text: string): void
}

type Handler<Op extends DeviceRequest['op']> = (
  client: Client,
  request: Extract<DeviceRequest, { op: Op }>,
  fds: number[],
) => void

interface Client {
  readonly channel: DeviceChannel
  process: Process | undefined
  visitor: boolean
}

export class Device implements DeviceHandlers {
  readonly #clients = new Map<DeviceChannel, Client>()
  /** In the order in which they came. */
  readonly #strangers = new Set<DeviceChannel>()
  #crowded = false

  constructor(private readonly host: DeviceHost) {}

  connect(channel: DeviceChannel): void {
    this.#clients.set(channel, { channel, process: undefined, visitor: false })
    this.#strangers.add(channel)
    if (this.#strangers.size > STRANGERS_MAX) this.#dropOldest()
  }

  /** Whoever means well says hello at once, so the oldest means ill; one log line for a crowd of them. */
  #dropOldest(): void {
    const [oldest] = this.#strangers
    if (!this.#crowded) {
      const who = `the oldest, of process ${oldest!.peer.pid}, is dropped`
      this.host.warn(`device: ${STRANGERS_MAX} connections have not said hello or are visitors: ${who}`)
    }
    this.#crowded = true
    oldest!.close()
    this.disconnect(oldest!)
  }

  #noStranger(channel: DeviceChannel): void {
    this.#strangers.delete(channel)
    if (this.#strangers.size < STRANGERS_MAX / 2) this.#crowded = false
  }

  request(channel: DeviceChannel, request: DeviceRequest, fds: number[]): void {
    const client = this.#clients.get(channel)
    try {
      if (client === undefined) return
      if (client.process?.ended === true) throw new GshmError('DETACHED', 'the process has been ended')
      this.#admit(client, request)
      const handle = this.#handlers[request.op] as Handler<DeviceRequest['op']>
      handle(client, request, fds)
    } catch (error) {
      fail(channel, request, error)
    } finally {
      for (const fd of fds) native.closeFd(fd) // whoever keeps one takes it out of the list
    }
  }

  malformed(channel: DeviceChannel, why: string): void {
    this.host.warn(`device: process ${channel.peer.pid} broke the protocol and is disconnected: ${why}`)
    this.disconnect(channel)
  }

  disconnect(channel: DeviceChannel): void {
    const client = this.#clients.get(channel)
    if (client === undefined) return
    this.#clients.delete(channel)
    this.#noStranger(channel)
    const { process } = client
    if (process === undefined) return
    process.devices.delete(channel)
    if (process.devices.size === 0 && !process.ended) this.host.disconnected(process)
  }

  /** The process has ended: nobody answers it any more. */
  forget(process: Process): void {
    for (const channel of process.devices) {
      this.#clients.delete(channel)
      channel.close()
    }
    process.devices.clear()
  }

  #admit(client: Client, request: DeviceRequest): void {
    if (request.op === 'hello') {
      if (client.process !== undefined || client.visitor) throw new GshmError('BAD_FRAME', 'a second hello')
    } else if (client.visitor) {
      if (!['stat', 'unlink', 'inspect'].includes(request.op)) {
        throw new GshmError('DETACHED', `a visitor may not ${request.op}: attach first`)
      }
    } else if (client.process === undefined) {
      throw new GshmError('BAD_FRAME', 'the first frame must be hello')
    }
  }

  readonly #handlers: { [Op in DeviceRequest['op']]: Handler<Op> } = {
    hello: (client, request, fds) => this.#hello(client, request, fds),

    create: (client, request) => {
      const { memoryBytes } = this.host
      if (request.size > memoryBytes) {
        throw new GshmError('MEMORY', `create: ${request.size} bytes exceed this node's --memory ${memoryBytes}`)
      }
      const { uid, gid } = client.channel.peer
      this.host.request(
        {
          op: 'create',
          name: request.name,
          bytes: request.size,
          openOrCreate: (request.flags & CREATE_OR_OPEN) !== 0,
          uid,
          gid,
          mode: request.mode,
          nowMs: Date.now(),
        },
        (outcome) => this.#opened(client, request, outcome),
      )
    },

    open: (client, request) => {
      if (request.flags !== 0) throw new GshmError('UNSUPPORTED', 'open: read-only views are not supported yet')
      this.host.request({ op: 'open', name: request.name }, (outcome) => this.#opened(client, request, outcome))
    },

    close: (client, request) => {
      this.host.closeHandle(client.process!, request.segment)
      this.#reply(client, request, undefined)
    },

    stat: (client, request) => {
      this.host.request({ op: 'stat', name: request.name }, (outcome) => {
        if (outcome instanceof GshmError) return this.#settle(client, request, outcome)
        const { stat } = expect(outcome, 'stat')
        this.host.request({ op: 'heapStat', segment: stat.segment }, (heap) => {
          if (heap instanceof GshmError) return this.#settle(client, request, heap)
          const { bytes, blocks } = expect(heap, 'heap')
          this.#reply(client, request, { ...info(stat), linked: stat.linked, heapBytes: bytes, heapBlocks: blocks })
        })
      })
    },

    unlink: (client, request) => {
      const { uid } = client.channel.peer
      this.host.request({ op: 'unlink', name: request.name, uid }, (outcome) => this.#settle(client, request, outcome))
    },

    map: (client, request) => {
      const { segment, address, offset, length } = request
      if (address % PAGE_SIZE !== 0 || offset % PAGE_SIZE !== 0 || length % PAGE_SIZE !== 0) {
        throw new GshmError('MISALIGNED', `map: address, offset and length must be multiples of ${PAGE_SIZE}`)
      }
      if (length === 0 || address === 0 || address + length > ADDRESS_END) {
        throw new GshmError('INVALID', 'map: the address range is empty or outside the address space')
      }
      this.host.map(client.process!, segment, address, offset, length)
      this.#reply(client, request, undefined)
    },

    alloc: (client, request) => {
      this.#mustHold(client, request.segment)
      this.#mustFit(request)
      const { segment, size } = request
      this.host.request({ op: 'alloc', segment, bytes: size }, (outcome) =>
        this.#block(client, request, outcome, undefined),
      )
    },

    realloc: (client, request) => {
      this.#mustHold(client, request.segment)
      this.#mustFit(request)
      const { segment, offset, size } = request
      this.host.request({ op: 'realloc', segment, offset, bytes: size }, (outcome) =>
        this.#block(client, request, outcome, offset),
      )
    },

    free: (client, request) => {
      this.#mustHold(client, request.segment)
      const { segment, offset } = request
      this.host.request({ op: 'free', segment, offset }, (outcome) => this.#settle(client, request, outcome))
    },

    lock: (client, request) => {
      const { key, holder } = request
      this.host.request({ op: 'lock', key, process: client.process!.id, holder: String(holder) }, (outcome) => {
        if (!(outcome instanceof GshmError) && expect(outcome, 'locked').ownerDied) {
          outcome = new GshmError('OWNER_DEAD', `lock ${key.slice(1)} is held now, but its last holder died holding it`)
        }
        this.#settle(client, request, outcome)
      })
    },

    unlock: (client, request) => {
      const { key, holder } = request
      this.host.request({ op: 'unlock', key, process: client.process!.id, holder: String(holder) }, (outcome) =>
        this.#settle(client, request, outcome),
      )
    },

    barrier: (client, request) => {
      const { key, count } = request
      this.host.request({ op: 'barrier', key, process: client.process!.id, count }, (outcome) =>
        this.#settle(client, request, outcome),
      )
    },

    fork: (client, request) => {
      const process = client.process!
      process.forkAnnounced = ++process.forks
      this.#reply(client, request, { fork: BigInt(process.forks) })
    },

    inspect: (client, request) => {
      this.host
        .inspect(request.what, request.name)
        .then((text) => {
          const fd = native.textFd(text)
          this.#reply(client, request, { length: Buffer.byteLength(text) }, fd)
          native.closeFd(fd)
        })
        .catch((error: unknown) => this.#settle(client, request, error))
    },
  }

  #hello(client: Client, request: Extract<DeviceRequest, { op: 'hello' }>, fds: number[]): void {
    if (request.abi !== native.abiVersion) {
      const versions = `libgshm speaks device protocol ${request.abi}, gshmd ${native.abiVersion}`
      throw new GshmError('ABI_VERSION', `${versions}: use the two of one build`)
    }
    const { channel } = client
    let passed = -1
    switch (request.kind) {
      case HELLO_REGISTER: {
        const userfaultfd = fds.shift()
        if (userfaultfd === undefined) throw new GshmError('NOT_USERFAULTFD', 'register: no descriptor was passed')
        client.process = this.host.register(userfaultfd, channel)
        break
      }
      case HELLO_CHANNEL: {
        const process = this.host.byToken(request.token)
        if (process === undefined || process.pid !== channel.peer.pid) {
          throw new GshmError('DETACHED', 'no registered process has that token')
        }
        if (process.devices.size >= DEVICES_MAX) {
          throw new GshmError('LIMIT', `a process may have ${DEVICES_MAX} calls outstanding at once`)
        }
        client.process = process
        break
      }
      case HELLO_FORKED: {
        client.process = this.host.attachChild(request.token, request.fork, channel)
        passed = client.process.faults.duplicate()
        break
      }
      case HELLO_VISITOR:
        client.visitor = true
        break
      default:
        throw new GshmError('BAD_FRAME', `hello of unknown kind ${request.kind}`)
    }
    if (client.process !== undefined) {
      client.process.devices.add(channel)
      this.#noStranger(channel)
    }
    this.#reply(client, request, this.host.hello(client.process), passed)
    if (passed >= 0) native.closeFd(passed)
  }

  #opened(
    client: Client,
    request: Extract<DeviceRequest, { op: 'create' | 'open' }>,
    outcome: Answer | GshmError,
  ): void {
    if (outcome instanceof GshmError) return this.#settle(client, request, outcome)
    const { attributes } = expect(outcome, 'segment')
    if (client.process!.ended) return this.host.letGo(attributes.segment)
    try {
      const memfd = this.host.hold(client.process!, attributes)
      this.#reply(client, request, { ...info(attributes), linked: true }, memfd)
    } catch (error) {
      this.host.letGo(attributes.segment)
      // What was not given to its creator must not stay; one that may have been there before stays.
      const made = request.op === 'create' && (request.flags & CREATE_OR_OPEN) === 0
      if (made) this.host.request({ op: 'unlink', name: attributes.name, uid: attributes.uid }, () => {})
      fail(client.channel, request, error)
    }
  }

  #mustHold(client: Client, segment: number): void {
    const { process } = client
    if (process!.handles.has(segment) || process!.table.hasSegment(segment)) return
    throw new GshmError('INVALID', `segment ${segment} is not open in this process`)
  }

  /** More than the segment has is the heap's to refuse: no --memory would help. */
  #mustFit({ op, segment, size }: { op: string; segment: number; size: number }): void {
    const { memoryBytes } = this.host
    if (size <= memoryBytes || size > this.host.segmentBytes(segment)) return
    throw new GshmError('MEMORY', `${op}: ${size} bytes exceed this node's --memory ${memoryBytes}`)
  }

  /** @param old where the block was before */
  #block(
    client: Client,
    request: DeviceRequest & { segment: number },
    outcome: Answer | GshmError,
    old: number | undefined,
  ): void {
    if (outcome instanceof GshmError) return this.#settle(client, request, outcome)
    const { offset, bytes, oldBytes } = expect(outcome, 'block')
    if (client.process!.ended && offset !== old) {
      // The process died while it was asking: nobody else knows of the block.
      this.host.request({ op: 'free', segment: request.segment, offset }, () => {})
    }
    this.#reply(client, request, { offset, size: bytes, oldSize: oldBytes })
  }

  /** For ops whose success has no body. */
  #settle(client: Client, request: DeviceRequest, outcome: unknown): void {
    if (outcome instanceof Error) {
      if (this.#clients.has(client.channel)) fail(client.channel, request, outcome)
    } else this.#reply(client, request, undefined)
  }

  #reply(client: Client, request: DeviceRequest, body: object | undefined, fd = -1): void {
    if (this.#clients.has(client.channel)) client.channel.reply(request.op, request.serial, body, fd)
  }
}

function info(of: SegmentAttributes | SegmentStat): SegmentInfo {
  const { segment, mode, uid, gid, bytes, createdMs, homes, consistency, name } = of
  return {
    segment,
    mode,
    uid,
    gid,
    size: bytes,
    heapBytes: 0,
    heapBlocks: 0,
    createdMs,
    linked: true,
    homes: homes.length,
    consistency,
    name,
  }
}

/** An answer of another kind than the request calls for is the engine's fault, not the client's. */
function expect<K extends Answer['is']>(answer: Answer, is: K): Extract<Answer, { is: K }> {
  if (answer.is !== is) throw new Error(`expected an answer '${is}', got '${answer.is}'`)
  return answer as Extract<Answer, { is: K }>
}

/** Errors that users can cause carry a code; anything else is the daemon's own fault and ends it. */
function fail(channel: DeviceChannel, request: DeviceRequest, error: unknown): void {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = ERROR_NAMES.indexOf(code.replace(/^ERR_GSHM_/, '') as (typeof ERROR_NAMES)[number])
  if (reason < 0) throw error
  channel.fail(request.op, request.serial, reason, (error as Error).message)
}
