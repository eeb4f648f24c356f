/** Programs with the PARMACS macros: through m4 and the compiler as docs/PORTING.md has it, and run on a test's cluster. */
import { execFile } from 'node:child_process'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { compiled } from '../../ts/launch/paths.js'
import { projectRoot } from '../../ts/project/index.js'
import type { TestCluster } from './cluster.js'
import { runRanks } from './ranks.js'

const execute = promisify(execFile)

const printed = new Map<string, Promise<string[]>>()

/** As `gshm flags OPTION` prints them. */
function flags(option: string): Promise<string[]> {
  const known =
    printed.get(option) ??
    execute(process.execPath, [compiled('ts/cli/main.js'), 'flags', option]).then(({ stdout }) =>
      stdout.trim().split(' '),
    )
  printed.set(option, known)
  return known
}

export interface Compiling {
  /** More for the compiler. */
  readonly flags?: readonly string[]
  /** What the program is called: default, its source without its ending. */
  readonly as?: string
}

/** The path of what comes out, in `dir`. A source is a path, or its name in test/programs/parmacs. Throws on warnings. */
export async function compileParmacs(dir: string, source: string, options: Compiling = {}): Promise<string> {
  const path = source.includes('/') ? source : join(projectRoot(), 'test/programs/parmacs', `${source}.C`)
  const program = join(dir, options.as ?? basename(path).replace(/\.C$/, ''))
  const { stdout } = await execute('m4', [...(await flags('--m4')), path], { maxBuffer: 2 ** 24 })
  const words = ['-O2', '-g', '-Wall', '-x', 'c', '-', '-x', 'none', '-o', program]
  const compiler = execute('gcc', [...words, ...(await flags('--parmacs')), '-lm', ...(options.flags ?? [])])
  compiler.child.stdin?.end(stdout)
  const { stderr } = await compiler
  if (stderr !== '') throw new Error(stderr)
  return program
}

export interface ParmacsEnd {
  readonly status: number | null
  /** Rank 0's lines on standard output. */
  readonly out: string[]
  /** Whatever else was said, with the number of the rank that said it where there are several: '[1] text'. */
  readonly rest: string[]
}

/** By `gshm run -n RANKS -- PROGRAM`. */
export async function runParmacs(
  cluster: TestCluster,
  ranks: number,
  program: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  input = '',
): Promise<ParmacsEnd> {
  const { status, stdout, stderr } = await runRanks(cluster, ranks, program, args, { env, input })
  const lines = (text: string) => text.split('\n').filter((line) => line !== '')
  const said = lines(stdout)
  const mine = ranks > 1 ? '[0] ' : ''
  return {
    status,
    out: said.filter((line) => line.startsWith(mine)).map((line) => line.slice(mine.length)),
    rest: [...said.filter((line) => !line.startsWith(mine)), ...lines(stderr)],
  }
}
