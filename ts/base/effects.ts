/** The effects that every pure room may ask for. M is the room's own kind of message. */
import type { NodeId, Page, SegmentId } from './ids.js'
import type { ErrorName } from './errors.js'
import type { Answer } from './requests.js'

export interface SendEffect<M> {
  readonly do: 'Send'
  /** May be the node itself: ts/node delivers such messages within the same step. */
  readonly to: NodeId
  readonly message: M
}
/** A local request (requests.ts) is answered ... */
export interface AnswerEffect {
  readonly do: 'Answer'
  readonly ticket: number
  readonly answer: Answer
}
/** ... or refused. */
export interface RefuseEffect {
  readonly do: 'Refuse'
  readonly ticket: number
  readonly error: Exclude<ErrorName, 'OK'>
  readonly detail: string
}
/** Pages of one segment. */
export interface PageRange {
  readonly segment: SegmentId
  readonly first: Page
  /** Included. */
  readonly last: Page
}
/** Names a release: who asks for it, to be told when it is over, and a number that means something there. */
export interface EdgeName {
  readonly of: 'sync' | 'heap' | 'request' | 'nobody'
  readonly number: number
}
/** What other nodes have made known is to be seen from here on: done before the effects that follow. */
export interface AcquireEffect {
  readonly do: 'Acquire'
  /** Without: everything. */
  readonly scope?: PageRange | undefined
}
/** What this node has written is to become known; whoever the edge names is told when it is. */
export interface ReleaseEffect {
  readonly do: 'Release'
  readonly edge: EdgeName
  /** Without: everything. */
  readonly scope?: PageRange | undefined
  /** With: to that node alone, before whatever this one sends it when the release is over. */
  readonly to?: NodeId | undefined
}
export type RoomEffect<M> = SendEffect<M> | AnswerEffect | RefuseEffect
