/**
 * One reader-writer lock: every order. Never a writer with anybody; whoever waits gets the lock in the end; all
 * that get it until a writer has are told when one died; and whoever gets it sees what writers wrote before.
 */
import t from 'tap'
import { rwlockTable } from '../../ts/sync/rwlock.table.js'
import { watchCells } from '../support/cells.js'
import { OneObject, type Ask, type Rules } from '../support/every-object.js'
import { explore } from '../support/explore.js'

const READ: readonly Ask[] = [{ deed: 'read' }, { deed: 'unlock' }]
const WRITE: readonly Ask[] = [{ deed: 'write' }, { deed: 'unlock' }]
const TRY: readonly Ask[] = [{ deed: 'write', patient: false }, { deed: 'unlock' }]

const rules: Rules = {
  before: (object, thread, ask) => {
    // A writer writes while it holds the lock: here, last of all.
    if (ask.deed === 'unlock' && thread.holds === 'write') {
      object.write(thread)
      thread.holds = ''
    }
    return true
  },
  answered: (object, thread, ask, outcome, answer) => {
    const { plan } = object
    if (ask.deed === 'unlock') {
      if (outcome !== 'done' && !object.isLost(0)) throw new Error(`unlock: ${outcome}`)
      return
    }
    if (outcome === 'TIMEOUT' || outcome === 'NODE_LOST') return
    if (outcome === 'BUSY' && ask.patient === false) return
    if (answer?.is !== 'locked') throw new Error(`${ask.deed}: ${outcome}`)
    // Where a node is lost with a grant on its way, nobody knows whether a writer had it.
    const mayBeTold = plan.ghost['news'] === 1 || object.isLost(2)
    if (plan.ghost['news'] === 1 && !answer.ownerDied) throw new Error('nobody told of a death')
    if (answer.ownerDied && !mayBeTold) throw new Error('told of a death that nobody died')
    for (const other of plan.threads)
      if (!object.sees(thread, other)) throw new Error('it does not see what was written')
    if (ask.deed === 'write') plan.ghost['news'] = 0
  },
  died: ({ plan }, { holds }) => {
    if (holds === 'write') plan.ghost['news'] = 1
  },
  check: ({ plan }) => {
    const held = plan.threads.map(({ holds }) => holds).filter((holds) => holds !== '')
    if (held.includes('write') && held.length > 1) throw new Error('a writer is not alone')
  },
  end: (object) => {
    if (object.plan.threads.some(({ does }) => does === 'asks')) throw new Error('somebody waits for ever')
    for (const { objects } of object.links.world.states.values()) {
      if (objects.errands.size + objects.tickets.size + objects.rwClaims.size > 0) throw new Error('errands are left')
    }
    const lock = object.managerIs()?.rwlocks.get('k')
    if (lock !== undefined && lock.state !== 'Orphan') throw new Error(`the lock is left ${lock.state}`)
    if (object.plan.ghost['news'] === 1 && lock === undefined && !object.isLost(0))
      throw new Error('a death is forgotten')
    if ((object.managerIs()?.asks.size ?? 0) > 0) throw new Error('somebody is counted still')
  },
}

const unmet = watchCells(rwlockTable)

t.test('rwlock: every order of four threads on three nodes, one of which does not wait', async (t) => {
  const threads = [
    { node: 0, script: READ },
    { node: 1, script: WRITE },
    { node: 1, script: READ },
    { node: 2, script: TRY },
  ]
  t.equal(explore(new OneObject('rwlock', threads, rules)), 1500, 'states: a tripwire for changes of the protocol')
})

t.test('rwlock: every order of three nodes, whose threads quit and die', async (t) => {
  const threads = [
    { node: 0, script: WRITE },
    { node: 1, script: READ },
    { node: 2, script: WRITE },
  ]
  t.equal(explore(new OneObject('rwlock', threads, rules, { cancels: 1, exits: 1 })), 1936)
})

t.test('rwlock: every order of readers that come when a writer has died', async (t) => {
  const threads = [
    { node: 1, script: WRITE },
    { node: 0, script: READ },
    { node: 1, script: READ },
    { node: 0, script: TRY },
  ]
  t.equal(explore(new OneObject('rwlock', threads, rules, { exits: 1 })), 5399)
})

t.test('rwlock: every order of three nodes, one of which is lost', async (t) => {
  const threads = [
    { node: 1, script: WRITE },
    { node: 2, script: WRITE },
    { node: 2, script: READ },
  ]
  t.equal(explore(new OneObject('rwlock', threads, rules, { losses: 1, exits: 1 })), 4985)
})

t.test('rwlock: every order of three nodes whose manager is lost', async (t) => {
  const threads = [
    { node: 0, script: WRITE },
    { node: 1, script: READ },
    { node: 2, script: WRITE },
  ]
  t.equal(explore(new OneObject('rwlock', threads, rules, { losses: 1, cancels: 1 }, [0])), 1301)
})

t.test('rwlock: every cell is met, but for those of objects.test.ts', async (t) => {
  t.same(unmet(), [
    'Free x AskFull',
    'Free x Stray',
    'Free x Destroy',
    'Orphan x AskFull',
    'Orphan x Stray',
    'Orphan x Destroy',
    'Read x AskFull',
    'Read x DestroyBusy',
    'ReadOrphan x AskFull',
    'ReadOrphan x DestroyBusy',
    'Write x AskFull',
    'Write x DestroyBusy',
  ])
})
