/**
 * Every message <-> one frame. A codec knows the messages about pages and the rooms it was given;
 * a room is a schema and its first type number. Encoding trusts its caller (wrong is an assertion);
 * decoding trusts nothing: whatever the bytes are, it returns a message of the declared shape or
 * throws PeerError.
 */
import { assert } from '../base/assert.js'
import type { FieldKind } from '../base/message-fields.js'
import { PeerError } from '../base/peer-error.js'
import { coherenceBytes, decodeCoherence, encodeCoherence, isCoherence } from './coherence.js'
import { boundFields, readFields, writeFields, type Field, type Fields } from './fields.js'
import {
  AT_BYTES,
  AT_REQUESTER,
  AT_TYPE,
  FRAME_MAX,
  HEADER_BYTES,
  TYPES_MAX,
  readU16,
  writeU16,
  writeU32,
} from './layout.js'

export interface Room {
  readonly firstType: number
  readonly fields: Readonly<Record<string, Readonly<Record<string, FieldKind>>>>
}

interface Shape {
  readonly type: string
  readonly number: number
  readonly fields: readonly Field[]
}

function shapesOf(rooms: readonly Room[]): Shape[] {
  return rooms.flatMap(({ firstType, fields }) => {
    assert(Object.keys(fields).length <= TYPES_MAX, `wire: a room has more than ${TYPES_MAX} messages`)
    return Object.entries(fields).map(([type, kinds], i) => ({
      type,
      number: firstType + i,
      fields: Object.entries(kinds).map(([name, kind]) => ({ name, kind })),
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
  bound(message: M): number {
    if (isCoherence(message)) return coherenceBytes(message)
    return HEADER_BYTES + boundFields(this.#shape(message).fields, message)
  }

  /** Writes the frame at `at` and returns its end. The payload, if any, is one page. */
  encode(message: M, payload: Uint8Array | undefined, into: Uint8Array, at: number): number {
    if (isCoherence(message)) return encodeCoherence(message, payload, into, at)
    assert(payload === undefined, `wire: ${message.type} carries no payload`)
    const shape = this.#shape(message)
    const end = writeFields(shape.fields, message, into, at + HEADER_BYTES)
    assert(end - at <= FRAME_MAX, `wire: ${message.type} does not fit a frame`)
    writeU32(into, at, end - at)
    into[at + AT_TYPE] = shape.number
    into[at + AT_BYTES] = 0
    writeU16(into, at + AT_REQUESTER, 0)
    return end
  }

  /** The frame is whole: `length` bytes, at least a header, at `at`. Throws PeerError. */
  decode(from: Uint8Array, at: number, length: number): M {
    const number = from[at + AT_TYPE]!
    if (number < TYPES_MAX) return decodeCoherence(from, at, length) as unknown as M
    const shape = this.#byNumber[number]
    if (shape === undefined) throw new PeerError(`unknown message ${number}`)
    if (from[at + AT_BYTES] !== 0 || readU16(from, at + AT_REQUESTER) !== 0) {
      throw new PeerError(`${shape.type} with a header that is not its own`)
    }
    const message: Fields = { type: shape.type }
    readFields(shape.fields, message, from, at + HEADER_BYTES, at + length)
    return message as unknown as M
  }
}
