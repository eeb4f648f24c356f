/**
 * Where everything is in a frame, and how little-endian numbers are read and written. All other
 * files of this room go through these names; docs/WIRE.md draws them.
 *
 *   0 u32 length   of the whole frame, header included
 *   4 u8  type     a room's first number + the message's place in that room's list
 *   5 u8  bytes    coherence: which bytes travel along (BYTES); else 1 with a payload, or 0
 *   6 u16 requester  coherence; else 0
 *   8 ...          coherence: segment u32, page u32, serial u64, payload; else the fields in order, and
 *                  with a payload: its length u32, the fields, the payload
 *
 * Byte arithmetic instead of DataView: chunks come from the socket in buffers of many kinds, and a
 * DataView for each would cost more than the whole header.
 */

/** Raise it with every change that an older node would misunderstand. */
export const WIRE_VERSION = 10

export const HEADER_BYTES = 8
export const COHERENCE_HEADER_BYTES = 24
/** No frame is longer; a longer one in a header ends the link before a byte of it is stored. */
export const FRAME_MAX = 8 * 2 ** 20

export const AT_TYPE = 4
export const AT_BYTES = 5
export const AT_REQUESTER = 6
export const AT_SEGMENT = 8
export const AT_PAGE = 12
export const AT_SERIAL = 16
/** 0 */
export const AT_RESERVED = 20

/** The first type number of each room; a list never grows into the next one's numbers. */
export const FIRST_TYPE = { coherence: 1, sync: 32, heap: 64, names: 96, edges: 128, cluster: 192 } as const
export const TYPES_MAX = 32

export function readU16(from: Uint8Array, at: number): number {
  return from[at]! | (from[at + 1]! << 8)
}

export function readU32(from: Uint8Array, at: number): number {
  return (from[at]! | (from[at + 1]! << 8) | (from[at + 2]! << 16) | (from[at + 3]! << 24)) >>> 0
}

export function writeU16(into: Uint8Array, at: number, value: number): void {
  into[at] = value
  into[at + 1] = value >>> 8
}

export function writeU32(into: Uint8Array, at: number, value: number): void {
  into[at] = value
  into[at + 1] = value >>> 8
  into[at + 2] = value >>> 16
  into[at + 3] = value >>> 24
}
