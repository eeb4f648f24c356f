/**
 * One stream of bytes to one peer. This interface is all that the rest of the room knows of sockets.
 * A connection is node:net's until its peer has proved who it is; then a cheaper one (the addon's) can take
 * its descriptor over, where the daemon has one to offer.
 *
 * Two ways of reading, because node:net has two: a socket that we dialed reads into a buffer of ours
 * (`onread`, no allocation and no stream in between); for an accepted one net.Server offers no such
 * option and its 'data' events must do. One buffer serves all sockets: it is read into and consumed
 * within one callback.
 */
import { connect, type Socket } from 'node:net'
import type { Endpoint } from './address.js'

/** A connected socket outside node:net. */
export interface PeerSocket {
  /** Sends what the kernel takes, and keeps a copy of the rest; gives how many bytes wait. */
  write(bytes: Uint8Array): number
  queued(): number
  /** The peer is a member: what it says may be answered before it is read here. */
  heed(): void
  /** What waits is sent, then nothing more; what still comes is dropped. Closes when the peer has closed too. */
  end(): void
  close(): void
}
/** Takes a duplicate of the descriptor. `read` tells whether what comes next begins a frame. `closed` is called once, unless close() or end() was: '' or an error's name. */
export type OpenPeerSocket = (
  fd: number,
  buffer: Uint8Array,
  read: (bytes: number) => boolean,
  closed: (error: string) => void,
) => PeerSocket

export interface TransportEvents {
  /** The bytes are the callee's until it returns. True: they ended with the end of a frame. */
  bytes(chunk: Uint8Array): boolean
  /** Called once, with the reason, unless the transport was destroyed from this side. */
  closed(why: string): void
}

export interface Transport {
  readonly peerAddress: string
  /** Set before the first turn of the event loop after creation. */
  events: TransportEvents | undefined
  /** Sends all of it. true: the caller may use the buffer again; false: it belongs to the transport now. */
  write(bytes: Uint8Array): boolean
  /** Bytes that the kernel has not taken yet. */
  queued(): number
  /** The socket goes on outside node:net, if it can be taken out just now. */
  hasten(open: OpenPeerSocket): void
  /** Gives what `take` makes of its descriptor, which is to duplicate it: from then on the connection is the caller's,
   * and this is over, without `closed`, also when `take` throws. undefined: it cannot be taken out just now. */
  takeOut(take: (fd: number) => number): number | undefined
  /** The socket outside node:net, if it goes on there. */
  readonly fast: PeerSocket | undefined
  /** Sends what is queued, then closes; what still arrives is dropped. Never waits longer than 5 s. */
  end(): void
  destroy(): void
}

const END_MS_MAX = 5000
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024)

class SocketTransport implements Transport {
  readonly peerAddress: string
  events: TransportEvents | undefined
  #socket: Socket
  #fast: PeerSocket | undefined
  #closed = false
  #error = ''

  constructor(socket: Socket, peerAddress: string) {
    this.#socket = socket
    this.peerAddress = peerAddress
    socket.setNoDelay(true)
    socket.on('error', (error: NodeJS.ErrnoException) => (this.#error = error.code ?? error.message))
    // A peer that ended has nothing more to say, and nobody reads what we say.
    socket.on('end', () => this.#close('closed by the peer'))
    socket.on('close', () => this.#close(this.#error || 'closed'))
  }

  #close(why: string): void {
    if (this.#closed || this.#fast !== undefined) return
    this.#tellClosed(why)
    this.#socket.destroy()
  }

  #tellClosed(why: string): void {
    this.#closed = true
    this.events?.closed(why)
  }

  /** -1: it cannot be had just now. */
  get #fd(): number {
    const { _handle: handle } = this.#socket as unknown as { readonly _handle?: { readonly fd?: number } }
    const isBusy = this.#closed || this.#fast !== undefined || this.#socket.writableLength > 0
    return isBusy ? -1 : (handle?.fd ?? -1)
  }

  takeOut(take: (fd: number) => number): number | undefined {
    const fd = this.#fd
    if (fd < 0) return undefined
    this.#closed = true
    try {
      return take(fd)
    } finally {
      this.#socket.destroy()
    }
  }

  hasten(open: OpenPeerSocket): void {
    const fd = this.#fd
    if (fd < 0) return
    this.#fast = open(
      fd,
      readBuffer,
      (bytes) => this.received(readBuffer.subarray(0, bytes)),
      (error) => this.#tellClosed(error === '' ? 'closed by the peer' : error),
    )
    // This closes node:net's own descriptor, not the connection.
    this.#socket.destroy()
  }

  get fast(): PeerSocket | undefined {
    return this.#fast
  }

  received(chunk: Uint8Array): boolean {
    return !this.#closed && this.events?.bytes(chunk) === true
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed) return true
    if (this.#fast !== undefined) {
      this.#fast.write(bytes)
      return true
    }
    this.#socket.write(bytes)
    // node:net tries the system call at once and counts what the kernel has not taken
    return this.#socket.writableLength === 0
  }

  queued(): number {
    return this.#fast?.queued() ?? this.#socket.writableLength
  }

  end(): void {
    if (this.#closed) return
    this.#closed = true
    const timer = setTimeout(() => this.#destroyNow(), END_MS_MAX)
    timer.unref()
    if (this.#fast !== undefined) return this.#fast.end()
    this.#socket.on('close', () => clearTimeout(timer))
    this.#socket.on('end', () => this.#socket.destroy())
    this.#socket.end()
  }

  destroy(): void {
    this.#closed = true
    this.#destroyNow()
  }

  #destroyNow(): void {
    this.#fast?.close()
    this.#socket.destroy()
  }
}

/** Rejects with the system's error when there is no connection within `ms_max`. */
export function dial(to: Endpoint, ms_max: number): Promise<Transport> {
  return new Promise((resolve, reject) => {
    let transport: SocketTransport | undefined
    const onread = {
      buffer: readBuffer,
      callback: (bytes: number): boolean => {
        transport?.received(readBuffer.subarray(0, bytes))
        return true
      },
    }
    const socket = connect({ host: to.host, port: to.port, onread, noDelay: true })
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${ms_max / 1000} s`)), ms_max)
    const refused = (error: Error): void => {
      clearTimeout(timer)
      reject(error)
    }
    socket.once('error', refused)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', refused)
      transport = new SocketTransport(socket, `${to.host}:${to.port}`)
      resolve(transport)
    })
  })
}

export function accepted(socket: Socket): Transport {
  const transport = new SocketTransport(socket, `${socket.remoteAddress}:${socket.remotePort}`)
  socket.on('data', (chunk: Buffer) => transport.received(chunk))
  return transport
}
