// UPDATE_SCENARIOS=1 writes what happens in place of comparing: then read the diff.
import t from 'tap'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { step } from '../../ts/node/step.js'
import { runScenario } from '../../ts/sim/scenario.js'

const folder = new URL('.', import.meta.url)

for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
  t.test(`scenario: ${name.replace('.txt', '').replaceAll('-', ' ')}`, async (t) => {
    const file = new URL(name, folder)
    const script = readFileSync(file, 'utf8')
    const happens = runScenario(script, step)
    if (process.env['UPDATE_SCENARIOS'] === '1') writeFileSync(file, happens)
    else t.equal(script, happens)
  })
}
