/** What the managers of all kinds of objects have in common: what comes to them, and their answers. */
import type { NodeId } from '../base/ids.js'
import type { ErrorName } from '../base/errors.js'
import type { ObjectKind } from '../base/objects.js'
import type { ObjectMessage } from './object-messages.js'
import { ASKS_MAX, OBJECTS_MAX, type Asker, type ObjectsState } from './object-state.js'
import type { SyncEffect } from './state.js'

export type ObjectAsk = Extract<ObjectMessage, { readonly type: 'ObjectAsk' }>
export type ObjectReturn = Extract<ObjectMessage, { readonly type: 'ObjectReturn' }>

/** One kind of objects, at their manager. Each function performs all that comes of it. */
export interface Desk {
  /** @param ask checked already: an object of this kind can do that, with that value */
  ask(objects: ObjectsState, asker: Asker, ask: ObjectAsk, effects: SyncEffect[]): void
  leave(objects: ObjectsState, asker: Asker, key: string, effects: SyncEffect[]): void
  giveBack(objects: ObjectsState, asker: Asker, back: ObjectReturn, effects: SyncEffect[]): void
  lost(objects: ObjectsState, node: NodeId, effects: SyncEffect[]): void
}

/** @param known how many of the kind there are, when this would be one more */
export function isFull({ asks }: ObjectsState, { node }: Asker, known: number | undefined): boolean {
  return (known ?? 0) >= OBJECTS_MAX || (asks.get(node) ?? 0) >= ASKS_MAX
}

export function grant(
  kind: ObjectKind,
  key: string,
  { node, number }: Asker,
  ownerDied: boolean,
  effects: SyncEffect[],
): void {
  effects.push({ do: 'Send', to: node, message: { type: 'ObjectGrant', kind, key, number, ownerDied } })
}

export function done({ node, number }: Asker, value: bigint, effects: SyncEffect[]): void {
  effects.push({ do: 'Send', to: node, message: { type: 'ObjectDone', number, value } })
}

export function refuse(
  { node, number }: Asker,
  error: Exclude<ErrorName, 'OK'>,
  detail: string,
  effects: SyncEffect[],
): void {
  effects.push({ do: 'Send', to: node, message: { type: 'ObjectRefused', number, error, detail } })
}

export function refuseFull(asker: Asker, kind: ObjectKind, effects: SyncEffect[]): void {
  const detail = `more than ${OBJECTS_MAX} objects of the kind ${kind} are in use, or ${ASKS_MAX} requests of one node`
  refuse(asker, 'LIMIT', detail, effects)
}
