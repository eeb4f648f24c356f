/** `sim litmus`: files of litmus tests, each in every sequentially consistent protocol and placement. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { GshmError } from '../base/errors.js'
import { describe, keyOf, parseLitmus, scOutcomes, type Litmus } from '../litmus/index.js'
import { step } from '../node/step.js'
import { modelOutcomes, type Placement } from './litmus.js'

export const SEQUENTIAL = ['srsw', 'mrsw', 'mrsw-dynamic'] as const
type Sequential = (typeof SEQUENTIAL)[number]
const PLACEMENTS: readonly Placement[] = ['page-each', 'same-page']

/** Tests of more threads have too many states. */
const THREADS_MAX = 3

/** What a file has that cannot be understood is among what is wrong. @throws GshmError NOT_FOUND: a path without tests */
export function litmus(paths: readonly string[], protocols: readonly Sequential[]) {
  const started = performance.now()
  const files = paths.flatMap(filesOf)
  const wrong: string[] = []
  const sum = { tests: 0, runs: 0, states: 0, outcomes: 0, skipped: 0 }
  for (const file of files) {
    const test = parsed(file)
    if (typeof test === 'string') {
      console.error(test)
      wrong.push(test)
      continue
    }
    if (test.threads.length > THREADS_MAX) {
      console.error(`${file}: skipped, it has more than ${THREADS_MAX} threads`)
      sum.skipped++
      continue
    }
    sum.tests++
    const before = wrong.length
    for (const protocol of protocols) {
      for (const placement of PLACEMENTS) {
        const { states, outcomes, differences } = compare(test, protocol, placement)
        sum.runs++
        sum.states += states
        sum.outcomes += outcomes
        wrong.push(...differences.map((what) => `${file}: ${protocol}, ${placement}: ${what}`))
      }
    }
    console.error(wrong.length === before ? `${file}: ok` : wrong.slice(before).join('\n'))
  }
  const seconds = Math.round((performance.now() - started) / 1000)
  return { ok: wrong.length === 0 && sum.tests > 0, ...sum, protocols, wrong, seconds }
}

/** Or what is wrong in it. */
function parsed(file: string): Litmus | string {
  try {
    return parseLitmus(readFileSync(file, 'utf8'), file)
  } catch (error) {
    if (error instanceof GshmError) return error.message
    throw error
  }
}

function compare(test: Litmus, protocol: Sequential, placement: Placement) {
  const allowed = scOutcomes(test)
  const { outcomes, states, violation, complete } = modelOutcomes(test, { protocol, step, placement })
  const differences: string[] = []
  if (violation !== undefined) differences.push(violation)
  if (!complete) differences.push(`gave up after ${states} states`)
  for (const outcome of outcomes.values()) {
    if (!allowed.has(outcome)) differences.push(`can produce ${describe(test, outcome)}`)
  }
  for (const outcome of allowed.all) {
    if (!outcomes.has(keyOf(outcome))) differences.push(`cannot produce ${describe(test, outcome)}`)
  }
  return { states, outcomes: outcomes.size, differences }
}

function filesOf(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) throw new GshmError('NOT_FOUND', `${path}: no such file or folder`)
  if (!stat.isDirectory()) return [path]
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.litmus'))
  if (files.length === 0) throw new GshmError('NOT_FOUND', `${path}: no file below it ends in .litmus`)
  return files.sort().map((name) => join(path, name))
}
