/** The cluster's port of a running daemon: strangers are dropped, members that lie are fenced, processes notice nothing. */
import t, { type Test } from 'tap'
import { status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { endpoint, knock, Local } from '../support/cluster-node.js'
import { Probe } from '../support/probe.js'
import { version } from '../../kmod-sim/options.js'
import { NO_NODE, PAGE_SIZE } from '../../ts/base/ids.js'
import type { CoherenceType } from '../../ts/coherence/messages.js'
import type { Message } from '../../ts/node/messages.js'

const P = PAGE_SIZE

interface Attacked {
  cluster: TestCluster
  probe: Probe
  at: bigint
  log: () => string
}

/** A node whose process has data; after the attack it has them still, and the node takes others in. */
function attack(name: string, body: (t: Test, attacked: Attacked) => Promise<void>): void {
  t.test(name, async (t) => {
    const cluster = await startCluster(t, 1)
    const probe = await Probe.start(cluster.socket(0))
    t.teardown(() => probe.kill())
    const at = await probe.ok('map', await probe.ok('create', 'good', 64 * P, 0), 0, 0, 0)
    for (let page = 0; page < 32; page++) await probe.ok('put', at + BigInt(page * P), 100 + page)
    await probe.ok('lock', 'held')

    await body(t, { cluster, probe, at, log: () => cluster.log(0) })

    for (let page = 0; page < 32; page++) t.equal(await probe.ok('get', at + BigInt(page * P)), BigInt(100 + page))
    await probe.ok('put', at + BigInt(40 * P), 1)
    await probe.ok('unlock', 'held')
    await probe.ok('alloc', 0, 100)
    await cluster.add()
    const other = await Probe.start(cluster.socket(1))
    t.teardown(() => other.kill())
    const there = await other.ok('map', await other.ok('open', 'good', 0), 0, 0, 0)
    t.equal(await other.ok('get', there + BigInt(7 * P)), 107n, 'a node that joins afterwards sees it all')
  })
}

attack(
  'strangers: a hundred that send garbage are dropped with a log line each',
  async (t, { cluster, probe, at, log }) => {
    const port = endpoint(cluster.daemon(0).listen)
    let seed = 5
    const random = (below: number): number => (seed = (seed * 48271) % 0x7fffffff) % below
    for (let round = 0; round < 10; round++) {
      const garbage = Array.from({ length: 10 }, () =>
        Buffer.from(Array.from({ length: 1 + random(3000) }, () => random(256))),
      )
      await Promise.all(garbage.map((bytes) => knock(port, bytes, true)))
      t.equal(await probe.ok('get', at + BigInt(round * P)), BigInt(100 + round), 'while its process goes on')
    }
    const dropped = (): number => log().match(/is no node of this cluster/g)?.length ?? 0
    t.equal(await becomes(100, dropped), 100)
    t.equal(status(cluster.socket(0)).nodes.length, 1)
  },
)

function aboutPage(type: CoherenceType, segment: number, page: number, requester: number): Message {
  return { type, segment, page, requester, serial: 1, bytes: 'none', confirm: false }
}

const notDirect = { offer: 0, root: NO_NODE, peers: [], direct: false, meeting: 1 }

/** What an authentic member says that no member may say. */
const lies: [string, Message][] = [
  ['a page nobody asked it for', aboutPage('FetchWrite', 1, 3, 1)],
  ['a segment that was never made', aboutPage('GetRead', 99, 0, 1)],
  ['a page beyond the segment’s end', aboutPage('GetRead', 1, 1000, 1)],
  ['on behalf of another node', aboutPage('GetWrite', 1, 3, 0)],
  [
    'an answer to nothing',
    { type: 'BarrierGo', key: '=b', count: 2, arrived: 1, share: 0, tree: 0, parent: 0, kids: [], ...notDirect },
  ],
  ['a lock it does not hold', { type: 'TokenBack', key: '=held', turn: 12, tainted: false }],
  ['more bytes than the heap has', { type: 'AllocAsk', ticket: 1, segment: 1, bytes: 2 ** 50, align: 1, home: 0 }],
  ['a name that cannot be', { type: 'OpenAsk', ticket: 1, name: 'a/b' }],
]

for (const [what, lie] of lies) {
  attack(`members: one that says ${what} is fenced, and only it`, async (t, { cluster, log }) => {
    const liar = new Local({
      nodeName: 'liar',
      clusterName: cluster.cluster,
      version,
      join: endpoint(cluster.daemon(0).listen),
    })
    t.teardown(() => liar.cluster.stop())
    await liar.start()
    t.equal(status(cluster.socket(0)).nodes.length, 2)
    liar.cluster.send(0, lie)
    t.ok(await liar.until(/^fenced/), 'it hears so')
    t.equal(await becomes(1, () => status(cluster.socket(0)).nodes.length), 1)
    t.match(log(), /node 1 is lost: /)
  })
}
