/** Was a round of the fault benchmark what it claims to be? Times are not asked for. */
import type { Cost } from './fault-cost.js'
import { budgetsOf, nameOf, type BenchModel, type Kind } from './fault-models.js'
import type { Round } from './fault-round.js'

/**
 * Why it was not, one text each.
 * @param kernel whether the kernel counts a fault that is trapped: it does not, where a signal is raised in place of it
 */
export function failuresOf(model: BenchModel, round: Round, number: number, pages: number, kernel = true): string[] {
  return Object.entries(budgetsOf(model)).flatMap(([kind, budget]) => {
    const cost = round[kind as Kind]
    const wrong = cost === undefined ? ['was not measured'] : wrongWith(cost, kind as Kind, budget, pages, kernel)
    return wrong.map((why) => `${nameOf(model)} ${kind}, round ${number}: ${why}`)
  })
}

function wrongWith(cost: Cost, kind: Kind, budget: number, pages: number, kernel: boolean): string[] {
  const { us, faults, served, messages } = cost
  // Each page is touched once, when it cannot be without a fault; an acquire takes pages away, no more.
  const expected = kind === 'acquire' ? 0 : pages
  const wrong: string[] = []
  if (us.length !== pages) wrong.push(`${us.length} samples of ${pages}`)
  if (!us.every((one) => one > 0)) wrong.push('a sample that is no time')
  if (kernel && faults !== expected) wrong.push(`the kernel counts ${faults} faults, not ${expected}`)
  if (served !== expected) wrong.push(`the daemons count ${served} faults, not ${expected}`)
  if (messages !== budget * pages) wrong.push(`${messages} messages, not ${budget} for each of ${pages} pages`)
  return wrong
}
