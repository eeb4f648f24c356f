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
export type RoomEffect<M> = SendEffect<M> | AnswerEffect | RefuseEffect
