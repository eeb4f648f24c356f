/**
 * The cluster as a node's daemon sees it: start it, send, and be told who joined, what came and who
 * is lost. The daemon may rely on:
 *   - messages between two nodes arrive exactly once and in order, until one is lost for the other;
 *   - `self` is the first call; then `joined` for every member there is;
 *   - `joined` of a node comes before its first message, and on the first node before any message to it;
 *   - `lost` comes exactly once, and nothing of that node after it;
 *   - start() resolves when this node is linked to every member and every member knows it.
 */
import { assert } from '../base/assert.js'
import { GshmError } from '../base/errors.js'
import { NO_NODE, type NodeId } from '../base/ids.js'
import { PeerError } from '../base/peer-error.js'
import type { Message } from '../node/messages.js'
import { checkedListen, formatEndpoint, type Endpoint } from './address.js'
import { Admission } from './admission.js'
import { Door, type Log } from './door.js'
import type { Identity } from './handshake.js'
import { Heartbeat, PAUSE_MS_MAX } from './heartbeat.js'
import { joinCluster } from './joining.js'
import { Lines, type TakeLine } from './lines.js'
import type { Link } from './link.js'
import { Members, type Member, type MembersEvents } from './members.js'
import type { ControlMessage, Hello } from './messages.js'
import { Questions } from './questions.js'
import type { OpenPeerSocket, PeerSocket } from './transport.js'

export interface ClusterOptions {
  readonly clusterName: string
  readonly nodeName: string
  /** Where others connect to; 127.0.0.1 and any port by default. */
  readonly listen?: Endpoint
  /** A member of the cluster to join; without it this node is the first. */
  readonly join?: Endpoint
  /** What others are told to connect to; port 0 = the one listened on. */
  readonly advertise?: Endpoint
  readonly secret?: Uint8Array
  readonly version: string
  readonly log: Log
  /** Where links go on that have been authenticated; without it they stay node:net's. */
  readonly openPeerSocket?: OpenPeerSocket
  /** What lines' descriptors go through; without it there are none. */
  readonly takeLine?: TakeLine
}

export interface ClusterHandlers {
  self(node: NodeId): void
  joined(node: NodeId, name: string): void
  /** payload: valid until the call returns. A PeerError thrown here fences the peer that it names, or the sender. */
  message(from: NodeId, message: Message, payload: Uint8Array | undefined): void
  lost(node: NodeId, why: string): void
  /** The others count this node as lost: it must stop. */
  fenced(why: string): void
  /** Another node wants to know something of this one: the answer, in ASCII. Not called before `self`. */
  asked(what: string): string
  /** Another node wants a line to it: `accept` makes it, if that is wanted here, too. Not to be believed. Not called
   * before `self`. */
  invited?(from: NodeId, about: string, ticket: string): void
}

export interface Started {
  readonly self: NodeId
  /** This node's address as others use it. */
  readonly listen: string
  readonly nodes: readonly Member[]
}

export class Cluster {
  listen = ''
  readonly #members: Members
  readonly #me: Identity
  readonly #door: Door
  readonly #heartbeat: Heartbeat
  /** Whom the first node told us to expect. */
  readonly #expected = new Map<NodeId, { name: string; address: string; ticket: string }>()
  readonly #questions = new Questions(
    (to, message) => this.#members.send(to, message),
    (what) => (this.#held === undefined && !this.#stopped ? this.handlers.asked(what) : ''),
  )
  readonly #lines: Lines
  #admission: Admission | undefined
  /** What happened before `self` could be called. */
  #held: (() => void)[] | undefined = []
  #welcome: { resolve(): void; reject(error: Error): void } | undefined
  #stopped = false

  constructor(
    private readonly options: ClusterOptions,
    private readonly handlers: ClusterHandlers,
  ) {
    const { clusterName, nodeName: name, version, secret } = options
    this.#me = { clusterName, version, name, secret, node: NO_NODE, address: '' }
    this.#door = new Door(this.#me, options.log, (link, hello) => this.#enter(link, hello))
    this.#heartbeat = new Heartbeat((ms) => {
      options.log('warn', `this daemon stood still for ${Math.round(ms)} ms`)
      if (ms > PAUSE_MS_MAX) this.#members.stalled(`it stood still for ${Math.round(ms)} ms`)
    })
    const events: MembersEvents = {
      joined: (node, joinedName) => this.#tell(() => handlers.joined(node, joinedName)),
      message: (from, message, payload) => this.#message(from, message, payload),
      lost: (node, why) => this.#tell(() => handlers.lost(node, why)),
      fenced: (why) => this.#fenced(why),
      control: (from, message) => this.#control(from, message),
      dropped: (node, why) => {
        this.#admission?.dropped(node, why)
        this.#questions.lost(node)
        this.#lines.lost(node)
        if (node === 0) this.#welcome?.reject(new GshmError('NODE_LOST', `--join: the first node is lost: ${why}`))
      },
    }
    this.#members = new Members(events, options.openPeerSocket)
    const noLine = (): never => {
      throw new GshmError('UNSUPPORTED', 'this node makes no lines')
    }
    this.#lines = new Lines(this.#me, this.#members, options.takeLine ?? noLine)
  }

  /** @throws GshmError that names the option at fault */
  async start(): Promise<Started> {
    const { listen = { host: '127.0.0.1', port: 0 }, join, advertise, secret } = this.options
    try {
      const wanted = await checkedListen(listen, secret !== undefined, advertise !== undefined)
      const bound = await this.#door.open(wanted)
      const port = advertise?.port || bound.port
      this.listen = this.#me.address = formatEndpoint({ host: advertise?.host ?? bound.host, port })
      if (join === undefined) this.#found()
      else await this.#join(join)
    } catch (error) {
      await this.stop()
      throw error
    }
    return { self: this.#me.node, listen: this.listen, nodes: this.members() }
  }

  /** To a node that is lost already: dropped, silently. The bytes are copied before send returns. */
  send(to: NodeId, message: Message, payload?: Uint8Array): void {
    assert(to !== this.#me.node, 'cluster: a message to this node itself')
    this.#members.send(to, message, payload)
  }

  /** Where a message to the node can be sent, as `frameOf` gives it, when no callback of the event loop is under way;
   * undefined: there is no such socket. */
  socket(to: NodeId): PeerSocket | undefined {
    return this.#members.socket(to)
  }

  /** The peer broke the protocol: it is lost for the whole cluster. `lost` follows, but not before fence returns. */
  fence(node: NodeId, why: string): void {
    if (this.#members.fence(node, why)) this.options.log('error', `node ${node} is fenced: ${why}`)
  }

  /** Asks all other members something of themselves. Gives what each has told; undefined: nothing, in time.
   * Rejects with LIMIT. What is told is not to be believed. */
  ask(what: string): Promise<Map<NodeId, string | undefined>> {
    const others = this.#members.others().map(({ node }) => node)
    return this.#questions.ask(others, what)
  }

  /** Has that node make a line to this one (lines.ts). Gives its descriptor. Rejects with LIMIT or NODE_LOST. */
  invite(guest: NodeId, about: string): Promise<number> {
    return this.#lines.invite(guest, about)
  }

  /** Makes the line to which that node has invited. Gives its descriptor. Rejects with NODE_LOST, or what it was
   * refused with. */
  accept(host: NodeId, ticket: string): Promise<number> {
    return this.#lines.accept(host, ticket)
  }

  members(): Member[] {
    const { node, name, address } = this.#me
    const others = this.#members
      .others()
      .map((other) => ({ node: other.node, name: other.name, address: other.address }))
    return [{ node, name, address }, ...others].sort((a, b) => a.node - b.node)
  }

  /** Leaves, or gives up starting: the others see this node as lost. No handler is called any more. */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#close()
    this.#members.leave()
    for (const link of this.#heartbeat.links()) link.bye({ type: 'Leave' })
    this.#welcome?.reject(new GshmError('NODE_LOST', 'stopped before it had joined'))
  }

  #close(): void {
    this.#stopped = true
    this.#door.close()
    this.#heartbeat.stop()
  }

  #found(): void {
    this.#me.node = this.#members.self = 0
    const self = { node: 0, name: this.#me.name, address: this.#me.address }
    this.#admission = new Admission(self, this.#members, this.options.log)
    this.#release()
  }

  async #join(join: Endpoint): Promise<void> {
    const { self, links } = await joinCluster(join, this.#me, (link) => {
      this.#heartbeat.watch(link)
      if (this.#stopped) link.destroy('stopped')
    })
    const welcome = new Promise<void>((resolve, reject) => (this.#welcome = { resolve, reject }))
    this.#members.self = self
    for (const { member, link } of links) {
      this.#members.add(member, link, false)
      this.#members.markJoined(member.node)
    }
    this.#members.send(0, { type: 'Ready' })
    await welcome
  }

  #release(): void {
    this.handlers.self(this.#me.node)
    const held = this.#held ?? []
    this.#held = undefined
    for (const call of held) call()
  }

  #tell(call: () => void): void {
    if (this.#stopped) return
    if (this.#held === undefined) call()
    else this.#held.push(call)
  }

  #message(from: NodeId, message: Message, payload: Uint8Array | undefined): void {
    if (this.#held === undefined) return this.#deliver(from, message, payload)
    const kept = payload?.slice()
    this.#held.push(() => this.#deliver(from, message, kept))
  }

  /** Nothing of a node that is lost, also not what was held. */
  #deliver(from: NodeId, message: Message, payload: Uint8Array | undefined): void {
    if (this.#stopped || this.#members.get(from) === undefined) return
    try {
      this.handlers.message(from, message, payload)
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      this.fence(error.peer ?? from, error.message)
    }
  }

  #fenced(why: string): void {
    if (this.#stopped) return
    this.#close()
    this.#welcome?.reject(new GshmError('NODE_LOST', `--join: fenced while joining: ${why}`))
    if (this.#held === undefined) this.handlers.fenced(why)
  }

  /** Somebody has come through the door. */
  #enter(link: Link, hello: Hello): void {
    if (hello.purpose === 'line') return this.#lines.entered(link, hello)
    this.#heartbeat.watch(link)
    if (hello.purpose === 'link') return this.#enterLink(link, hello)
    if (hello.purpose !== 'join') return link.destroy('purpose unknown')
    if (this.#admission !== undefined) return this.#admission.ask(link, hello)
    const first = this.#members.get(0)
    if (first !== undefined) return link.bye({ type: 'Redirect', address: first.address })
    const detail = '--join: the first node is lost, and with it the numbering of nodes'
    link.bye({ type: 'Refuse', code: 'NODE_LOST', detail })
  }

  #enterLink(link: Link, hello: Hello): void {
    const expected = this.#expected.get(hello.node)
    if (expected === undefined || expected.name !== hello.name || expected.ticket !== hello.ticket) {
      this.options.log(
        'warn',
        `${link.peerAddress} (${hello.name}) says it is node ${hello.node}, which nobody expects`,
      )
      return link.bye({ type: 'Refuse', code: 'ACCESS', detail: `nobody expects node ${hello.node}` })
    }
    this.#expected.delete(hello.node)
    link.send({ type: 'Linked' })
    this.#members.add({ node: hello.node, name: expected.name, address: expected.address }, link, false)
  }

  #invited(from: NodeId, { about, ticket }: Extract<ControlMessage, { type: 'Invite' }>): void {
    if (this.#held === undefined && !this.#stopped) this.handlers.invited?.(from, about, ticket)
  }

  #control(from: NodeId, message: ControlMessage): void {
    if (message.type === 'Ask') return this.#questions.asked(from, message)
    if (message.type === 'Told') return this.#questions.told(from, message)
    if (message.type === 'Invite') return this.#invited(from, message)
    if (this.#admission !== undefined) return this.#admission.control(from, message)
    if (message.type === 'Suspect') return
    if (from !== 0) throw new PeerError(`${message.type} of a node that is not the first`)
    const { node } = message as { node: NodeId }
    switch (message.type) {
      case 'Expect':
        this.#expected.set(node, message)
        return this.#members.send(from, { type: 'Expected', node })
      case 'Forget':
        this.#expected.delete(node)
        return this.#members.forget(node)
      case 'Joined':
        if (!this.#members.markJoined(node)) {
          this.#members.send(from, { type: 'Suspect', node, why: 'there is no link to it' })
        }
        return this.#members.send(from, { type: 'Saw', node })
      case 'Welcome':
        this.#welcome?.resolve()
        return this.#held === undefined ? undefined : this.#release()
      default:
        throw new PeerError(`${message.type} from the first node`)
    }
  }
}
