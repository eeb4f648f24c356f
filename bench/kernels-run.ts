/** One run of one kernel (bench/kernels/kernels.c): by itself in plain memory, or by ranks on nodes. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Consistency } from '../ts/base/consistency.js'
import { segments, status, unlink } from '../ts/client/inspect.js'
import type { Daemon } from '../ts/launch/daemon.js'
import { built } from '../ts/launch/paths.js'
import { runRanks } from '../ts/launch/ranks.js'
import { isOfRun, newRun } from '../ts/launch/run-name.js'
import { nodeOfRank, type Layout } from './kernels-list.js'

export interface PlainRun {
  readonly kernel: string
  readonly seconds: number
  readonly values: number
}

export interface SharedRun extends PlainRun {
  /** Of all ranks, in the part that is timed, as the kernel counts them: those that it serves by itself, too. */
  readonly faults: number
  /** Faults that daemons have served, and messages between nodes, from the ranks' start to their end. */
  readonly served: number
  readonly messages: number
  readonly difference: number
  readonly right: boolean
}

/** @param file gets the results, for `runShared` to compare with */
export async function runPlain(kernel: string, sizes: readonly number[], file: string): Promise<PlainRun> {
  const { stdout } = await promisify(execFile)(built('kernels'), [kernel, 'plain', file, ...sizes.map(String)])
  return JSON.parse(stdout) as PlainRun
}

/**
 * Runs a program as ranks on nodes; nothing of the run is left.
 * @returns the first line of its output
 * @throws when there is none: with what it said, or the status of whoever failed
 */
export async function runOnNodes(
  nodes: readonly Pick<Daemon, 'node' | 'socket'>[],
  layout: Layout,
  program: string,
  args: readonly string[],
  what: string,
): Promise<string> {
  const lines: string[] = []
  const said: string[] = []
  const run = newRun()
  const ends = await runRanks({
    ranks: Array.from({ length: layout.processes }, (_, rank) => {
      const { node, socket } = nodes[nodeOfRank(rank, layout)]!
      return { rank, node, socket }
    }),
    program,
    args,
    cluster: 'bench',
    run,
    inherit: false,
    out: (_, line) => void lines.push(String(line)),
    err: (_, line) => void said.push(String(line)),
    failed: (program, error) => void said.push(`${program}: ${error.message}`),
  })
  const { socket } = nodes[0]!
  for (const { name, linked } of segments(socket)) if (linked && isOfRun(name, run)) unlink(socket, name)
  const failed = ends.find(({ status }) => status !== 0)
  if (lines.length === 0)
    throw new Error(`${what}: ${said[0] ?? `rank ${failed?.rank} ended with status ${failed?.status}`}`)
  return lines[0]!
}

/** @throws as runOnNodes; not when results are wrong */
export async function runShared(
  nodes: readonly Pick<Daemon, 'node' | 'socket'>[],
  kernel: string,
  model: Consistency,
  layout: Layout,
  sizes: readonly number[],
  file: string,
): Promise<SharedRun> {
  const before = counted(nodes)
  const args = [kernel, model, file, ...sizes.map(String)]
  const line = await runOnNodes(nodes, layout, built('kernels'), args, kernel)
  const after = counted(nodes)
  return {
    ...(JSON.parse(line) as Omit<SharedRun, 'served' | 'messages'>),
    served: after.served - before.served,
    messages: after.messages - before.messages,
  }
}

/** What daemons have done since they started. */
function counted(nodes: readonly Pick<Daemon, 'socket'>[]): { served: number; messages: number } {
  const all = nodes.map(({ socket }) => status(socket))
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
  return {
    served: sum(all.map(({ faults }) => faults.read + faults.write + faults.upgrade)),
    messages: sum(all.map(({ messages }) => messages.sent)),
  }
}
