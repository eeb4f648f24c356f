/** What a process may do to the memory that it shares with the daemon for its faults: itself harm, nobody else. */
import t from 'tap'
import { status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096

t.test('scribbled with: the daemon, other processes and other nodes go on, and get the pages', async (t) => {
  const cluster = await startCluster(t, 2)
  const neighbour = await Probe.start(cluster.socket(0), { GSHM_TRAP: 'mprotect' })
  const other = await Probe.start(cluster.socket(1))
  t.teardown(() => Promise.all([neighbour.kill(), other.kill()]))
  const near = await neighbour.ok('map', await neighbour.ok('create', 'one', 8 * P, 0), 0, 0, 0)
  const there = await other.ok('map', await other.ok('open', 'one'), 0, 0, 0)
  for (const [i, byte] of [0, 1, 2, 3, 4, 5, 6, 0x7f, 0x80, 0xff].entries()) {
    const p = await Probe.start(cluster.socket(0), { GSHM_TRAP: 'mprotect' })
    const at = await p.ok('map', await p.ok('open', 'one'), 0, 0, 0)
    for (let page = 0; page < 4; page++) await p.ok('put', at + BigInt(page * P), 100 * i + page)
    const absent = p.thread('get', at + BigInt(7 * P))
    t.ok((await p.ok('scribbletrap', byte)) > 0n)
    const faulting = p.thread('put', at + BigInt(6 * P), 1)
    for (let page = 0; page < 4; page++) {
      const value = BigInt(100 * i + page)
      t.equal(await other.ok('get', there + BigInt(page * P)), value, `byte ${byte}, page ${page}`)
      t.equal(await neighbour.ok('get', near + BigInt(page * P)), value)
    }
    await other.ok('put', there + BigInt(7 * P), i)
    await p.kill()
    await Promise.all([absent, faulting])
    t.equal(await becomes(1, () => status(cluster.socket(0)).processes), 1)
  }
  t.notMatch(cluster.log(0), /assert/i)
  t.equal(await neighbour.ok('get', near + BigInt(7 * P)), 9n)
})

t.test('a bell that blocks: the daemon does not wait for it', async (t) => {
  const cluster = await startCluster(t, 1)
  const p = await Probe.start(cluster.socket(0), { GSHM_TRAP: 'mprotect' })
  t.teardown(() => p.kill())
  const segment = await p.ok('create', 'bell', 8 * P, 0)
  t.ok((await p.ok('blockbells')) > 0n)
  const at = await p.ok('map', segment, 0, 0, 0) // the daemon looks whether it has rung
  for (let page = 0; page < 8; page++) await p.ok('put', at + BigInt(page * P), 1)
})
