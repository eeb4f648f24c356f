/**
 * How two daemons get to know each other on a new link: Hello both ways, then proof both ways, the
 * dialer's first, so that a stranger learns nothing that depends on the secret.
 *
 *   dialer    preamble Hello ------------>
 *             <------------ preamble Hello    acceptor
 *             Proof --------------------->
 *             <--------------------- Proof
 *
 * Whoever dislikes the other says Refuse with a reason and closes.
 */
import { randomBytes } from 'node:crypto'
import { ERROR_NAMES, GshmError, type ErrorName } from '../base/errors.js'
import { NODES_MAX, NO_NODE, type NodeId } from '../base/ids.js'
import { formatEndpoint, type Endpoint } from './address.js'
import { Link } from './link.js'
import { printable, type AnyMessage, type Hello } from './messages.js'
import { proof, sameProof } from './secret.js'
import { dial } from './transport.js'

export const HANDSHAKE_MS_MAX = 5000

/** What this node tells others about itself. */
export interface Identity {
  readonly clusterName: string
  readonly version: string
  readonly name: string
  readonly secret: Uint8Array | undefined
  node: NodeId
  address: string
}

/** Said to the peer before the link is closed, and logged here. */
export class Refusal extends Error {
  constructor(
    readonly code: Exclude<ErrorName, 'OK'>,
    detail: string,
  ) {
    super(detail)
  }
}

function helloOf(me: Identity, purpose: string, ticket: string): Hello {
  return {
    type: 'Hello',
    cluster: me.clusterName,
    version: me.version,
    secret: me.secret !== undefined,
    purpose,
    name: me.name,
    node: me.node,
    address: me.address,
    ticket,
    nonce: randomBytes(16).toString('hex'),
  }
}

function check(me: Identity, hello: Hello): void {
  const node = Number.isInteger(hello.node) && (hello.node === NO_NODE || (hello.node >= 0 && hello.node < NODES_MAX))
  if (!node || !/^[\w.-]{1,63}$/.test(hello.name)) throw new Refusal('INVALID', 'not a name or number of a node')
  if (hello.cluster !== me.clusterName) {
    throw new Refusal('INVALID', `--cluster: one says ${printable(hello.cluster)}, the other ${me.clusterName}`)
  }
  if (hello.version !== me.version) {
    throw new Refusal('INVALID', `one runs version ${printable(hello.version)}, the other ${me.version}`)
  }
  if (hello.secret !== (me.secret !== undefined)) {
    throw new Refusal('ACCESS', '--secret-file: one node has a secret and the other has none')
  }
}

function expect<T extends AnyMessage['type']>(message: AnyMessage, type: T): Extract<AnyMessage, { type: T }> {
  if (message.type === 'Refuse') throw refusedBy(message)
  if (message.type !== type) throw new Refusal('BAD_FRAME', `${message.type} in place of ${type}`)
  return message as Extract<AnyMessage, { type: T }>
}

export function refusedBy(message: { readonly code: string; readonly detail: string }): GshmError {
  const known = ERROR_NAMES.find((name) => name === message.code)
  return new GshmError(known === undefined || known === 'OK' ? 'INVALID' : known, printable(message.detail))
}

/** Runs one side's part of the handshake; whatever goes wrong ends the link, with a Refuse when it is our verdict. */
async function shake<T>(link: Link, part: () => Promise<T>): Promise<T> {
  const seconds = HANDSHAKE_MS_MAX / 1000
  const timer = setTimeout(() => link.destroy(`the handshake took more than ${seconds} s`), HANDSHAKE_MS_MAX)
  try {
    return await part()
  } catch (error) {
    if (error instanceof Refusal) link.bye({ type: 'Refuse', code: error.code, detail: error.message })
    else link.destroy('refused')
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** The acceptor's part; returns the dialer's Hello, all of it proved. */
export function acceptHandshake(link: Link, me: Identity): Promise<Hello> {
  return shake(link, async () => {
    const theirs = expect(await link.next(), 'Hello')
    check(me, theirs)
    const mine = helloOf(me, 'answer', '')
    link.send(mine)
    const { mac } = expect(await link.next(), 'Proof')
    if (!sameProof(proof(me.secret, 'dialer', theirs, mine), mac)) {
      throw new Refusal('ACCESS', '--secret-file: the secrets differ')
    }
    link.trust()
    link.send({ type: 'Proof', mac: proof(me.secret, 'acceptor', theirs, mine) })
    return theirs
  })
}

/** Dials and does the dialer's part; returns the link and the acceptor's Hello, all of it proved.
 * @throws GshmError: refused, or a system error's text when nobody answers */
export async function dialHandshake(
  to: Endpoint,
  me: Identity,
  purpose: 'join' | 'link' | 'line',
  ticket: string,
): Promise<{ link: Link; hello: Hello }> {
  const where = formatEndpoint(to)
  const fail = (error: Error): never => {
    if (error instanceof GshmError) throw error
    throw new GshmError(error instanceof Refusal ? error.code : 'NODE_LOST', `${where}: ${error.message}`)
  }
  const link = new Link(await dial(to, HANDSHAKE_MS_MAX).catch(fail), 'dialer')
  const part = async (): Promise<Hello> => {
    const mine = helloOf(me, purpose, ticket)
    link.send(mine)
    const theirs = expect(await link.next(), 'Hello')
    check(me, theirs)
    link.send({ type: 'Proof', mac: proof(me.secret, 'dialer', mine, theirs) })
    const { mac } = expect(await link.next(), 'Proof')
    if (!sameProof(proof(me.secret, 'acceptor', mine, theirs), mac)) {
      throw new Refusal('ACCESS', '--secret-file: the secrets differ')
    }
    link.trust()
    return theirs
  }
  return { link, hello: await shake(link, part).catch(fail) }
}
