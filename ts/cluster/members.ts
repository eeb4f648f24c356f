/**
 * Who is in the cluster, as this node sees it, and how all come to see the same.
 *
 * A lost link is a lost node. Whoever loses its link to X drops X at once and tells the arbiter, the
 * lowest-numbered live node; the arbiter drops X too and tells everybody, X included. So two nodes
 * that cannot reach each other but can both reach the arbiter do not both stay. Nobody suspects the
 * arbiter: it judges, from its own side of the link, and when it is dead everybody sees that alone;
 * the next one then hears of all losses again.
 */
import { NODES_MAX, type NodeId } from '../base/ids.js'
import { PeerError } from '../base/peer-error.js'
import type { Message } from '../node/messages.js'
import type { Link } from './link.js'
import { isControl, printable, type AnyMessage, type ControlMessage } from './messages.js'
import type { OpenPeerSocket, PeerSocket } from './transport.js'

export interface Member {
  readonly node: NodeId
  readonly name: string
  readonly address: string
}

interface Peer extends Member {
  readonly link: Link
  /** false between linking and the arbiter's Joined. */
  joined: boolean
}

export interface MembersEvents {
  joined(node: NodeId, name: string): void
  message(from: NodeId, message: Message, payload: Uint8Array | undefined): void
  lost(node: NodeId, why: string): void
  fenced(why: string): void
  /** Joining and admission look at the rest. */
  control(from: NodeId, message: ControlMessage): void
  /** Told of every loss, before `lost`: the arbiter's joiner must hear it too. */
  dropped(node: NodeId, why: string): void
}

/** Accusations and stalls of ours count for that long as the reason why links go. */
const FENCED_MS_MAX = 5000

export class Members {
  self: NodeId = 0
  readonly #peers = new Map<NodeId, Peer>()
  /** Whom this node dropped by itself: a new arbiter must hear of them. */
  readonly #mine = new Map<NodeId, string>()
  /** Verdicts of nodes that are not the arbiter as we see it, because we have not seen its end yet. */
  #early: { by: NodeId; node: NodeId; why: string }[] = []
  #doubtMs = -Infinity
  #doubt = ''
  #over = false

  constructor(
    private readonly events: MembersEvents,
    private readonly open?: OpenPeerSocket,
  ) {}

  get(node: NodeId): Member | undefined {
    const peer = this.#peers.get(node)
    return peer?.joined ? peer : undefined
  }

  /** The others that have joined, by number. */
  others(): Member[] {
    return [...this.#peers.values()].filter((peer) => peer.joined).sort((a, b) => a.node - b.node)
  }

  arbiter(): NodeId {
    let lowest = this.self
    for (const peer of this.#peers.values()) if (peer.joined && peer.node < lowest) lowest = peer.node
    return lowest
  }

  /** The link is authenticated and its messages are ours from now on. */
  add(member: Member, link: Link, joined: boolean): void {
    const peer: Peer = { ...member, link, joined }
    this.#peers.set(member.node, peer)
    if (this.open !== undefined) link.hasten(this.open)
    if (joined) link.heed()
    link.onBroken((why) => this.#brokenLink(peer, why))
    link.take((message, payload) => this.#receive(peer, message, payload))
  }

  /** false: there is no link to it. */
  markJoined(node: NodeId): boolean {
    const peer = this.#peers.get(node)
    if (peer === undefined) return false
    if (peer.joined) throw new PeerError(`node ${node} joined twice`)
    peer.joined = true
    peer.link.heed()
    this.events.joined(node, peer.name)
    return true
  }

  send(to: NodeId, message: AnyMessage, payload?: Uint8Array): void {
    this.#peers.get(to)?.link.send(message, payload)
  }

  socket(to: NodeId): PeerSocket | undefined {
    return this.#peers.get(to)?.link.socket
  }

  broadcast(message: ControlMessage): void {
    for (const peer of this.#peers.values()) if (peer.joined) peer.link.send(message)
  }

  /** Our loop stood still for so long that others may have given us up. */
  stalled(why: string): void {
    this.#doubtMs = performance.now()
    this.#doubt = why
  }

  /** This node will have nothing to do with `node` any more, and neither shall the others. `lost` is
   * called later: the caller may be in the middle of a step. false: it is lost already. */
  fence(node: NodeId, why: string): boolean {
    const peer = this.#peers.get(node)
    if (peer !== undefined) this.#lose(peer, printable(why), true)
    return peer !== undefined
  }

  /** A node that linked but will not join. */
  forget(node: NodeId): void {
    const peer = this.#peers.get(node)
    if (peer === undefined || peer.joined) return
    this.#peers.delete(node)
    peer.link.destroy('it did not join')
  }

  leave(): void {
    this.#over = true
    for (const peer of this.#peers.values()) peer.link.bye({ type: 'Leave' })
    this.#peers.clear()
  }

  #receive(peer: Peer, message: AnyMessage, payload: Uint8Array | undefined): void {
    if (!isControl(message)) {
      if (!peer.joined) throw new PeerError(`${message.type} before it has joined`)
      return this.events.message(peer.node, message, payload)
    }
    switch (message.type) {
      case 'Suspect':
        return this.#suspected(peer, message.node, message.why)
      case 'Lost':
        return this.#verdict(peer, message.node, message.why)
      case 'Fenced':
        return this.#accused(peer, message.why)
      case 'Leave':
        return this.#drop(peer, 'it has left')
      default:
        return this.events.control(peer.node, message)
    }
  }

  #brokenLink(peer: Peer, why: string): void {
    if (this.#peers.get(peer.node) === peer) this.#lose(peer, why, false)
  }

  /** Our own decision about a peer: drop it, and see to it that everybody does. */
  #lose(peer: Peer, why: string, later: boolean): void {
    const arbiter = this.arbiter()
    this.#mine.set(peer.node, why)
    this.#drop(peer, why, later)
    if (arbiter !== this.self && arbiter !== peer.node) this.send(arbiter, { type: 'Suspect', node: peer.node, why })
  }

  #suspected(by: Peer, node: NodeId, why: string): void {
    const peer = this.#peers.get(node)
    if (this.arbiter() !== this.self || peer === undefined) {
      return this.events.control(by.node, { type: 'Suspect', node, why })
    }
    this.#lose(peer, `node ${by.node} (${by.name}) lost it: ${printable(why)}`, false)
  }

  #verdict(by: Peer, node: NodeId, why: string): void {
    if (by.node === this.arbiter()) return this.#obey(node, why)
    if (this.#early.length >= NODES_MAX) throw new PeerError('too many verdicts of a node that is not the arbiter')
    this.#early.push({ by: by.node, node, why })
  }

  #obey(node: NodeId, why: string): void {
    if (node === this.self) return this.#fenced(printable(why))
    const peer = this.#peers.get(node)
    if (peer !== undefined) this.#drop(peer, printable(why))
  }

  /** The peer counts us as lost. If it is not for it to decide, its arbiter will close our link soon. */
  #accused(by: Peer, why: string): void {
    this.stalled(`node ${by.node} (${by.name}) says: ${printable(why)}`)
    this.#drop(by, `it has dropped this node: ${printable(why)}`)
  }

  #drop(peer: Peer, why: string, later = false): void {
    const arbiter = this.arbiter()
    this.#peers.delete(peer.node)
    peer.link.bye({ type: 'Fenced', why })
    if (this.#judgeSelf(peer, arbiter)) return
    if (this.arbiter() === this.self) this.broadcast({ type: 'Lost', node: peer.node, why })
    this.events.dropped(peer.node, why)
    if (peer.joined) {
      const tell = (): void => this.events.lost(peer.node, why)
      if (later) process.nextTick(tell)
      else tell()
    }
    if (arbiter === peer.node) this.#newArbiter()
  }

  #newArbiter(): void {
    const arbiter = this.arbiter()
    for (const [node, why] of this.#mine) {
      if (arbiter === this.self) this.broadcast({ type: 'Lost', node, why })
      else this.send(arbiter, { type: 'Suspect', node, why })
    }
    const now = this.#early.filter(({ by }) => by === arbiter)
    this.#early = this.#early.filter(({ by }) => by !== arbiter)
    for (const { node, why } of now) this.#obey(node, why)
  }

  /** Losing the arbiter, or everybody, soon after being accused or after a stall: it is us who are out. */
  #judgeSelf(lost: Peer, arbiter: NodeId): boolean {
    if (this.#over) return true
    if (performance.now() - this.#doubtMs > FENCED_MS_MAX) return false
    if (lost.node !== arbiter && this.others().length > 0) return false
    this.#fenced(this.#doubt)
    return true
  }

  #fenced(why: string): void {
    if (this.#over) return
    this.#over = true
    for (const peer of this.#peers.values()) peer.link.bye({ type: 'Leave' })
    this.#peers.clear()
    this.events.fenced(why)
  }
}
