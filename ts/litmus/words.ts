/** The words of the format that instructions, initial values and conditions share. */

export type Width = 'l' | 'q'

const LEGACY = ['ax', 'bx', 'cx', 'dx', 'si', 'di', 'bp', 'sp']
const REGISTERS = new Map<string, { name: string; width: Width }>()
for (const name of LEGACY) {
  REGISTERS.set(`r${name}`, { name: `r${name}`, width: 'q' })
  REGISTERS.set(`e${name}`, { name: `r${name}`, width: 'l' })
}
for (let n = 8; n < 16; n++) {
  REGISTERS.set(`r${n}`, { name: `r${n}`, width: 'q' })
  REGISTERS.set(`r${n}d`, { name: `r${n}`, width: 'l' })
}

/** `eax` and `RAX` are the register rax, used by its lower half and as a whole. */
export function registerOf(word: string): { readonly name: string; readonly width: Width } | undefined {
  return REGISTERS.get(word.toLowerCase())
}

/** Decimal or hexadecimal; undefined when it is no whole number that a double holds exactly. */
export function number(word: string): number | undefined {
  const found = /^(-?)(\d+|0[xX][0-9a-fA-F]+)$/.exec(word)
  const size = Number(found?.[2] ?? NaN)
  if (!Number.isSafeInteger(size)) return undefined
  return size === 0 || found?.[1] === '' ? size : -size
}
