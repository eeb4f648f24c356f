/**
 * The joiner's part of joining (admission.ts draws it): get a number from the first node, link to
 * every member that it names, say Ready.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { GshmError } from '../base/errors.js'
import { NODES_MAX, type NodeId } from '../base/ids.js'
import { PeerError } from '../base/peer-error.js'
import { parseEndpoint, type Endpoint } from './address.js'
import { dialHandshake, refusedBy, type Identity } from './handshake.js'
import type { Link } from './link.js'
import type { Member } from './members.js'
import { printable, type AnyMessage } from './messages.js'

const REACH_MS_MAX = 8000
const RETRY_MS = 200

export interface Joined {
  readonly self: NodeId
  /** The first node's link is the first of them. */
  readonly links: readonly { member: Member; link: Link }[]
}

/** Dials the first node, by way of another member if need be; the link is authenticated. */
async function findFirst(join: Endpoint, me: Identity): Promise<{ member: Member; link: Link }> {
  let to = join
  for (let hops = 0; hops < 3; hops++) {
    const { link, hello } = await dialHandshake(to, me, 'join', '').catch((error: GshmError) => {
      throw new GshmError(error.reason, `--join ${error.message}`)
    })
    if (hello.node === 0) return { member: { node: 0, name: hello.name, address: hello.address }, link }
    const answer = await link.next().catch(() => undefined)
    link.destroy('asked')
    if (answer?.type === 'Refuse') throw refusedBy(answer)
    const address = answer?.type === 'Redirect' ? parseEndpoint(answer.address) : undefined
    if (address === undefined) break
    to = address
  }
  throw new GshmError('NODE_LOST', '--join: no way to the first node of the cluster was found there')
}

/** One attempt at joining. `watch` sees every link from when it is authenticated, for the heartbeat. */
export async function joinCluster(join: Endpoint, me: Identity, watch: (link: Link) => void): Promise<Joined> {
  const first = await findFirst(join, me)
  watch(first.link)
  const links = [first]
  try {
    const { self, ticket, members } = await admitted(first.link)
    me.node = self
    links.push(...(await linkToAll(first.link, me, ticket, members, watch)))
    return { self, links }
  } catch (error) {
    const detail = error instanceof Error ? printable(error.message) : ''
    for (const { link } of links) link.bye({ type: 'Refuse', code: 'NODE_LOST', detail })
    if (error instanceof GshmError) throw error
    throw new GshmError('NODE_LOST', `--join: ${detail}`)
  }
}

/** Waits its turn, which may be long: others join first. */
async function admitted(link: Link): Promise<{ self: NodeId; ticket: string; members: Map<NodeId, Member> }> {
  const members = new Map<NodeId, Member>()
  for (;;) {
    const message = await link.next()
    if (message.type === 'Refuse') throw refusedBy(message)
    else if (message.type === 'LinkTo') members.set(message.node, message)
    else if (message.type === 'Lost') members.delete(message.node)
    else if (message.type === 'Admit') {
      const { node: self, ticket } = message
      if (!Number.isInteger(self) || self < 1 || self >= NODES_MAX) throw new Error(`it was numbered ${self}`)
      return { self, ticket, members }
    } else throw new Error(`${message.type} in place of Admit`)
  }
}

async function linkToAll(
  first: Link,
  me: Identity,
  ticket: string,
  members: Map<NodeId, Member>,
  watch: (link: Link) => void,
): Promise<{ member: Member; link: Link }[]> {
  const linked: { member: Member; link: Link }[] = []
  const failed = new Promise<never>((_, reject) => {
    first.onBroken((why) => reject(new Error(`the first node: ${why}`)))
    first.take((message: AnyMessage) => {
      if (message.type === 'Lost') members.delete(message.node)
      else if (message.type === 'Refuse') reject(refusedBy(message))
      else throw new PeerError(`${message.type} to a node that is joining`)
    })
  })
  const reach = async (member: Member): Promise<void> => {
    const link = await linkTo(member, me, ticket, members)
    if (link === undefined) return
    watch(link)
    linked.push({ member, link })
  }
  try {
    await Promise.race([failed, Promise.all([...members.values()].map(reach))])
  } catch (error) {
    members.clear()
    for (const { link } of linked) link.destroy('joining failed')
    throw error
  }
  return linked.filter(({ member }) => members.has(member.node))
}

/** undefined: the member was lost meanwhile. The attempts go on for a while, for the first node may be
 * about to find that out. */
async function linkTo(
  member: Member,
  me: Identity,
  ticket: string,
  members: ReadonlyMap<NodeId, Member>,
): Promise<Link | undefined> {
  const address = parseEndpoint(member.address)
  const end = performance.now() + REACH_MS_MAX
  while (members.has(member.node)) {
    try {
      if (address === undefined) throw new Error('its address is no HOST:PORT')
      const { link, hello } = await dialHandshake(address, me, 'link', ticket)
      if (hello.node !== member.node || hello.name !== member.name) throw new Error('another node answers there')
      const answer = await link.next()
      if (answer.type === 'Refuse') throw refusedBy(answer)
      if (answer.type !== 'Linked') throw new Error(`${answer.type} in place of Linked`)
      return link
    } catch (error) {
      const why = printable((error as Error).message)
      if (performance.now() > end) {
        throw new GshmError(
          'NODE_LOST',
          `--join: node ${member.node} (${printable(member.name)}) is not to be reached: ${why}`,
        )
      }
      await sleep(RETRY_MS)
    }
  }
  return undefined
}
