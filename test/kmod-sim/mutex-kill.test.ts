/**
 * kill -9 at random points of processes that use mutexes. `npm run kills` kills 10,000; GSHM_KILLS says how many,
 * GSHM_SEED where to begin.
 */
import t from 'tap'
import { status } from '../../ts/client/inspect.js'
import { startCluster } from '../support/cluster.js'
import { storm } from '../support/lock-storm.js'

const KILLS = Number(process.env.GSHM_KILLS ?? 240)
const SEED = Number(process.env.GSHM_SEED ?? 20261121)
const NODES = 2
const LOCKS = 24
const PROCESSES = 2
const HOLD_US = 500

/** `direct`: between one process of each node, by lines. */
const KINDS = {
  mrsw: { model: ['consistency=mrsw'], direct: false },
  srsw: { model: ['consistency=srsw'], direct: false },
  dynamic: { model: ['consistency=mrsw', 'manager=dynamic'], direct: false },
  lrc: { model: ['consistency=lrc'], direct: false },
  direct: { model: ['consistency=mrsw'], direct: true },
} as const

for (const [index, [kind, { model, direct }]] of Object.entries(KINDS).entries()) {
  t.test(`mutexes, ${kind}: processes killed at random points leave nothing half done and nothing held`, async (t) => {
    const cluster = await startCluster(t, NODES, { lockDirect: direct ? 1 : 16 })
    const kills = Math.ceil(KILLS / Object.keys(KINDS).length)
    const [locks, processes] = direct ? [3, 1] : [LOCKS, PROCESSES]
    const came = () => cluster.daemons.reduce((sum, { socket }) => sum + status(socket).directLocks.came, 0)
    const started = performance.now()
    const calm = await storm(cluster, {
      kills,
      seed: SEED + index,
      locks,
      processes,
      threads: direct ? 1 : 2,
      model,
      ...(direct ? { hold: HOLD_US, happened: came } : {}),
    })
    t.comment(`${came()} hand-overs by lines`)
    if (direct) t.ok(came() >= kills, 'locks have come by lines')
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    t.comment(`${kills} kills in ${seconds} s: ${calm.changes} changes, ${calm.deaths} deaths told`)
    t.same(calm.wrong, [])
    t.equal(calm.kills, kills)
    t.equal(calm.torn, 0)
    t.ok(calm.changes > 0 && calm.deaths > 0, 'locks were held by processes that were killed')
    // Beside what each killed process held at most (two threads, a lock each), nobody's death is told.
    t.ok(calm.deaths <= 2 * (kills + NODES * processes), `${calm.deaths} deaths`)
    t.ok(
      calm.descriptors.every((more) => more === 0),
      `descriptors of daemons: ${calm.descriptors.join(' ')} more`,
    )
    for (const number of calm.numbers) t.ok(number > 0 && number <= processes + 4, `number ${number} is used again`)
    for (const slot of calm.slots) t.ok(slot >= 0 && slot < locks + 1, `slot ${slot}`)
    for (let node = 0; node < NODES; node++) t.notMatch(cluster.log(node), /error|assert/i)
  })
}
