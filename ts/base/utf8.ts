/** Names and keys are bounded in bytes, because C keeps them in arrays. */

/** Bytes of the text in UTF-8, or -1 if it has a lone surrogate and therefore no UTF-8 form. */
export function utf8Bytes(text: string): number {
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    if (code >= 0xd800 && code <= 0xdfff) return -1
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}
