import t from 'tap'
import { segments } from '../../ts/client/inspect.js'
import { startNode } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

t.test('libgshm: eight threads map, lock, allocate, open and fork at once, and nothing is lost', async (t) => {
  const node = await startNode(t)
  const rounds = 150
  const { status, stdout, stderr } = await node.run(0, 'threads', [String(rounds)])
  t.equal(stderr, '')
  t.equal(status, 0)
  t.equal(Number(stdout), 4 * rounds, 'two threads and the children of two more added under the lock')
  t.match(segments(node.socket(0)), [{ heapBytes: 0, heapBlocks: 0 }])
})

t.test('libgshm: when the daemon is killed calls fail, forks do not hang, and the child knows too', async (t) => {
  const node = await startNode(t)
  const probe = await Probe.start(node.socket(0))
  t.teardown(() => probe.kill())
  const segment = await probe.ok('create', 's', 4096, 0)
  await probe.ok('map', segment, 0, 0, 0)
  const waits = probe.thread('barrier', 'b', 2)
  await probe.ok('lock', 'l')
  await node.kill(0)
  const lost = { is: 'err', text: /^ERR_GSHM_DAEMON_LOST: / }
  t.match(await waits, lost, 'a call that waits')
  t.match(await probe.send('alloc', segment, 16), lost)
  t.match(await probe.send('lock', 'other'), lost)
  const child = await probe.fork()
  t.match(await child.send('alloc', segment, 16), lost, 'in the child')
  t.match(await probe.send('create', 't', 4096, 0), lost)
  await child.kill()
  t.match(await probe.send('detach'), { is: 'ok' })
})
