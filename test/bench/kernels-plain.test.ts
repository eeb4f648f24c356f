/** The plain programs of the application kernels: that they compute what they say, as the definition has it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runPlain } from '../../bench/kernels-run.js'

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

t.test('matrix and strassen: the plain programs have what the definition says', async (t) => {
  const n = 33
  const value = (seed: number, row: number, column: number) => Math.floor(4 * numberAt(seed + row * n + column))
  const wanted: number[] = []
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0
      for (let k = 0; k < n; k++) sum += value(1, i, k) * value(2, k, j)
      wanted.push(sum)
    }
  for (const kernel of ['matrix', 'strassen']) t.same([...doubles(await plainResults(t, kernel, [n]))], wanted, kernel)
  t.ok(
    (await plainResults(t, 'matrix', [301])).equals(await plainResults(t, 'strassen', [301])),
    'and the same as each other',
  )
})

t.test('ocean: each cycle brings the grid nearer to the solution', async (t) => {
  const n = 64
  const residuals: number[] = []
  for (const cycles of [1, 4, 8]) {
    const found = doubles(await plainResults(t, 'ocean', [n, cycles]))
    const side = n + 2
    const grid = new Float64Array(side * side)
    let next = 0
    for (let i = 0; i < n; i++)
      for (const colour of [0, 1])
        for (let j = (i + colour) % 2; j < n; j += 2) grid[(i + 1) * side + j + 1] = found[next++]!
    let sum = 0
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const k = (i + 1) * side + j + 1
        const around = grid[k - side]! + grid[k + side]! + grid[k - 1]! + grid[k + 1]!
        sum += (numberAt(i * n + j) - 0.5 + around - 4 * grid[k]!) ** 2
      }
    residuals.push(Math.sqrt(sum))
  }
  const [one, four, eight] = residuals as [number, number, number]
  t.ok(one < 3 && four < one / 5 && eight < four / 5, residuals.join(' '))
})

t.test('tsp: no round trip is shorter', async (t) => {
  const n = 7
  const distance = (a: number, b: number) => {
    const square = [0, 1].reduce((sum, axis) => sum + (numberAt(2 * a + axis) - numberAt(2 * b + axis)) ** 2, 0)
    return Math.floor(100_000 * Math.sqrt(square) + 20_000 * numberAt(1000 + a * 20 + b)) + 1
  }
  const shortest = (at: number, left: readonly number[]): number =>
    left.length === 0
      ? distance(at, 0)
      : Math.min(
          ...left.map(
            (c) =>
              distance(at, c) +
              shortest(
                c,
                left.filter((other) => other !== c),
              ),
          ),
        )
  const bytes = await plainResults(t, 'tsp', [n])
  const wanted = shortest(0, [1, 2, 3, 4, 5, 6])
  t.same([bytes.readUInt32LE(0), bytes.readUInt32LE(4)], [wanted, wanted])
})

t.test('water: momentum stays', async (t) => {
  const n = 60
  const masses = [15.9994, 1.008, 1.008]
  const momentum = async (steps: number) => {
    const found = doubles(await plainResults(t, 'water', [n, steps]))
    const sums = [0, 0, 0]
    for (let i = 0; i < n; i++)
      for (let a = 0; a < 3; a++) for (let d = 0; d < 3; d++) sums[d]! += masses[a]! * found[i * 18 + 9 + a * 3 + d]!
    return sums
  }
  const [early, late] = [await momentum(1), await momentum(20)]
  for (let d = 0; d < 3; d++) t.ok(Math.abs(early[d]! - late[d]!) < 1e-9, `${early[d]} and ${late[d]}`)
})

t.test('barnes: bodies are attracted as by all others one by one, nearly', async (t) => {
  const n = 300
  const step = 0.01
  const found = doubles(await plainResults(t, 'barnes', [n, 1]))
  const speed = (i: number, d: number) => found[i * 6 + 3 + d]!
  const place = (i: number, d: number) => found[i * 6 + d]! - step * speed(i, d)
  let [wrong, all] = [0, 0]
  for (let i = 0; i < n; i++) {
    const pull = [0, 0, 0]
    for (let j = 0; j < n; j++) {
      if (j === i) continue
      const between = [0, 1, 2].map((d) => place(j, d) - place(i, d))
      const square = between.reduce((sum, x) => sum + x * x, 0.0025)
      for (let d = 0; d < 3; d++) pull[d]! += between[d]! / n / (square * Math.sqrt(square))
    }
    for (let d = 0; d < 3; d++) {
      const here = (speed(i, d) - 0.2 * (numberAt(16 * i + 3 + d) - 0.5)) / step
      wrong += (here - pull[d]!) ** 2
      all += pull[d]! ** 2
    }
  }
  t.ok(Math.sqrt(wrong / all) < 0.02, `relative error ${Math.sqrt(wrong / all)}`)
})
