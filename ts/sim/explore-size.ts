/** One of the explorer's sizes gone through, and what is said of it. */
import { step } from '../node/step.js'
import { explore, type ExploreReport } from './explore.js'
import { table } from './markdown.js'
import { rounded } from './rounded.js'
import type { ExplorerSize } from './sizes.js'

export interface SizeReport extends Omit<ExplorerSize, 'when' | 'ops' | 'symmetry' | 'places' | 'holds' | 'program'> {
  readonly opsPerThread: number
  readonly symmetry: boolean
  /** Nothing was found, and the count of states is the one that is known. */
  readonly ok: boolean
  readonly forms: number
  readonly depth: number
  readonly seconds: number
  readonly violation: string | undefined
}

export interface SizeResult {
  readonly report: SizeReport
  /** The shortest way to a violation. */
  readonly way: readonly string[]
  /** What there is to say. */
  readonly lines: readonly string[]
}

export function exploreSize(size: ExplorerSize, progress: (states: number) => void): SizeResult {
  const { name, when: _, states: expected, ...setup } = size
  const started = performance.now()
  const found = explore({ ...setup, step, progress })
  const seconds = rounded((performance.now() - started) / 1000)
  const { ok, states, forms, depth, violation, way } = found
  const {
    protocol,
    nodes,
    pages,
    threads,
    ops: opsPerThread,
    locks,
    blocks,
    ranges,
    duplicates,
    losses,
    evictions,
    tries,
    cancels,
    deaths,
  } = setup
  const { symmetry = false } = setup
  const cluster = {
    name,
    protocol,
    nodes,
    pages,
    threads,
    opsPerThread,
    locks,
    blocks,
    ranges,
    duplicates,
    losses,
    evictions,
    tries,
    cancels,
    deaths,
    symmetry,
  }
  const report = { ...cluster, ok: ok && states === expected, states, forms, depth, seconds, violation }
  return { report, way, lines: said(`${protocol} ${name}`, found, expected, seconds) }
}

function said(
  title: string,
  { ok, states, ends, depth, complete }: ExploreReport,
  expected: number,
  seconds: number,
): string[] {
  const lines = [`${title}: ${states} states, ${ends} ends, depth ${depth}, ${seconds} s`]
  if (!complete) lines.unshift(`${title}: gave up after ${states} states`)
  if (ok && states !== expected) lines.push(`${title}: ${expected} states were expected (ts/sim/sizes.ts)`)
  return lines
}

export function sizesTable(results: readonly SizeReport[]): string {
  return table(results, {
    protocol: ({ protocol }) => protocol,
    size: ({ name }) => name,
    nodes: ({ nodes }) => nodes,
    pages: ({ pages }) => pages,
    'threads a node': ({ threads }) => threads,
    'operations a thread': ({ opsPerThread }) => opsPerThread,
    locks: ({ locks }) => locks,
    blocks: ({ blocks }) => blocks,
    ranges: ({ ranges }) => (ranges ? 'yes' : ''),
    'faults twice': ({ duplicates }) => duplicates,
    'nodes lost': ({ losses }) => losses,
    evictions: ({ evictions }) => evictions,
    'locks tried': ({ tries }) => (tries ? 'yes' : ''),
    'waits cancelled': ({ cancels }) => cancels,
    deaths: ({ deaths }) => deaths,
    states: ({ states, forms, symmetry }) => (symmetry ? `${states} (of ${forms})` : states),
    depth: ({ depth }) => depth,
    seconds: ({ seconds }) => Math.round(seconds * 10) / 10,
    found: ({ ok, violation }) => violation ?? (ok ? 'nothing' : 'another count of states'),
  })
}
