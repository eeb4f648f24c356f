/**
 * Workers that change a segment under a lock, while they run WebAssembly out of its bounds (V8 traps that by SIGSEGV) and collect
 * garbage. Prints what the segment's word is when as many processes as argv[2] says are done, and how often WebAssembly was trapped.
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { attach } from '../../ts/client/index.js'

/** Node.js's types leave it out. */
declare const WebAssembly: {
  instantiate(bytes: Uint8Array): Promise<{ instance: { exports: Record<string, unknown> } }>
  readonly RuntimeError: new () => Error
}

const TURNS = 250
const WORKERS = 2

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const gshm = attach()
const segment = gshm.create('beside', 2 ** 20, { openOrCreate: true })

/** (func (export "f") (param i32) (result i32) local.get 0  i32.load) with one page of memory. */
const LOAD = new Uint8Array([
  ...[
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x03, 0x02, 0x01,
    0x00,
  ],
  ...[0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00],
  ...[0x0a, 0x09, 0x01, 0x07, 0x00, 0x20, 0x00, 0x28, 0x02, 0x00, 0x0b],
])

async function work(): Promise<void> {
  const { instance } = await WebAssembly.instantiate(LOAD)
  const load = instance.exports['f'] as (at: number) => number
  const words = new BigInt64Array(segment.map().buffer())
  let trapped = 0
  for (let turn = 0; turn < TURNS; turn++) {
    gshm.lockSync('beside')
    words[0]!++
    words[512 * (1 + (turn % 100))]!++
    gshm.unlockSync('beside')
    try {
      load(1 << 20)
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) trapped++
    }
    if (turn % 25 === 0) collect()
  }
  parentPort!.postMessage(trapped)
}

if (isMainThread) {
  const workers = Array.from({ length: WORKERS }, () => new Worker(fileURLToPath(import.meta.url)))
  const trapped = await Promise.all(workers.map(async (worker) => ((await once(worker, 'message')) as [number])[0]))
  await Promise.all(workers.map((worker) => worker.terminate()))
  await gshm.barrier('done', Number(process.argv[2]))
  const words = new BigInt64Array(segment.map().buffer())
  let others = 0n
  for (let page = 1; page <= 100; page++) others += words[512 * page]!
  console.log(`added ${words[0]} and ${others}, trapped ${trapped.reduce((a, b) => a + b)}`)
  gshm.detach()
} else {
  await work()
}
