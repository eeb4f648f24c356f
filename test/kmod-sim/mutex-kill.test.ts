/**
 * kill -9 at random points of processes that use mutexes. `npm run kills` kills 10,000; GSHM_KILLS says how many,
 * GSHM_SEED where to begin.
 */
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { storm } from '../support/lock-storm.js'

const KILLS = Number(process.env.GSHM_KILLS ?? 240)
const SEED = Number(process.env.GSHM_SEED ?? 20261121)
const NODES = 2
const LOCKS = 24
const PROCESSES = 2

const MODELS = {
  mrsw: ['consistency=mrsw'],
  srsw: ['consistency=srsw'],
  dynamic: ['consistency=mrsw', 'manager=dynamic'],
  lrc: ['consistency=lrc'],
} as const

for (const [index, [model, words]] of Object.entries(MODELS).entries()) {
  t.test(`mutexes, ${model}: processes killed at random points leave nothing half done and nothing held`, async (t) => {
    const cluster = await startCluster(t, NODES)
    const kills = Math.ceil(KILLS / Object.keys(MODELS).length)
    const started = performance.now()
    const calm = await storm(cluster, {
      kills,
      seed: SEED + index,
      locks: LOCKS,
      processes: PROCESSES,
      threads: 2,
      model: words,
    })
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    t.comment(`${kills} kills in ${seconds} s: ${calm.changes} changes, ${calm.deaths} deaths told`)
    t.same(calm.wrong, [])
    t.equal(calm.kills, kills)
    t.equal(calm.torn, 0)
    t.ok(calm.changes > 0 && calm.deaths > 0, 'locks were held by processes that were killed')
    // Beside what each killed process held at most (two threads, a lock each), nobody's death is told.
    t.ok(calm.deaths <= 2 * (kills + NODES * PROCESSES), `${calm.deaths} deaths`)
    t.ok(
      calm.descriptors.every((more) => more === 0),
      `descriptors of daemons: ${calm.descriptors.join(' ')} more`,
    )
    for (const number of calm.numbers) t.ok(number > 0 && number <= PROCESSES + 4, `number ${number} is used again`)
    for (const slot of calm.slots) t.ok(slot >= 0 && slot < LOCKS + 1, `slot ${slot}`)
    for (let node = 0; node < NODES; node++) t.notMatch(cluster.log(node), /error|assert/i)
  })
}
