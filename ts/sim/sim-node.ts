/** A node of a World, and what is on its way between two. */
import type { NodeId, Page } from '../base/ids.js'
import { copyCoherence } from '../coherence/state.js'
import type { Effect } from '../node/effects.js'
import type { Message } from '../node/messages.js'
import type { NodeState } from '../node/state.js'
import type { Change } from './places.js'
import type { Kernel } from './pretend-kernel.js'
import type { Word } from './word.js'

/** What travels with a message: a page's bytes (places.ts), or diffs. */
export type Payload = number | readonly (readonly Change[])[] | undefined

export interface InFlight {
  readonly message: Message
  readonly payload: Payload
}

export interface SimNode {
  readonly state: NodeState
  alive: boolean
  readonly kernel: Kernel
  /** Effects of the step in progress, not yet performed. */
  todo: Effect[]
  /** The page of the message in hand, and what Copy has taken. */
  payload: Payload
  copied: number | undefined
  /** What Diff has found since the last Flush. */
  diffs: (readonly Change[])[]
  resumes: Page[]
  /** Lost nodes that this one has not learnt of. */
  unlearnt: NodeId[]
  /** By lock. Never changed, only replaced. */
  words: (Word | undefined)[]
  /** Locks of whose words the daemon will learn what they say then. */
  told: number[]
}

/** The daemon is to learn what the lock's word says. */
export function tell(node: SimNode, lock: number): void {
  if (!node.told.includes(lock)) node.told.push(lock)
}

/** @param judged sync and heap take part; where they do not, all nodes share theirs, as always the other rooms'. */
export function copyNode(node: SimNode, part: 'kernel' | 'all', judged: boolean): SimNode {
  return {
    ...node,
    state: part === 'all' ? copyState(node.state, judged) : node.state,
    diffs: node.diffs.slice(),
    kernel: node.kernel.copy(),
    todo: node.todo.slice(),
    resumes: node.resumes.slice(),
    unlearnt: node.unlearnt.slice(),
    words: node.words.slice(),
    told: node.told.slice(),
  }
}

function copyState(state: NodeState, judged: boolean): NodeState {
  const coherence = copyCoherence(state.coherence)
  const rooms = judged ? { sync: structuredClone(state.sync), heap: structuredClone(state.heap) } : undefined
  return { ...state, nodes: coherence.nodes, coherence, ...rooms }
}
