/**
 * What another node sent cannot be right: bytes that are no message, or a message that does not fit
 * the protocol. Whoever owns the link fences that peer; nothing else may come of hostile bytes.
 */
import type { NodeId } from './ids.js'

export class PeerError extends Error {
  override name = 'PeerError'
  /** @param peer the node to fence; the sender of the message in hand where it is not told */
  constructor(
    message: string,
    readonly peer?: NodeId,
  ) {
    super(message)
  }
}
