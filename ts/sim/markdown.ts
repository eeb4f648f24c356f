/** Results as the tables of docs/VERIFICATION.md, which replace those between the marks of their names. */
import { readFileSync, writeFileSync } from 'node:fs'

export const VERIFICATION = new URL('../../../docs/VERIFICATION.md', import.meta.url)

type Value = string | number | boolean | null | undefined

export function table<T extends object>(
  rows: readonly T[],
  columns: Readonly<Record<string, (row: T) => Value>>,
): string {
  const names = Object.keys(columns)
  const line = (cells: readonly Value[]) =>
    `| ${cells.map((cell) => String(cell ?? '').replaceAll('|', '\\|')).join(' | ')} |`
  const body = rows.map((row) => line(names.map((name) => columns[name]!(row))))
  return [line(names), line(names.map(() => '---')), ...body].join('\n')
}

/** Puts the table between `<!-- name -->` and `<!-- /name -->` of the file. */
export function replaceTable(file: URL, name: string, text: string): void {
  const page = readFileSync(file, 'utf8')
  const marked = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`)
  if (!marked.test(page)) throw new Error(`${file.pathname} has no place for the table '${name}'`)
  writeFileSync(
    file,
    page.replace(marked, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`),
  )
}
