/** --memory: what exceeds it is ENOMEM where it is asked for, SIGBUS where it is touched; both name the option. */
import t from 'tap'
import { status } from '../../ts/client/inspect.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096
const SMALL = 16 * P

for (const api of ['C', 'TypeScript'] as const) {
  t.test(
    `${api}: a segment that all nodes' memory cannot hold is ENOMEM; a block may be more than this one's`,
    async (t) => {
      const cluster = await startCluster(t, 1)
      await cluster.add({ memory: SMALL })
      const large = await Probe.start(cluster.socket(0), {}, api)
      const small = await Probe.start(cluster.socket(1), {}, api)
      t.teardown(() => Promise.all([large.kill(), small.kill()]))
      const text = /^ERR_GSHM_MEMORY: .*135168 bytes exceed 2 times this node's --memory 65536/
      t.match(await small.send('create', 'more', 33 * P, 0), { is: 'err', errno: 12, text })
      const segment = await small.ok('create', 'shared', 32 * P, 0)
      const at = await small.ok('map', segment, 0, 0, 0)
      await small.ok('alloc', segment, 32 * P)
      // Half of the pages have their home here, and fill the memory; the others come and go.
      for (let page = 0; page < 24; page++) await small.ok('put', at + BigInt(page * P), page)
      for (let page = 0; page < 24; page++) t.equal(await small.ok('get', at + BigInt(page * P)), BigInt(page))
      await large.ok('create', 'more', 33 * P, 0)
    },
  )

  t.test(`${api}: a page beyond --memory is SIGBUS and a log line; what is there stays`, async (t) => {
    const cluster = await startCluster(t, 1, { memory: SMALL })
    const socket = cluster.socket(0)
    const other = await Probe.start(socket)
    const p = await Probe.start(socket, {}, api)
    t.teardown(() => Promise.all([other.kill(), p.kill()]))
    const first = await p.ok('map', await p.ok('create', 'first', SMALL, 0), 0, 0, 0)
    const second = await p.ok('map', await p.ok('create', 'second', SMALL, 0), 0, 0, 0)
    const there = await other.ok('map', await other.ok('open', 'first', 0), 0, 0, 0)
    for (let page = 0; page < 16; page++) await p.ok('put', first + BigInt(page * P), 100 + page)
    // A JavaScript program cannot catch SIGBUS: it ends there.
    t.match(await p.send('put', second, 1), { is: api === 'C' ? 'sigbus' : 'ended' })
    t.match(cluster.log(0), new RegExp(`process ${p.pid} gets SIGBUS.*--memory`))
    for (let page = 0; page < 16; page++) t.equal(await other.ok('get', there + BigInt(page * P)), BigInt(100 + page))
    t.equal(status(socket).frameBytes, SMALL)
    await other.ok('put', there, 7)
  })
}
