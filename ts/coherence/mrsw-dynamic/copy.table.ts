/**
 * mrsw-dynamic: one page's copy as one node sees it. Multiple readers, single writer, no manager: the
 * page's owner serves, wherever it is, and requests find it along hints (owner.table.ts): Li & Hudak,
 * "Memory Coherence in Shared Virtual Memory Systems", TOCS 7(4) 1989, section 3.2 (the dynamic
 * distributed manager); versions after Chapman & Heiser, "vNUMA", USENIX 2009.
 *
 *   I no copy   S readable (the owner's too, when others have copies)   M writable, the only copy
 *   X lost: every access is SIGBUS
 *   IS_D IM_D awaiting the page; SM_A readable, awaiting the right to write
 *
 * What a fault asks for goes to this node's own owner side first, which answers or forwards it.
 *
 * A read does not move ownership here, as it does in the basic form. There it must: where the new owner
 * invalidates, its Inv comes by another link than the page that the old owner has sent to a reader, and
 * may come first; a reader that owns the page is not invalidated. Here the old owner itself invalidates
 * and has every InvAck before it gives the page away: an Inv follows the page on one link, and a page is
 * mapped in the step in which it arrives. So a reader costs its owner no ownership, and the next write of
 * a producer finds it still at home.
 *
 * Ownership is a token: whoever receives it is the owner, asked or unasked (a request that was made twice,
 * see owner.table.ts). A copy to read is taken only while one is awaited; Inv is always acknowledged.
 *
 * A copy to read is evicted without a word: its owner counts it still, and its Inv is acknowledged from I; but from now
 * on this node asks with version 0, for it has no bytes to keep. The owner's page goes only as it always goes, to a node
 * that asks to write it. So the owner asks another node to do that (Put): a sharer, which has the bytes, else the page's
 * refuge (actions.ts). A sharer whose copy has gone passes it on to the refuge. A Put is a hint: it may be lost, come late
 * or in vain, and the owner awaits nothing.
 * Each Put that does its work takes away a copy, or brings a page to its refuge, where it stays: so nodes that are all full
 * do not hand pages round for ever.
 */
import { to, type Table } from '../table.js'
import type { CopyAction } from './actions.js'

export const COPY_STATES = ['I', 'S', 'M', 'IS_D', 'IM_D', 'SM_A', 'X'] as const
export type CopyState = (typeof COPY_STATES)[number]

export const COPY_EVENTS = [
  'Read', // a local thread faulted
  'Write',
  'PageRead', // a copy to read
  'PageWrite', // the page, with ownership
  'PageKept', // ownership: the copy here has the version that the owner had
  'PageLost', // of this node's owner side: nobody owns the page
  'Inv',
  'FetchRead', // orders of this node's owner side
  'FetchWrite',
  'FetchKept', // give the page up; who gets it has the bytes
  'Evict', // no memory here for it any more; another node owns the page
  'EvictOwned', // the same, and this node does
  'Put', // another node would have this one own the page, which has a copy, or is its refuge
  'PutOn', // the same, and this node has none any more: it is another one's to take
  'PutVain', // the same, and nobody can
  'PutStray', // this node owns the page already, or who put it is lost
  'Keep', // what was put could not be taken
  'Stale', // a copy that nobody awaits
] as const
export type CopyEvent = (typeof COPY_EVENTS)[number]

const never = 'never'

/** The page is here, or is awaited. */
const HERE = { PutOn: never, PutVain: never } as const

export const copyTable: Table<CopyState, CopyEvent, CopyAction> = {
  I: {
    Read: to('IS_D', 'GetRead'),
    Write: to('IM_D', 'GetWrite'),
    PageRead: never,
    PageWrite: to('M', 'InstallWrite', 'Owned'),
    PageKept: never,
    PageLost: never,
    Inv: to('I', 'InvAck'), // the copy that it means was stale when it came
    FetchRead: never,
    FetchWrite: never,
    FetchKept: never,
    Evict: to('I'),
    EvictOwned: never,
    Put: to('IM_D', 'GetWrite'),
    PutOn: to('I', 'PutOn'),
    PutVain: to('I', 'RefusePut'),
    PutStray: to('I'),
    Keep: to('I'), // it has gone meanwhile
    Stale: to('I'),
  },
  S: {
    Read: to('S', 'KeepRead'), // another view, or the same fault twice
    Write: to('SM_A', 'Upgrade'),
    PageRead: never,
    PageWrite: to('M', 'InstallWrite', 'Owned'),
    PageKept: never, // it comes before the copy is invalidated, and finds SM_A, or not at all
    PageLost: never,
    Inv: to('I', 'Punch', 'InvAck'),
    FetchRead: to('S', 'Copy', 'SendRead'),
    FetchWrite: to('I', 'Copy', 'Punch', 'SendWrite'),
    FetchKept: to('I', 'Punch', 'SendKept'),
    Evict: to('I', 'Punch', 'Unversion'),
    EvictOwned: to('S', 'PutPage'),
    Put: to('SM_A', 'Upgrade'),
    ...HERE,
    PutStray: to('S'),
    Keep: to('S', 'Retry'),
    Stale: to('S'),
  },
  M: {
    Read: to('M', 'KeepWrite'),
    Write: to('M', 'KeepWrite'),
    PageRead: never,
    PageWrite: never,
    PageKept: never,
    PageLost: never,
    Inv: never,
    FetchRead: to('S', 'Downgrade', 'Copy', 'SendRead'),
    FetchWrite: to('I', 'Downgrade', 'Copy', 'Punch', 'SendWrite'),
    FetchKept: never, // nobody else has a copy
    Evict: never, // the only copy is the owner's
    EvictOwned: to('M', 'PutPage'),
    Put: never,
    ...HERE,
    PutStray: to('M'),
    Keep: to('M', 'Retry'),
    Stale: never, // an owner has acknowledged what followed such a copy on its link
  },
  IS_D: {
    Read: to('IS_D'),
    Write: to('IS_D'), // faults again once it can read
    PageRead: to('S', 'InstallRead', 'Got'),
    PageWrite: to('M', 'InstallWrite', 'Owned'),
    PageKept: never,
    PageLost: to('X', 'Poison'),
    Inv: to('IS_D', 'InvAck'),
    FetchRead: never,
    FetchWrite: never,
    FetchKept: never,
    Evict: to('IS_D'),
    EvictOwned: never,
    Put: to('IS_D', 'RefusePut'), // a node asks for one thing at a time
    ...HERE,
    PutStray: to('IS_D'),
    Keep: to('IS_D'),
    Stale: never,
  },
  IM_D: {
    Read: to('IM_D'),
    Write: to('IM_D'),
    PageRead: never,
    PageWrite: to('M', 'InstallWrite', 'Owned'),
    PageKept: never, // the version that was asked with has been invalidated, and is no owner's any more
    PageLost: to('X', 'Poison'),
    Inv: to('IM_D', 'InvAck'),
    FetchRead: never,
    FetchWrite: never,
    FetchKept: never,
    Evict: to('IM_D'),
    EvictOwned: never,
    Put: to('IM_D'), // it has asked
    ...HERE,
    PutStray: to('IM_D'),
    Keep: to('IM_D'),
    Stale: to('IM_D'),
  },
  SM_A: {
    Read: to('SM_A', 'KeepRead'),
    Write: to('SM_A'),
    PageRead: never,
    PageWrite: to('M', 'InstallWrite', 'Owned'),
    PageKept: to('M', 'KeepWrite', 'Owned'),
    PageLost: to('X', 'Punch', 'Poison'),
    Inv: to('IM_D', 'Punch', 'InvAck'), // another writer came first
    FetchRead: to('SM_A', 'Copy', 'SendRead'),
    FetchWrite: to('IM_D', 'Copy', 'Punch', 'SendWrite'),
    FetchKept: to('IM_D', 'Punch', 'SendKept'),
    Evict: to('SM_A'),
    EvictOwned: to('SM_A'),
    Put: to('SM_A'),
    ...HERE,
    PutStray: to('SM_A'),
    Keep: to('SM_A'),
    Stale: to('SM_A'),
  },
  X: {
    Read: to('X', 'Poison'), // another view
    Write: to('X', 'Poison'),
    PageRead: never,
    PageWrite: to('X'), // too late: the page is lost for everybody
    PageKept: never, // a copy is given up only when its owner is lost
    PageLost: never,
    Inv: to('X', 'AckOnly'), // this node's word is that the page is lost
    FetchRead: never,
    FetchWrite: never,
    FetchKept: never,
    Evict: never,
    EvictOwned: never,
    Put: never,
    ...HERE,
    PutStray: to('X', 'RefusePut'), // this node's word is that the page is lost
    Keep: to('X'),
    Stale: to('X'),
  },
}
