/** Direct barriers at a node: one of its processes meets those of other nodes by itself, by lines that the daemons make. */
import type { NodeId } from '../base/ids.js'

/** What is to be done about the lines of a barrier, which its key, its count and the manager's number for the offer name. */
export type LineEffect =
  /** Lines are to be made for that local process: on the root one to each of the peers, on these one to the root. Once for
   * each number. */
  | {
      readonly do: 'Introduce'
      readonly key: string
      readonly count: number
      readonly number: number
      readonly process: number
      readonly root: NodeId
      readonly peers: readonly NodeId[]
    }
  /** The offer is taken back, or the direct barrier ends: once for each Introduce, unless its process has ended before or it
   * has parted by itself. In the second case the answer is `parted`; no episode gets over after this at the root's node. */
  | { readonly do: 'Part'; readonly key: string; readonly count: number; readonly number: number }

export interface LineEvent {
  readonly is: 'line'
  /**
   * ready: the lines of that offer are made.
   * unfit: they cannot be, or must not be used any more.
   * parted: the process is not waiting there any more. If it was, in an episode that did not get over, it has been
   * submitted before this as a request.
   */
  readonly what: 'ready' | 'unfit' | 'parted'
  readonly key: string
  readonly count: number
  readonly number: number
}
