/** What the explorer renames and remembers loses no state and makes none. */
import t from 'tap'
import { step } from '../../ts/node/step.js'
import { explore } from '../../ts/sim/explore.js'

const locked = {
  protocol: 'lrc',
  nodes: 2,
  pages: 1,
  threads: 1,
  ops: 2,
  places: 1,
  locks: 1,
  blocks: 0,
  ranges: false,
  duplicates: 0,
  losses: 0,
  tries: false,
  cancels: 0,
  deaths: 0,
  evictions: 0,
  holds: false,
} as const

// Only these: where a page can be taken away before it is used, requests have numbers without end.
const SIZES = {
  'a lock, a node lost': { ...locked, losses: 1 },
  'a lock, three nodes': { ...locked, nodes: 3, ops: 1 },
  'a lock that is tried, a wait cancelled, a death': { ...locked, ops: 1, tries: true, cancels: 1, deaths: 1 },
  'two locks': { ...locked, locks: 2 },
  'a block of the heap, three nodes': { ...locked, locks: 0, blocks: 1, nodes: 3, ops: 1 },
  ranges: { ...locked, locks: 0, ranges: true },
}

for (const [name, size] of Object.entries(SIZES)) {
  t.test(`renamings: ${name}: all states by World alone, renamed afterwards, are as many`, async (t) => {
    const plain = explore({ ...size, step, plain: true })
    t.equal(plain.violation, undefined)
    t.ok(plain.complete)
    const { states } = explore({ ...size, step })
    t.equal(plain.forms, states)
    t.comment(`${plain.states} plain, ${states} states`)
  })
}
