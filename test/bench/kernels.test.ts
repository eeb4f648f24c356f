/** The application kernels, at sizes that no number of ranks divides: that their results are right. Never how long it takes. */
import { join } from 'node:path'
import t from 'tap'
import { KERNELS } from '../../bench/kernels-list.js'
import { runPlain, runShared } from '../../bench/kernels-run.js'
import { segments } from '../../ts/client/inspect.js'
import { startCluster } from '../support/cluster.js'

/** Of each kernel sizes that are small and odd, and how many results they have. */
const TINY: Readonly<Record<string, readonly [sizes: number[], values: number][]>> = {
  barnes: [
    [[77, 3], 77 * 6],
    [[2003, 2], 2003 * 6],
  ],
  fft: [
    [[7], 256],
    [[10], 2048],
  ],
  lu: [
    [[37, 8], 37 * 37],
    [[75, 16], 75 * 75],
  ],
  matrix: [[[61], 61 * 61]],
  ocean: [
    [[26, 3], 26 * 26],
    [[61, 1], 61 * 61],
    [[516, 1], 516 * 516],
  ],
  radix: [
    [[1001], 1001],
    [[50_021], 50_021],
  ],
  sor: [
    [[61, 5], 61 * 61],
    [[1026, 1], 1026 * 1026],
  ],
  strassen: [
    [[45], 45 * 45],
    [[301], 301 * 301],
  ],
  tsp: [
    [[5], 2],
    [[9], 2],
  ],
  water: [
    [[61, 5], 61 * 18],
    [[304, 2], 304 * 18],
  ],
}

/** Processes and nodes: two on one node, too. */
const LAYOUTS_OF_TINY = [
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
] as const
const LAYOUTS_OF_LARGE = [[3, 3]] as const

t.test('every kernel, by 1 to 4 ranks, in each model that it is for: as the plain program', async (t) => {
  t.same(
    Object.keys(TINY),
    KERNELS.map(({ name }) => name),
  )
  const cluster = await startCluster(t, 4)
  for (const { name, models } of KERNELS)
    for (const [sizes, values] of TINY[name]!)
      await t.test(`${name} ${sizes.join(' ')}`, async (t) => {
        const file = join(cluster.dir, 'results')
        t.equal((await runPlain(name, sizes, file)).values, values)
        // Sizes that are large for the sake of pages: once.
        const large = values > 100_000
        for (const model of large ? models.slice(0, 1) : models)
          for (const [processes, nodes] of large ? LAYOUTS_OF_LARGE : LAYOUTS_OF_TINY) {
            const found = await runShared(cluster.daemons, name, model, { processes, nodes }, sizes, file)
            t.match(found, { kernel: name, values, right: true }, `${model}, ${processes} on ${nodes}`)
          }
      })
  t.same(segments(cluster.socket(0)), [], 'no segment is left')
})

t.test('what differs from the plain program is told', async (t) => {
  const cluster = await startCluster(t, 1)
  const file = join(cluster.dir, 'results')
  const layout = { processes: 1, nodes: 1 }
  for (const [kernel, sizes, others] of [
    ['sor', [9, 2], [9, 3]],
    ['radix', [100], [101]],
    ['radix', [101], [100]],
  ] as const) {
    await runPlain(kernel, sizes, file)
    t.match(await runShared(cluster.daemons, kernel, 'mrsw', layout, others, file), { right: false }, kernel)
  }
})
