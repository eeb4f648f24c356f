/**
 * What can happen to a process whose worker threads attach, and end, as they like. Prints "done".
 *
 *   workers waiting     a worker is terminated while its lock() waits
 *   workers mapping     workers are terminated while they map and unmap
 *   workers holders     two workers and two attach() calls take one lock in turn
 *   workers many        more lock() calls wait than a process may have connections
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { attach } from '../../ts/client/index.js'

const gshm = attach()
const start = (what: string) => new Worker(fileURLToPath(import.meta.url), { workerData: what })

async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) {
    await gshm.lock('l')
    await gshm.unlock('l')
  }
}

const inWorker: Record<string, () => void> = {
  waiting: () => {
    void gshm.lock('l')
    parentPort!.postMessage('waits')
  },
  mapping: () => {
    const segment = gshm.create('s', 4096, { openOrCreate: true })
    for (let n = 0; ; n++) {
      segment.map().unmap()
      if (n === 20) parentPort!.postMessage('maps')
    }
  },
  holders: () => void turns(),
}

const inMain: Record<string, () => Promise<void>> = {
  waiting: async () => {
    gshm.lockSync('l')
    const worker = start('waiting')
    await once(worker, 'message')
    await worker.terminate()
    gshm.unlockSync('l')
    gshm.lockSync('l') // what the worker was granted has been given back
    gshm.unlockSync('l')
  },
  mapping: async () => {
    for (let n = 0; n < 12; n++) {
      const worker = start('mapping')
      await once(worker, 'message')
      await worker.terminate()
    }
  },
  holders: async () => {
    const workers = [start('holders'), start('holders')]
    const ends = workers.map((worker) => once(worker, 'exit'))
    const again = attach()
    for (let turn = 0; turn < 50; turn++) {
      await Promise.all([gshm, again].map((one) => one.lock('l').then(() => one.unlock('l'))))
    }
    await Promise.all(ends)
  },
  many: async () => {
    gshm.lockSync('l')
    let waiting = 0
    let granted = 0
    let refused = ''
    const settled: Promise<void>[] = []
    while (refused === '' && waiting < 1100) {
      waiting++
      settled.push(
        gshm.lock('l').then(
          async () => (granted++, gshm.unlock('l')),
          (error: NodeJS.ErrnoException) => void (refused ||= error.code!),
        ),
      )
      if (waiting % 10 === 0) await gshm.barrier(`b${waiting}`, 1).catch(() => {})
    }
    gshm.unlockSync('l')
    await Promise.all(settled)
    console.log(`${refused}, ${granted > 0 ? 'others' : 'nobody'} got it`)
  },
}

if (isMainThread) {
  await inMain[process.argv[2]!]!()
  console.log('done')
} else {
  inWorker[workerData as string]!()
}
