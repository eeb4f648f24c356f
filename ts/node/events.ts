/** What can happen to a node: everything enters `step` as one of these. */
import type { Access, NodeId, Page, SegmentId } from '../base/ids.js'
import type { Message } from './messages.js'
import type { LocalRequest } from '../base/requests.js'

export type NodeEvent =
  /** A local thread faulted. May come twice for one fault. */
  | { readonly is: 'fault'; readonly segment: SegmentId; readonly page: Page; readonly access: Access }
  /** A message of another node (messages of a node to itself never leave the step). */
  | { readonly is: 'message'; readonly from: NodeId; readonly message: Message }
  | { readonly is: 'request'; readonly ticket: number; readonly request: LocalRequest }
  /** A local process has ended: its locks pass on, its waits are forgotten. */
  | { readonly is: 'exit'; readonly process: number }
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
