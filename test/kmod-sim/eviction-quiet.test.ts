/** Nodes that are all full, each with pages that belong elsewhere: whoever asks for more is refused, and then it is quiet. */
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { segments, status } from '../../ts/client/inspect.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096
/** Of a node, in pages; the segment fills both. */
const MEMORY = 32
const PAGES = 2 * MEMORY

const MODELS = {
  srsw: ['consistency=srsw'],
  mrsw: ['consistency=mrsw'],
  'mrsw/dynamic': ['consistency=mrsw', 'manager=dynamic'],
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
    const sent = () => [0, 1].map((node) => status(cluster.socket(node)).messages.sent)
    await setTimeout(300)
    const before = sent()
    await setTimeout(500)
    t.same(sent(), before)
  })
}
