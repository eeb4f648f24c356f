/**
 * The diff benchmark: what a twin and a diff of a page cost in C (bench/diff_costs.c), and through the
 * addon, as the daemon calls it.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { built } from '../ts/launch/paths.js'
import { diffRoom, native } from '../ts/native/index.js'
import { spread } from './stats.js'

const PAGE = 4096
const CALLS = 100
/** Microseconds that a twin and the diff of a page with one word changed may take together, in C. */
const BUDGET_US = 1

/** Microseconds, each the median of the rounds; what they mean: docs/JSON.md. */
interface PageCosts {
  diffBytes: number
  encodeUs: number
  checkUs: number
  applyUs: number
  diffFrameUs: number
  patchFrameUs: number
}
type Pattern = 'same' | 'oneWord' | 'words32' | 'everyOther' | 'whole'
interface NativeCosts {
  pages: Record<Pattern, PageCosts>
  twinCopyUs: number
  twinFrameUs: number
  patchWaysUs: { runs: number; writes: number; mapping: number }[]
}

export interface DiffBenchmark extends NativeCosts {
  ok: boolean
  rounds: number
  sparseUs: number
  addon: { twinUs: number; diffUs: number; patchUs: number }
}

export async function diffBenchmark(rounds: number): Promise<DiffBenchmark> {
  const { stdout } = await promisify(execFile)(built('diff_costs'), [String(rounds)])
  const costs = JSON.parse(stdout) as NativeCosts
  const sparseUs = costs.twinCopyUs + costs.pages.oneWord.encodeUs
  const result = { ok: true, rounds, sparseUs, ...costs, addon: throughAddon(rounds) }
  print(result)
  return result
}

/** The same for a page with one word changed, called from JavaScript; another page each call. */
function throughAddon(rounds: number): DiffBenchmark['addon'] {
  const frames = new native.Frames('gshm-bench-diff', CALLS)
  const twin = Buffer.alloc(PAGE, 7)
  const copy = Buffer.alloc(PAGE)
  const out = Buffer.alloc(diffRoom(PAGE))
  const changed = Buffer.from(twin).fill(9, 800, 808)
  for (let page = 0; page < CALLS; page++) frames.copyIn(page, changed, 0)
  const length = frames.diff(0, twin, out, 0)
  const cost = (call: (page: number) => void) => {
    const samples = Array.from({ length: rounds }, () => {
      const begun = performance.now()
      for (let page = 0; page < CALLS; page++) call(page)
      return ((performance.now() - begun) * 1000) / CALLS
    })
    return spread(samples).median
  }
  const addon = {
    twinUs: cost((page) => frames.copyOut(page, copy, 0)),
    diffUs: cost((page) => frames.diff(page, twin, out, 0)),
    patchUs: cost((page) => frames.patch(page, out, 0, length)),
  }
  frames.close()
  return addon
}

function print({ pages, sparseUs, twinCopyUs, twinFrameUs, patchWaysUs, addon }: DiffBenchmark): void {
  const say = (text: string) => process.stderr.write(`${text}\n`)
  const us = (figure: number) => figure.toFixed(2).padStart(7)
  say(`twin: ${twinCopyUs.toFixed(2)} us in memory, ${twinFrameUs.toFixed(2)} from a frame`)
  say(`twin and diff of one word, in memory: ${sparseUs.toFixed(2)} us (budget ${BUDGET_US})`)
  say(`${'us'.padEnd(12)}   bytes encode  check  apply  frame: diff  patch`)
  for (const [name, { diffBytes, encodeUs, checkUs, applyUs, diffFrameUs, patchFrameUs }] of Object.entries(pages)) {
    const figures = [encodeUs, checkUs, applyUs, diffFrameUs, patchFrameUs].map(us)
    say(`${name.padEnd(12)} ${String(diffBytes).padStart(7)}${figures.join('')}`)
  }
  for (const { runs, writes, mapping } of patchWaysUs) {
    say(`${`${runs} runs`.padEnd(12)} by writes ${us(writes)}, by a mapping ${us(mapping)}`)
  }
  say(`through the addon, one word: twin ${us(addon.twinUs)}, diff ${us(addon.diffUs)}, patch ${us(addon.patchUs)}`)
}
