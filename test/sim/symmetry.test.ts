/** Leaving out states that differ only in which node is which loses none, and no bug. */
import t from 'tap'
import type { ProtocolName } from '../../ts/base/consistency.js'
import { step } from '../../ts/node/step.js'
import { Cells } from '../../ts/sim/cells.js'
import { explore } from '../../ts/sim/explore.js'
import { MUTANTS } from '../../ts/sim/mutants.js'

const size = {
  nodes: 3,
  pages: 1,
  threads: 1,
  ops: 1,
  places: 1,
  locks: 0,
  blocks: 0,
  ranges: false,
  duplicates: 0,
  losses: 0,
  tries: false,
  cancels: 0,
  deaths: 0,
  evictions: 0,
  holds: false,
}

for (const protocol of ['srsw', 'mrsw', 'mrsw-dynamic'] as const satisfies ProtocolName[]) {
  t.test(`symmetry: ${protocol}: the forms of what is left are all states`, async (t) => {
    for (const other of [{}, { ops: 2 }]) {
      if (protocol === 'mrsw-dynamic' && 'ops' in other) continue // 300,000 states
      const whole = explore({ ...size, ...other, protocol, step })
      const part = explore({ ...size, ...other, protocol, step, symmetry: true })
      t.ok(part.ok && whole.ok)
      t.equal(part.forms, whole.states)
      t.equal(part.depth, whole.depth)
      t.ok(part.states < whole.states * 0.6, `${part.states} of ${whole.states}`)
    }
  })
}

t.test('symmetry: where nodes are lost, every state is gone through', async (t) => {
  const lossy = { ...size, nodes: 3, losses: 1, protocol: 'srsw', step } as const
  t.equal(explore({ ...lossy, symmetry: true }).states, explore(lossy).states)
})

t.test('symmetry: finds the planted bugs that are found without, by ways as long', async (t) => {
  for (const { name, protocol, lossy } of MUTANTS) {
    if (lossy === true || protocol.name === 'lrc') continue
    const mutant = { ...size, protocol: protocol.name, step: new Cells().step(protocol) }
    const whole = explore(mutant)
    const part = explore({ ...mutant, symmetry: true })
    t.equal(part.violation === undefined, whole.violation === undefined, `${protocol.name}: ${name}`)
    t.equal(part.depth, whole.depth, `${protocol.name}: ${name}: depth`)
  }
})
