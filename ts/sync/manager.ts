/** Who serialises a key, and what follows from it. */
import { expectOfPeer } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import { isKey, type SyncEffect, type SyncState } from './state.js'

/** All keys are node 0's for now; only this function knows. */
export function managerOf(_key: string): NodeId {
  return 0
}

export function managerLost(ticket: number, key: string): SyncEffect {
  const detail = `node ${managerOf(key)}, which manages the lock or barrier, is lost`
  return { do: 'Refuse', ticket, error: 'NODE_LOST', detail }
}

export function expectManaged(state: SyncState, key: string, type: string): void {
  expectOfPeer(isKey(key) && managerOf(key) === state.self, `${type} for a key that this node does not manage`)
}

export function expectManager(from: NodeId, key: string, type: string): void {
  expectOfPeer(isKey(key) && from === managerOf(key), `${type} from node ${from}, which does not manage that key`)
}
