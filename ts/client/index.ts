/** The public TypeScript API. */
export { attach, Gshm, type AttachOptions, type CreateOptions, type OpenOptions } from './gshm.js'
export { Segment, type AllocOptions, type MapOptions } from './segment.js'
export { View } from './view.js'
export { Mutex, Held } from './mutex.js'
export type { WaitOptions } from './wait.js'
export type { Key } from './check.js'
export { GshmError, type ErrorName } from '../base/errors.js'
export type { SegmentInfo } from '../native/index.js'
