/** The benchmark of application kernels: what it makes of its rounds, and its arguments. Never how long it takes. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { LAYOUTS, layoutName, nodeOfRank } from '../../bench/kernels-list.js'
import type { PlainRun, SharedRun } from '../../bench/kernels-run.js'
import { kernelFigures, wrongResults, type KernelsBenchmark } from '../../bench/kernels.js'
import { built, compiled } from '../../ts/launch/paths.js'

const run = promisify(execFile)

t.test('figures: speed-ups are against the plain program of the same round', (t) => {
  const kernel = { name: 'k', what: '', sizes: [9], quick: [3], models: ['lrc'], compared: '', target: 2 } as const
  const plain = (seconds: number): PlainRun => ({ kernel: 'k', seconds, values: 5 })
  const one = (seconds: number): SharedRun => ({
    ...plain(seconds),
    faults: 7,
    served: 6,
    messages: 8,
    difference: 0,
    right: true,
  })
  const rounds = [
    { plain: plain(4), shared: LAYOUTS.map(() => one(2)) },
    { plain: plain(6), shared: LAYOUTS.map(() => one(2)) },
    { plain: plain(6), shared: LAYOUTS.map(() => one(6)) },
  ]
  const figures = kernelFigures(kernel, false, rounds)
  t.match(figures, { sizes: [9], model: 'lrc', target: 2, met: true, registered: { ratio: 0.5, met: true } })
  t.equal(figures.layouts.length, LAYOUTS.length)
  for (const { speedup } of figures.layouts) t.same(speedup, { median: 2, min: 1, max: 3 })
  t.notOk('met' in kernelFigures(kernel, true, rounds), 'a quick run has no targets')
  t.same(wrongResults('k', rounds[0]!, 1), [])
  const wrong = {
    plain: plain(1),
    shared: [one(1), { ...one(1), right: false, difference: 0.5 }, { ...one(1), values: 4 }],
  }
  t.same(wrongResults('k', wrong, 2), [
    `k, round 2, ${layoutName(LAYOUTS[1]!)}: a result that differs by 0.5`,
    `k, round 2, ${layoutName(LAYOUTS[2]!)}: 4 results, not 5`,
  ])
  t.end()
})

t.test('ranks: neighbours share a node, and every node has one', (t) => {
  for (const layout of LAYOUTS) {
    const nodes = Array.from({ length: layout.processes }, (_, rank) => nodeOfRank(rank, layout))
    t.same(
      nodes,
      [...nodes].sort((a, b) => a - b),
    )
    t.equal(new Set(nodes).size, layout.nodes, layoutName(layout))
  }
  t.end()
})

t.test('npm run bench -- kernels: the kernels that are named', async (t) => {
  const call = [compiled('bench/main.js'), 'kernels', 'sor', 'strassen', 'node-pi', '--quick', '--json']
  const { stdout } = await run(process.execPath, call)
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as KernelsBenchmark
  t.match(result, { ok: true, quick: true, rounds: 1 })
  t.same(Object.keys(result.kernels), ['sor', 'strassen'])
  t.same(Object.keys(result.node), ['node-pi'])
  for (const { layouts, difference } of Object.values(result.kernels)) {
    t.same(
      layouts.map(({ processes, nodes }) => ({ processes, nodes })),
      LAYOUTS,
    )
    t.equal(difference, 0)
  }
})

t.test('arguments that are none are told in one line', async (t) => {
  const bench = run(process.execPath, [compiled('bench/main.js'), 'kernels', 'sorting'])
  await t.rejects(bench, { code: 1, stderr: /kernels: there is no kernel 'sorting'/ })
  const file = join(t.testdir(), 'results')
  await t.rejects(run(built('kernels'), ['sor', 'plain', file, '2', '1']), {
    code: 2,
    stderr: /'2': a number from 3 to/,
  })
  await t.rejects(run(built('kernels'), ['sor', 'plain', file, '9']), { code: 2, stderr: /usage: kernels KERNEL/ })
  await t.rejects(run(built('kernels'), ['sort', 'plain', file, '9']), { code: 2, stderr: /usage: kernels KERNEL/ })
})
