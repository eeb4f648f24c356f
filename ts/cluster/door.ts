/**
 * Where other daemons, and whoever else finds the port, knock. Nobody gets past it without the
 * handshake; who fails costs one log line and a socket for at most five seconds, and no more than 64
 * can be at it at once.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { GshmError } from '../base/errors.js'
import { formatEndpoint, type Endpoint } from './address.js'
import { acceptHandshake, type Identity } from './handshake.js'
import { Link } from './link.js'
import { printable, type Hello } from './messages.js'
import { accepted } from './transport.js'

export const HANDSHAKES_MAX = 64

export type Log = (level: 'info' | 'warn' | 'error', text: string) => void

export class Door {
  readonly #server: Server
  readonly #inHandshake = new Set<Socket>()
  #full = false

  /** @param enter the peer has proved what its Hello says; the link is the callee's from now on */
  constructor(
    private readonly me: Identity,
    private readonly log: Log,
    private readonly enter: (link: Link, hello: Hello) => void,
  ) {
    this.#server = createServer({ noDelay: true }, (socket) => this.#knock(socket))
  }

  /** @throws GshmError that names --listen */
  async open(at: Endpoint): Promise<Endpoint> {
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void =>
        reject(new GshmError('INVALID', `--listen ${formatEndpoint(at)}: ${error.message}`))
      this.#server.once('error', failed)
      this.#server.listen({ host: at.host, port: at.port, backlog: 512 }, () => {
        this.#server.off('error', failed)
        resolve()
      })
    })
    // out of descriptors, most likely: those who knock wait or go, the cluster stays
    this.#server.on('error', (error) => this.log('error', `--listen: cannot accept (ulimit -n?): ${error.message}`))
    const { address, port } = this.#server.address() as AddressInfo
    return { host: address, port }
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#inHandshake) socket.destroy()
  }

  #knock(socket: Socket): void {
    if (this.#inHandshake.size >= HANDSHAKES_MAX) {
      if (!this.#full) this.log('warn', `more than ${HANDSHAKES_MAX} handshakes at once: others are turned away`)
      this.#full = true
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    this.#full = false
    this.#inHandshake.add(socket)
    socket.once('close', () => this.#inHandshake.delete(socket))
    const link = new Link(accepted(socket), 'acceptor')
    acceptHandshake(link, this.me).then(
      (hello) => {
        this.#inHandshake.delete(socket)
        this.enter(link, hello)
      },
      (error: Error) => this.log('warn', `${link.peerAddress} is no node of this cluster: ${printable(error.message)}`),
    )
  }
}
