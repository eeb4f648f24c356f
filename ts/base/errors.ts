/**
 * The errors that users meet. Names, numbers and texts are native/abi/errors.h's; this list is
 * held against the addon's by a test, because the pure rooms may not load the addon.
 */
export const ERROR_NAMES = [
  'OK',
  'INVALID',
  'MISALIGNED',
  'NAME_TOO_LONG',
  'NAME_INVALID',
  'NOT_FOUND',
  'EXISTS',
  'SIZE_MISMATCH',
  'BEYOND_END',
  'OVERLAP',
  'NOT_MAPPED',
  'NOT_ALLOCATED',
  'HEAP_FULL',
  'MEMORY',
  'UNSUPPORTED',
  'NO_DAEMON',
  'DAEMON_LOST',
  'ACCESS',
  'NO_USERFAULTFD',
  'NOT_USERFAULTFD',
  'KERNEL_FEATURES',
  'ABI_VERSION',
  'BAD_FRAME',
  'DESCRIPTORS',
  'NODE_LOST',
  'OWNER_DEAD',
  'NOT_HOLDER',
  'DEADLOCK',
  'BARRIER_MISMATCH',
  'DETACHED',
  'LIMIT',
  'SYSTEM',
  'BUSY',
  'OPTION_MISMATCH',
  'TIMEOUT',
] as const

export type ErrorName = (typeof ERROR_NAMES)[number]

export class GshmError extends Error {
  override name = 'GshmError'
  /** 'ERR_GSHM_' + name: what programs compare. */
  readonly code: string
  /** @param reason the error's name in native/abi/errors.h @param detail one line that names the knob */
  constructor(
    readonly reason: Exclude<ErrorName, 'OK'>,
    detail: string,
  ) {
    super(detail)
    this.code = `ERR_GSHM_${reason}`
  }
}
