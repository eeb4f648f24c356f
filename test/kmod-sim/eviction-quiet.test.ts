/** Nodes that are all full, each with pages that belong elsewhere: whoever asks for more is refused, and then it is quiet. */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { segments, status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096
/** Of a node, in pages; the segment fills both. */
const MEMORY = 32
const PAGES = 2 * MEMORY

/** What is tried again is so every 5 ms at most, for 2 s at most. */
const QUIET_MS = 500

const MODELS = {
  srsw: ['consistency=srsw'],
  mrsw: ['consistency=mrsw'],
  'mrsw/dynamic': ['consistency=mrsw', 'manager=dynamic'],
}

/** Whether the nodes have sent nothing since they were asked last, through a time in which what is tried again is tried many times. */
function quiet(cluster: TestCluster): () => boolean {
  let since = performance.now()
  let last: unknown
  return () => {
    const sent = [0, 1].map((node) => status(cluster.socket(node)).messages.sent)
    if (!isDeepStrictEqual(sent, last)) since = performance.now()
    last = sent
    return performance.now() - since > QUIET_MS
  }
}

for (const [name, options] of Object.entries(MODELS)) {
  t.test(`${name}: full nodes hand no pages round, and ask each other nothing`, async (t) => {
    const cluster = await startCluster(t, 2, { memory: MEMORY * P })
    const probes = await Promise.all([0, 1].map((node) => Probe.start(cluster.socket(node))))
    t.teardown(async () => {
      for (const probe of probes) await probe.kill()
    })
    const made = await probes[0]!.ok('createWith', 'large', PAGES * P, 0, ...options)
    const at = [
      await probes[0]!.ok('map', made, 0, 0, 0),
      await probes[1]!.ok('map', await probes[1]!.ok('open', 'large', 0), 0, 0, 0),
    ]
    const { homes } = segments(cluster.socket(0)).find((one) => one.name === 'large')!
    for (let page = 0; page < PAGES; page++) {
      const other = 1 - homes[page % 2]!
      await probes[other]!.ok('put', at[other]! + BigInt(page * P), page)
    }
    const more = await probes[0]!.ok('map', await probes[0]!.ok('createWith', 'more', 8 * P, 0, ...options), 0, 0, 0)
    t.match(await probes[0]!.send('put', more, 1), { is: 'sigbus' })
    t.equal(await becomes(true, quiet(cluster)), true)
  })
}
