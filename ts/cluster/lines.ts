/**
 * Lines: connections between two members that are for others than the daemons, such as processes that meet by
 * themselves (native/abi/direct.h). One node invites the other, by the link between the two; that dials, with the
 * ticket it was given, and proves who it is as on any link; then both take their end's descriptor out.
 *
 *   host                        guest
 *     Invite about, ticket ------->
 *     <------------ Hello line, ticket; Proof both ways
 *     Linked --------------------->
 */
import { randomBytes } from 'node:crypto'
import { GshmError } from '../base/errors.js'
import type { NodeId } from '../base/ids.js'
import { parseEndpoint } from './address.js'
import { dialHandshake, HANDSHAKE_MS_MAX, refusedBy, type Identity } from './handshake.js'
import type { Link } from './link.js'
import type { Members } from './members.js'
import type { Hello } from './messages.js'

/** Guests that are awaited at once. */
export const INVITATIONS_MAX = 256
/** From the Invite until the guest has proved itself: its dialing and the handshake. */
const PATIENCE_MS = 2 * HANDSHAKE_MS_MAX

/** Duplicates the descriptor, and makes it what its user needs. */
export type TakeLine = (fd: number) => number

interface Invitation {
  readonly guest: NodeId
  readonly came: (link: Link) => void
  readonly failed: (why: string) => void
}

export class Lines {
  /** By ticket. */
  readonly #invitations = new Map<string, Invitation>()

  constructor(
    private readonly me: Identity,
    private readonly members: Members,
    private readonly take: TakeLine,
  ) {}

  /** Has `guest` make a line to this node. Gives its descriptor, the caller's from then on. Rejects with LIMIT, or with
   * NODE_LOST when it does not come. @param about tells the guest what for; it must not be believed there */
  async invite(guest: NodeId, about: string): Promise<number> {
    if (this.#invitations.size >= INVITATIONS_MAX) {
      throw new GshmError('LIMIT', `${INVITATIONS_MAX} connections to other nodes are being made`)
    }
    const ticket = randomBytes(16).toString('hex')
    let timer: NodeJS.Timeout | undefined
    try {
      const link = await new Promise<Link>((resolve, reject) => {
        const failed = (why: string): void => reject(new GshmError('NODE_LOST', `a line from node ${guest}: ${why}`))
        timer = setTimeout(() => failed(`none within ${PATIENCE_MS / 1000} s`), PATIENCE_MS)
        this.#invitations.set(ticket, { guest, came: resolve, failed })
        if (this.members.get(guest) === undefined) return failed('it is lost')
        this.members.send(guest, { type: 'Invite', about, ticket })
      })
      return this.#takenOut(link)
    } finally {
      clearTimeout(timer)
      this.#invitations.delete(ticket)
    }
  }

  /** Makes the line to which `host` has invited with that ticket. Gives its descriptor, the caller's from then on.
   * Rejects with NODE_LOST or what the host refused it with. */
  async accept(host: NodeId, ticket: string): Promise<number> {
    const address = parseEndpoint(this.members.get(host)?.address ?? '')
    if (address === undefined) throw new GshmError('NODE_LOST', `a line to node ${host}: it is lost`)
    const { link, hello } = await dialHandshake(address, this.me, 'line', ticket)
    if (hello.node !== host) {
      link.destroy('another node answers there')
      throw new GshmError('NODE_LOST', `a line to node ${host}: node ${hello.node} answers at its address`)
    }
    const timer = setTimeout(() => link.destroy('no answer'), PATIENCE_MS)
    const answer = await link.next().finally(() => clearTimeout(timer))
    if (answer.type === 'Refuse') throw refusedBy(answer)
    if (answer.type !== 'Linked') {
      link.destroy('no answer')
      throw new GshmError('NODE_LOST', `a line to node ${host}: ${answer.type} in place of Linked`)
    }
    return this.#takenOut(link)
  }

  /** Somebody has come through the door to make a line. */
  entered(link: Link, { node, ticket }: Hello): void {
    const invitation = this.#invitations.get(ticket)
    if (invitation?.guest === node) {
      this.#invitations.delete(ticket) // it is for one line
      link.send({ type: 'Linked' })
      return invitation.came(link)
    }
    link.bye({ type: 'Refuse', code: 'ACCESS', detail: `nobody has invited node ${node}` })
  }

  lost(node: NodeId): void {
    for (const { guest, failed } of this.#invitations.values()) if (guest === node) failed('it is lost')
  }

  #takenOut(link: Link): number {
    const fd = link.takeOut(this.take)
    if (fd !== undefined) return fd
    throw new GshmError('NODE_LOST', 'a line has ended before it was used')
  }
}
