/** Many threads on the same few pages, on both nodes: no word goes back, and writes are seen in their order. */
import t, { type Test } from 'tap'
import { status } from '../../ts/client/inspect.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096

async function judged(t: Test, nodes: number, threads: number, operations: number): Promise<void> {
  const cluster = await startCluster(t, nodes)
  const owner = await Probe.start(cluster.socket(0)) // the segment is somebody's throughout
  t.teardown(() => owner.kill())
  await owner.ok('map', await owner.ok('create', 'locations', 6 * P, 0), 0, 0, 0)
  const run = (node: number) =>
    cluster.run(node, 'locations', ['locations', node, nodes, threads, operations, 4711].map(String))
  for (const end of await Promise.all(Array.from({ length: nodes }, (_, node) => run(node)))) {
    t.match(end, { status: 0, stdout: 'right\n', stderr: '' })
  }
  t.ok(status(cluster.socket(1)).faults.remote > threads, 'pages moved')
}

t.test('sixteen threads on each of two nodes', (t) => judged(t, 2, 16, 1500))
t.test('eight threads on each of three nodes', (t) => judged(t, 3, 8, 1000))
