/** Checks of what programs pass: a wrong type and a wrong value are ERR_GSHM_INVALID, with a text that names the parameter. */
import { GshmError } from '../base/errors.js'
import { utf8Bytes } from '../base/utf8.js'
import type { NativeKey } from '../native/index.js'

/** The name of a lock or barrier, its number (whole, or a bigint below 2^64), or a global address that it lies at. */
export type Key = string | number | bigint | { readonly at: bigint }

const BIG_END = 1n << 64n

function wrongType(what: string, wanted: string, value: unknown): GshmError {
  return new GshmError('INVALID', `${what} must be ${wanted}, not ${value === null ? 'null' : typeof value}`)
}

/** A number, or a bigint; what it may be is for the caller to say. */
export function numeric(what: string, value: unknown): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  throw wrongType(what, 'a whole number', value)
}

/** A whole number from `least` up to 2^53 - 1. Sizes and offsets may be given as bigints too. */
export function count(what: string, value: unknown, least = 0): number {
  const number = Number(numeric(what, value))
  if (Number.isSafeInteger(number) && number >= least) return number
  throw new GshmError('INVALID', `${what} is ${String(value)}: it must be a whole number from ${least} to 2^53 - 1`)
}

/** A power of two, from 1. */
export function power(what: string, value: unknown): number {
  const number = count(what, value, 1)
  if (Number.isInteger(Math.log2(number))) return number
  throw new GshmError('INVALID', `${what} is ${String(value)}: it must be a power of two`)
}

export function big(what: string, value: unknown): bigint {
  if (typeof value !== 'bigint') throw wrongType(what, 'a bigint', value)
  if (value >= 0n && value < BIG_END) return value
  throw new GshmError('INVALID', `${what} is ${value}: it must be a bigint from 0 to 2^64 - 1`)
}

/** A name that has a UTF-8 form; how long it may be and of what is libgshm's to say. */
export function name(what: string, value: unknown): string {
  if (typeof value !== 'string') throw wrongType(what, 'a string', value)
  if (utf8Bytes(value) >= 0) return value
  throw new GshmError('NAME_INVALID', `${what} has half of a surrogate pair`)
}

/** Milliseconds, which need not be whole; up to 24 days. */
export function duration(what: string, value: unknown): number {
  if (typeof value !== 'number') throw wrongType(what, 'a number of milliseconds', value)
  if (value >= 0 && value < 2 ** 31) return value
  throw new GshmError('INVALID', `${what} is ${value}: it must be from 0 to 2^31 milliseconds, or Infinity`)
}

export function signal(what: string, value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value
  throw wrongType(what, 'an AbortSignal', value)
}

/** An object of a class of this API. */
export function instance<T>(what: string, of: abstract new (...args: never[]) => T, value: unknown): T {
  if (value instanceof of) return value
  throw wrongType(what, `a ${of.name}`, value)
}

/** As the addon takes keys: a string is a name, a bigint a number. */
export function key(what: string, value: unknown): NativeKey {
  if (typeof value === 'string') return name(what, value)
  if (typeof value === 'number') return BigInt(count(what, value))
  if (typeof value === 'bigint') return big(what, value)
  if (typeof value === 'object' && value !== null && 'at' in value) return { at: big(`${what}.at`, value.at) }
  throw wrongType(what, 'a string, number, bigint or { at: address }', value)
}

/** @param known every name that there is: one that is not among them is a slip of the pen, and refused */
export function options<T extends object>(
  what: string,
  value: T | undefined,
  known: Readonly<Record<keyof T, true>>,
): Partial<T> {
  if (value === undefined) return {}
  if (typeof value !== 'object' || value === null) throw wrongType(what, 'an object', value)
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(known, name))
  if (unknown === undefined) return value
  throw new GshmError('INVALID', `${what} has '${unknown}': there are ${Object.keys(known).join(', ')}`)
}
