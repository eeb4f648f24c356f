/** The kernels in Node.js, at sizes that no number of ranks divides: that their results are right. Never how long it takes. */
import t from 'tap'
import { LAYOUTS, layoutName } from '../../bench/kernels-list.js'
import type { NodeRun } from '../../bench/node-kernel.js'
import {
  NODE_KERNELS,
  nodeFigures,
  runProcesses,
  runThreads,
  THREADS,
  wrongNodeResults,
} from '../../bench/node-kernels.js'
import { segments } from '../../ts/client/inspect.js'
import { startCluster } from '../support/cluster.js'

/** A size, and how many results that has. */
const TINY: Readonly<Record<string, readonly [number, number]>> = { matrix: [61, 61 * 61], pi: [100_003, 1] }

t.test('every kernel, by 1 to 4 threads and 1 to 4 processes: as one alone', async (t) => {
  t.same(
    Object.keys(TINY),
    NODE_KERNELS.map(({ kernel }) => kernel),
  )
  const cluster = await startCluster(t, 2)
  for (const { kernel } of NODE_KERNELS) {
    const [size, values] = TINY[kernel]!
    for (const processes of [1, 2, 3, 4]) {
      t.match(await runThreads(kernel, size, processes), { values, right: true }, `${kernel}, ${processes} threads`)
      const layout = { processes, nodes: Math.min(2, processes) }
      const found = await runProcesses(cluster.daemons, kernel, layout, size)
      t.match(found, { values, right: true }, `${kernel}, ${layoutName(layout)}`)
    }
  }
  t.same(segments(cluster.socket(0)), [], 'no segment is left')
})

t.test('figures: speed-ups are against one thread of the same round', (t) => {
  const one = (seconds: number): NodeRun => ({ seconds, values: 1, right: true })
  const round = (plain: number, others: number) => ({
    plain: one(plain),
    threads: THREADS.map(() => one(others)),
    processes: LAYOUTS.map(() => one(others)),
  })
  const kernel = NODE_KERNELS[0]!
  const figures = nodeFigures(kernel, true, [round(4, 2), round(6, 2), round(6, 6)])
  t.equal(figures.size, kernel.quick)
  t.same([figures.threads.length, figures.layouts.length], [THREADS.length, LAYOUTS.length])
  for (const { speedup } of [...figures.threads, ...figures.layouts]) t.same(speedup, { median: 2, min: 1, max: 3 })
  t.same(wrongNodeResults('k', round(1, 1), 1), [])
  const wrong = { ...round(1, 1), threads: [one(1), { ...one(1), right: false }] }
  t.same(wrongNodeResults('k', wrong, 2), [`k, round 2, ${THREADS[1]} threads: a wrong result`])
  t.end()
})
