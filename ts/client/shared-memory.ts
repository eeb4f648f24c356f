/**
 * SharedArrayBuffers of whole pages, for segments to be mapped into. Only a shared WebAssembly.Memory's are: its pages stay
 * where they are, and V8 leaves room around them. The Memory itself is given to nobody: to grow it would add memory
 * that is no segment's.
 */
import { GshmError } from '../base/errors.js'

/** Of a WebAssembly.Memory. */
const PAGE = 65536
const MOST = 2 ** 32

/** What there is no declaration of without the browser's. */
declare const WebAssembly:
  | undefined
  | { Memory: new (options: { initial: number; maximum: number; shared: true }) => { buffer: SharedArrayBuffer } }

/**
 * A SharedArrayBuffer of `bytes`, rounded up to 64 KiB.
 * Errors: UNSUPPORTED (more than 2^32 bytes; Node.js runs without WebAssembly), MEMORY (V8 has no addresses left).
 */
export function sharedMemory(bytes: number): SharedArrayBuffer {
  if (bytes > MOST) {
    throw new GshmError(
      'UNSUPPORTED',
      `shared: the segment may have ${bytes} bytes, a SharedArrayBuffer at most 2^32: use view()`,
    )
  }
  if (typeof WebAssembly === 'undefined') {
    throw new GshmError('UNSUPPORTED', 'shared: Node.js runs without WebAssembly (--jitless)')
  }
  const pages = Math.ceil(bytes / PAGE)
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no memory'
    throw new GshmError(
      'MEMORY',
      `shared: no addresses for ${bytes} bytes and what V8 keeps free around them (ulimit -v): ${why}`,
    )
  }
}
