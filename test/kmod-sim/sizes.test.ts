/** Sizes that segments and directories must bear: counts and bytes, no times. */
import t from 'tap'
import { segments, status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096
const BIG = 4 * 2 ** 30
const NODES = [0, 1, 2]

/** A segment may not be larger than --memory; frames are made for touched pages only, where none are fetched ahead. */
const cluster = await startCluster(t, NODES.length, { memory: 2 * BIG, fetchAhead: 0 })

async function forgotten(): Promise<number[]> {
  const touched = () => NODES.map((node) => status(cluster.socket(node)).touchedPages)
  return becomes([0, 0, 0], touched)
}

for (const [maker, user] of [
  ['C', 'TypeScript'],
  ['TypeScript', 'C'],
] as const) {
  t.test(`4 GiB made in ${maker}, opened in ${user}: first and last page are shared`, async (t) => {
    const a = await Probe.start(cluster.socket(0), {}, maker)
    t.teardown(() => a.kill())
    const b = await Probe.start(cluster.socket(1), {}, user)
    t.teardown(() => b.kill())
    const atA = await a.ok('map', await a.ok('create', 'big', BIG, 0), 0, 0, 0)
    const atB = await b.ok('map', await b.ok('open', 'big', 0), 0, 0, 0)
    for (const word of [0n, BigInt(BIG - 8)]) {
      await a.ok('put', atA + word, word + 1n)
      t.equal(await b.ok('get', atB + word), word + 1n, `${user} reads what ${maker} has written at ${word}`)
      await b.ok('put', atB + word, word + 2n)
      t.equal(await a.ok('get', atA + word), word + 2n, `and ${maker} what ${user} has`)
    }
    t.equal(status(cluster.socket(0)).frameBytes, 2 * P)
    await a.ok('unlink', 'big')
    await Promise.all([a.kill(), b.kill()])
    t.same(await forgotten(), [0, 0, 0], 'the directory goes with the segment')
  })
}

for (const [how, stride, count] of [
  ['dense', 1, 100_000],
  ['every tenth', 10, 10_000],
] as const) {
  t.test(`${count} pages, ${how}: a node knows those it has or is home of, in 32 bytes each at most`, async (t) => {
    t.match(await cluster.run(0, 'segment_create', ['pages', String(BIG)]), { status: 0, stderr: '' })
    const touch = ['pages', 'write', '0', String(stride), String(count)]
    t.equal((await cluster.run(0, 'fault_touch', touch)).status, 0)
    const { homes } = segments(cluster.socket(0)).find(({ name }) => name === 'pages')!
    const touched = Array.from({ length: count }, (_, n) => n * stride)
    const share = (node: number) => touched.filter((page) => homes[page % homes.length] === node).length
    const told = NODES.map((node) => status(cluster.socket(node)))
    t.same(
      told.map(({ touchedPages }) => touchedPages),
      [count, share(1), share(2)],
    )
    t.equal(told[0]!.frameBytes, count * P)
    for (const [node, { directoryBytes, touchedPages }] of told.entries()) {
      t.ok(directoryBytes <= 32 * touchedPages, `node ${node}: ${directoryBytes} bytes, ${touchedPages} pages`)
    }
    const p = await Probe.start(cluster.socket(0))
    await p.ok('unlink', 'pages')
    await p.kill()
    t.same(await forgotten(), [0, 0, 0])
  })
}
