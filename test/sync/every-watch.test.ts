/**
 * Waits at a word (or a condition): every order. Who waits watches, looks at the word, and sleeps or lets it be.
 * Nobody sleeps on what has been changed and notified since; a wake-up is never lost while another sleeps, whatever
 * is withdrawn and whoever dies; and who is woken sees what was written before the notify.
 */
import t from 'tap'
import { errandTable } from '../../ts/sync/errand.table.js'
import { watchTable } from '../../ts/sync/watch.table.js'
import { watchCells } from '../support/cells.js'
import { OneObject, type Ask, type Rules } from '../support/every-object.js'
import { explore } from '../support/explore.js'

/** It looks at the word in between: only one of the two is asked. */
const WAIT: readonly Ask[] = [{ deed: 'watch' }, { deed: 'sleep' }, { deed: 'unwatch' }]
/** The wait of a condition, whose mutex nobody has meanwhile: it sleeps whatever the word says. */
const SLEEP: readonly Ask[] = [{ deed: 'watch' }, { deed: 'sleep' }]
const NOTIFY: readonly Ask[] = [{ deed: 'notify', value: 1 }]
const NOTIFY_ALL: readonly Ask[] = [{ deed: 'notify', value: 9 }]

/** @param all every notify is for all; else each is for one @param looks whether those who wait look at the word */
function rules(all: boolean, looks: boolean): Rules {
  const seesNews = (object: OneObject, thread: { node: number }) =>
    object.plan.seen[thread.node]!.some((seen) => seen > 0)
  return {
    before: (object, thread, ask) => {
      const { ghost, threads } = object.plan
      if (ask.deed === 'notify') {
        object.write(thread)
        threads.forEach(({ got, does }, i) => {
          if (got.length === 1 && got[0] === 'value' && (does === 'asks' || does === 'idle')) ghost[`watched ${i}`] = 1
        })
      }
      if (ask.deed === 'sleep') return !(looks && seesNews(object, thread))
      return ask.deed !== 'unwatch' || thread.got.length === 1
    },
    answered: (object, thread, ask, outcome, answer) => {
      const { ghost } = object.plan
      if (outcome === 'NODE_LOST' || outcome === 'TIMEOUT') return
      if (outcome !== (ask.deed === 'watch' || ask.deed === 'notify' ? 'value' : 'done')) {
        throw new Error(`${ask.deed}: ${outcome}`)
      }
      if (ask.deed === 'notify' && answer?.is === 'value')
        ghost['notified'] = (ghost['notified'] ?? 0) + Number(answer.value)
      if (ask.deed !== 'sleep') return
      ghost['woken'] = (ghost['woken'] ?? 0) + 1
      if (!seesNews(object, thread) && !object.isLost(2)) throw new Error('it is woken, and sees nothing new')
    },
    died: ({ plan: { ghost } }, { script, at, does }) => {
      if (does === 'asks' && script[at]?.deed === 'notify') ghost['perhaps'] = 1
    },
    end: (object) => {
      const { ghost, threads, wrote } = object.plan
      const asleep = threads.filter(({ does, script, at }) => does === 'asks' && script[at]?.deed === 'sleep').length
      if (object.isLost(0)) {
        if (asleep > 0) throw new Error('somebody sleeps at a lost node')
        return
      }
      const known = object.managerIs()?.words.get('k')?.queue.length ?? 0
      if (known !== asleep) throw new Error(`${asleep} sleep, and the manager knows ${known}`)
      if (asleep === 0) return
      const told = threads.some(({ script, got }) => script[0]?.deed === 'notify' && got[0] === 'value')
      if (all && looks && told && wrote.some((n) => n > 0))
        throw new Error('somebody sleeps on a word that was changed')
      const { notified = 0, woken = 0, perhaps = 0 } = ghost
      const waited = threads.some(({ does }, i) => does === 'asks' && ghost[`watched ${i}`] === 1)
      if (waited && perhaps === 0 && !object.isLost(2) && notified > woken) throw new Error('a wake-up is lost')
    },
  }
}

const unmet = [watchCells(watchTable), watchCells(errandTable)]

t.test('wait: every order of two that look at the word, and one who notifies all', async (t) => {
  const threads = [
    { node: 1, script: WAIT },
    { node: 1, script: WAIT },
    { node: 2, script: NOTIFY_ALL },
  ]
  t.equal(explore(new OneObject('word', threads, rules(true, true))), 2295, 'states: a tripwire')
})

t.test(
  'wait: every order of two that sleep and one who notifies one, with one that quits and one that dies',
  async (t) => {
    const threads = [
      { node: 1, script: SLEEP },
      { node: 2, script: SLEEP },
      { node: 0, script: NOTIFY },
    ]
    t.equal(explore(new OneObject('word', threads, rules(false, false), { cancels: 1, exits: 1 })), 4370)
    const looking = threads.map((thread) => (thread.script === SLEEP ? { ...thread, script: WAIT } : thread))
    t.equal(explore(new OneObject('word', looking, rules(false, true), { cancels: 1, exits: 1 })), 5284)
  },
)

t.test('wait: every order of three nodes, one of which is lost', async (t) => {
  const threads = [
    { node: 1, script: WAIT },
    { node: 2, script: WAIT },
    { node: 1, script: NOTIFY },
  ]
  t.equal(explore(new OneObject('word', threads, rules(false, true), { losses: 1 })), 6870)
  t.equal(explore(new OneObject('word', threads, rules(false, true), { losses: 1 }, [0])), 6264)
})

t.test('wait: every cell is met, but for those of objects.test.ts', async (t) => {
  t.same(
    unmet.flatMap((cells) => cells()),
    [
      'None x WatchFull',
      'None x Destroy',
      'Watched x WatchFull',
      'Watched x DestroyBusy',
      'Releasing x CancelLate',
      'Asked x DoneSeen',
      'Asked x Grant',
      'Asked x GrantLock',
      'Asked x Refused',
      'Asked x CancelLate',
      'Asked x DiedLate',
      'Held x Unlock',
      'Held x Died',
      'Held x ManagerLost',
      'Returning x Released',
      'Returning x Cancel',
      'Returning x Died',
      'Returning x ManagerLost',
    ],
  )
})
