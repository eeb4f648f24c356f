/** Bugs planted in the tables of direct barriers: each is found by random orders of what can happen, or, where it is
 * rare, by every order of little. */
import t from 'tap'
import { to, type Cell } from '../../ts/coherence/table.js'
import { directTable, type DirectAction, type DirectEvent, type DirectStateName } from '../../ts/sync/direct.table.js'
import { DIRECT_SIZES } from '../support/direct-sizes.js'
import { firstFailure } from '../support/direct-walks.js'
import { explore } from '../support/explore.js'
import { OneBarrier } from '../support/one-barrier.js'

const SEEDS = 3000

/** @param size where every order is gone through; undefined: random ones */
type Bug = [string, DirectStateName, DirectEvent, Cell<DirectStateName, DirectAction>, says: RegExp, size?: string]
const BUGS: readonly Bug[] = [
  ['the manager is answered before the process has parted', 'Standing', 'Ask', to('Over', 'part'), /./],
  ['the same, of one that is cut', 'Cut', 'Ask', to('Over', 'part'), /./],
  [
    'said to be ready before its lines are made',
    'Over',
    'Offer',
    to('Ready', 'introduce'),
    /before its lines are made/,
  ],
  ['a process ends, and nobody is told', 'Standing', 'Died', to('Gone'), /./],
  ['a process ends as any other thing that happens', 'Standing', 'Died', to('Gone', 'sendUproot'), /one that has died/],
  [
    'a process ends while it is parted, and that is not told',
    'Parting',
    'Died',
    to('Over', 'answer'),
    /one that has died/,
    'it is given up, and a process ends',
  ],
  ['somebody comes, and the manager is not told', 'Standing', 'Came', to('Cut'), /./],
  ['a line breaks, and the manager is not told', 'Standing', 'Unfit', to('Cut'), /./],
  [
    'it stands without a line',
    'Unfit',
    'Stand',
    to('Standing'),
    /a line that is broken/,
    'a line breaks that is offered',
  ],
  [
    'it stands without a process',
    'Ended',
    'Stand',
    to('Gone'),
    /left Gone|is Gone/,
    'a process ends that was offered it',
  ],
  ['an offer is taken back, and nobody is parted', 'Ready', 'Withdraw', to('Over'), /left over/],
  ['the manager is lost, and nobody is parted', 'Standing', 'ManagerLost', to('Over'), /left over/],
]

/** @returns what is wrong */
function explored(size: string): string | undefined {
  const { visits, counts, options } = DIRECT_SIZES.find(({ name }) => name === size)!
  try {
    explore(new OneBarrier(visits, counts, options))
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

for (const [name, state, event, cell, says, size] of BUGS) {
  t.test(`planted: ${name}`, async (t) => {
    const row = directTable[state] as Record<string, Cell<string, string>>
    const right = row[event]!
    row[event] = cell
    try {
      t.match(size === undefined ? firstFailure(SEEDS) : explored(size), says)
    } finally {
      row[event] = right
    }
  })
}
