/** How long asynchronous calls wait: a time, or a signal that ends it; both, neither. */
import type { NativeCancel, NativeClient } from '../native/index.js'
import * as check from './check.js'
import { waiting } from './failure.js'

export interface WaitOptions {
  /** Milliseconds; 0: not at all. Default: for ever. Errors: TIMEOUT, and BUSY for 0. */
  readonly timeoutMs?: number
  /** Ends the wait: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const WAIT_OPTIONS = { timeoutMs: true, signal: true } as const

export function waitOptions(options: WaitOptions | undefined): Partial<WaitOptions> {
  return check.options('options', options, WAIT_OPTIONS)
}

/** Of a call that blocks its thread, which no signal can end. */
export function blockingTimeoutNs(options: Pick<WaitOptions, 'timeoutMs'> | undefined): number | undefined {
  return timeoutNs(check.options('options', options, { timeoutMs: true }))
}

/** Undefined: for ever. */
export function timeoutNs({ timeoutMs }: Partial<WaitOptions>): number | undefined {
  if (timeoutMs === undefined || timeoutMs === Infinity) return undefined
  return check.duration('timeoutMs', timeoutMs) * 1e6
}

/**
 * A native call that waits. When the signal is aborted meanwhile it is told to wait no more; had it ended well all the
 * same, `undo` gives back what it has got. Without an `undo` that stands: it has ended well.
 */
export async function wait(
  client: NativeClient,
  options: Partial<WaitOptions>,
  call: (timeoutNs: number | undefined, cancel: NativeCancel | undefined) => Promise<void>,
  undo: (() => void) | undefined,
): Promise<void> {
  const timeout = timeoutNs(options)
  const signal = check.signal('signal', options.signal)
  if (signal === undefined) return waiting(() => call(timeout, undefined))
  signal.throwIfAborted()
  const cancel = client.newCancel()
  const abort = () => client.cancel(cancel)
  signal.addEventListener('abort', abort, { once: true })
  try {
    await waiting(() => call(timeout, cancel))
  } catch (error) {
    if (signal.aborted && (error as { reason?: string }).reason === 'TIMEOUT') throw signal.reason
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
  if (!signal.aborted || undo === undefined) return
  undo()
  throw signal.reason
}
