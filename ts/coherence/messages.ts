/**
 * What nodes say to each other about one page. Requests go to the page's home; the home orders;
 * answers go to whom the order names. In mrsw-dynamic the owner is in the place of the home, and requests
 * are forwarded to it, so that `requester` need not be the sender.
 */
import type { NodeId, Page, SegmentId } from '../base/ids.js'

export const COHERENCE_TYPES = [
  'GetRead', // requester -> home: a copy to read
  'GetWrite', // requester -> home: the only copy, to write
  'FetchRead', // home -> owner: keep a readable copy, send one to `requester`
  'FetchWrite', // home -> owner: give the page up, send it to `requester`
  'Inv', // home -> sharer: drop the copy, tell the home
  'PageRead', // owner (or home, fresh page) -> requester
  'PageWrite', // owner (or home: fresh page, or requester has the bytes) -> requester
  'InvAck', // sharer -> home
  'Done', // requester -> home: installed
  'PageLost', // home -> requester: no live node has the bytes
  'LostAck', // requester -> home: PageLost was taken in; nothing was installed
  'PageOnly', // lrc: home -> requester: the page, which no other node has; the requester is its home from now on
  'PageHome', // the node that had the page alone -> home; lrc: -> first home, which is its home again
  'Learnt', // mrsw-dynamic: the sender has learnt that `requester` is lost; about all pages
  'Put', // requester -> home: no memory here for the copy any more; mrsw-dynamic: owner -> any node
  'Drop', // home -> requester of a Put: others have the page, drop it and acknowledge; or it has gone already
  'Keep', // home -> requester of a Put: no memory here either
  'Take', // home -> requester of a Put: nobody else has the page, send it home
  'Here', // of a home to itself: the page that was put, or has come home, is in this node's frame now
  'Moved', // lrc: to a requester, of who is not the home: `requester` is, or knows more
  'MovedHere', // lrc: new home -> first home, if that did not give it away; and of a new home to itself
  'MovedNoted', // lrc: first home -> new home
] as const
export type CoherenceType = (typeof COHERENCE_TYPES)[number]

/** Requests and orders may take a page away from whom they reach; answers bring one, or tell. */
export const CLASS = {
  GetRead: 'request',
  GetWrite: 'request',
  FetchRead: 'order',
  FetchWrite: 'order',
  Inv: 'order',
  PageRead: 'answer',
  PageWrite: 'answer',
  InvAck: 'answer',
  Done: 'answer',
  PageLost: 'answer',
  LostAck: 'answer',
  PageOnly: 'answer',
  PageHome: 'answer',
  Learnt: 'answer',
  Put: 'request',
  Drop: 'answer',
  Keep: 'answer',
  Take: 'order',
  Here: 'answer',
  Moved: 'answer',
  MovedHere: 'answer',
  MovedNoted: 'answer',
} as const satisfies Readonly<Record<CoherenceType, 'request' | 'order' | 'answer'>>

export interface CoherenceMessage {
  readonly type: CoherenceType
  readonly segment: SegmentId
  readonly page: Page
  /** Whose request this serves. In requests and Done the sender itself. */
  readonly requester: NodeId
  /** The requester's number for its request, echoed in everything that serves it: an answer that
   * outlived its request (its sender was lost meanwhile) is recognised and dropped. mrsw-dynamic:
   * the version of the page's bytes (mrsw-dynamic/hint.ts). */
  readonly serial: number
  /** PageRead, PageWrite: 'page' = its bytes travel with it, 'zero' = a fresh page of zeros,
   * 'kept' = the requester's own copy is current. Else 'none'. */
  readonly bytes: 'none' | 'page' | 'zero' | 'kept'
  /** PageRead, PageWrite, and the order to send them: the home awaits Done. False where the home
   * itself sends, for then whatever it orders next comes behind the page on the same link. */
  readonly confirm: boolean
}
