/** What is wrong with a history, and its lines for people. */
import type { Operation } from './history.js'

/** po: program order; ww, wr, rw: which of the two operations wrote, on one location (check.ts). */
export type Edge = 'po' | 'ww' | 'wr' | 'rw'

export interface Step extends Operation {
  /** To the next step; of the last step, to the first. Absent where the steps are no cycle. */
  readonly edge?: Edge
}

/** cycle: the steps each precede the next, the last the first. atomicity: two exchanges of one version. */
export interface Violation {
  readonly kind: 'cycle' | 'atomicity'
  readonly steps: readonly Step[]
}

const WHY: Readonly<Record<Edge, string>> = {
  po: 'po: is before, in its thread,',
  ww: 'ww: wrote the version that was overwritten by',
  wr: 'wr: wrote the version that was seen by',
  rw: 'rw: saw the version that was overwritten by',
}

/** The operation as its line has it. */
export function lineOf({ thread, location, read, written }: Operation): string {
  return written === undefined ? `${thread} R ${location} ${read}` : `${thread} X ${location} ${read} ${written}`
}

/** Some lines of text: what is wrong, and the operations that show it. */
export function describe({ kind, steps }: Violation): string[] {
  const lines = steps.map((step) => `line ${step.line}`)
  const texts = steps.map(lineOf)
  const width = (words: readonly string[]) => Math.max(...words.map((word) => word.length))
  const rows = steps.map(({ edge }, i) => {
    const row = `  ${lines[i]!.padEnd(width(lines))}  ${texts[i]!.padEnd(width(texts))}`
    return edge === undefined ? row.trimEnd() : `${row}  ${WHY[edge]}${i === steps.length - 1 ? ' the first' : ''}`
  })
  const head =
    kind === 'cycle'
      ? 'Not sequentially consistent: each of these operations must be before the next, the last before the first.'
      : 'Not atomic: two exchanges overwrote the same version.'
  return [head, ...rows]
}
