/** PARMACS: three programs in that style give with 1, 2 and 4 processes what one after another gives. */
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { compileParmacs, runParmacs } from '../support/parmacs.js'
import { segmentNames } from '../support/ranks.js'
import { hasCommand, skipUnless } from '../support/skip.js'

const MODELS = ['mrsw', 'lrc'] as const
const PROCESSES = [1, 2, 4] as const

/** What test/programs/parmacs/lu.C prints. */
function lu(n: number): string[] {
  const columns = Array.from({ length: n }, (_, column) =>
    Float64Array.from({ length: n }, (_, row) => ((row * 37 + column * 101) % 64) / 64 + (row === column ? n : 0)),
  )
  for (let pivot = 0; pivot < n; pivot++) {
    const by = columns[pivot]!
    for (let row = pivot + 1; row < n; row++) by[row]! /= by[pivot]!
    for (const column of columns.slice(pivot + 1))
      for (let row = pivot + 1; row < n; row++) column[row]! -= by[row]! * column[pivot]!
  }
  let checksum = 0
  for (const [column, values] of columns.entries())
    for (const [row, value] of values.entries()) checksum += value * (1 + ((row ^ column) % 7))
  return [`checksum ${checksum.toFixed(6)}`, 'residual small']
}

/** What jacobi.C prints. */
function jacobi(side: number, sweeps: number): string[] {
  const grid = () => Array.from({ length: side }, () => new Float64Array(side))
  let [from, to] = [grid(), grid()]
  for (const one of [from, to]) {
    for (let i = 0; i < side; i++) {
      one[i]![0] = 25
      one[i]![side - 1] = 75
    }
    one[0]!.fill(100)
    one[side - 1]!.fill(0)
  }
  let change = 0
  for (let sweep = 0; sweep < sweeps; sweep++) {
    change = 0
    for (let row = 1; row < side - 1; row++) {
      for (let column = 1; column < side - 1; column++) {
        const [above, here, below] = [from[row - 1]!, from[row]!, from[row + 1]!]
        const value = 0.25 * (above[column]! + below[column]! + here[column - 1]! + here[column + 1]!)
        change = Math.max(change, Math.abs(value - here[column]!))
        to[row]![column] = value
      }
    }
    ;[from, to] = [to, from]
  }
  let checksum = 0
  for (const [row, values] of from.entries())
    for (const [column, value] of values.entries()) checksum += value * (1 + ((row * 3 + column) % 5))
  return [`change ${change.toFixed(9)}`, `checksum ${checksum.toFixed(6)}`]
}

/** What tasks.C prints: an interval is halved until it is small. */
function tasks(until: number): string[] {
  let [sum, count] = [0, 0]
  const halve = (from: number, to: number) => {
    count++
    if (to - from <= 100) return
    const middle = from + Math.floor((to - from) / 2)
    halve(from, middle)
    halve(middle, to)
  }
  halve(0, until)
  for (let i = 0; i < until; i++) sum += (i * i) % 1000
  return [`sum ${sum}`, `tasks ${count}`, `done ${count}`]
}

/** What tree.C prints. */
function tree(levels: number): string[] {
  const values = Array.from({ length: 2 ** levels - 1 }, (_, box) => box + 1)
  for (let box = values.length - 1; box > 0; box--) values[(box - 1) >> 1]! += values[box]!
  return [`root ${values[0]}, sum ${values.reduce((sum, value) => sum + value)}`]
}

const PROGRAMS = [
  {
    name: 'lu',
    args: ['-n64', '-b8'],
    expected: lu(64),
    told: /^(\[0\] )?(\d+ us|gshm: .*'original'.*private heap.*)$/,
  },
  { name: 'jacobi', args: ['-n48', '-s20'], expected: jacobi(48, 20), told: /^$/ },
  { name: 'tasks', args: ['-n8000'], expected: tasks(8000), told: /^$/ },
  { name: 'tree', args: ['-d7'], expected: tree(7), told: /^$/ },
]

for (const { name, args, expected, told } of PROGRAMS) {
  t.test(`PARMACS: ${name} with 1, 2 and 4 processes gives what one after another gives (mrsw, lrc)`, async (t) => {
    if (skipUnless(t, hasCommand('m4'), 'm4')) return
    const cluster = await startCluster(t, 4)
    const program = await compileParmacs(cluster.dir, name)
    for (const processes of PROCESSES) {
      for (const consistency of MODELS) {
        const env = { GSHM_CONSISTENCY: consistency }
        const { status, out, rest } = await runParmacs(cluster, processes, program, [`-p${processes}`, ...args], env)
        const what = `${processes} processes, ${consistency}`
        t.same(out, expected, what)
        t.equal(status, 0, what)
        t.same(
          rest.filter((line) => !told.test(line)),
          [],
          `${what}: nothing else is said`,
        )
      }
    }
    t.same(segmentNames(cluster), [], 'no segment is left')
  })
}

t.test(
  'PARMACS: what waits in a loop for a store of another process runs under mrsw, which is the default',
  async (t) => {
    if (skipUnless(t, hasCommand('m4'), 'm4')) return
    const cluster = await startCluster(t, 2)
    const program = await compileParmacs(cluster.dir, 'tree')
    t.same(await runParmacs(cluster, 2, program, ['-p2', '-d6', '-w']), { status: 0, out: tree(6), rest: [] })
  },
)
