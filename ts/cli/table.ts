/** A table for people: aligned columns, no frame, so that it can be cut and grepped. */
import Table from 'cli-table3'

const NO_FRAME = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} // prettier-ignore

/** Numbers are aligned to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const made = new Table({
    head: [...head],
    chars: NO_FRAME,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: head.map((_, i) =>
      rows.length > 0 && rows.every((row) => typeof row[i] === 'number') ? 'right' : 'left',
    ),
  })
  for (const row of rows) made.push([...row])
  return made.toString().replace(/[ \t]+$/gm, '')
}
