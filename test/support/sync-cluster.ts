/**
 * Nodes with the sync room alone; the process of node n has number 100 + n unless told otherwise.
 * Releases are over at once, or when the test says so (`slow`).
 */
import type { ObjectDeed, ObjectKind } from '../../ts/base/objects.js'
import type { ObjectRequest } from '../../ts/base/requests.js'
import {
  createSync,
  syncCancel,
  syncExit,
  syncLost,
  syncMessage,
  syncReleased,
  syncRequest,
  type SyncEffect,
  type SyncRequest,
  type SyncState,
} from '../../ts/sync/index.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { Links } from './links.js'

export function cluster(nodes: number) {
  /** In order: 'acquire 1', 'release 2'. */
  const edges: string[] = []
  /** Nodes whose releases are not over at once, and those releases. */
  const slow = new Set<number>()
  const releases: { node: number; edge: number }[] = []
  const finish = ({ node, edge }: { node: number; edge: number }) =>
    links.step(node, (state, effects) => syncReleased(state, edge, effects))
  const links = new Links<SyncState, SyncMessage, SyncEffect>(syncMessage, (node, effect) => {
    edges.push(`${effect.do.toLowerCase()} ${node}`)
    if (effect.do === 'Acquire') return
    if (slow.has(node)) releases.push({ node, edge: effect.edge.number })
    else finish({ node, edge: effect.edge.number })
  })
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
  const object = (node: number, kind: ObjectKind, deed: ObjectDeed, more: Partial<ObjectRequest> = {}) => {
    const usual = { key: 'k', process: 100 + node, holder: 1, value: 1n, initial: -1, patient: true }
    return ask(node, { op: 'object', kind, deed, ...usual, ...more })
  }
  const cancel = (node: number, ticket: number) =>
    links.step(node, (state, effects) => syncCancel(state, ticket, effects))
  const exit = (node: number, process = 100 + node) =>
    links.step(node, (state, effects) => syncExit(state, process, effects))
  const lose = (node: number) => links.lose(node, (state, effects) => syncLost(state, node, effects))
  /** What was slow is over, oldest first. */
  const release = () => releases.splice(0).forEach(finish)
  return { links, lock, unlock, barrier, object, cancel, exit, lose, edges, slow, release }
}
