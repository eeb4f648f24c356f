/** `gshm run`: a program on one node, or as several ranks over the nodes in turn. */
import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { runRanks, type Rank } from '../launch/ranks.js'
import { compiled } from '../launch/paths.js'
import { newRun } from '../launch/run-name.js'
import { CONSISTENCIES, type Consistency } from '../base/consistency.js'
import { GshmError } from '../base/errors.js'
import { command } from './command.js'
import { forgetSegments } from './forget.js'
import { lineWriter } from './line-writer.js'
import { CLUSTER_OPTION, localNodes, type ClusterOption } from './local-nodes.js'
import { whySigbus } from './losses.js'
import { oneOf, whole } from './parse.js'

interface Options extends ClusterOption {
  node?: number
  ranks: number
  consistency?: Consistency
  globals?: (typeof GLOBALS)[number]
}

/** What CREATE does with a PARMACS program's global variables: native/compat/parmacs_shared.c. */
const GLOBALS = ['copied', 'shared'] as const

export const runCommand = () =>
  command<Options>(
    'run <program> [args...]',
    'run a program on the nodes of this machine',
    async (say, options, words) => {
      const [program = '', ...args] = words
      const { cluster, nodes } = await localNodes(options)
      const on = options.node === undefined ? nodes : nodes.filter((n) => n.status.node === options.node)
      if (on.length === 0) {
        const numbers = nodes.map((n) => n.status.node).join(', ')
        throw new GshmError(
          'NOT_FOUND',
          `--node ${options.node}: this machine has the nodes ${numbers} of cluster '${cluster}'`,
        )
      }
      const ranks = Array.from({ length: options.ranks }, (_, rank): Rank => {
        const node = on[rank % on.length]
        return { rank, node: node?.status.node ?? 0, socket: node?.socket ?? '' }
      })
      const prefix = (rank: number) => (ranks.length > 1 ? `[${rank}] ` : '')
      const complaints = new Set<string>() // of all ranks alike
      const { segments, unlink } = await import('../client/inspect.js')
      const run = newRun()
      const out = lineWriter(process.stdout)
      const err = lineWriter(process.stderr)
      const forget = () => {
        for (const { socket } of on.slice(0, 1)) forgetSegments(socket, run, segments, unlink)
      }
      process.once('exit', forget) // whatever ends us
      const ends = await runRanks({
        ranks,
        program,
        args,
        cluster,
        run,
        env: {
          ...(options.consistency === undefined ? {} : { GSHM_CONSISTENCY: options.consistency }),
          ...(options.globals === undefined ? {} : { GSHM_GLOBALS: options.globals }),
        },
        inherit: ranks.length === 1 && !say.json,
        out: (rank, line) => out(prefix(rank), line),
        err: (rank, line) => err(prefix(rank), line),
        afterwards: [process.execPath, compiled('ts/cli/forget-run.js'), on[0]?.socket ?? '', run],
        failed: (name, error) => {
          const text = `gshm: ${name}: ${whyNot(name, error)}`
          if (!complaints.has(text)) say.progress(text)
          complaints.add(text)
        },
      })
      process.off('exit', forget)
      forget()
      const failed = ends.find((end) => end.status !== 0)
      if (failed !== undefined) say.status(failed.status)
      if (failed !== undefined && ranks.length > 1 && complaints.size === 0) {
        say.progress(
          `gshm: rank ${failed.rank} on node ${failed.node} ended first, with ${failed.signal ?? `status ${failed.status}`}`,
        )
      }
      for (const { rank, node, socket } of ends.filter((end) => end.signal === 'SIGBUS')) {
        const before = on.find((one) => one.socket === socket)?.status
        say.progress(`gshm: rank ${rank} on node ${node} got SIGBUS: ${await whySigbus(socket, before)}`)
      }
      const sorted = [...ends].sort((a, b) => a.rank - b.rank)
      return {
        ok: failed === undefined,
        cluster,
        status: failed?.status ?? 0,
        ranks: sorted.map(({ rank, node, pid, status, signal }) => ({ rank, node, pid, status, signal })),
      }
    },
  )
    .option(...CLUSTER_OPTION)
    .option('-n, --ranks <count>', 'how many, over the nodes in turn', whole('--ranks', 1, 4096), 1)
    .option('--node <number>', 'only on this node', whole('--node', 0, 1023))
    .option(
      '--consistency <model>',
      `of G_MALLOC memory in PARMACS programs: ${CONSISTENCIES.join(', ')} (default: GSHM_CONSISTENCY, else mrsw)`,
      oneOf('--consistency', CONSISTENCIES),
    )
    .option(
      '--globals <how>',
      'of PARMACS programs: copied by CREATE, or shared as by threads (default: GSHM_GLOBALS, else copied by CREATE(f), shared from CREATE(f, n) on)',
      oneOf('--globals', GLOBALS),
    )
    .passThroughOptions()
    .addHelpText(
      'after',
      `
The program finds in its environment: GSHM_SOCKET (gshm_attach(NULL) uses it), GSHM_NODE, GSHM_RANK,
GSHM_RANKS, GSHM_CLUSTER, GSHM_RUN. With more than one rank every line of output starts with its rank. When a
rank fails the others are sent SIGTERM, and its status becomes that of gshm run. Segments with names that
end in ".$GSHM_RUN" are the run's: they lose their names at its end. Of several ranks the first reads standard input,
if that is no terminal.

  gshm run -n 3 -- ./hello`,
    )

/** Why a program could not be started, and what was meant perhaps. */
function whyNot(program: string, { code, message }: NodeJS.ErrnoException): string {
  const script = ['.js', '.mjs', '.cjs'].includes(extname(program))
  const meant = script ? `node ${program}` : `./${program}`
  if (code === 'EACCES') return `not executable${script ? `: try ${meant}` : ''}`
  if (code === 'ENOTDIR') return 'no such program'
  if (code !== 'ENOENT') return message
  const here = !program.includes('/') && existsSync(program)
  return here ? `no such program on PATH, but a file here: try ${meant}` : 'no such program'
}
