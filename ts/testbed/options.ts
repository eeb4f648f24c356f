/** What the testbed is asked for. */
import type { Consistency, Manager } from '../base/consistency.js'

export const INJECTIONS = ['wrong', 'overlap', 'leak'] as const
export type Injection = (typeof INJECTIONS)[number]

/** Bounds of --max-size: a block holds a header, and the heap some blocks (native/testbed/layout.h). */
export const BLOCK_LEAST = 32
export const BLOCK_MOST = 2 ** 28

export interface TestbedOptions {
  readonly nodes: number
  /** Workers in all; C and Node.js in turn, over the nodes in turn. */
  readonly processes: number
  readonly seconds: number
  readonly seed: number
  /** Bytes of the largest block. */
  readonly maxSize: number
  /** Bytes of frames on each node. */
  readonly memory: number
  /** Of the segments. */
  readonly consistency: Consistency
  readonly manager: Manager
  readonly unit: number
  /** A fault that one worker plants and that must be found. */
  readonly inject?: Injection
}

export type WorkerKind = 'c' | 'node'
export interface Place {
  readonly worker: number
  readonly node: number
  readonly kind: WorkerKind
}

/**
 * Who runs where: nodes in turn, and on each node C and Node.js in turn; so 6 processes on 3 nodes
 * are one of either kind on each, and already two processes are one of either kind on two nodes.
 */
export function places(nodes: number, processes: number): Place[] {
  return Array.from({ length: processes }, (_, worker) => {
    const node = worker % nodes
    const turn = node + Math.floor(worker / nodes)
    return { worker, node, kind: turn % 2 === 0 ? 'c' : 'node' }
  })
}
