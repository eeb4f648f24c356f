/** The tests of random runs; a file a protocol, for each takes much of the time that tap gives a file. */
import t from 'tap'
import { readFileSync, readdirSync } from 'node:fs'
import type { ProtocolName } from '../../ts/base/consistency.js'
import { CHECKED } from '../../ts/sim/check.js'
import { step } from '../../ts/node/step.js'
import { Cells } from '../../ts/sim/cells.js'
import { run } from '../../ts/sim/run.js'
import { runScenario, scenarioProtocol } from '../../ts/sim/scenario.js'
import { walk } from '../../ts/sim/walk.js'

/** Cells that neither walks nor scenarios reach, and why. */
const UNREACHED: Partial<Record<ProtocolName, string[]>> = {}

/** Seeds that meet cells which the first 3000 do not. */
const RARE: Partial<Record<ProtocolName, number[]>> = {
  'mrsw-dynamic': [3419, 3421, 3755, 3801, 10245, 14539],
}

/** Declares the tests of one protocol's random runs. */
export function walkTests(name: ProtocolName): void {
  const protocol = CHECKED.find((one) => one.name === name)!
  const report = run({ protocol, seeds: 3000, first: 1 })

  t.test(`sim: ${name}: 3000 seeds keep every promise`, async (t) => {
    t.equal(report.failed, undefined)
    t.ok(report.lossy > 500, `${report.lossy} of them lose a node`)
  })

  t.test(`sim: ${name}: a seed gives the same run always`, async (t) => {
    for (const seed of [3, 1001, 77_777]) {
      const lines = [[], []] as [string[], string[]]
      for (const log of lines) walk({ seed, protocol: name, step, log: (line) => log.push(line) })
      t.ok(lines[0].length > 20)
      t.strictSame(lines[0], lines[1])
    }
  })

  t.test(`sim: ${name}: every cell of the tables is met by a walk or a scenario`, async (t) => {
    const cells = new Cells()
    cells.add(report.cells)
    const observed = cells.step(protocol)
    for (const seed of RARE[name] ?? []) t.equal(walk({ seed, protocol: name, step: observed }).violation, undefined)
    const folder = new URL('../scenario/', import.meta.url)
    for (const file of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
      const script = readFileSync(new URL(file, folder), 'utf8')
      if (scenarioProtocol(script) === name) runScenario(script, observed)
    }
    t.strictSame(cells.missing(protocol), UNREACHED[name] ?? [])
  })
}
