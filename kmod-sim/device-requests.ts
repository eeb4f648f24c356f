/**
 * What local processes may ask of the device, one handler a request: fields are checked here or by
 * whom they are handed to, and become registry changes and engine requests. Whatever is wrong gets
 * one error that names the knob.
 */
import { DEFAULT_MODEL } from '../ts/base/consistency.js'
import { GshmError } from '../ts/base/errors.js'
import { NODES_MAX, NO_NODE, PAGE_SIZE, type NodeId } from '../ts/base/ids.js'
import { OBJECT_DEEDS, OBJECT_KINDS } from '../ts/base/objects.js'
import type {
  Answer,
  BarrierShape,
  ByteRange,
  LocalRequest,
  SegmentAttributes,
  SegmentStat,
} from '../ts/base/requests.js'
import { native, type DeviceRequest, type SegmentInfo } from '../ts/native/index.js'
import { answered, expect, statWithHeap, type Ask } from './ask.js'
import type { DeviceClient } from './device-client.js'
import type { DirectBarriers } from './direct-barriers.js'
import type { LockLines } from './lock-lines.js'
import { segmentOfKey, type LockWords } from './lock-words.js'
import { mustBeMode, mustOpen, mustRead, type Identity } from './permission.js'
import type { Process } from './process-registry.js'
import type { Caller } from './reflexes.js'
import type { Spans } from './spans.js'

const {
  ADDRESS_END,
  ALLOC_APART,
  BARRIER_SHAPE_CENTRAL,
  BARRIER_SHAPE_TREE,
  BARRIER_DIRECT,
  BARRIER_TRY,
  CREATE_OR_OPEN,
  LOCK_BELL,
  LOCK_DIED,
  LOCK_TRY,
  NO_SLOT,
  OBJECT_TRY,
} = native.constants

/** By the flags of a request. */
const SHAPES = new Map<number, BarrierShape>([
  [0, 'auto'],
  [BARRIER_SHAPE_CENTRAL, 'central'],
  [BARRIER_SHAPE_TREE, 'tree'],
])

/** What the requests need of the daemon. */
export interface DeviceRequestsHost {
  readonly request: Ask
  /** The request with that ticket waits no more. */
  cancel(ticket: number): void
  readonly words: LockWords
  /** The process holds the segment from now on; gives the memfd. */
  hold(process: Process, attributes: SegmentAttributes): number
  /** Nothing here holds it after all. */
  letGo(segment: number): void
  /** [start, end) of a trapped process shows nothing any more. */
  unmapped(process: Process, start: number, end: number): void
  map(process: Process, segment: number, address: number, offset: number, length: number): void
  closeHandle(process: Process, segment: number): void
  readonly spans: Spans
  readonly directs: DirectBarriers
  readonly lockLines: LockLines
  /** The highest number that this node has heard of: each that is made has a higher one. */
  newestSegment(): number
  /** Bytes that the segment has now. */
  sizeOf(segment: number): number
  readonly memoryBytes: number
  /** Members of the cluster. */
  nodes(): number
  inspect(what: number, name: string, who: Identity): Promise<string>
}

/** hello and bye say who is there: device.ts. cancel is about a request. */
type Op = Exclude<DeviceRequest['op'], 'hello' | 'bye' | 'cancel'>
type RequestOf<O extends Op> = Extract<DeviceRequest, { op: O }>
type Handlers = { readonly [O in Op]: (client: DeviceClient, request: RequestOf<O>) => void }

/** Whether this very request has made it: then it has it, whatever the mode, as with open(2). */
type IsMade = (attributes: SegmentAttributes) => boolean

export class DeviceRequests {
  constructor(private readonly host: DeviceRequestsHost) {}

  handle(client: DeviceClient, request: RequestOf<Op>): void {
    const handler = this.#handlers[request.op] as (client: DeviceClient, request: RequestOf<Op>) => void
    handler(client, request)
  }

  /** Whatever the client waits for, if that can be cancelled, it is to wait no more for. */
  cancel(client: DeviceClient): void {
    if (client.waits !== undefined) this.host.cancel(client.waits)
  }

  readonly #handlers: Handlers = {
    create: (client, request) => {
      this.#mustFit('create', request.size)
      mustBeMode('create', request.mode)
      const { uid, gid } = client.who
      const nowMs = Date.now()
      const newest = this.host.newestSegment()
      const isMade: IsMade = ({ segment, createdMs, ...made }) =>
        segment > newest && createdMs === nowMs && made.uid === uid
      this.host.request(
        {
          op: 'create',
          name: request.name,
          bytes: request.size,
          maxBytes: request.maxSize,
          consistency: request.consistency === '' ? DEFAULT_MODEL.consistency : request.consistency,
          manager: request.manager === '' ? DEFAULT_MODEL.manager : request.manager,
          unit: request.unit === 0 ? DEFAULT_MODEL.unit : request.unit,
          home: homeGiven(request.home),
          openOrCreate: (request.flags & CREATE_OR_OPEN) !== 0,
          uid,
          gid,
          mode: request.mode,
          nowMs,
        },
        (outcome) => this.#opened(client, request, outcome, isMade),
      )
    },

    open: (client, request) => {
      if (request.flags !== 0) throw new GshmError('UNSUPPORTED', 'open: read-only views are not supported yet')
      this.host.request({ op: 'open', name: request.name }, (outcome) =>
        this.#opened(client, request, outcome, () => false),
      )
    },

    close: (client, request) => {
      this.host.closeHandle(client.process!, request.segment)
      client.reply(request, undefined)
    },

    stat: (client, request) => {
      answered(this.host.request, { op: 'stat', name: request.name }, 'stat')
        .then(({ stat }) => {
          mustRead('stat', client.who, stat)
          return statWithHeap(this.host.request, stat)
        })
        .then((stat) => client.reply(request, info(stat)))
        .catch((error: unknown) => client.fail(request, error))
    },

    unlink: (client, request) => {
      const { uid } = client.who
      this.host.request({ op: 'unlink', name: request.name, uid }, (outcome) => client.settle(request, outcome))
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
      client.reply(request, undefined)
    },

    unmap: (client, request) => {
      const { address, length } = request
      if (!client.process!.faults.trapped) throw new GshmError('INVALID', 'unmap: userfaultfd tells of that')
      if (address % PAGE_SIZE !== 0 || length % PAGE_SIZE !== 0 || length === 0 || address + length > ADDRESS_END)
        throw new GshmError('MISALIGNED', `unmap: address and length must be multiples of ${PAGE_SIZE}`)
      this.host.unmapped(client.process!, address, address + length)
      client.reply(request, undefined)
    },

    alloc: (client, request) => {
      this.#mustHold(client, request.segment)
      const { segment, size } = request
      this.host.request({ op: 'alloc', segment, bytes: size }, (outcome) =>
        this.#block(client, request, outcome, undefined),
      )
    },

    realloc: (client, request) => {
      this.#mustHold(client, request.segment)
      const { segment, offset, size } = request
      this.host.request({ op: 'realloc', segment, offset, bytes: size }, (outcome) =>
        this.#block(client, request, outcome, offset),
      )
    },

    free: (client, request) => {
      this.#mustHold(client, request.segment)
      const { segment, offset } = request
      if (this.host.spans.free(segment, offset)) return client.reply(request, undefined)
      this.host.request({ op: 'free', segment, offset }, (outcome) => client.settle(request, outcome))
    },

    allocWith: (client, request) => {
      this.#mustHold(client, request.segment)
      const { segment, size, align, flags } = request
      if ((flags & ~ALLOC_APART) !== 0) throw new GshmError('INVALID', `alloc: flags ${flags} are none`)
      const home = homeGiven(request.home)
      const place = { align: align === 0 ? 1 : align, home, apart: (flags & ALLOC_APART) !== 0 }
      this.host.request({ op: 'alloc', segment, bytes: size, place }, (outcome) =>
        this.#block(client, request, outcome, undefined),
      )
    },

    heap: (client, request) => {
      this.#mustHold(client, request.segment)
      const { chunks, spanBytes, fd } = this.host.spans.open(request.segment)
      client.reply(request, { chunks, spanBytes }, [fd])
    },

    span: (client, request) => {
      this.#mustHold(client, request.segment)
      this.host.spans.take(client.process!, request.segment, request.class, (outcome) => {
        if (outcome instanceof Error) client.fail(request, outcome)
        else client.reply(request, outcome)
      })
    },

    lock: (client, request) => {
      const { key, holder, flags } = request
      const process = client.process!.id
      this.#mustSee(client, key)
      this.#mustNotHold(process, key, Number(holder))
      const lock = { op: 'lock', key, process, holder: Number(holder), patient: (flags & LOCK_TRY) === 0 } as const
      this.#wait(
        client,
        lock,
        (outcome) => {
          if (outcome instanceof GshmError) return client.fail(request, outcome)
          const { ownerDied } = expect(outcome, 'locked')
          const { slot, generation } = this.host.words.place(key) ?? { slot: NO_SLOT, generation: 0 }
          const line = this.host.lockLines.hand(key, process)
          client.reply(request, { slot, generation, ownerDied, line: line !== undefined }, line)
        },
        { channel: client.channel, serial: request.serial },
      )
    },

    unlock: (client, request) => {
      const { key, flags } = request
      const owner = [client.process!.id, Number(request.holder)] as const
      const died = (flags & LOCK_DIED) !== 0 && this.host.words.isHeldBy(key, ...owner)
      if (died) this.host.request({ op: 'died', key }, () => {}) // before its word is free: who gets it then is told
      if (!this.host.words.giveBack(key, ...owner))
        throw new GshmError('NOT_HOLDER', 'the lock is not held by the caller')
      client.reply(request, undefined)
    },

    lockPages: (client, request) => {
      const { segment, what } = request
      if (segment !== 0) this.#mustHold(client, segment)
      const { fd, bell, number } = this.host.words.shown(segment, client.process!.id)
      client.reply(request, { process: number }, [what === LOCK_BELL ? bell : fd])
    },

    object: (client, request) => {
      const { key, holder, value, flags } = request
      this.#mustSee(client, key)
      const kind = OBJECT_KINDS[request.kind - 1]
      const deed = OBJECT_DEEDS[request.deed - 1]
      if (kind === undefined || deed === undefined) {
        throw new GshmError('INVALID', `nobody can do ${request.deed} with an object of kind ${request.kind}`)
      }
      const asked = {
        op: 'object',
        kind,
        deed,
        key,
        process: client.process!.id,
        holder: Number(holder),
        value,
      } as const
      const patient = (flags & OBJECT_TRY) === 0
      this.#wait(client, { ...asked, initial: Number(request.initial), patient }, (outcome) => {
        if (outcome instanceof GshmError) return client.fail(request, outcome)
        const ownerDied = outcome.is === 'locked' && outcome.ownerDied
        client.reply(request, { value: outcome.is === 'value' ? outcome.value : 0n, ownerDied })
      })
    },

    barrier: (client, request) => {
      const { key, count, flags } = request
      const process = client.process!.id
      try {
        this.#mustSee(client, key)
        const shape = SHAPES.get(flags & ~(BARRIER_TRY | BARRIER_DIRECT))
        if (shape === undefined) throw new GshmError('INVALID', `barrier: flags ${flags} are none`)
        const patient = (flags & BARRIER_TRY) === 0
        const direct = (flags & BARRIER_DIRECT) !== 0 && patient && shape === 'auto' && this.host.directs.allowed
        this.#wait(client, { op: 'barrier', key, process, count, patient, shape, direct }, (outcome) =>
          this.#met(client, request, outcome),
        )
      } finally {
        this.host.directs.left(process, request.parted) // after its arrival, if that is one
      }
    },

    parted: (client, request) => {
      this.host.directs.left(client.process!.id, request.number)
      client.reply(request, undefined)
    },

    fork: (client, request) => {
      const process = client.process!
      process.forkAnnounced = ++process.forks
      client.reply(request, { fork: BigInt(process.forks) })
    },

    inspect: (client, request) => {
      this.host
        .inspect(request.what, request.name, client.who)
        .then((text) => {
          const fd = native.textFd(text)
          client.reply(request, { length: Buffer.byteLength(text) }, [fd])
          native.closeFd(fd)
        })
        .catch((error: unknown) => client.fail(request, error))
    },

    acquire: (client, request) => {
      const range = this.#rangeOf(client, request)
      this.host.request({ op: 'acquire', range }, (outcome) => client.settle(request, outcome))
    },

    release: (client, request) => {
      const range = this.#rangeOf(client, request)
      this.host.request({ op: 'release', range }, (outcome) => client.settle(request, outcome))
    },

    resize: (client, request) => {
      this.#mustHold(client, request.segment)
      const { segment, size } = request
      this.#mustFit('resize', size)
      this.host.request({ op: 'resize', segment, bytes: size }, (outcome) => this.#sized(client, request, outcome))
    },

    size: (client, request) => {
      this.#mustHold(client, request.segment)
      client.reply(request, { size: this.host.sizeOf(request.segment) })
    },
  }

  #met(client: DeviceClient, request: RequestOf<'barrier'>, outcome: Answer | GshmError): void {
    if (outcome instanceof GshmError) return client.fail(request, outcome)
    const { key, count } = request
    const handed = outcome.is === 'direct' ? this.host.directs.hand({ key, count, number: outcome.number }) : undefined
    const { local = 0, lines = 0, root = false, fds = [] } = handed ?? {}
    client.reply(request, { number: local, lines, root }, fds)
  }

  #sized(client: DeviceClient, request: RequestOf<'resize'>, outcome: Answer | GshmError): void {
    if (outcome instanceof GshmError) return client.fail(request, outcome)
    client.reply(request, { size: expect(outcome, 'sized').bytes })
  }

  /** Undefined: every byte of every segment. */
  #rangeOf(client: DeviceClient, request: RequestOf<'acquire' | 'release'>): ByteRange | undefined {
    const { segment, offset, length } = request
    if (segment === 0 && offset === 0 && length === 0) return undefined
    this.#mustHold(client, segment)
    return { segment, offset, bytes: length }
  }

  #opened(
    client: DeviceClient,
    request: RequestOf<'create' | 'open'>,
    outcome: Answer | GshmError,
    isMade: IsMade,
  ): void {
    if (outcome instanceof GshmError) return client.fail(request, outcome)
    const { attributes } = expect(outcome, 'segment')
    if (client.process!.ended) return this.host.letGo(attributes.segment)
    try {
      if (!isMade(attributes)) mustOpen(request.op, client.who, attributes)
      const memfd = this.host.hold(client.process!, attributes)
      client.reply(request, info(attributes), [memfd])
    } catch (error) {
      this.host.letGo(attributes.segment)
      // What was not given to its creator must not stay; one that may have been there before stays.
      const made = request.op === 'create' && (request.flags & CREATE_OR_OPEN) === 0
      if (made) this.host.request({ op: 'unlink', name: attributes.name, uid: attributes.uid }, () => {})
      client.fail(request, error)
    }
  }

  /** A request that may wait for others, and can be cancelled meanwhile. */
  #wait(
    client: DeviceClient,
    request: LocalRequest,
    answer: (outcome: Answer | GshmError) => void,
    caller?: Caller,
  ): void {
    let isOver = false
    const ticket = this.host.request(
      request,
      (outcome) => {
        isOver = true
        client.waits = undefined
        answer(outcome)
      },
      caller,
    )
    if (!isOver) client.waits = ticket
  }

  #mustNotHold(process: number, key: string, holder: number): void {
    if (this.host.words.isHeldBy(key, process, holder))
      throw new GshmError('DEADLOCK', 'the caller holds this lock already')
  }

  /** Of a lock or the like at a global address: its segment is open. */
  #mustSee(client: DeviceClient, key: string): void {
    const segment = segmentOfKey(key)
    if (segment === 0 || this.#holds(client, segment)) return
    const why = `segment ${segment} of the global address ${key.slice(1)} is not open in this process`
    throw new GshmError('INVALID', `${why}; of a pointer gshm_address() tells it`)
  }

  #holds({ process }: DeviceClient, segment: number): boolean {
    return process!.handles.has(segment) || process!.table.hasSegment(segment)
  }

  #mustHold(client: DeviceClient, segment: number): void {
    if (this.#holds(client, segment)) return
    throw new GshmError('INVALID', `segment ${segment} is not open in this process`)
  }

  /** A segment may be larger than a node's memory, for its pages leave where it is used up, but not than all
   * nodes' together. What other nodes have is not known here: as much as this one, it is taken. */
  #mustFit(what: string, size: number): void {
    const { memoryBytes } = this.host
    const nodes = this.host.nodes()
    if (size <= memoryBytes * nodes) return
    const all = nodes === 1 ? "this node's" : `${nodes} times this node's`
    throw new GshmError('MEMORY', `${what}: ${size} bytes exceed ${all} --memory ${memoryBytes}`)
  }

  /** @param old where the block was before */
  #block(
    client: DeviceClient,
    request: RequestOf<'alloc' | 'allocWith' | 'realloc'>,
    outcome: Answer | GshmError,
    old: number | undefined,
  ): void {
    if (outcome instanceof GshmError) return client.fail(request, outcome)
    const { offset, bytes, oldBytes } = expect(outcome, 'block')
    if (client.process!.ended && offset !== old) {
      // The process died while it was asking: nobody else knows of the block.
      this.host.request({ op: 'free', segment: request.segment, offset }, () => {})
    }
    client.reply(request, { offset, size: bytes, oldSize: oldBytes })
  }
}

/** Of a number beyond all nodes' some mean something else to the names room: it never gets one. */
function homeGiven(plusOne: number): NodeId {
  if (plusOne === 0) return NO_NODE
  if (plusOne <= NODES_MAX) return plusOne - 1
  throw new GshmError('INVALID', `home is ${plusOne - 1}: it must be the number of a node, 0 to ${NODES_MAX - 1}`)
}

function info(of: SegmentAttributes & Partial<SegmentStat>): SegmentInfo {
  const { segment, mode, uid, gid, bytes, maxBytes, createdMs, homes, consistency, manager, unit, name } = of
  const { heapBytes = 0, heapBlocks = 0, linked = true } = of
  return {
    segment,
    mode,
    uid,
    gid,
    size: bytes,
    maxSize: maxBytes,
    heapBytes,
    heapBlocks,
    createdMs,
    linked,
    homes: homes.length,
    home: homes[0]!,
    unit,
    consistency,
    manager,
    name,
  }
}
