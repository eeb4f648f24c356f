/**
 * One semaphore: every order. No unit is lost or made, whatever is withdrawn and whoever dies, but for those of a
 * lost node; nobody waits where there is one; and whoever takes one sees what its poster wrote.
 */
import t from 'tap'
import { semaphoreTable } from '../../ts/sync/semaphore.table.js'
import { watchCells } from '../support/cells.js'
import { OneObject, type Ask, type Rules } from '../support/every-object.js'
import { explore } from '../support/explore.js'

/** @param initial units that it begins with */
function asks(initial: number): { take: Ask; tries: Ask; post: Ask } {
  return {
    take: { deed: 'take', initial },
    tries: { deed: 'take', initial, patient: false },
    post: { deed: 'post', initial },
  }
}

function rules(initial: number): Rules {
  return {
    before: (object, thread, ask) => {
      if (ask.deed === 'post') object.write(thread)
      return true
    },
    answered: (object, thread, ask, outcome) => {
      const { ghost, threads } = object.plan
      if (outcome === 'NODE_LOST' || outcome === 'TIMEOUT') return
      if (outcome === 'BUSY' && ask.patient === false) return
      if (outcome !== 'done') throw new Error(`${ask.deed}: ${outcome}`)
      if (ask.deed === 'post') {
        ghost['posted'] = (ghost['posted'] ?? 0) + 1
        return
      }
      ghost['taken'] = (ghost['taken'] ?? 0) + 1
      const poster = threads.some(
        (other) => object.plan.wrote[object.numberOf(other)]! > 0 && object.sees(thread, other),
      )
      if (ghost['taken'] > initial && !poster && !object.isLost(2)) throw new Error('it sees nobody who posted')
    },
    died: ({ plan: { ghost } }, { script, at, does }) => {
      // Whether it has posted is not known.
      if (does === 'asks' && script[at]?.deed === 'post') ghost['perhaps'] = (ghost['perhaps'] ?? 0) + 1
    },
    end: (object) => {
      const { ghost, threads } = object.plan
      const { posted = 0, taken = 0, perhaps = 0 } = ghost
      const semaphore = object.managerIs()?.semaphores.get('k')
      if (object.isLost(0)) {
        if (threads.some(({ does }) => does === 'asks')) throw new Error('somebody waits for a lost node')
        return
      }
      if (semaphore === undefined) throw new Error('the semaphore is gone')
      const waits = threads.filter(({ does }) => does === 'asks').length
      if (semaphore.queue.length !== waits)
        throw new Error(`${waits} wait, and the manager knows ${semaphore.queue.length}`)
      if (waits > 0 && semaphore.units > 0) throw new Error('somebody waits for ever')
      const left = initial + posted - taken
      const { units } = semaphore
      if (units > left + perhaps) throw new Error(`${units} units are left of ${left}: one is made`)
      if (units < left && !object.isLost(2)) throw new Error(`${units} units are left of ${left}: one is lost`)
    },
  }
}

const unmet = watchCells(semaphoreTable)

t.test('semaphore: every order of posts and takes on three nodes, some of which do not wait', async (t) => {
  const { take, tries, post } = asks(0)
  const threads = [
    { node: 1, script: [take, post] },
    { node: 2, script: [post, tries] },
    { node: 0, script: [take] },
    { node: 1, script: [take] },
  ]
  t.equal(explore(new OneObject('semaphore', threads, rules(0))), 948, 'states: a tripwire for changes of the protocol')
})

t.test('semaphore: every order of three nodes, whose threads quit and die', async (t) => {
  const { take, post } = asks(1)
  const threads = [
    { node: 1, script: [take, post] },
    { node: 2, script: [take, post] },
    { node: 0, script: [take] },
  ]
  t.equal(explore(new OneObject('semaphore', threads, rules(1), { cancels: 1, exits: 1 })), 5920)
})

t.test('semaphore: every order of three nodes, one of which is lost', async (t) => {
  const { take, post } = asks(1)
  const threads = [
    { node: 1, script: [take, post] },
    { node: 2, script: [take, post] },
    { node: 2, script: [take] },
  ]
  t.equal(explore(new OneObject('semaphore', threads, rules(1), { losses: 1 })), 900)
  t.equal(
    explore(new OneObject('semaphore', threads.slice(0, 2), rules(1), { losses: 1, cancels: 1, exits: 1 }, [0])),
    4537,
  )
})

t.test('semaphore: every cell is met, but for those of objects.test.ts', async (t) => {
  t.same(unmet(), [
    'None x Missing',
    'None x Full',
    'None x Back',
    'None x Stray',
    'Units x Full',
    'Units x PostOver',
    'Units x Value',
    'Units x Destroy',
    'Empty x Full',
    'Empty x Value',
    'Empty x Destroy',
    'Empty x DestroyBusy',
  ])
})
