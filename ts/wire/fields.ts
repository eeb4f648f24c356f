/**
 * All messages but those about pages: their fields one after the other, in the order of the room's
 * schema (base/message-fields). string: u16 bytes, UTF-8; number: float64; boolean: u8, 0 or 1;
 * numbers: u16 count, float64 each; bigint: i64. A schema is compiled once into a flat list to walk.
 */
import { assert } from '../base/assert.js'
import type { FieldKind } from '../base/message-fields.js'
import { PeerError } from '../base/peer-error.js'
import { readU16, writeU16 } from './layout.js'
import { readUtf8, writeUtf8 } from './utf8.js'

export const STRING_BYTES_MAX = 4096
export const NUMBERS_MAX = 4096

export interface Field {
  readonly name: string
  readonly kind: FieldKind
}

/** Any message as its fields; only this file and the codec look at messages this way. */
export type Fields = Record<string, unknown>

const scratch = new DataView(new ArrayBuffer(8))
const scratchBytes = new Uint8Array(scratch.buffer)

function writeNumber(value: number, into: Uint8Array, at: number): number {
  assert(Number.isFinite(value), 'wire: a number is not finite')
  scratch.setFloat64(0, value, true)
  for (let i = 0; i < 8; i++) into[at + i] = scratchBytes[i]!
  return at + 8
}

function readNumber(from: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) scratchBytes[i] = from[at + i]!
  const value = scratch.getFloat64(0, true)
  if (!Number.isFinite(value)) throw new PeerError('number is not finite')
  return value
}

function writeBigint(value: bigint, into: Uint8Array, at: number): number {
  assert(BigInt.asIntN(64, value) === value, 'wire: an integer has more than 64 bits')
  scratch.setBigInt64(0, value, true)
  for (let i = 0; i < 8; i++) into[at + i] = scratchBytes[i]!
  return at + 8
}

function readBigint(from: Uint8Array, at: number): bigint {
  for (let i = 0; i < 8; i++) scratchBytes[i] = from[at + i]!
  return scratch.getBigInt64(0, true)
}

/** At least the bytes that writeFields will need; exact would mean to encode twice. */
export function boundFields(fields: readonly Field[], message: Fields): number {
  let bytes = 0
  for (const { name, kind } of fields) {
    if (kind === 'string') bytes += 2 + 3 * (message[name] as string).length
    else if (kind === 'numbers') bytes += 2 + 8 * (message[name] as readonly number[]).length
    else bytes += 8
  }
  return bytes
}

function writeString(value: string, into: Uint8Array, at: number): number {
  const end = writeUtf8(value, into, at + 2)
  assert(end - at - 2 <= STRING_BYTES_MAX, 'wire: a string is too long')
  writeU16(into, at, end - at - 2)
  return end
}

function writeNumbers(values: readonly number[], into: Uint8Array, at: number): number {
  assert(values.length <= NUMBERS_MAX, 'wire: too many numbers')
  writeU16(into, at, values.length)
  at += 2
  for (const value of values) at = writeNumber(value, into, at)
  return at
}

export function writeFields(fields: readonly Field[], message: Fields, into: Uint8Array, at: number): number {
  for (const { name, kind } of fields) {
    const value = message[name]
    if (kind === 'number') at = writeNumber(value as number, into, at)
    else if (kind === 'string') at = writeString(value as string, into, at)
    else if (kind === 'boolean') into[at++] = value === true ? 1 : 0
    else if (kind === 'bigint') at = writeBigint(value as bigint, into, at)
    else at = writeNumbers(value as readonly number[], into, at)
  }
  return at
}

function need(bytes: number, at: number, end: number): void {
  if (bytes > end - at) throw new PeerError('message is cut short')
}

/** Fills `message` from the bytes between at and end, which must be exactly the fields. */
export function readFields(fields: readonly Field[], message: Fields, from: Uint8Array, at: number, end: number): void {
  for (const { name, kind } of fields) {
    if (kind === 'number') {
      need(8, at, end)
      message[name] = readNumber(from, at)
      at += 8
    } else if (kind === 'bigint') {
      need(8, at, end)
      message[name] = readBigint(from, at)
      at += 8
    } else if (kind === 'string') {
      need(2, at, end)
      const bytes = readU16(from, at)
      if (bytes > STRING_BYTES_MAX) throw new PeerError(`text of ${bytes} bytes`)
      need(2 + bytes, at, end)
      message[name] = readUtf8(from, at + 2, bytes)
      at += 2 + bytes
    } else if (kind === 'boolean') {
      need(1, at, end)
      if (from[at]! > 1) throw new PeerError('boolean is neither 0 nor 1')
      message[name] = from[at++] === 1
    } else {
      need(2, at, end)
      const count = readU16(from, at)
      if (count > NUMBERS_MAX) throw new PeerError(`list of ${count} numbers`)
      need(2 + 8 * count, at, end)
      const values = new Array<number>(count)
      for (let i = 0; i < count; i++) values[i] = readNumber(from, at + 2 + 8 * i)
      message[name] = values
      at += 2 + 8 * count
    }
  }
  if (at !== end) throw new PeerError('message has trailing bytes')
}
