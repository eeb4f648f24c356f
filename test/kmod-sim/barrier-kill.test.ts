/**
 * kill -9 at random points of processes that meet at a barrier, by their daemons and directly: the others are told, and
 * none hangs. `npm run kills` kills thousands; GSHM_KILLS says how many, GSHM_SEED where to begin.
 */
import { readdirSync } from 'node:fs'
import t from 'tap'
import { processes, status } from '../../ts/client/inspect.js'
import { barrierStorm } from '../support/barrier-storm.js'
import { becomes } from '../support/becomes.js'
import { startCluster } from '../support/cluster.js'

const KILLS = Number(process.env.GSHM_KILLS ?? 40)
const SEED = Number(process.env.GSHM_SEED ?? 20261122)
const NODES = 3

const DIRECT = { directly: 4, 'by their daemons': 0 } as const

for (const [index, [how, barrierDirect]] of Object.entries(DIRECT).entries()) {
  t.test(
    `barriers, ${how}: a participant killed at a random point breaks it for the others, and leaves nothing`,
    async (t) => {
      const cluster = await startCluster(t, NODES, { barrierDirect })
      const seed = SEED + index
      const first = await barrierStorm(cluster, { kills: 2, seed, key: 'storm', direct: barrierDirect > 0 })
      const descriptors = () => cluster.daemons.map(({ pid }) => readdirSync(`/proc/${pid}/fd`).length)
      const gone = () => cluster.daemons.map(({ socket }) => processes(socket).length)
      const nobody = cluster.daemons.map(() => 0)
      t.same(await becomes(nobody, gone), nobody)
      const before = descriptors()
      const started = performance.now()
      const kills = Math.ceil(KILLS / Object.keys(DIRECT).length)
      const calm = await barrierStorm(cluster, { kills, seed, key: 'storm', direct: barrierDirect > 0 })
      t.comment(
        `${kills} kills in ${((performance.now() - started) / 1000).toFixed(1)} s, ${calm.direct} of them while it was direct`,
      )
      t.same([...first.wrong, ...calm.wrong], [])
      t.equal(calm.kills, kills)
      if (barrierDirect > 0) t.ok(calm.direct > kills / 2, `${calm.direct} while it was direct`)
      else t.equal(calm.direct, 0)
      const none = cluster.daemons.map(() => ({ standing: 0, waiting: 0 }))
      t.same(await becomes(none, () => cluster.daemons.map(({ socket }) => status(socket).directBarriers)), none)
      // A visitor's connection that is being closed may have been counted before.
      const more = () => descriptors().map((now, node) => Math.max(0, now - before[node]!))
      t.same(await becomes(nobody, more), nobody, 'no more descriptors of daemons than before')
      for (let node = 0; node < NODES; node++) t.notMatch(cluster.log(node), /error|assert/i)
    },
  )
}
