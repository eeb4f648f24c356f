/** `gshm doctor`: whether this machine can run a node, and what to change when it cannot. */
import { allChecks } from './checks.js'
import { command } from './command.js'
import { table } from './table.js'

export const doctorCommand = () =>
  command<object>('doctor', 'checks whether this machine can run a node, and says what to change', async (say) => {
    const checks = await allChecks()
    say.print(
      table(
        ['', 'check', 'found'],
        checks.map((c) => [c.ok ? 'ok' : c.needed ? 'NO' : '--', c.name, c.found]),
      ),
    )
    for (const check of checks)
      if (!check.ok) say.print(`${check.needed ? 'change' : 'better'}: ${check.name}: ${check.change}`)
    const ok = checks.every((check) => check.ok || !check.needed)
    say.print(ok ? 'this machine can run a node' : 'this machine cannot run a node yet')
    return { ok, checks }
  })
