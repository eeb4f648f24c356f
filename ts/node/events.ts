/** What can happen to a node: everything enters `step` as one of these. */
import type { Access, NodeId, Page, SegmentId } from '../base/ids.js'
import type { Message } from './messages.js'
import type { LocalRequest } from '../base/requests.js'
import type { LineEvent } from '../sync/index.js'

export type NodeEvent =
  /** A local thread faulted. May come twice for one fault. */
  | { readonly is: 'fault'; readonly segment: SegmentId; readonly page: Page; readonly access: Access }
  /** A message of another node (messages of a node to itself never leave the step). */
  | { readonly is: 'message'; readonly from: NodeId; readonly message: Message }
  | { readonly is: 'request'; readonly ticket: number; readonly request: LocalRequest }
  /** The request with that ticket is to wait no more: it is refused with TIMEOUT, if it waits still. */
  | { readonly is: 'cancel'; readonly ticket: number }
  /** What the word of a lock says, which is shut: an answer to the effect Want, or its holder has given it back.
   * It is looked at when this is stepped: what it said before may be of another stay. `passed`: it is free, because its
   * holder has given it to the node that it was recalled for (kmod-sim/lock-lines.ts). */
  | { readonly is: 'word'; readonly key: string; readonly held: boolean; readonly passed?: boolean }
  /** A local process has ended: its locks pass on, its waits are forgotten. `held`: keys of the locks whose words
   * it had; these are free and shut by now. `died`: it had not said that it would end.
   * `waited`: it was waiting at a direct barrier, which breaks for the others, as where the gate knows of who waits. */
  | {
      readonly is: 'exit'
      readonly process: number
      readonly held: readonly string[]
      readonly died: boolean
      readonly waited?: boolean
    }
  | LineEvent
  /** The last handle or view of the segment on this node has closed. */
  | { readonly is: 'let'; readonly segment: SegmentId }
  /** The answer to the effect Resume. */
  | { readonly is: 'resume'; readonly segment: SegmentId; readonly page: Page }
  /** There is no memory for the page here any more: it goes, if it can. */
  | { readonly is: 'evict'; readonly segment: SegmentId; readonly page: Page }
  /** Whether there is memory here for pages that other nodes cannot keep. */
  | { readonly is: 'full'; readonly full: boolean }
  /** A node has joined and is connected to this one. */
  | { readonly is: 'joined'; readonly node: NodeId }
  /** A node is lost: its link is closed and nothing of it will be delivered any more. */
  | { readonly is: 'lost'; readonly node: NodeId }
