/**
 * Messages about pages: a header of 24 bytes and, when `bytes` is 'page', the page: a coherence unit, from 4 KiB to
 * 64, in whole 4 KiB. Which of these it must be, the segment says, of which nothing is known here. They are nearly
 * all the traffic and a faulting thread waits for each, so nothing here is generic.
 */
import { assert } from '../base/assert.js'
import { UNIT_MAX } from '../base/consistency.js'
import { LOST_PAGE, NODES_MAX, PAGE_SIZE, SEGMENT_MAX } from '../base/ids.js'
import { PeerError } from '../base/peer-error.js'
import { COHERENCE_TYPES, type CoherenceMessage, type CoherenceType } from '../coherence/messages.js'
import {
  AT_BYTES,
  AT_PAGE,
  AT_REQUESTER,
  AT_SEGMENT,
  AT_RESERVED,
  AT_SERIAL,
  AT_TYPE,
  COHERENCE_HEADER_BYTES,
  FIRST_TYPE,
  readU16,
  readU32,
  writeU16,
  writeU32,
} from './layout.js'

const ANSWERS: ReadonlySet<CoherenceType> = new Set(['PageRead', 'PageWrite', 'PageOnly', 'PageHome'])

/** Beside `bytes` 'page' in the same octet: the page is LOST_PAGE. */
export const LOST = 8
const BYTES = ['none', 'page', 'zero', 'kept'] as const
const BYTES_NUMBER = { none: 0, page: 1, zero: 2, kept: 3 } as const
/** Beside `bytes` in the same octet. */
const CONFIRM = 4

const TYPE_NUMBER = Object.fromEntries(COHERENCE_TYPES.map((type, i) => [type, FIRST_TYPE.coherence + i])) as Record<
  CoherenceType,
  number
>

const U32 = 2 ** 32

/** @param payload the page that travels with the message */
export function coherenceBytes(payload: Uint8Array | undefined): number {
  return COHERENCE_HEADER_BYTES + (payload?.length ?? 0)
}

/** Writes the frame at `at`, where coherenceBytes(payload) bytes are free, and returns its end. */
export function encodeCoherence(
  message: CoherenceMessage,
  payload: Uint8Array | undefined,
  into: Uint8Array,
  at: number,
): number {
  const { segment, page, requester, serial } = message
  const lost = payload?.length === 0
  const length = coherenceBytes(payload)
  const withPage = message.bytes === 'page'
  assert(withPage === (payload !== undefined), 'wire: a payload goes with bytes page and nothing else')
  assert(segment > 0 && segment <= SEGMENT_MAX && page >= 0 && page < U32, 'wire: segment or page out of range')
  assert(requester >= 0 && requester < NODES_MAX, 'wire: bad requester')
  assert(serial >= 0 && serial < U32, 'wire: serial out of range')
  writeU32(into, at, length)
  into[at + AT_TYPE] = TYPE_NUMBER[message.type]
  into[at + AT_BYTES] = BYTES_NUMBER[message.bytes] | (message.confirm ? CONFIRM : 0) | (lost ? LOST : 0)
  writeU16(into, at + AT_REQUESTER, requester)
  writeU32(into, at + AT_SEGMENT, segment)
  writeU32(into, at + AT_PAGE, page)
  writeU32(into, at + AT_SERIAL, serial)
  writeU32(into, at + AT_RESERVED, 0)
  if (payload !== undefined && !lost) {
    assert(isPageLength(payload.length), 'wire: a payload is one page')
    into.set(payload, at + COHERENCE_HEADER_BYTES)
  }
  return at + length
}

/** The frame is whole: `length` bytes at `at`. The page, if any, begins after the header. */
export function decodeCoherence(from: Uint8Array, at: number, length: number): CoherenceMessage {
  if (length < COHERENCE_HEADER_BYTES) throw new PeerError(`page message of ${length} bytes`)
  const type = COHERENCE_TYPES[from[at + AT_TYPE]! - FIRST_TYPE.coherence]
  const octet = from[at + AT_BYTES]!
  const confirm = (octet & CONFIRM) !== 0
  const lost = (octet & LOST) !== 0
  const bytes = BYTES[octet & ~(CONFIRM | LOST)]
  if (type === undefined || bytes === undefined) throw new PeerError('page message of unknown type')
  // only answers carry a page, and they always say which bytes are meant
  const answers = ANSWERS.has(type)
  if (answers === (bytes === 'none')) throw new PeerError(`${type} with bytes ${bytes}`)
  if (confirm && !answers && type !== 'FetchRead' && type !== 'FetchWrite') throw new PeerError(`${type} to confirm`)
  if (lost && bytes !== 'page') throw new PeerError(`${type} with bytes ${bytes}, lost`)
  const carried = length - COHERENCE_HEADER_BYTES
  if (bytes === 'page' && !lost ? !isPageLength(carried) : carried !== 0)
    throw new PeerError(`${type} of ${length} bytes`)
  const requester = readU16(from, at + AT_REQUESTER)
  if (requester >= NODES_MAX) throw new PeerError(`${type} for node ${requester}`)
  const segment = readU32(from, at + AT_SEGMENT)
  if (segment === 0 || segment > SEGMENT_MAX) throw new PeerError(`${type} for segment ${segment}`)
  if (readU32(from, at + AT_RESERVED) !== 0) throw new PeerError(`${type} with a serial beyond 2^32`)
  const serial = readU32(from, at + AT_SERIAL)
  return { type, segment, page: readU32(from, at + AT_PAGE), requester, serial, bytes, confirm }
}

/** May a page of some segment be so long? */
function isPageLength(bytes: number): boolean {
  return bytes > 0 && bytes <= UNIT_MAX && bytes % PAGE_SIZE === 0
}

/** The page that travels with the message at `at`, which decode has accepted; a view. */
export function coherencePayload(from: Uint8Array, at: number, length: number): Uint8Array | undefined {
  if (length > COHERENCE_HEADER_BYTES) return from.subarray(at + COHERENCE_HEADER_BYTES, at + length)
  return from[at + AT_BYTES]! & LOST ? LOST_PAGE : undefined
}
