/** What the daemon needs of this room. */
export { Cluster, type ClusterHandlers, type ClusterOptions, type Started } from './cluster.js'
export type { Endpoint } from './address.js'
export type { Member } from './members.js'
export { during } from './outbox.js'
export { frameOf } from './messages.js'
export { readSecret } from './secret.js'
