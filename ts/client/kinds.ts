/** The kinds of views that JavaScript has of bytes: typed arrays and DataView. */
import { GshmError } from '../base/errors.js'

/** A constructor of typed arrays, or DataView. */
export type ArrayKind =
  | typeof Int8Array
  | typeof Uint8Array
  | typeof Uint8ClampedArray
  | typeof Int16Array
  | typeof Uint16Array
  | typeof Int32Array
  | typeof Uint32Array
  | typeof Float32Array
  | typeof Float64Array
  | typeof BigInt64Array
  | typeof BigUint64Array
  | typeof DataView

/** What `new Kind(buffer)` gives. */
export type Shown<Kind extends ArrayKind> = Kind extends new (
  buffer: ArrayBuffer,
  byteOffset: number,
  length: number,
) => infer Shows
  ? Shows
  : never

const typedArray = Object.getPrototypeOf(Int8Array) as abstract new () => unknown

function isA(kind: unknown, of: abstract new (...args: never[]) => unknown): boolean {
  return typeof kind === 'function' && (kind === of || Object.prototype.isPrototypeOf.call(of, kind))
}

/** Bytes of an element of such arrays; of a DataView 1. Errors: INVALID (it is none; a Buffer is not made by `new`). */
export function elementBytes(kind: unknown): number {
  if (isA(kind, DataView)) return 1
  const bytes = isA(kind, typedArray) && !isA(kind, Buffer) && (kind as typeof Int8Array).BYTES_PER_ELEMENT
  if (typeof bytes === 'number') return bytes
  const what = typeof kind === 'function' ? kind.name : typeof kind
  throw new GshmError('INVALID', `view: kind must be a typed array's constructor, or DataView, not ${what}`)
}
