/** Programs as `gshm run -n RANKS` starts them, on the nodes of a test's cluster in turn. */
import { basename, dirname } from 'node:path'
import { segments } from '../../ts/client/inspect.js'
import { built, compiled } from '../../ts/launch/paths.js'
import type { TestCluster } from './cluster.js'
import { runProgram, type ProgramEnd, type ProgramOptions } from './program.js'

/** @param program of native/build.json, or a path */
export function runRanks(
  cluster: TestCluster,
  ranks: number,
  program: string,
  args: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<ProgramEnd> {
  const path = program.includes('/') ? program : built(program)
  const words = ['run', '-c', basename(cluster.dir), '-n', String(ranks), '--', path, ...args]
  const env = { GSHM_RUNTIME_DIR: dirname(cluster.dir), ...options.env }
  return runProgram(undefined, compiled('ts/cli/main.js'), words, { ...options, env })
}

/** The lines of its standard output, in the order of the ranks. */
export function linesOf(end: ProgramEnd): string[] {
  return end.stdout.trim().split('\n').sort()
}

/** Names of the segments that there are. */
export function segmentNames(cluster: TestCluster): string[] {
  return segments(cluster.socket(0)).map(({ name }) => name)
}
