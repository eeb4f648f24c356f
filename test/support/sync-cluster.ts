/** Nodes with the sync room alone; the process of node n has number 100 + n unless told otherwise. */
import {
  createSync,
  syncExit,
  syncMessage,
  syncRequest,
  type SyncRequest,
  type SyncState,
} from '../../ts/sync/index.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { Links } from './links.js'

export function cluster(nodes: number) {
  const links = new Links<SyncState, SyncMessage>(syncMessage)
  for (let node = 0; node < nodes; node++) links.world.states.set(node, createSync(node))
  let ticket = 0
  const ask = (node: number, request: SyncRequest) => {
    ticket++
    links.step(node, (state, effects) => syncRequest(state, ticket, request, effects))
    return ticket
  }
  const lock = (node: number, key: string, holder: number | string = 1, process = 100 + node) =>
    ask(node, { op: 'lock', key, process, holder: String(holder) })
  const unlock = (node: number, key: string, holder: number | string = 1, process = 100 + node) =>
    ask(node, { op: 'unlock', key, process, holder: String(holder) })
  const barrier = (node: number, key: string, count: number, process = 100 + node) =>
    ask(node, { op: 'barrier', key, process, count })
  const exit = (node: number, process = 100 + node) =>
    links.step(node, (state, effects) => syncExit(state, process, effects))
  return { links, lock, unlock, barrier, exit }
}
