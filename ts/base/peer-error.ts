/**
 * What another node sent cannot be right: bytes that are no message, or a message that does not fit
 * the protocol. Whoever owns the link fences that peer; nothing else may come of hostile bytes.
 */
export class PeerError extends Error {
  override name = 'PeerError'
}
