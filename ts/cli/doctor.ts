/** `gshm doctor`: whether this machine can run a node, and what to change when it cannot. */
import { allChecks } from './checks.js'
import { command, type Outcome, type Say } from './command.js'
import { table } from './table.js'

interface Options {
  facts?: true
}

export const doctorCommand = () =>
  command<Options>('doctor', 'checks whether this machine can run a node, and says what to change', (say, options) =>
    options.facts ? kernelFacts(say) : machine(say),
  ).option('--facts', 'tries, one by one, what the design takes for granted of the kernel')

async function machine(say: Say): Promise<Outcome> {
  const { checks, traps } = await allChecks()
  say.print(
    table(
      ['', 'check', 'found'],
      checks.map((c) => [c.ok ? 'ok' : c.needed ? 'NO' : '--', c.name, c.found]),
    ),
  )
  for (const check of checks)
    if (!check.ok) say.print(`${check.needed ? 'change' : 'better'}: ${check.name}: ${check.change}`)
  if (traps.length > 0) {
    const rows = traps.map(({ who, trap, why }) => [who, trap, why])
    say.print(table(['processes of', 'trap', 'because'], rows))
  }
  const ok = checks.every((check) => check.ok || !check.needed)
  say.print(ok ? 'this machine can run a node' : 'this machine cannot run a node yet')
  return { ok, checks, traps }
}

async function kernelFacts(say: Say): Promise<Outcome> {
  const { findings } = await import('../testbed/facts.js')
  const facts = await findings()
  for (const { name, claim, ok, seen } of facts) {
    say.print(`${ok ? 'ok' : 'NO'}  ${name}: ${claim}`)
    if (!ok) say.print(`    seen instead: ${seen}`)
  }
  const wrong = facts.filter((each) => !each.ok).length
  say.print(wrong === 0 ? `all ${facts.length} facts hold` : `${wrong} of ${facts.length} facts do not hold here`)
  return { ok: wrong === 0, facts }
}
