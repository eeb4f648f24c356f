/**
 * UTF-8, strict: names and keys are short, and for short strings a loop is cheaper than TextDecoder;
 * pure rooms also stay free of the host's classes. Overlong forms, surrogates and cut sequences are
 * refused, so that two byte strings never mean one name.
 */
import { PeerError } from '../base/peer-error.js'

/** A lone surrogate has no UTF-8; U+FFFD takes its place. */
function codePoint(text: string, i: number): number {
  const code = text.codePointAt(i)!
  return code >= 0xd800 && code <= 0xdfff ? 0xfffd : code
}

/** Writes at `at`, where 3 bytes per UTF-16 unit are free, and returns the end. */
export function writeUtf8(text: string, into: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const code = codePoint(text, i)
    if (code < 0x80) into[at++] = code
    else if (code < 0x800) {
      into[at++] = 0xc0 | (code >> 6)
      into[at++] = 0x80 | (code & 63)
    } else if (code < 0x10000) {
      into[at++] = 0xe0 | (code >> 12)
      into[at++] = 0x80 | ((code >> 6) & 63)
      into[at++] = 0x80 | (code & 63)
    } else {
      into[at++] = 0xf0 | (code >> 18)
      into[at++] = 0x80 | ((code >> 12) & 63)
      into[at++] = 0x80 | ((code >> 6) & 63)
      into[at++] = 0x80 | (code & 63)
      i++
    }
  }
  return at
}

/** The least code point that needs so many continuation bytes. */
const LEAST = [0, 0x80, 0x800, 0x10000]

export function readUtf8(from: Uint8Array, at: number, bytes: number): string {
  const end = at + bytes
  let text = ''
  while (at < end) {
    const first = from[at++]!
    if (first < 0x80) {
      text += String.fromCharCode(first)
      continue
    }
    const more = first >= 0xf0 && first < 0xf8 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0
    if (more === 0 || first >= 0xf8 || at + more > end) throw new PeerError('text is no UTF-8')
    let code = first & (0x3f >> more)
    for (let i = 0; i < more; i++) {
      const next = from[at++]!
      if ((next & 0xc0) !== 0x80) throw new PeerError('text is no UTF-8')
      code = (code << 6) | (next & 63)
    }
    const surrogate = code >= 0xd800 && code <= 0xdfff
    if (code < LEAST[more]! || code > 0x10ffff || surrogate) throw new PeerError('text is no UTF-8')
    text += String.fromCodePoint(code)
  }
  return text
}
