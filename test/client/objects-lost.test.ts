/** The nodes of holders, waiters and managers are killed: nobody waits for ever. */
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const failed = (name: string) => ({ is: 'err', text: new RegExp(`^ERR_GSHM_${name}`) }) as const

t.test('a node is lost: its writer is told of, its readers and waiters go; then the manager: NODE_LOST', async (t) => {
  const cluster = await startCluster(t, 4)
  const probes: Probe[] = []
  for (let node = 0; node < 4; node++) {
    const probe = await Probe.start(cluster.socket(node))
    t.teardown(() => probe.kill())
    probes.push(probe)
  }
  const [a, b, c, d] = probes as [Probe, Probe, Probe, Probe]
  await a.ok('semopen', 's', 0)
  await d.ok('write', 'w')
  await d.ok('read', 'r')
  void d.thread('take', 's')
  void d.thread('condwait', 'cv', 'm')
  const writers = [b.thread('write', 'w'), c.thread('write', 'r')]
  await cluster.kill(3)
  t.match(await Promise.all(writers), [failed('OWNER_DEAD'), { is: 'ok' }])
  await a.ok('post', 's', 1)
  t.equal(await a.ok('units', 's'), 1n)
  await a.ok('take', 's')

  const waits = [b.thread('take', 's'), c.thread('read', 'r'), c.thread('condwait', 'cv', 'm2'), b.thread('read', 'w')]
  await cluster.kill(0)
  const outcomes = await Promise.all(waits)
  for (const outcome of outcomes) t.match(outcome, failed('NODE_LOST'))
  t.match(await b.send('count', 'n', 1), failed('NODE_LOST'))
})
