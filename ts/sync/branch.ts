/** A gate's part in its barrier's tree: it gathers what its kids say, and tells its parent when all below are there. */
import { assert } from '../base/assert.js'
import { expectOfPeer } from '../base/expect.js'
import type { NodeId } from '../base/ids.js'
import { branchTable, type BranchAction, type BranchEvent } from './branch.table.js'
import { managerOf } from './manager.js'
import type { SyncMessage } from './messages.js'
import type { Branch, Gate, SyncEffect } from './state.js'
import { lookUp, type Source } from './table.js'

type Up = Extract<SyncMessage, { readonly type: 'BarrierUp' }>
type Down = Extract<SyncMessage, { readonly type: 'BarrierDown' }>
type Go = Extract<SyncMessage, { readonly type: 'BarrierGo' }>

interface Cause {
  readonly gate: Gate
  readonly branch: Branch
  readonly kid?: NodeId
}

/** The gate's place in the tree that a BarrierGo tells of; undefined: there is none. Kids may have been quicker. */
export function branchOf({ early }: Gate, { tree, parent, kids }: Go): Branch | undefined {
  if (tree === 0) return undefined
  const up = early?.tree === tree ? early.kids : []
  expectOfPeer(
    up.every((kid) => kids.includes(kid)),
    'BarrierUp from a node that is no kid',
  )
  return { state: 'Open', tree, episode: 0, parent, kids, up }
}

/** This node's share is there, and known. */
export function branchReady(gate: Gate, effects: SyncEffect[]): void {
  const { branch } = gate
  assert(branch !== undefined, 'branch: there is none')
  const isLast = branch.up.length === branch.kids.length
  step({ gate, branch }, isLast ? 'OwnLast' : 'Own', 'local', effects)
}

export function branchCut(gate: Gate, effects: SyncEffect[]): void {
  const { branch } = gate
  if (branch !== undefined) step({ gate, branch }, 'Cut', 'local', effects)
}

/** True if the manager has been told that the tree will not do. */
export function isCut({ state }: Branch): boolean {
  return state === 'Cut' || state === 'CutUp'
}

/** Only then can the episode be over. */
export function isUp({ state }: Branch): boolean {
  return state === 'Up' || state === 'CutUp'
}

/** @param gate that of the barrier, if there is one */
export function branchUp(gate: Gate | undefined, kid: NodeId, message: Up, effects: SyncEffect[]): void {
  const { tree, episode } = message
  const branch = gate?.branch
  if (gate === undefined || (branch !== undefined && branch.tree !== tree)) return // of a tree that stands no more
  if (branch === undefined) return episode === 1 ? noteEarly(gate, kid, tree) : undefined
  expectOfPeer(branch.kids.includes(kid) && !branch.up.includes(kid), `BarrierUp from node ${kid}`)
  expectOfPeer(episode === branch.episode + 1, `BarrierUp of episode ${episode}`)
  const isLast = branch.state === 'Ready' && branch.up.length + 1 === branch.kids.length
  step({ gate, branch, kid }, isLast ? 'KidLast' : 'Kid', 'message', effects)
}

/** False: it is of a tree that stands no more. */
export function branchDown(gate: Gate | undefined, from: NodeId, message: Down, effects: SyncEffect[]): boolean {
  const { tree, episode } = message
  const branch = gate?.branch
  if (gate === undefined || branch?.tree !== tree) return false
  expectOfPeer(from === branch.parent && episode === branch.episode + 1, `BarrierDown of episode ${episode}`)
  step({ gate, branch }, 'Down', 'message', effects)
  return true
}

/** The manager's BarrierGo, which tells of the tree, is still on its way if some here wait for one; the kid's was quicker. Else
 * this is of a tree that stands no more. */
function noteEarly(gate: Gate, kid: NodeId, tree: number): void {
  if (gate.told === 0 || tree < (gate.early?.tree ?? 0)) return
  if (gate.early?.tree !== tree) gate.early = { tree, kids: [] }
  expectOfPeer(!gate.early.kids.includes(kid), `BarrierUp from node ${kid} comes twice`)
  gate.early.kids.push(kid)
}

function step(cause: Cause, event: BranchEvent, source: Source, effects: SyncEffect[]): void {
  const { branch } = cause
  const { next, actions } = lookUp(branchTable, branch.state, event, source)
  for (const action of actions) ACTIONS[action](cause, effects)
  branch.state = next
}

const ACTIONS: Readonly<Record<BranchAction, (cause: Cause, effects: SyncEffect[]) => void>> = {
  noteKid: ({ branch, kid }) => {
    assert(kid !== undefined, 'branch: no kid')
    branch.up.push(kid)
  },
  sendUp: ({ gate: { key, count }, branch: { tree, episode, parent } }, effects) => {
    const message = { type: 'BarrierUp', key, count, tree, episode: episode + 1 } as const
    effects.push({ do: 'Send', to: parent, message })
  },
  sendDown: ({ gate: { key, count }, branch }, effects) => {
    branch.episode++
    branch.up = []
    const message = { type: 'BarrierDown', key, count, tree: branch.tree, episode: branch.episode } as const
    for (const kid of branch.kids) effects.push({ do: 'Send', to: kid, message })
  },
  sendUproot: ({ gate: { key }, branch: { tree } }, effects) =>
    effects.push({ do: 'Send', to: managerOf(key), message: { type: 'BarrierUproot', key, tree, died: false } }),
}
