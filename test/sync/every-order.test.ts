/**
 * One lock, three nodes: every order of asking, taking and giving it back by its word, and asking what that says, processes that end, a lost node, tokens given
 * up, releases that take their time, and the messages between them. Never two holders; whoever waits
 * gets the lock in the end; exactly the next one is told when a holder died; and whoever gets the lock
 * sees what its last holder wrote, as far as acquires and releases carry it.
 */
import t from 'tap'
import { lockTable } from '../../ts/sync/lock.table.js'
import { tokenTable } from '../../ts/sync/token.table.js'
import { watchCells } from '../support/cells.js'
import { explore } from '../support/explore.js'
import { OneLock } from '../support/one-lock.js'

const unmet = [watchCells(tokenTable), watchCells(lockTable)]

t.test('lock: every order of four threads on three nodes, one of which dies', async (t) => {
  t.equal(explore(new OneLock([0, 1, 1, 2], { exits: 1 })), 27115, 'states: a tripwire for changes of the protocol')
})

t.test('lock: every order of three nodes, one of which is lost', async (t) => {
  t.equal(explore(new OneLock([1, 2, 2], { exits: 1, losses: 1 })), 3432)
})

t.test('lock: every order of three nodes that give the token up, one of which is lost', async (t) => {
  t.equal(explore(new OneLock([0, 1, 2], { losses: 1, giveUps: 1 })), 8740)
  t.equal(explore(new OneLock([1, 1, 2], { losses: 1, giveUps: 2 })), 12368)
})

t.test('lock: every order of four nodes, one or two of which are lost', async (t) => {
  t.equal(explore(new OneLock([1, 2, 3], { losses: 1 }, [2])), 7960)
  t.equal(explore(new OneLock([1, 2, 3], { losses: 2 }, [2, 3])), 24923)
})

t.test('lock: every order of three nodes whose manager is lost', async (t) => {
  t.equal(explore(new OneLock([0, 1, 2], { exits: 1, losses: 1, giveUps: 1 }, [0])), 28538)
})

t.test('lock: every cell is met, but for those of bounds, tries and hostile words (lock.test.ts)', async (t) => {
  t.same(
    unmet.flatMap((cells) => cells()),
    [
      'None x AskFull',
      'None x TookLate', // of more losses than happen here
      'None x Unlock',
      'None x Busy',
      'Asked x LockFull',
      'Asked x LockBusy',
      'Asked x Unlock',
      'Asked x Busy',
      'Asked x Refused',
      'Idle x Unlock',
      'Idle x Busy',
      'Idle x RecallGone', // of more tokens given up than are here
      'Held x LockBehind', // of more threads on a node
      'Held x LockFull',
      'Held x LockBusy',
      'Wanted x LockFull',
      'Wanted x LockBusy',
      'Leaving x LockFull',
      'Leaving x LockBusy',
      'Leaving x Busy',
    ],
  )
})
