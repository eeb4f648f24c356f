/** The application kernels, at sizes that no number of ranks divides: that their results are right. Never how long it takes. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { KERNELS, LAYOUTS, layoutName, nodeOfRank } from '../../bench/kernels-list.js'
import { runPlain, runShared, type PlainRun, type SharedRun } from '../../bench/kernels-run.js'
import { kernelFigures, wrongResults, type KernelsBenchmark } from '../../bench/kernels.js'
import { segments } from '../../ts/client/inspect.js'
import { built, compiled } from '../../ts/launch/paths.js'
import { startCluster } from '../support/cluster.js'

const run = promisify(execFile)

/** Of each kernel sizes that are small and odd, and how many results they have. */
const TINY: Readonly<Record<string, readonly [sizes: number[], values: number][]>> = {
  fft: [
    [[7], 256],
    [[10], 2048],
  ],
  lu: [
    [[37, 8], 37 * 37],
    [[75, 16], 75 * 75],
  ],
  matrix: [[[61], 61 * 61]],
  radix: [
    [[1001], 1001],
    [[50_021], 50_021],
  ],
  sor: [
    [[61, 5], 61 * 61],
    [[1030, 3], 1030 * 1030],
  ],
}

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
        for (const model of models)
          for (const processes of [1, 2, 3, 4]) {
            // Two ranks on a node, too.
            for (const nodes of processes === 3 ? [2, 3] : [processes]) {
              const found = await runShared(cluster.daemons, name, model, { processes, nodes }, sizes, file)
              t.match(found, { kernel: name, values, right: true }, `${model}, ${processes} on ${nodes}`)
            }
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

/** The results that a plain program writes. */
async function plainResults(t: { testdir(): string }, kernel: string, sizes: readonly number[]): Promise<Buffer> {
  const file = join(t.testdir(), 'results')
  await runPlain(kernel, sizes, file)
  return readFileSync(file)
}

const doubles = (bytes: Buffer) =>
  new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))

/** As kernel.h has it. */
function numberAt(index: number): number {
  const wrap = (x: bigint) => BigInt.asUintN(64, x)
  let x = wrap(BigInt(index) + 0x9e3779b97f4a7c15n)
  x = wrap((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n)
  x = wrap((x ^ (x >> 27n)) * 0x94d049bb133111ebn)
  return Number((x ^ (x >> 31n)) >> 11n) * 2 ** -53
}

t.test('fft: the plain program has what the definition says', async (t) => {
  const m = 5
  const n = 2 ** m
  const found = doubles(await plainResults(t, 'fft', [m]))
  const [re, im] = [0, 1].map((part) => Array.from({ length: n }, (_, i) => numberAt(2 * i + part) - 0.5)) as [
    number[],
    number[],
  ]
  let worst = 0
  for (let k = 0; k < n; k++) {
    let [sumRe, sumIm] = [0, 0]
    for (let j = 0; j < n; j++) {
      const angle = (-2 * Math.PI * ((j * k) % n)) / n
      sumRe += re[j]! * Math.cos(angle) - im[j]! * Math.sin(angle)
      sumIm += re[j]! * Math.sin(angle) + im[j]! * Math.cos(angle)
    }
    worst = Math.max(worst, Math.abs(found[2 * k]! - sumRe), Math.abs(found[2 * k + 1]! - sumIm))
  }
  t.ok(worst < 1e-12, `it differs by ${worst}`)
})

t.test('lu: the product of the factors is the matrix', async (t) => {
  const n = 21
  const factors = doubles(await plainResults(t, 'lu', [n, 8]))
  let worst = 0
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0
      for (let k = 0; k <= Math.min(i, j); k++) sum += (k === i ? 1 : factors[i * n + k]!) * factors[k * n + j]!
      worst = Math.max(worst, Math.abs(sum - numberAt(i * n + j) - (i === j ? n : 0)))
    }
  t.ok(worst < 1e-12, `it differs by ${worst}`)
})

t.test('radix: the plain program sorts', async (t) => {
  const bytes = await plainResults(t, 'radix', [3000])
  const found = Array.from({ length: 3000 }, (_, i) => bytes.readUInt32LE(4 * i))
  const keys = Array.from({ length: 3000 }, (_, i) => Math.floor(numberAt(i) * 2 ** 32))
  t.same(
    found,
    keys.sort((a, b) => a - b),
  )
})

t.test('sor: the plain program has what a grid in rows gives', async (t) => {
  for (const n of [4, 7]) {
    const found = doubles(await plainResults(t, 'sor', [n, 3]))
    const side = n + 2
    const grid = new Float64Array(side * side).fill(1)
    const at = (i: number, j: number) => (i + 1) * side + j + 1
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) grid[at(i, j)] = numberAt(i * n + j)
    for (let sweep = 0; sweep < 6; sweep++)
      for (let i = 0; i < n; i++)
        for (let j = (i + sweep) % 2; j < n; j += 2) {
          const k = at(i, j)
          const around = grid[k - side]! + grid[k + side]! + grid[k - 1]! + grid[k + 1]!
          grid[k] = grid[k]! + 1.5 * (0.25 * around - grid[k]!)
        }
    const colours = (i: number) =>
      [0, 1].flatMap((c) => Array.from({ length: n }, (_, j) => j).filter((j) => (i + j) % 2 === c))
    const wanted = Array.from({ length: n }, (_, i) => colours(i).map((j) => grid[at(i, j)]!)).flat()
    t.ok(
      wanted.every((value, i) => Math.abs(value - found[i]!) < 1e-12),
      `${n} points`,
    )
  }
})

t.test('figures: speed-ups are against the plain program of the same round', (t) => {
  const kernel = { name: 'k', what: '', sizes: [9], quick: [3], models: ['lrc'], compared: '', target: 2 } as const
  const plain = (seconds: number): PlainRun => ({ kernel: 'k', seconds, values: 5 })
  const one = (seconds: number): SharedRun => ({
    ...plain(seconds),
    faults: 7,
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
  const call = [compiled('bench/main.js'), 'kernels', 'sor', 'radix', '--quick', '--json']
  const { stdout } = await run(process.execPath, call)
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as KernelsBenchmark
  t.match(result, { ok: true, quick: true, rounds: 1 })
  t.same(Object.keys(result.kernels), ['radix', 'sor'])
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
