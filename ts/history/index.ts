/** Histories of loads and atomic exchanges: read from bytes, checked for sequential consistency. */
export { check } from './check.js'
export { History } from './history.js'
export { Reader } from './reader.js'
export { describe, type Violation } from './violation.js'
