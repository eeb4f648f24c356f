/**
 * A process whose threads have a segment in a SharedArrayBuffer (seg.shared()). Prints what it saw, as JSON, and ends.
 *
 *   shared-views WHAT     WHAT: a key of `inMain` below, which says what it does
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { attach } from '../../ts/client/index.js'

const P = 4096
/** Words of the segment. */
const SUM = 0 // which everybody adds to
const TURN = 1 // whose move it is, in a game of two threads
const PRIVATE = 2 // written by this process alone
const EVER = 2 ** 30

interface Job {
  readonly what: string
  readonly buffer?: SharedArrayBuffer
}
const words = (buffer: SharedArrayBuffer) => new Int32Array(buffer, 0, P / 4)
const start = (what: string, buffer?: SharedArrayBuffer) =>
  new Worker(fileURLToPath(import.meta.url), { workerData: { what, ...(buffer && { buffer }) } satisfies Job })
const said = async (worker: Worker): Promise<unknown> => ((await once(worker, 'message')) as unknown[])[0]
const tell = (what: unknown) => console.log(JSON.stringify(what))

function gc(): void {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
}
/** MiB of addresses that this process has. */
const addresses = () => Number(/VmSize:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024

/** A load beyond the end of a WebAssembly memory: V8 makes an exception of the SIGSEGV. */
function outOfBounds(): string {
  const code = Buffer.from(
    '0061736d0100000001060160017f017f030201000503010001070501016c00000a0901070020002802000b',
    'hex',
  )
  type Module = { new (bytes: Buffer): unknown }
  const wasm = (
    globalThis as unknown as { WebAssembly: { Module: Module; Instance: new (module: unknown) => unknown } }
  ).WebAssembly
  const { exports } = new wasm.Instance(new wasm.Module(code)) as { exports: { l: (at: number) => number } }
  try {
    return String(exports.l(0x7fff0000))
  } catch (error) {
    return (error as Error).constructor.name
  }
}

const inWorker: Record<string, (buffer: SharedArrayBuffer) => void> = {
  /** Waits for its turn, and gives it back, a hundred times. */
  turns: (buffer) => {
    const at = words(buffer)
    for (let n = 0; n < 100; n++) {
      while (Atomics.load(at, TURN) !== 1) Atomics.wait(at, TURN, 0)
      Atomics.store(at, TURN, 0)
      Atomics.notify(at, TURN)
    }
    parentPort!.postMessage('done')
  },
  add: (buffer) => {
    const at = words(buffer)
    for (let n = 0; n < 50_000; n++) Atomics.add(at, SUM, 1)
    parentPort!.postMessage('done')
  },
  /** Never ends by itself. */
  hammer: (buffer) => {
    const at = words(buffer)
    parentPort!.postMessage('begins')
    for (;;) {
      Atomics.add(at, SUM, 1)
      at[PRIVATE]!++
    }
  },
  /** Ends with a segment shared, and not closed. */
  lends: () => {
    const buffer = attach().open('s').shared()
    words(buffer)[PRIVATE] = 5
    parentPort!.postMessage(buffer)
    parentPort!.once('message', () => process.exit())
  },
}

const inMain: Record<string, () => Promise<unknown>> = {
  turns: async () => {
    const s = attach().open('s')
    const worker = start('turns', s.shared())
    const done = said(worker)
    const at = words(s.shared())
    while (Atomics.notify(at, TURN) === 0); // until it sleeps, as it has no turn
    for (let n = 0; n < 100; n++) {
      Atomics.store(at, TURN, 1)
      Atomics.notify(at, TURN)
      // The main thread may wait, too.
      while (Atomics.load(at, TURN) !== 0) Atomics.wait(at, TURN, 1)
    }
    return {
      worker: await done,
      late: Atomics.wait(at, TURN, 0, 1),
      other: Atomics.wait(at, TURN, 7),
    }
  },
  add: async () => {
    const g = attach()
    const s = g.open('s')
    await g.barrier('begin', 2)
    await Promise.all([start('add', s.shared()), start('add', s.shared())].map(said))
    await g.barrier('end', 2)
    return s.view(Int32Array)[SUM]
  },
  collected: async () => {
    const s = attach().open('s')
    words(s.shared())[PRIVATE] = 7
    for (let n = 0; n < 3; n++) gc()
    const kept = words(s.shared())[PRIVATE]
    // Nobody has the segment, but a buffer that was made of it.
    const buffer = (() => attach().open('s').shared())()
    for (let n = 0; n < 3; n++) gc()
    const alone = words(buffer)[PRIVATE]
    const before = addresses()
    for (let n = 0; n < 30; n++) {
      const again = attach().open('s')
      words(again.shared())[PRIVATE]!++
      again.close()
      gc()
    }
    const more = addresses() - before
    return { kept, alone, at: s.view(Int32Array)[PRIVATE], few: more < 60_000 ? 'few' : more }
  },
  closed: async () => {
    const g = attach()
    let zeros = 0
    for (let n = 0; n < 8; n++) {
      const s = g.open('s')
      const buffer = s.shared()
      const workers = [start('hammer', buffer), start('hammer', buffer)]
      await Promise.all(workers.map(said))
      s.close()
      if (words(buffer)[SUM]! < EVER) zeros++
      words(buffer)[3] = n
      await Promise.all(workers.map((worker) => worker.terminate()))
    }
    return { zeros, shown: g.open('s').view(Int32Array)[3] }
  },
  lender: async () => {
    const g = attach()
    const s = g.open('s')
    const worker = start('lends')
    const buffer = (await said(worker)) as SharedArrayBuffer
    const during = words(buffer)[PRIVATE]
    worker.postMessage('end')
    await once(worker, 'exit')
    words(buffer)[4] = 9
    return {
      during,
      after: words(buffer)[PRIVATE],
      segment: [...s.view(Int32Array, 8, 3)],
      anew: words(s.shared())[PRIVATE],
    }
  },
  detached: async () => {
    const g = attach()
    const buffer = g.open('s').shared()
    words(buffer)[PRIVATE] = 5
    const worker = start('hammer', buffer)
    await said(worker)
    g.detach()
    words(buffer)[4] = 9
    await worker.terminate()
    return { sum: words(buffer)[SUM]! < EVER, again: attach().open('s').view(Int32Array)[4] }
  },
  children: async () => {
    const s = attach().open('s')
    const at = words(s.shared())
    const worker = start('hammer', s.shared())
    await said(worker)
    const ends = []
    for (let n = 0; n < 5; n++) ends.push(spawnSync('/bin/true').status)
    const sum = at[SUM]!
    while (at[SUM] === sum); // it goes on
    await worker.terminate()
    at[PRIVATE] = 5
    return { ends, seen: s.view(Int32Array)[PRIVATE] }
  },
  exit: async () => {
    const s = attach().open('s')
    await said(start('hammer', s.shared()))
    process.exit(3)
  },
  /** System calls, and V8's own use of SIGSEGV, beside threads that fault. */
  beside: async () => {
    const g = attach()
    const s = g.open('s')
    const worker = start('hammer', s.shared())
    await said(worker)
    const bytes = new Uint8Array(s.shared(), P, 16)
    if (process.env['GSHM_TRAP'] === 'mprotect') bytes[0] = 1 // docs/TRAPS.md: system calls want the page to be here
    const read = readSync(openSync('/dev/zero', 'r'), bytes)
    bytes.fill(65)
    const written = writeSync(openSync('/dev/null', 'w'), bytes)
    const faults = []
    for (let n = 0; n < 100; n++) faults.push(outOfBounds())
    await worker.terminate()
    const where = g.address(g.pointer(s.at(0))) === s.at(0)
    return {
      read,
      written,
      faults: [...new Set(faults)],
      where,
      is: s.shared() instanceof SharedArrayBuffer,
      bytes: s.shared().byteLength,
    }
  },
  /** An access beyond what the segment has: the argument tells where. */
  beyond: async () => {
    const s = attach().open('s')
    new Uint8Array(s.shared())[Number(process.argv[3])]!++
    return 'no signal'
  },
  huge: async () => {
    const s = attach().open('s')
    try {
      return s.shared().byteLength
    } catch (error) {
      return (error as { code: string }).code
    }
  },
}

if (isMainThread) {
  tell(await inMain[process.argv[2]!]!())
  process.exit()
} else {
  const { what, buffer } = workerData as Job
  inWorker[what]!(buffer!)
}
