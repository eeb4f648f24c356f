/**
 * A kernel in Node.js, as a program: node-kernel plain KERNEL SIZE; threads KERNEL SIZE RANKS; processes KERNEL SIZE, for
 * ranks on nodes. The first rank computes the result once more by itself, and prints a JSON object of `seconds` (of the
 * team's work), how many `values` were compared, and whether they were `right`.
 */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { alone, processTeam, threadsMemory, threadTeam, type NodeTeam, type ThreadsMemory } from './node-team.js'

export interface NodeRun {
  readonly seconds: number
  readonly values: number
  readonly right: boolean
}

/** Of `count` things in a row, the first one that is a rank's. */
const firstOf = (rank: number, ranks: number, count: number) => Math.floor((count * rank) / ranks)
const shares = (ranks: number, count: number) =>
  Array.from({ length: ranks }, (_, rank) => firstOf(rank + 1, ranks, count) - firstOf(rank, ranks, count))

/** Small whole numbers: sums are exact in any order. */
const numberAt = (index: number) => (Math.imul(index + 1, 0x9e3779b1) >>> 16) % 4

function fillRows(rows: Float64Array, from: number): void {
  for (let at = 0; at < rows.length; at++) rows[at] = numberAt(from + at)
}

/** c += the part of a's rows that meets those rows of b, of which `first` is the first. */
function multiply(c: Float64Array, a: Float64Array, b: Float64Array, n: number, first: number): void {
  const rows = c.length / n
  const end = b.length / n
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < end; k++) {
      const factor = a[i * n + first + k]!
      for (let j = 0; j < n; j++) c[i * n + j]! += factor * b[k * n + j]!
    }
}

/** Each rank has a band of rows of all matrices, and needs all of the right one, once. */
function matrix(team: NodeTeam, n: number): NodeRun {
  const { rank, ranks } = team
  const lengths = shares(ranks, n).map((rows) => rows * n)
  const left = team.parts('left', lengths)
  const right = team.parts('right', lengths)
  const product = team.parts('product', lengths)
  const from = firstOf(rank, ranks, n) * n
  fillRows(left[rank]!, from)
  fillRows(right[rank]!, from + n * n)
  product[rank]!.fill(0)
  const seconds = timed(team, () => {
    for (let step = 0; step < ranks; step++) {
      const other = (rank + step) % ranks
      multiply(product[rank]!, left[rank]!, right[other]!, n, firstOf(other, ranks, n))
    }
  })
  if (rank > 0) return { seconds, values: 0, right: true }
  const [a, b, c] = [0, 1, 2].map(() => new Float64Array(n * n)) as [Float64Array, Float64Array, Float64Array]
  fillRows(a, 0)
  fillRows(b, n * n)
  multiply(c, a, b, n, 0)
  let at = 0
  let same = true
  for (const part of product) for (const value of part) same &&= value === c[at++]
  return { seconds, values: at, right: same && at === n * n }
}

/** Samples are drawn in chunks, each of its own seed: whoever draws them, they are the same. */
const CHUNK = 2 ** 14

function hitsOf(chunk: number, samples: number): number {
  let state = Math.imul(chunk + 1, 0x9e3779b1) | 1
  let hits = 0
  const draw = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  for (let i = 0; i < samples; i++) {
    const x = draw()
    const y = draw()
    if (x * x + y * y < 1) hits++
  }
  return hits
}

function hitsOfChunks(first: number, every: number, samples: number): number {
  let hits = 0
  for (let chunk = first; chunk * CHUNK < samples; chunk += every)
    hits += hitsOf(chunk, Math.min(CHUNK, samples - chunk * CHUNK))
  return hits
}

/** How many of so many points of a square lie in a circle. */
function pi(team: NodeTeam, samples: number): NodeRun {
  const { rank, ranks } = team
  const hits = team.parts('hits', Array<number>(ranks).fill(1))
  hits[rank]![0] = 0
  let all = 0
  const seconds = timed(team, () => {
    hits[rank]![0] = hitsOfChunks(rank, ranks, samples)
    team.barrier()
    all = hits.reduce((sum, part) => sum + part[0]!, 0)
  })
  const wanted = rank === 0 ? hitsOfChunks(0, 1, samples) : all
  const isPi = Math.abs((4 * all) / samples - Math.PI) < 5 / Math.sqrt(samples)
  return { seconds, values: 1, right: all === wanted && isPi }
}

function timed(team: NodeTeam, work: () => void): number {
  team.barrier()
  const begun = performance.now()
  work()
  team.barrier()
  return (performance.now() - begun) / 1000
}

const KERNELS = { matrix, pi }
type KernelName = keyof typeof KERNELS

function runAs(team: NodeTeam, kernel: KernelName, size: number): NodeRun {
  const found = KERNELS[kernel](team, size)
  team.leave()
  return found
}

interface Job {
  readonly kernel: KernelName
  readonly size: number
  readonly rank: number
  readonly memory: ThreadsMemory
}

async function inThreads(kernel: KernelName, size: number, ranks: number): Promise<NodeRun> {
  const memory = threadsMemory(ranks, kernel === 'matrix' ? 3 * size * size : ranks)
  const runs = Array.from({ length: ranks }, async (_, rank) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { kernel, size, rank, memory } satisfies Job })
    return ((await once(worker, 'message')) as [NodeRun])[0]
  })
  return (await Promise.all(runs))[0]!
}

async function main([how, kernel, size, ranks]: readonly string[]): Promise<void> {
  const [name, length] = [kernel as KernelName, Number(size)]
  const print = (found: NodeRun) => void process.stdout.write(`${JSON.stringify(found)}\n`)
  if (how === 'plain') return print(runAs(alone(), name, length))
  if (how === 'threads') return print(await inThreads(name, length, Number(ranks)))
  const team = processTeam()
  const found = runAs(team, name, length)
  if (team.rank === 0) print(found)
}

if (isMainThread) await main(process.argv.slice(2))
else {
  const { kernel, size, rank, memory } = workerData as Job
  parentPort!.postMessage(runAs(threadTeam(rank, memory), kernel, size))
}
