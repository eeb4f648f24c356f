/**
 * The device: connections of local processes, and the hello that says whose they are. What else they
 * ask is for device-requests.ts. A request that is wrong gets one reply with an error, and the
 * connection lives on; a frame that is wrong ends it.
 */
import { GshmError } from '../ts/base/errors.js'
import { native, type DeviceChannel, type DeviceHandlers, type DeviceRequest } from '../ts/native/index.js'
import { DeviceClient } from './device-client.js'
import { DeviceRequests, type DeviceRequestsHost } from './device-requests.js'
import type { Process } from './process-registry.js'

const { HELLO_REGISTER, HELLO_CHANNEL, HELLO_FORKED, HELLO_VISITOR, HELLO_USERFAULTFD, HELLO_TRAPPED, HELLO_ESTATE } =
  native.constants
/** Connections of one process: one for each thread that waits at once. */
const DEVICES_MAX = 1024
/** Connections that belong to no process: visitors, and those that have not said hello yet. */
const STRANGERS_MAX = 256

/** What the device needs of the daemon. */
export interface DeviceHost extends DeviceRequestsHost {
  /** Takes the descriptor, whatever comes of it. */
  register(userfaultfd: number, channel: DeviceChannel, estate: bigint): Process
  registerTrapped(channel: DeviceChannel, estate: bigint): Process
  /** Gives its token. Throws LIMIT. */
  leaveEstate(parent: Process): bigint
  settleEstate(estate: bigint): void
  byToken(token: bigint): Process | undefined
  attachChild(parent: bigint, fork: bigint, channel: DeviceChannel): Process
  /** The last connection of the process has gone. */
  disconnected(process: Process): void
  /** A descriptor of /dev/userfaultfd to pass; it stays the host's. Throws NO_USERFAULTFD. */
  userfaultfdDevice(): number
  hello(process: Process | undefined): { token: bigint; node: number; nodes: number; cluster: string; nodeName: string }
  warn(text: string): void
  /** A process broke the protocol: it may do so as often as it likes. */
  breach(pid: number, why: string): void
}

export class Device implements DeviceHandlers {
  readonly #clients = new Map<DeviceChannel, DeviceClient>()
  /** In the order in which they came. */
  readonly #strangers = new Set<DeviceChannel>()
  #crowded = false

  readonly #requests: DeviceRequests

  constructor(private readonly host: DeviceHost) {
    this.#requests = new DeviceRequests(host)
  }

  connect(channel: DeviceChannel): void {
    this.#clients.set(channel, new DeviceClient(channel))
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
      if (request.op === 'cancel') return this.#requests.cancel(client) // has no reply, whatever it is
      if (request.op === 'bye') return bye(client)
      if (client.process?.ended === true) throw new GshmError('DETACHED', 'the process has been ended')
      this.#admit(client, request)
      if (request.op === 'hello') this.#hello(client, request, fds)
      else this.#requests.handle(client, request)
    } catch (error) {
      client!.fail(request, error)
    } finally {
      for (const fd of fds) native.closeFd(fd) // whoever keeps one takes it out of the list
    }
  }

  malformed(channel: DeviceChannel, why: string): void {
    this.host.breach(channel.peer.pid, `broke the protocol and is disconnected: ${why}`)
    this.disconnect(channel)
  }

  disconnect(channel: DeviceChannel): void {
    const client = this.#clients.get(channel)
    if (client === undefined) return
    this.#clients.delete(channel)
    client.gone = true
    this.#noStranger(channel)
    if (client.estate !== undefined) this.host.settleEstate(client.estate)
    const { process } = client
    if (process === undefined) return
    process.devices.delete(channel)
    if (process.devices.size === 0 && !process.ended) this.host.disconnected(process)
  }

  /** The process has ended: nobody answers it any more. */
  forget(process: Process): void {
    for (const channel of process.devices) {
      this.#clients.get(channel)!.gone = true
      this.#clients.delete(channel)
      channel.close()
    }
    process.devices.clear()
  }

  #admit(client: DeviceClient, request: DeviceRequest): void {
    if (request.op === 'hello') {
      if (client.greeted) throw new GshmError('BAD_FRAME', 'a second hello')
    } else if (client.estate !== undefined) {
      throw new GshmError('BAD_FRAME', 'an estate is asked for nothing')
    } else if (client.visitor) {
      if (!['stat', 'unlink', 'inspect'].includes(request.op)) {
        throw new GshmError('DETACHED', `a visitor may not ${request.op}: attach first`)
      }
    } else if (client.process === undefined) {
      throw new GshmError('BAD_FRAME', 'the first frame must be hello')
    }
  }

  #hello(client: DeviceClient, request: Extract<DeviceRequest, { op: 'hello' }>, fds: number[]): void {
    if (request.abi !== native.abiVersion) {
      const versions = `libgshm speaks device protocol ${request.abi}, gshmd ${native.abiVersion}`
      throw new GshmError('ABI_VERSION', `${versions}: use the two of one build`)
    }
    const { channel } = client
    const passed: number[] = [] // and closed then
    const lent: number[] = [] // and kept
    switch (request.kind) {
      case HELLO_REGISTER: {
        mustBeVisible(channel)
        const userfaultfd = fds.shift()
        if (userfaultfd === undefined) throw new GshmError('NOT_USERFAULTFD', 'register: no descriptor was passed')
        client.process = this.host.register(userfaultfd, channel, request.token)
        break
      }
      case HELLO_CHANNEL: {
        const process = this.#own(client, request.token)
        if (process.devices.size >= DEVICES_MAX) {
          throw new GshmError('LIMIT', `a process may have ${DEVICES_MAX} calls outstanding at once`)
        }
        client.process = process
        break
      }
      case HELLO_FORKED: {
        client.process = this.host.attachChild(request.token, request.fork, channel)
        passed.push(client.process.faults.duplicate())
        break
      }
      case HELLO_TRAPPED: {
        mustBeVisible(channel)
        client.process = this.host.registerTrapped(channel, request.token)
        lent.push(client.process.faults.memory, client.process.faults.fd)
        break
      }
      case HELLO_ESTATE:
        client.estate = this.host.leaveEstate(this.#own(client, request.token))
        this.#noStranger(channel)
        break
      case HELLO_VISITOR:
        client.visitor = true
        break
      case HELLO_USERFAULTFD:
        lent.push(this.host.userfaultfdDevice())
        break
      default:
        throw new GshmError('BAD_FRAME', `hello of unknown kind ${request.kind}`)
    }
    if (client.process !== undefined) {
      client.process.devices.add(channel)
      this.#noStranger(channel)
    }
    const hello = this.host.hello(client.process)
    client.reply(request, { ...hello, token: client.estate ?? hello.token }, [...passed, ...lent])
    for (const fd of passed) native.closeFd(fd)
  }

  /** The caller's registration. @throws GshmError DETACHED */
  #own({ channel }: DeviceClient, token: bigint): Process {
    const process = this.host.byToken(token)
    if (process?.pid === channel.peer.pid) return process
    throw new GshmError('DETACHED', 'no registered process has that token')
  }
}

/** Its number is needed to know when it ends. @throws GshmError UNSUPPORTED */
function mustBeVisible({ peer }: DeviceChannel): void {
  if (peer.pid !== 0) return
  const where = 'gshmd must run in its PID namespace, or in one around it'
  throw new GshmError('UNSUPPORTED', `register: this process has no number where gshmd runs: ${where}`)
}

/** Has no reply, whoever says it. */
function bye({ process }: DeviceClient): void {
  if (process !== undefined) process.left = true
}
