/**
 * Messages over one transport: the preamble, frames in both directions, a bounded send queue, and the
 * two flags that the heartbeat reads. A link is used in one of two ways: while somebody waits for
 * next() its messages come one by one (handshake, joining); after take() each goes to one function.
 *
 * Messages to be sent are gathered and leave together when the current callback of the event loop
 * ends (outbox.ts): one system call for a burst, and none is kept waiting for a timer.
 */
import { assert } from '../base/assert.js'
import { PeerError } from '../base/peer-error.js'
import { WIRE_VERSION } from '../wire/layout.js'
import { FrameReader } from '../wire/reader.js'
import { clusterCodec, frameOf, printable, type AnyMessage } from './messages.js'
import { during, flushLater } from './outbox.js'
import type { OpenPeerSocket, PeerSocket, Transport } from './transport.js'

export type TakeMessage = (message: AnyMessage, payload: Uint8Array | undefined) => void

/** Sent first by the dialer, and by the acceptor once it has seen the dialer's. */
export const PREAMBLE = Uint8Array.of(...Buffer.from('globshm', 'latin1'), WIRE_VERSION)

/** All that a peer may send before it is authenticated. Whom we dialed may go on right behind its
 * proof, before we have checked that, with the list of members. */
const STRANGER_BYTES_MAX = { acceptor: 4096, dialer: 2 ** 20 }
/** A peer that is this far behind is lost. */
export const SEND_QUEUE_BYTES_MAX = 64 * 2 ** 20
/** What may wait for next(): a joiner that has not asked for its messages yet. */
const UNREAD_MAX = 4096
const OUT_BYTES = 32 * 1024

interface Waiter {
  resolve(message: AnyMessage): void
  reject(error: Error): void
}

export class Link {
  readonly peerAddress: string
  /** Something came (went) since the heartbeat last looked. */
  heard = true
  spoke = true
  readonly #transport: Transport
  readonly #reader: FrameReader<AnyMessage>
  #preambleSeen = 0
  #strangerBytes = 0
  #trusted = false
  #over: string | undefined
  #broken: ((why: string) => void) | undefined
  #out = new Uint8Array(OUT_BYTES)
  #end = 0
  #flushing = false
  #receive: TakeMessage | undefined
  #unread: { message: AnyMessage; payload: Uint8Array | undefined }[] = []
  #waiter: Waiter | undefined

  constructor(
    transport: Transport,
    private readonly role: 'dialer' | 'acceptor',
  ) {
    this.#transport = transport
    this.peerAddress = transport.peerAddress
    this.#reader = new FrameReader(clusterCodec)
    transport.events = {
      bytes: (chunk) => this.#bytes(chunk),
      closed: (why) => this.#break(why),
    }
    if (role === 'dialer') transport.write(PREAMBLE.slice())
  }

  /** The peer has proved who it is: it may send as much as it likes. */
  trust(): void {
    this.#trusted = true
  }

  /** Its bytes go on by a cheaper way, if they can. */
  hasten(open: OpenPeerSocket): void {
    if (this.#over === undefined) this.#transport.hasten(open)
  }

  /** The connection is to be used by others: gives what `take` makes of its descriptor (a duplicate), and the link is
   * over, also when `take` throws. undefined: it cannot be had, or the peer has said more than it should have. */
  takeOut(take: (fd: number) => number): number | undefined {
    if (this.#over !== undefined) return undefined
    this.flush()
    this.#broken = undefined
    const isClean = this.#over === undefined && this.#reader.between && this.#unread.length === 0
    if (this.#over === undefined) this.#stop('taken out')
    const taken = isClean ? this.#transport.takeOut(take) : undefined
    if (taken === undefined) this.#transport.destroy()
    return taken
  }

  /** The peer is a member. */
  heed(): void {
    this.#transport.fast?.heed()
  }

  /** Where frames may be sent by others than this link: outside the callbacks of the event loop, when all that
   * the link was to send is there too. */
  get socket(): PeerSocket | undefined {
    return this.#over === undefined ? this.#transport.fast : undefined
  }

  get over(): boolean {
    return this.#over !== undefined
  }

  // -- sending

  send(message: AnyMessage, payload?: Uint8Array): void {
    if (this.#over !== undefined) return
    const bytes = clusterCodec.bound(message, payload)
    if (this.#out.length - this.#end < bytes) this.flush()
    if (this.#out.length < bytes) this.#out = new Uint8Array(bytes)
    this.#end = clusterCodec.encode(message, payload, this.#out, this.#end)
    this.spoke = true
    if (this.#flushing || flushLater(this)) return
    this.#flushing = true
    process.nextTick(this.#flushLater)
  }

  readonly #flushLater = (): void => {
    this.#flushing = false
    this.flush()
  }

  /** Sends what is gathered. */
  flush(): void {
    if (this.#end === 0 || this.#over !== undefined) return
    const bytes = this.#out.subarray(0, this.#end)
    this.#end = 0
    // behind a queue anyway: give it bytes of the right size rather than the whole buffer to keep.
    if (this.#transport.queued() > 0) this.#transport.write(bytes.slice())
    else if (!this.#transport.write(bytes)) this.#out = new Uint8Array(OUT_BYTES)
    if (this.#transport.queued() > SEND_QUEUE_BYTES_MAX) {
      this.#break(`it is ${SEND_QUEUE_BYTES_MAX >> 20} MiB behind in reading what we send`)
    }
  }

  // -- receiving

  /** The next message; rejects when the link is over. Payloads do not come this way. */
  next(): Promise<AnyMessage> {
    assert(this.#receive === undefined && this.#waiter === undefined, 'link: two readers')
    const first = this.#unread.shift()
    if (first !== undefined) return Promise.resolve(first.message)
    if (this.#over !== undefined) return Promise.reject(new Error(this.#over))
    return new Promise((resolve, reject) => (this.#waiter = { resolve, reject }))
  }

  /** From now on every message goes to `receive`, beginning with those that nobody asked for yet. */
  take(receive: TakeMessage): void {
    assert(this.#waiter === undefined, 'link: two readers')
    this.#receive = receive
    const unread = this.#unread
    this.#unread = []
    for (const { message, payload } of unread) {
      if (this.#over === undefined) this.#guard(() => receive(message, payload))
    }
  }

  /** Gives whether what comes next begins a frame. */
  #bytes(chunk: Uint8Array): boolean {
    if (this.#over !== undefined) return false
    this.heard = true
    during(() =>
      this.#guard(() => {
        const rest = this.#trusted ? chunk : this.#stranger(chunk)
        if (rest.length > 0) this.#reader.push(rest, this.#took)
      }),
    )
    return this.#reader.between
  }

  /** Checks the preamble and the bound on what a stranger may send; returns the bytes of frames. */
  #stranger(chunk: Uint8Array): Uint8Array {
    this.#strangerBytes += chunk.length
    const max = STRANGER_BYTES_MAX[this.role]
    if (this.#strangerBytes > max) throw new PeerError(`more than ${max} bytes before the handshake was done`)
    const before = this.#preambleSeen
    const end = Math.min(chunk.length, PREAMBLE.length - before)
    for (let i = 0; i < end; i++) {
      if (chunk[i] === PREAMBLE[before + i]) continue
      const last = before + i === PREAMBLE.length - 1
      if (last && this.role === 'acceptor') this.#transport.write(PREAMBLE.slice())
      throw new PeerError(last ? `it speaks wire version ${chunk[i]}, this node ${WIRE_VERSION}` : 'it is no gshmd')
    }
    this.#preambleSeen += end
    if (end > 0 && this.#preambleSeen === PREAMBLE.length && this.role === 'acceptor') {
      this.#transport.write(PREAMBLE.slice())
    }
    return chunk.subarray(end)
  }

  readonly #took = (message: AnyMessage, payload: Uint8Array | undefined): void => {
    if (message.type === 'Ping') return
    if (this.#receive !== undefined) return this.#receive(message, payload)
    if (this.#waiter !== undefined) {
      const waiter = this.#waiter
      this.#waiter = undefined
      return waiter.resolve(message)
    }
    if (this.#unread.length >= UNREAD_MAX) throw new PeerError('it sends without being asked')
    this.#unread.push({ message, payload: payload?.slice() })
  }

  /** A PeerError, the receiver's too, is the peer's fault. */
  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      this.#break(error.message)
    }
  }

  // -- ending

  /** `broken` is called once when the link breaks by itself: the peer's doing, a full queue, bytes that
   * are no message. Always later, for whoever is in the middle of a send or a step shall finish it. */
  onBroken(broken: (why: string) => void): void {
    this.#broken = broken
    if (this.#over !== undefined) process.nextTick(() => this.#tellBroken())
  }

  #break(why: string): void {
    if (this.#over !== undefined) return
    this.#stop(printable(why))
    process.nextTick(() => this.#tellBroken())
  }

  #tellBroken(): void {
    const broken = this.#broken
    this.#broken = undefined
    broken?.(this.#over!)
    this.#transport.end()
  }

  #stop(why: string): void {
    this.#over = why
    this.#reader.stop()
    this.#unread = []
    this.#waiter?.reject(new Error(why))
    this.#waiter = undefined
  }

  /** The heartbeat's verdict. */
  silent(why: string): void {
    this.#break(why)
  }

  /** Ends the link from this side, after a last word; `broken` is not called. A link that broke can
   * still be given its last word, from within `broken`. */
  bye(last: AnyMessage): void {
    if (this.#over === undefined) this.flush()
    this.#broken = undefined
    this.#transport.write(frameOf(last))
    this.#transport.end()
    if (this.#over === undefined) this.#stop('ended')
  }

  destroy(why: string): void {
    this.#broken = undefined
    this.#transport.destroy()
    if (this.#over === undefined) this.#stop(why)
  }
}
