/** `gshm pages`: who holds which page of a segment, one column a node of this machine. */
import { GshmError } from '../base/errors.js'
import type { SegmentPages } from '../client/inspect.js'
import { command } from './command.js'
import { CLUSTER_OPTION, localNodes, type ClusterOption } from './local-nodes.js'
import { table } from './table.js'

/** Lines for people; --json and --all give every page. */
const LINES = 40

export interface PageRow {
  readonly page: number
  readonly home: number
  readonly nodes: Record<number, { access: string; state: string }>
}

/** One row a page, from what each node knows of it; a node that never touched a page has no entry. Where homes move, who
 * takes itself for the page's home is. */
export function mergePages(views: readonly { node: number; pages: SegmentPages['pages'] }[]): PageRow[] {
  const rows = new Map<number, PageRow>()
  for (const { node, pages } of views) {
    for (const { page, home, access, state } of pages) {
      const { nodes, ...row } = rows.get(page) ?? { page, home, nodes: {} }
      nodes[node] = { access, state }
      rows.set(page, { page, home: home === node ? home : row.home, nodes })
    }
  }
  return [...rows.values()].sort((a, b) => a.page - b.page)
}

export const pagesCommand = () =>
  command<ClusterOption & { all?: boolean }>(
    'pages <segment>',
    'the touched pages of a segment, by node',
    async (say, options, [name = '']) => {
      const { cluster, nodes } = await localNodes(options)
      const { pages } = await import('../client/inspect.js')
      const views: { node: number; of: SegmentPages }[] = []
      for (const { socket, status } of nodes) {
        try {
          views.push({ node: status.node, of: pages(socket, name) })
        } catch (error) {
          if ((error as GshmError).code !== 'ERR_GSHM_NOT_FOUND') throw error
        }
      }
      const first = views[0]
      if (first === undefined) throw new GshmError('NOT_FOUND', `no segment '${name}' in cluster '${cluster}': gshm ls`)
      const rows = mergePages(views.map((v) => ({ node: v.node, pages: v.of.pages })))
      const shown = options.all === true ? rows : rows.slice(0, LINES)
      const { segment, consistency, manager, unit } = first.of
      const model = `${consistency}/${manager}, unit ${unit}`
      say.print(`segment ${segment} '${name}', ${model}: ${rows.length} touched pages`)
      say.print(
        table(
          ['page', 'home', ...views.map((v) => `node ${v.node}`)],
          shown.map((row) => [
            row.page,
            row.home,
            ...views.map((v) => {
              const at = row.nodes[v.node]
              return at === undefined ? '-' : `${at.access} (${at.state})`
            }),
          ]),
        ),
      )
      if (shown.length < rows.length) say.print(`... ${rows.length - shown.length} more: --all shows them`)
      return { ok: true, cluster, segment, name, consistency, manager, unit, pages: rows }
    },
  )
    .option(...CLUSTER_OPTION)
    .option('-a, --all', `every page (default: the first ${LINES})`)
