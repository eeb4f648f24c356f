// `npm run table`: prints the tables of every protocol beside it. A test fails when one is stale.
import { writeFileSync } from 'node:fs'
import { engine } from '../dist/ts/node/state.js'
import { tableMarkdown } from '../dist/ts/coherence/print.js'

for (const protocol of engine.protocols()) {
  const file = new URL(`../ts/coherence/${protocol.name}/TABLE.md`, import.meta.url)
  writeFileSync(file, tableMarkdown(protocol))
  console.log(`ts/coherence/${protocol.name}/TABLE.md`)
}
