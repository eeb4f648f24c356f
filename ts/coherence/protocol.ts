/**
 * What a protocol is to the engine: two sides (copy and home) that are tables, and the functions that
 * turn a cause into an event of a table. One folder a protocol; each exports one of these.
 */
import type { ProtocolName } from '../base/consistency.js'
import type { EdgeName, PageRange } from '../base/effects.js'
import type { Access, NodeId } from '../base/ids.js'
import type { CoherenceEffect } from './effects.js'
import type { EdgeMessage } from './lrc/messages.js'
import type { CoherenceMessage, CoherenceType } from './messages.js'
import type { CoherenceState, Transaction } from './state.js'
import type { Cell, Context, Side } from './table.js'

export interface Protocol<
  CS extends string = string,
  CE extends string = string,
  CA extends string = string,
  HS extends string = string,
  HE extends string = string,
  HA extends string = string,
> {
  readonly name: ProtocolName
  readonly copy: Side<CS, CE, CA>
  readonly home: Side<HS, HE, HA>
  /** Home states in which no request is being served. */
  readonly settled: ReadonlySet<HS>
  /** What a copy state lets local threads do. */
  readonly access: Readonly<Record<CS, Access | 'none'>>
  /** The copy state of a page that is lost: poison in every view. */
  readonly lost: CS
  /** Where a node may have the frame of a page that its threads have no access to: is it here? */
  readonly isMaster?: (context: Context) => boolean
  faultEvent(context: Context, access: Access): CE
  copyEvent(context: Context, message: CoherenceMessage, now: CS): CE
  homeEvent(context: Context, message: CoherenceMessage, serving: Transaction | undefined): HE
  /** This node's memory for frames is used up, and the page is to go; undefined: it cannot. */
  evictEvent(context: Context): CE | undefined
  /** Where homes move, what is for a page's home may reach a node that is not. */
  readonly moves?: {
    /** The node whose loss is a loss of the home. */
    reliesOn(context: Context): NodeId
  }
  /** Undefined: a copy needs no home. */
  readonly homeLost: CE | undefined
  /** A request that finds another being served, or waiting already. */
  readonly busy: HE
  lossEvent(context: Context, serving: Transaction | undefined): HE | undefined
  /** Requests follow hints: any node may get them, on behalf of any other, and more than once. */
  readonly roaming?: Roaming<HE>
  /** What happens at acquires and releases; nothing, where every write is known at once. */
  readonly edges?: Edges<CE, HE>
}

export interface Roaming<HE extends string = string> {
  /** Messages that are for the copy of the node which they reach, and for its home elsewhere. */
  readonly toCopies: ReadonlySet<CoherenceType>
  /** In place of `busy`. */
  busyEvent(context: Context, message: CoherenceMessage): HE
  /** Takes the request the place of an earlier one that waits? Only a few of each node may not. */
  isAgain(message: CoherenceMessage, earlier: CoherenceMessage): boolean
  /** Another node has learnt of a loss: what that means for a page here. */
  learntEvent(context: Context): HE | undefined
  /** Tells the others that this node has learnt of the loss. The context's page is none. */
  tellLearnt(context: Context, lost: NodeId): void
}

/** Runs one cell of a page's tables: the engine. */
export interface Cells<CE extends string = string, HE extends string = string> {
  copy(context: Context, event: CE): void
  home(context: Context, event: HE): void
}

export interface Edges<CE extends string = string, HE extends string = string> {
  /** What other nodes have made known is seen from now on: of the scope, or of everything. */
  acquire(cells: Cells<CE, HE>, state: CoherenceState, effects: CoherenceEffect[], scope: PageRange | undefined): void
  /** What this node has written there becomes known: to `to`, or to everybody; `Released` with the edge follows, now or
   * later. */
  release(
    cells: Cells<CE, HE>,
    state: CoherenceState,
    edge: EdgeName,
    effects: CoherenceEffect[],
    scope?: PageRange,
    to?: NodeId,
  ): void
  /** In place of evictEvent, where a page must be made known before it goes. */
  evict?(cells: Cells<CE, HE>, context: Context): void
  message(
    cells: Cells<CE, HE>,
    state: CoherenceState,
    from: NodeId,
    message: EdgeMessage,
    effects: CoherenceEffect[],
  ): void
  lost(cells: Cells<CE, HE>, state: CoherenceState, node: NodeId, effects: CoherenceEffect[]): void
}

/** Any protocol, whatever its states are called. */
export type AnyProtocol = Protocol
export type AnySide = Side<string, string, string>
/** Told every cell that is executed. */
export type Observe = (side: 'copy' | 'home', context: Context, state: string, event: string, cell: AnyCell) => void
export type AnyCell = Cell<string, string>
