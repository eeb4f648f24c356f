/** Which names and sizes a segment may have. Checked where the request enters, and again on node 0. */
import type { RefuseEffect } from '../base/effects.js'
import { isCount } from '../base/expect.js'
import { PAGE_SIZE, SEGMENT_BYTES_MAX } from '../base/ids.js'
import { utf8Bytes } from '../base/utf8.js'

export const NAME_BYTES_MAX = 63

type Refusal = Pick<RefuseEffect, 'error' | 'detail'>

/** Why the name cannot be one; undefined when it can. */
export function nameRefusal(name: string): Refusal | undefined {
  const bytes = utf8Bytes(name)
  if (bytes > NAME_BYTES_MAX) {
    return { error: 'NAME_TOO_LONG', detail: `a name has at most ${NAME_BYTES_MAX} bytes, not ${bytes}` }
  }
  if (bytes > 0 && ![...name].some(isForbidden)) return undefined
  const detail = `a name has 1 to ${NAME_BYTES_MAX} bytes of UTF-8, none of them '/' or a control character`
  return { error: 'NAME_INVALID', detail }
}

export function sizeRefusal(bytes: number): Refusal | undefined {
  if (Number.isInteger(bytes) && bytes >= 1 && bytes <= SEGMENT_BYTES_MAX) return undefined
  return { error: 'INVALID', detail: `a segment has 1 to ${SEGMENT_BYTES_MAX} bytes, not ${bytes}` }
}

export function wholePages(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE
}

/** The size that a segment gets that is to have `bytes`: its last unit ends with it, or beyond `maxBytes` would lie. */
export function wholeUnits(bytes: number, unit: number, maxBytes: number): number {
  return Math.min(Math.ceil(bytes / unit) * unit, maxBytes)
}

/** Can a segment of these units have this size? */
export function isSize(
  bytes: number,
  { unit, maxBytes }: { readonly unit: number; readonly maxBytes: number },
): boolean {
  return isCount(bytes) && bytes >= PAGE_SIZE && bytes <= maxBytes && (bytes % unit === 0 || bytes === maxBytes)
}

/** Why a segment of that size cannot be one that grows to `maxBytes`; undefined when it can. */
export function maxRefusal(bytes: number, maxBytes: number): Refusal | undefined {
  if (Number.isInteger(maxBytes) && maxBytes <= SEGMENT_BYTES_MAX && maxBytes >= bytes) return undefined
  return {
    error: 'INVALID',
    detail: `max_size is ${maxBytes}: it must be from size, ${bytes}, to ${SEGMENT_BYTES_MAX}`,
  }
}

/** '/', and the control characters of ASCII and Latin-1: names are printed on terminals. */
function isForbidden(character: string): boolean {
  const code = character.codePointAt(0) ?? 0
  return character === '/' || code < 0x20 || (code >= 0x7f && code < 0xa0)
}
