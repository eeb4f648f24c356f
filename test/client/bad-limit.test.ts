/** --memory: what exceeds it is ENOMEM where it is asked for, SIGBUS where it is touched; both name the option. */
import t from 'tap'
import { status } from '../../ts/client/inspect.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096
const SMALL = 16 * P

for (const api of ['C', 'TypeScript'] as const) {
  t.test(
    `${api}: an allocation that the node's --memory cannot hold is ENOMEM; another node may make it`,
    async (t) => {
      const cluster = await startCluster(t, 1)
      await cluster.add({ memory: SMALL })
      const large = await Probe.start(cluster.socket(0), {}, api)
      const small = await Probe.start(cluster.socket(1), {}, api)
      t.teardown(() => Promise.all([large.kill(), small.kill()]))
      const made = await large.ok('create', 'shared', 64 * P, 0)
      const opened = await small.ok('open', 'shared', 0)
      const text = /^ERR_GSHM_MEMORY: .*131072 bytes.*--memory 65536/
      t.match(await small.send('alloc', opened, 32 * P), { is: 'err', errno: 12, text })
      const block = await small.ok('alloc', opened, 8 * P)
      t.match(await small.send('realloc', opened, block, 32 * P), { is: 'err', errno: 12, text })
      await small.ok('free', opened, block)
      await large.ok('free', made, await large.ok('alloc', made, 64 * P))
      t.match(await small.send('create', 'more', 32 * P, 0), { is: 'err', errno: 12, text })
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
