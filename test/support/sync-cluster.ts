/**
 * Nodes with the sync room alone; the process of node n has number 100 + n unless told otherwise.
 * Releases are over at once, or when the test says so (`slow`). Locks are taken and given back by their
 * words where these are open.
 */
import type { ObjectDeed, ObjectKind } from '../../ts/base/objects.js'
import type { BarrierShape, ObjectRequest } from '../../ts/base/requests.js'
import {
  createSync,
  syncCancel,
  syncDied,
  syncExit,
  syncLine,
  syncLost,
  syncMessage,
  syncReleased,
  syncRequest,
  syncWord,
  type LineEffect,
  type LineEvent,
  type SyncEffect,
  type SyncOptions,
  type SyncRequest,
  type SyncState,
} from '../../ts/sync/index.js'
import type { SyncMessage } from '../../ts/sync/messages.js'
import { forgotten, givenBack, lent, shut, taken, type Word } from '../../ts/sim/word.js'
import { Links } from './links.js'

export function cluster(nodes: number, options: SyncOptions = {}) {
  /** In order: 'acquire 1', 'release 2'. */
  const edges: string[] = []
  /** In order: which node has begun to tell which what it has written, before the token leaves. */
  const ahead: string[] = []
  /** Nodes whose releases are not over at once, and those releases. */
  const slow = new Set<number>()
  const releases: { node: number; edge: number }[] = []
  const finish = ({ node, edge }: { node: number; edge: number }) =>
    links.step(node, (state, effects) => syncReleased(state, edge, effects))
  /** By node and key. */
  const words = new Map<string, Word | undefined>()
  const says = (node: number, key: string) => {
    const word = words.get(`${node} ${key}`)
    if (word?.shut !== true) return
    links.step(node, (state, effects) => syncWord(state, key, word.holder !== undefined, effects))
  }
  /** What is to be done about lines, in order. */
  const lines: { node: number; effect: LineEffect }[] = []
  const links = new Links<SyncState, SyncMessage, SyncEffect>(syncMessage, (node, effect) => {
    if (effect.do === 'Lend' || effect.do === 'Want' || effect.do === 'Forget') {
      const at = `${node} ${effect.key}`
      const word = words.get(at)
      if (effect.do === 'Lend') words.set(at, lent(word, who(effect.process, effect.holder), effect.shut))
      else words.set(at, effect.do === 'Want' ? shut(word) : forgotten(word))
      if (effect.do === 'Want') says(node, effect.key)
      return
    }
    if (effect.do === 'Introduce' || effect.do === 'Part') {
      lines.push({ node, effect })
      return
    }
    if (effect.do === 'Release' && effect.edge.of === 'nobody') {
      ahead.push(`${node} to ${effect.to}`)
      return
    }
    edges.push(`${effect.do.toLowerCase()} ${node}`)
    if (effect.do === 'Acquire') return
    if (slow.has(node)) releases.push({ node, edge: effect.edge.number })
    else finish({ node, edge: effect.edge.number })
  })
  for (let node = 0; node < nodes; node++) links.world.states.set(node, createSync(node, options))
  let ticket = 0
  const ask = (node: number, request: SyncRequest) => {
    ticket++
    links.step(node, (state, effects) => syncRequest(state, ticket, request, effects))
    return ticket
  }
  const lock = (node: number, key: string, holder = 1, process = 100 + node, patient = true) => {
    const at = `${node} ${key}`
    if (words.get(at)?.holder === who(process, holder)) {
      links.world.outcomes.set(++ticket, { is: 'refused', error: 'DEADLOCK', detail: 'by its word' })
      return ticket
    }
    const word = taken(words.get(at), who(process, holder))
    if (word === undefined) return ask(node, { op: 'lock', key, process, holder, patient })
    words.set(at, word)
    links.world.outcomes.set(++ticket, { is: 'locked', ownerDied: false })
    return ticket
  }
  const unlock = (node: number, key: string, holder = 1, process = 100 + node) => {
    const at = `${node} ${key}`
    const word = words.get(at)
    const holds = word?.holder === who(process, holder)
    const refused = { is: 'refused', error: 'NOT_HOLDER', detail: 'by its word' } as const
    links.world.outcomes.set(++ticket, holds ? { is: 'done' } : refused)
    const over = ticket
    if (!holds) return over
    words.set(at, givenBack(word))
    says(node, key)
    return over
  }
  /** The thread has ended, and gives nothing back by itself. */
  const ends = (node: number, key: string, holder = 1, process = 100 + node) => {
    const word = words.get(`${node} ${key}`)
    if (word?.holder !== who(process, holder)) return
    ticket++
    links.step(node, (state, effects) => syncDied(state, ticket, key, effects))
    words.set(`${node} ${key}`, { holder: undefined, shut: true })
    says(node, key)
  }
  const cancel = (node: number, waits: number) =>
    links.step(node, (state, effects) => syncCancel(state, waits, effects))
  const barrier = (
    node: number,
    key: string,
    count: number,
    process = 100 + node,
    more: { patient?: boolean; shape?: BarrierShape; direct?: boolean } = {},
  ) => ask(node, { op: 'barrier', key, process, count, patient: true, shape: 'auto', direct: false, ...more })
  const object = (node: number, kind: ObjectKind, deed: ObjectDeed, more: Partial<ObjectRequest> = {}) => {
    const usual = { key: 'k', process: 100 + node, holder: 1, value: 1n, initial: -1, patient: true }
    return ask(node, { op: 'object', kind, deed, ...usual, ...more })
  }
  const exit = (node: number, process = 100 + node, died = true) => {
    const held: string[] = []
    for (const [at, word] of words) {
      if (!at.startsWith(`${node} `) || Math.floor((word?.holder ?? 0) / HOLDERS) !== process) continue
      held.push(at.slice(at.indexOf(' ') + 1))
      words.set(at, { holder: undefined, shut: true })
    }
    links.step(node, (state, effects) => syncExit(state, process, held, died, false, effects))
  }
  /** Of the lines of a direct barrier. */
  const line = (node: number, what: LineEvent['what'], key: string, count: number, number: number) =>
    links.step(node, (state, effects) => syncLine(state, { is: 'line', what, key, count, number }, effects))
  const lose = (node: number) => links.lose(node, (state, effects) => syncLost(state, node, effects))
  /** What was slow is over, oldest first. */
  const release = () => releases.splice(0).forEach(finish)
  const edged = { edges, ahead, slow, release }
  return { links, lock, unlock, ends, cancel, barrier, object, exit, line, lines, lose, ...edged, words }
}

const HOLDERS = 1000

/** A holder in a process, as one number. */
function who(process: number, holder: number): number {
  return process * HOLDERS + holder
}
