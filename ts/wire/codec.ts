/**
 * Every message <-> one frame. A codec knows the messages about pages and the rooms it was given;
 * a room is a schema and its first type number. Encoding trusts its caller (wrong is an assertion);
 * decoding trusts nothing: whatever the bytes are, it returns a message of the declared shape or
 * throws PeerError.
 */
import { assert } from '../base/assert.js'
import type { FieldKind } from '../base/message-fields.js'
import { PeerError } from '../base/peer-error.js'
import { isCoherence } from '../node/messages.js'
import { coherenceBytes, coherencePayload, decodeCoherence, encodeCoherence } from './coherence.js'
import { boundFields, readFields, writeFields, type Field, type Fields } from './fields.js'
import {
  AT_BYTES,
  AT_REQUESTER,
  AT_TYPE,
  FRAME_MAX,
  HEADER_BYTES,
  TYPES_MAX,
  readU16,
  readU32,
  writeU16,
  writeU32,
} from './layout.js'

const LENGTH_BYTES = 4

export interface Room {
  readonly firstType: number
  readonly fields: Readonly<Record<string, Readonly<Record<string, FieldKind>>>>
  /** Types with which bytes of any number travel. */
  readonly payloads?: ReadonlySet<string>
}

interface Shape {
  readonly type: string
  readonly number: number
  readonly fields: readonly Field[]
  readonly carries: boolean
}

function shapesOf(rooms: readonly Room[]): Shape[] {
  return rooms.flatMap(({ firstType, fields, payloads }) => {
    assert(Object.keys(fields).length <= TYPES_MAX, `wire: a room has more than ${TYPES_MAX} messages`)
    return Object.entries(fields).map(([type, kinds], i) => ({
      type,
      number: firstType + i,
      fields: Object.entries(kinds).map(([name, kind]) => ({ name, kind })),
      carries: payloads?.has(type) ?? false,
    }))
  })
}

export class Codec<M extends { readonly type: string }> {
  readonly #byType = new Map<string, Shape>()
  readonly #byNumber: (Shape | undefined)[] = new Array<undefined>(256).fill(undefined)

  constructor(rooms: readonly Room[]) {
    for (const shape of shapesOf(rooms)) {
      assert(!this.#byType.has(shape.type) && !isCoherence(shape), `wire: two messages are called ${shape.type}`)
      assert(shape.number >= TYPES_MAX && !this.#byNumber[shape.number], `wire: two messages are ${shape.number}`)
      this.#byType.set(shape.type, shape)
      this.#byNumber[shape.number] = shape
    }
  }

  #shape(message: M): Shape {
    const shape = this.#byType.get(message.type)
    assert(shape !== undefined, `wire: no room has a message ${message.type}`)
    return shape
  }

  /** Bytes that must be free for encode: exact for messages about pages, an upper bound for others. */
  bound(message: M, payload?: Uint8Array): number {
    if (isCoherence(message)) return coherenceBytes(payload)
    const carried = payload === undefined ? 0 : LENGTH_BYTES + payload.length
    return HEADER_BYTES + boundFields(this.#shape(message).fields, message) + carried
  }

  /** Writes the frame at `at` and returns its end. The payload of a message about a page is that page. */
  encode(message: M, payload: Uint8Array | undefined, into: Uint8Array, at: number): number {
    if (isCoherence(message)) return encodeCoherence(message, payload, into, at)
    const shape = this.#shape(message)
    assert(shape.carries === (payload !== undefined), `wire: ${message.type} with a payload, or without`)
    let end = at + HEADER_BYTES
    if (payload !== undefined) writeU32(into, end, payload.length)
    if (payload !== undefined) end += LENGTH_BYTES
    end = writeFields(shape.fields, message, into, end)
    if (payload !== undefined) into.set(payload, end)
    end += payload?.length ?? 0
    assert(end - at <= FRAME_MAX, `wire: ${message.type} does not fit a frame`)
    writeU32(into, at, end - at)
    into[at + AT_TYPE] = shape.number
    into[at + AT_BYTES] = payload === undefined ? 0 : 1
    writeU16(into, at + AT_REQUESTER, 0)
    return end
  }

  /** The frame is whole: `length` bytes, at least a header, at `at`. Throws PeerError. */
  decode(from: Uint8Array, at: number, length: number): M {
    const number = from[at + AT_TYPE]!
    if (number < TYPES_MAX) return decodeCoherence(from, at, length) as unknown as M
    const shape = this.#byNumber[number]
    if (shape === undefined) throw new PeerError(`unknown message ${number}`)
    if (from[at + AT_BYTES] !== (shape.carries ? 1 : 0) || readU16(from, at + AT_REQUESTER) !== 0) {
      throw new PeerError(`${shape.type} with a header that is not its own`)
    }
    const carried = shape.carries ? LENGTH_BYTES + payloadBytes(from, at, length) : 0
    const start = at + HEADER_BYTES + (shape.carries ? LENGTH_BYTES : 0)
    const message: Fields = { type: shape.type }
    readFields(shape.fields, message, from, start, start + length - HEADER_BYTES - carried)
    return message as unknown as M
  }

  /** What travels with the message that decode has found there; a view. */
  payload(from: Uint8Array, at: number, length: number): Uint8Array | undefined {
    if (from[at + AT_TYPE]! < TYPES_MAX) return coherencePayload(from, at, length)
    if (from[at + AT_BYTES] === 0) return undefined
    return from.subarray(at + length - payloadBytes(from, at, length), at + length)
  }
}

function payloadBytes(from: Uint8Array, at: number, length: number): number {
  if (length < HEADER_BYTES + LENGTH_BYTES) throw new PeerError('message is cut short')
  const bytes = readU32(from, at + HEADER_BYTES)
  if (bytes > length - HEADER_BYTES - LENGTH_BYTES) throw new PeerError(`payload of ${bytes} bytes`)
  return bytes
}
