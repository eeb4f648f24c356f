/** What `gshm litmus` is asked for. */

import type { Consistency, Manager } from '../../base/consistency.js'

/** Where the locations of a test lie: all in one page, each in its own, or anyhow, anew for each job. */
export const PLACEMENTS = ['same-page', 'page-each', 'mixed'] as const
export type Placement = (typeof PLACEMENTS)[number]

/** Where its threads run: each on a node of its own as far as there are nodes, or all on one. */
export const SPREADS = ['node-each', 'same-node'] as const
export type Spread = (typeof SPREADS)[number]

export interface LitmusOptions {
  readonly consistency: Consistency
  readonly manager: Manager
  /** Bytes: what is called a page in this folder is one of these. */
  readonly unit: number
  /** A lock around each thread's program: it runs as a whole. */
  readonly guard: 'lock' | undefined
  readonly placement: Placement
  readonly spread: Spread
  /** Of each test. */
  readonly runs: number
  readonly seed: number
  /** Files, and folders in which every *.litmus below counts. */
  readonly paths: readonly string[]
}

/** More threads than this share nodes. */
export const NODES_MOST = 8
