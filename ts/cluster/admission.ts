/**
 * The first node's part of joining: it numbers nodes and lets them in one at a time.
 *
 *   joiner        first node         every member
 *     Hello join -->   Expect n ------->          (name, address, ticket)
 *                      <------ Expected
 *     <-- LinkTo ..., Admit n, ticket
 *     Hello link, ticket -------------->
 *     <------------------------- Linked
 *     Ready -------->  `joined`
 *                      Joined n ------->  `joined`
 *                      <----------- Saw
 *     <------ Welcome
 *
 * Every member has seen Joined, and so all that the first node sent before it, when the joiner sends
 * its first message. A joiner that gives up half-way is forgotten and its number is never used again.
 */
import { randomBytes } from 'node:crypto'
import { NODES_MAX, type NodeId } from '../base/ids.js'
import { parseEndpoint } from './address.js'
import type { Log } from './door.js'
import { Refusal } from './handshake.js'
import type { Link } from './link.js'
import { printable, type ControlMessage, type Hello } from './messages.js'
import type { Member, Members } from './members.js'

/** For a joiner to link to all members. */
export const LINKING_MS_MAX = 15_000
const QUEUE_MAX = 64

/** Waits until every one of some members has answered or is lost. */
class Answers {
  readonly #waiting = new Set<NodeId>()
  #done: (() => void) | undefined

  all(from: readonly Member[]): Promise<void> {
    for (const { node } of from) this.#waiting.add(node)
    return new Promise((resolve) => {
      this.#done = resolve
      this.from(undefined)
    })
  }

  from(node: NodeId | undefined): void {
    if (node !== undefined) this.#waiting.delete(node)
    if (this.#waiting.size === 0) this.#done?.()
  }
}

export class Admission {
  #nextNode = 1
  #queue: { link: Link; hello: Hello }[] = []
  #busy = false
  /** Whoever is being admitted, until it is a member. */
  #current: { node: NodeId; link: Link } | undefined
  #expected = new Answers()
  #saw = new Answers()

  constructor(
    private readonly self: Member,
    private readonly members: Members,
    private readonly log: Log,
  ) {}

  /** A node that has proved itself asks for a number. */
  ask(link: Link, hello: Hello): void {
    if (this.#queue.length >= QUEUE_MAX) {
      link.bye({ type: 'Refuse', code: 'LIMIT', detail: `more than ${QUEUE_MAX} nodes are joining at once: try again` })
      return
    }
    this.#queue.push({ link, hello })
    if (!this.#busy) void this.#work()
  }

  control(from: NodeId, message: ControlMessage): void {
    const node = this.#current?.node
    if (message.type === 'Expected' && message.node === node) this.#expected.from(from)
    if (message.type === 'Saw' && message.node === node) this.#saw.from(from)
    if (message.type === 'Suspect' && message.node === node) {
      const detail = `node ${from} lost its link to the joining node: ${printable(message.why)}`
      this.#current?.link.bye({ type: 'Refuse', code: 'NODE_LOST', detail })
    }
  }

  /** A member is lost: nobody waits for it, and the joiner need not link to it. */
  dropped(node: NodeId, why: string): void {
    this.#expected.from(node)
    this.#saw.from(node)
    this.#current?.link.send({ type: 'Lost', node, why })
  }

  async #work(): Promise<void> {
    this.#busy = true
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { link, hello } = next
      if (link.over) continue
      await this.#admit(link, hello).catch((error: Error) => {
        this.log('warn', `${printable(hello.name)} (${link.peerAddress}) did not join: ${printable(error.message)}`)
        if (error instanceof Refusal) link.bye({ type: 'Refuse', code: error.code, detail: error.message })
        else link.destroy('it did not join')
      })
      this.#current = undefined
    }
    this.#busy = false
  }

  async #admit(link: Link, hello: Hello): Promise<void> {
    const { name, address } = hello
    if (name === this.self.name || this.members.others().some((member) => member.name === name)) {
      throw new Refusal('EXISTS', `--name: a node called ${name} is in the cluster already`)
    }
    if (parseEndpoint(address) === undefined) throw new Refusal('INVALID', 'its address is no HOST:PORT')
    if (this.#nextNode >= NODES_MAX) throw new Refusal('LIMIT', `all ${NODES_MAX} node numbers have been used`)
    const node = this.#nextNode++
    this.#current = { node, link }
    const joiner: Member = { node, name, address }
    try {
      await this.#introduce(joiner, link)
    } catch (error) {
      this.members.broadcast({ type: 'Forget', node })
      throw error
    }
    this.#expected = new Answers()
    this.members.add(joiner, link, false)
    this.members.markJoined(node)
    const others = this.members.others().filter((member) => member.node !== node)
    for (const member of others) this.members.send(member.node, { type: 'Joined', node })
    this.#saw = new Answers()
    await this.#saw.all(others)
    this.members.send(node, { type: 'Welcome' })
  }

  /** Until the joiner is linked to every member. */
  async #introduce({ node, name, address }: Member, link: Link): Promise<void> {
    const ticket = randomBytes(16).toString('hex')
    const others = this.members.others()
    for (const member of others) this.members.send(member.node, { type: 'Expect', node, name, address, ticket })
    this.#expected = new Answers()
    await this.#expected.all(others)
    for (const { node: other } of others) {
      const member = this.members.get(other)
      if (member !== undefined) link.send({ type: 'LinkTo', node: other, name: member.name, address: member.address })
    }
    link.send({ type: 'Admit', node, ticket })
    const timer = setTimeout(
      () => link.destroy(`not linked to all members in ${LINKING_MS_MAX / 1000} s`),
      LINKING_MS_MAX,
    )
    try {
      const answer = await link.next()
      if (answer.type === 'Refuse') throw new Error(answer.detail)
      if (answer.type !== 'Ready') throw new Refusal('BAD_FRAME', `${answer.type} in place of Ready`)
    } finally {
      clearTimeout(timer)
    }
  }
}
