import t from 'tap'
import { readFileSync } from 'node:fs'
import { tableMarkdown } from '../../ts/coherence/print.js'
import { engine } from '../../ts/node/state.js'

for (const protocol of engine.protocols()) {
  t.test(`${protocol.name}: TABLE.md is what the tables say (else: npm run table)`, async (t) => {
    const file = new URL(`../../ts/coherence/${protocol.name}/TABLE.md`, import.meta.url)
    t.equal(readFileSync(file, 'utf8'), tableMarkdown(protocol))
  })

  t.test(`${protocol.name}: the records have room for its states`, async (t) => {
    t.ok(protocol.copy.states.length <= 16)
    t.ok(protocol.home.states.length <= 256)
  })
}
