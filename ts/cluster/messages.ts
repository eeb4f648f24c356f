/**
 * What nodes say to each other about being a cluster; docs/WIRE.md tells it as a story. Until a link
 * is authenticated only Hello, Proof and Refuse are spoken.
 */
import type { NodeId } from '../base/ids.js'
import type { MessageFields } from '../base/message-fields.js'
import type { Message } from '../node/messages.js'
import { Codec } from '../wire/codec.js'
import { FIRST_TYPE } from '../wire/layout.js'
import { NODE_ROOMS } from '../wire/rooms.js'

export type ControlMessage =
  /** The first frame of both sides. */
  | {
      readonly type: 'Hello'
      readonly cluster: string
      readonly version: string
      readonly secret: boolean
      /** Dialer: 'join' = give me a number, 'link' = I am the `node` you expect, 'line' = you have invited me.
       * Acceptor: 'answer'. */
      readonly purpose: string
      readonly name: string
      /** NO_NODE when it has none yet. */
      readonly node: NodeId
      /** Where others reach the sender. */
      readonly address: string
      /** link: what the arbiter gave to both sides; line: the Invite's; else empty. */
      readonly ticket: string
      readonly nonce: string
    }
  | { readonly type: 'Proof'; readonly mac: string }
  /** The sender closes the link; code is a name of base/errors. */
  | { readonly type: 'Refuse'; readonly code: string; readonly detail: string }
  /** Acceptor -> joiner: I do not number nodes, ask there. */
  | { readonly type: 'Redirect'; readonly address: string }
  /** Acceptor -> dialer that came to link, or for a line: it stands. */
  | { readonly type: 'Linked' }
  /** Arbiter -> member: `node` will link to you with this ticket. Answered by Expected. */
  | {
      readonly type: 'Expect'
      readonly node: NodeId
      readonly name: string
      readonly address: string
      readonly ticket: string
    }
  | { readonly type: 'Expected'; readonly node: NodeId }
  /** Arbiter -> member: the node you were to expect will not come. */
  | { readonly type: 'Forget'; readonly node: NodeId }
  /** Arbiter -> joiner, once for each member it must link to, then Admit. */
  | { readonly type: 'LinkTo'; readonly node: NodeId; readonly name: string; readonly address: string }
  | { readonly type: 'Admit'; readonly node: NodeId; readonly ticket: string }
  /** Joiner -> arbiter: linked to everybody. */
  | { readonly type: 'Ready' }
  /** Arbiter -> member: `node` is a member from now on. Answered by Saw. */
  | { readonly type: 'Joined'; readonly node: NodeId }
  | { readonly type: 'Saw'; readonly node: NodeId }
  /** Arbiter -> joiner: everybody knows you. */
  | { readonly type: 'Welcome' }
  /** Member -> arbiter: my link to `node` is gone. */
  | { readonly type: 'Suspect'; readonly node: NodeId; readonly why: string }
  /** Arbiter -> member: so `node` is lost, for everybody. */
  | { readonly type: 'Lost'; readonly node: NodeId; readonly why: string }
  /** The last word to a node that the sender counts as lost. */
  | { readonly type: 'Fenced'; readonly why: string }
  /** The last word of a node that stops. */
  | { readonly type: 'Leave' }
  | { readonly type: 'Ping' }
  /** Member -> member: tell of yourself; for whoever inspects the cluster. `number`: the asker's, from 1. */
  | { readonly type: 'Ask'; readonly number: number; readonly what: string }
  /** The answer, in pieces of ASCII; after the one with `last` nothing more comes. */
  | { readonly type: 'Told'; readonly number: number; readonly last: boolean; readonly text: string }
  /** Member -> member: make a connection to me, for `about` (lines.ts). */
  | { readonly type: 'Invite'; readonly about: string; readonly ticket: string }

export const CLUSTER_FIELDS = {
  Hello: {
    cluster: 'string',
    version: 'string',
    secret: 'boolean',
    purpose: 'string',
    name: 'string',
    node: 'number',
    address: 'string',
    ticket: 'string',
    nonce: 'string',
  },
  Proof: { mac: 'string' },
  Refuse: { code: 'string', detail: 'string' },
  Redirect: { address: 'string' },
  Linked: {},
  Expect: { node: 'number', name: 'string', address: 'string', ticket: 'string' },
  Expected: { node: 'number' },
  Forget: { node: 'number' },
  LinkTo: { node: 'number', name: 'string', address: 'string' },
  Admit: { node: 'number', ticket: 'string' },
  Ready: {},
  Joined: { node: 'number' },
  Saw: { node: 'number' },
  Welcome: {},
  Suspect: { node: 'number', why: 'string' },
  Lost: { node: 'number', why: 'string' },
  Fenced: { why: 'string' },
  Leave: {},
  Ping: {},
  Ask: { number: 'number', what: 'string' },
  Told: { number: 'number', last: 'boolean', text: 'string' },
  Invite: { about: 'string', ticket: 'string' },
} as const satisfies MessageFields<ControlMessage>

export type AnyMessage = Message | ControlMessage
export type Hello = Extract<ControlMessage, { type: 'Hello' }>

export const clusterCodec = new Codec<AnyMessage>([
  ...NODE_ROOMS,
  { firstType: FIRST_TYPE.cluster, fields: CLUSTER_FIELDS },
])

export function isControl(message: AnyMessage): message is ControlMessage {
  return Object.hasOwn(CLUSTER_FIELDS, message.type)
}

/** What a peer wrote, fit for one line of a log. */
export function printable(text: string): string {
  const line = text.replace(/[^\x20-\x7e]+/g, '?')
  return line.length > 200 ? `${line.slice(0, 200)}...` : line
}

/** One message as the bytes of its frame. */
export function frameOf(message: AnyMessage): Uint8Array {
  const bytes = new Uint8Array(clusterCodec.bound(message))
  return bytes.subarray(0, clusterCodec.encode(message, undefined, bytes, 0))
}
