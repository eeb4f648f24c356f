/** The effects that every pure room may ask for. M is the room's own kind of message. */
import type { NodeId } from './ids.js'
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
/** What other nodes have made known is to be seen from here on: done before the effects that follow. */
export interface AcquireEffect {
  readonly do: 'Acquire'
}
/** What this node has written is to become known; whoever asks is told, with `edge`, when it is. */
export interface ReleaseEffect {
  readonly do: 'Release'
  /** Above 0: of ts/sync. Below: the ticket of a heap request, negated. 0: nobody needs to know when. */
  readonly edge: number
}
export type RoomEffect<M> = SendEffect<M> | AnswerEffect | RefuseEffect
