/** Something that can happen in a World. */
import type { Access, NodeId, Page } from '../base/ids.js'
import type { Ask } from './requests.js'
import type { Op } from './setup.js'

export type Choice =
  /** A thread tries an access, a new one or the one that it faulted on. */
  | ({ readonly do: 'act'; readonly node: NodeId; readonly thread: number } & Op)
  /** A thread asks its node for something, or gives it back. */
  | ({ readonly do: 'ask'; readonly node: NodeId; readonly thread: number } & Ask)
  /** The daemon reads a fault. */
  | {
      readonly do: 'fault'
      readonly node: NodeId
      readonly thread: number
      readonly page: Page
      readonly access: Access
    }
  /** The message at this place of the link; above 0 when those before it are held. */
  | { readonly do: 'deliver'; readonly from: NodeId; readonly node: NodeId; readonly at: number }
  /** The next effect of the node's step is performed. */
  | { readonly do: 'perform'; readonly node: NodeId }
  | { readonly do: 'resume'; readonly node: NodeId; readonly page: Page }
  /** The daemon learns what a lock's word says. */
  | { readonly do: 'word'; readonly node: NodeId; readonly lock: number }
  /** A signal makes a waiting thread fault once more. */
  | { readonly do: 'again'; readonly node: NodeId; readonly thread: number }
  | { readonly do: 'lose'; readonly node: NodeId }
  /** The node's memory is used up, and this page is to go. */
  | { readonly do: 'evict'; readonly node: NodeId; readonly page: Page }
  /** From now on there is no memory for pages that other nodes cannot keep; or there is again. */
  | { readonly do: 'full'; readonly node: NodeId; readonly full: boolean }
  /** The node learns of a loss. */
  | { readonly do: 'learn'; readonly node: NodeId; readonly lost: NodeId }
