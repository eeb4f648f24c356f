/** System calls of a worker's first thread, by bench/count_calls.c. */
import { readFileSync } from 'node:fs'
import { built } from '../ts/launch/paths.js'
import { Worker, withWorkers } from './worker.js'

const SAMPLES = 10

/**
 * For each sample of a pass: what a run with more samples makes more than a run with fewer.
 * @param file does not exist yet @param command of a worker @param pass words of a pass before its count
 */
export async function systemCalls(
  node: { readonly socket: string },
  file: string,
  command: readonly string[],
  ...pass: string[]
): Promise<number> {
  const calls = async (samples: number): Promise<number> => {
    const counted = Worker.start(node, [built('count_calls'), file, ...command])
    await withWorkers([counted], ([worker]) => worker!.pass(...pass, samples))
    return Number(readFileSync(file, 'utf8'))
  }
  const few = await calls(1)
  return ((await calls(1 + SAMPLES)) - few) / SAMPLES
}
