/** The options of the commands that run programs on a cluster of their own, as .option(...) takes them. */
import type { ModelOptions } from './model.js'
import { bytes, oneOf, whole } from './parse.js'

/** Of programs whose threads share pages. */
export interface ThreadOptions extends ModelOptions {
  nodes: number
  processes: number
  threads: number
  pages: number
  memory: number
  seconds?: number
  seed?: number
}

export const NODES = ['--nodes <count>', 'how many nodes', whole('--nodes', 1, 64), 3] as const
export const PROCESSES = [
  '--processes <count>',
  'how many processes in all, over the nodes in turn',
  whole('--processes', 1, 256),
  6,
] as const
export const THREADS = ['--threads <count>', 'threads in each process', whole('--threads', 1, 64), 2] as const

export const MEMORY = [
  '--memory <bytes>',
  'bound of the frames on each node; where it is small pages are evicted',
  bytes('--memory'),
  2 ** 28,
] as const

export function pages(what: string, usually: number) {
  return ['--pages <count>', what, whole('--pages', 1, 4096), usually] as const
}
export function seconds(howLong: string) {
  return ['--seconds <count>', howLong, whole('--seconds', 1, 86400)] as const
}
export function seed(ofWhat: string) {
  return ['--seed <number>', ofWhat, whole('--seed', 0, 2 ** 32 - 1)] as const
}
export function inject<T extends string>(faults: readonly T[]) {
  return [
    '--inject <fault>',
    `plants a fault that must be found: ${faults.join(', ')}`,
    oneOf('--inject', faults),
  ] as const
}

/** Without --seed a new one. */
export function seedOf(given: number | undefined): number {
  return given ?? Math.floor(Math.random() * 2 ** 31)
}

/** Seconds that a run takes when nothing else bounds it. */
export const SECONDS = 10

/** @param bound of another kind, which by itself is enough */
export function secondsOf(given: number | undefined, bound: number | undefined): { seconds?: number } {
  if (given === undefined && bound !== undefined) return {}
  return { seconds: given ?? SECONDS }
}
