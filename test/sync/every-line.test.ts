/**
 * A mutex that may be passed on by a line (kmod-sim/lock-lines.ts), in every order of what its processes and daemons do:
 * never two holders, whoever waits gets it in the end, and exactly the next one is told when a holder died, also one that
 * had the lock ahead of its token.
 */
import t from 'tap'
import { explore } from '../support/explore.js'
import { OneLock } from '../support/one-lock.js'

t.test('lines: every order of three threads on two nodes, one of which dies', async (t) => {
  t.equal(explore(new OneLock([1, 2, 1], { passes: 2, exits: 1 })), 7038, 'states: a tripwire')
})

t.test('lines: every order of three nodes, one of which is lost', async (t) => {
  t.equal(explore(new OneLock([1, 2], { passes: 1, exits: 1, losses: 1 }, [1])), 1889)
  t.equal(explore(new OneLock([1, 2, 0], { passes: 1, losses: 1 }, [2])), 12068)
})

t.test('lines: every order of three nodes whose manager is lost', async (t) => {
  t.equal(explore(new OneLock([1, 2, 1], { passes: 1, losses: 1 }, [0])), 7120)
})
