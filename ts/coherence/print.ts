/** A protocol's tables as the text of its TABLE.md: one row a cell that is not `never`. */
import type { AnyProtocol } from './protocol.js'

export function tableMarkdown(protocol: AnyProtocol): string {
  const server = protocol.roaming === undefined ? 'home' : 'owner'
  const title = server === 'home' ? 'One page as its home sees it' : 'Who owns a page, as one node sees it'
  return [
    `# ${protocol.name}`,
    '',
    `Printed from copy.table.ts and ${server}.table.ts by \`npm run table\`; those files say what the states and`,
    'events mean. `-` stays in the state and does nothing; what is not listed can never happen.',
    '',
    '## One page as a node sees it (copy)',
    '',
    ...side(protocol.copy),
    '',
    `## ${title} (${server})`,
    '',
    ...side(protocol.home),
    '',
  ].join('\n')
}

function side({ states, events, table }: AnyProtocol['copy']): string[] {
  const rows = [['state', 'event', 'actions', 'next']]
  for (const state of states) {
    for (const event of events) {
      const cell = table[state]?.[event] ?? 'never'
      if (cell === 'never') continue
      if (cell === 'stall') rows.push([state, event, '(stall)', state])
      else rows.push([state, event, cell.actions.join(', ') || '-', cell.next])
    }
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) => `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(' | ')} |`)
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`)
  return lines
}
