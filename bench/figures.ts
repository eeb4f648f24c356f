/** Rounds of samples, and what becomes of them: figures, and what was wrong with them. */
import { median, quantile, spread } from './stats.js'

/** What a round of one kind cost. */
export interface RoundCost {
  /** One latency a sample. */
  readonly us: readonly number[]
  readonly operations: number
  /** Between nodes, in all. */
  readonly messages: number
}

export interface Figure {
  p50Us: number
  p99Us: number
  /** Of the rounds' medians. */
  spreadUs: { median: number; min: number; max: number }
  floorUs: number
  ratio: number
  /** Between nodes, for each operation. */
  messages: number
  target?: number
  met?: boolean
}

export function figureOf(costs: readonly RoundCost[], floorUs: number, target: number | undefined): Figure {
  const spreadUs = spread(costs.map(({ us }) => median(us)))
  const ratio = spreadUs.median / floorUs
  const all = (count: (cost: RoundCost) => number) => costs.reduce((sum, cost) => sum + count(cost), 0)
  return {
    p50Us: spreadUs.median,
    p99Us: median(costs.map(({ us }) => quantile(us, 0.99))),
    spreadUs,
    floorUs,
    ratio,
    messages: all(({ messages }) => messages) / all(({ operations }) => operations),
    ...(target === undefined ? {} : { target, met: ratio <= target }),
  }
}

/**
 * Why a round was not whole, one text each. Times are not asked for.
 * @param budget messages for each operation; left out: any number @param more at most so many more
 */
export function wrongWith(
  { us, operations, messages }: RoundCost,
  samples: number,
  budget?: number,
  more = 0,
): string[] {
  const wrong: string[] = []
  if (us.length !== samples) wrong.push(`${us.length} samples of ${samples}`)
  if (!us.every((one) => one > 0)) wrong.push('a sample that is no time')
  const beyond = budget === undefined ? 0 : messages - budget * operations
  if (beyond < 0 || beyond > more * operations) {
    const wanted = more === 0 ? `${budget}` : `${budget} to ${budget! + more}`
    wrong.push(`${messages} messages, not ${wanted} for each of ${operations}`)
  }
  return wrong
}

export function medians<K extends string>(rounds: readonly Readonly<Record<K, number>>[]): Record<K, number> {
  const names = Object.keys(rounds[0]!) as K[]
  const entries = names.map((name) => [name, median(rounds.map((one) => one[name]))])
  return Object.fromEntries(entries) as Record<K, number>
}

/** To standard error, a line for each kind. */
export function printFigures(
  name: string,
  floorUs: Readonly<Record<string, number>>,
  figures: Readonly<Record<string, Figure>>,
): void {
  const us = (figure: number) => (figure < 1 ? figure.toFixed(4) : figure.toFixed(1))
  const floors = Object.entries(floorUs).map(([kind, floor]) => `${kind} ${us(floor)}`)
  process.stderr.write(`\n${name}: C floors, us p50: ${floors.join(', ')}\n`)
  process.stderr.write('  kind           us p50          of rounds       p99  x floor        target  messages\n')
  for (const [kind, { p50Us, p99Us, spreadUs, ratio, messages, target, met }] of Object.entries(figures)) {
    const goal = target === undefined ? '' : `${target}${met ? ' met' : ' not met'}`
    const range = `${us(spreadUs.min)}..${us(spreadUs.max)}`
    const words = [us(p50Us).padStart(8), range.padStart(18), us(p99Us).padStart(9), ratio.toFixed(1).padStart(8)]
    process.stderr.write(`  ${kind.padEnd(12)} ${[...words, goal.padStart(13)].join(' ')} ${messages}\n`)
  }
}
