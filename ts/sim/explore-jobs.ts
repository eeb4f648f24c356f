/** Many sizes, some at once, each in a thread of its own: the largest first, since they end last. */
import { Worker } from 'node:worker_threads'
import type { SizeReport, SizeResult } from './explore-size.js'
import type { Said } from './explore-worker.js'
import type { ExplorerSize } from './sizes.js'

/** Of each thread's heap; what grows with the states lies outside. */
const HEAP_MB = 5 * 1024

/** In the order of the sizes, in which what there is to say is printed too. */
export async function exploreSizes(sizes: readonly ExplorerSize[], jobs: number): Promise<SizeReport[]> {
  const waiting = sizes.map((size, at) => ({ size, at })).sort((one, other) => one.size.states - other.size.states)
  const results: SizeResult[] = []
  let printed = 0
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      results[next.at] = await inThread(next.size)
      while (results[printed] !== undefined) print(results[printed++]!)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return results.map(({ report }) => report)
}

function print({ way, lines }: SizeResult): void {
  for (const line of way) console.log(line)
  for (const line of lines) console.error(`${process.stderr.isTTY ? CLEAR : ''}${line}`)
}

function inThread(size: ExplorerSize): Promise<SizeResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./explore-worker.js', import.meta.url), {
      workerData: size,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    })
    worker.on('message', (said: Said) => {
      if ('result' in said) resolve(said.result)
      else if (process.stderr.isTTY)
        process.stderr.write(`${CLEAR}${size.protocol} ${size.name}: ${said.states} states`)
    })
    worker.on('error', reject)
  })
}

/** The line so far. */
const CLEAR = '\r\x1b[K'
