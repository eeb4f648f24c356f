/**
 * The TypeScript worker of the benchmark of synchronisation, as a program: sync-client KIND NAME, KIND of
 * sync-kinds.ts. As bench/sync_worker.c: it says `ready`, then makes one pass for each line of standard input, a count.
 */
import { createInterface } from 'node:readline'
import { attach } from '../ts/client/gshm.js'

const [kind, name] = process.argv.slice(2) as [string, string]
const g = attach()

const operations: Readonly<Record<string, () => unknown>> = {
  relockSync: () => (g.lockSync(name), g.unlockSync(name)),
  relockAsync: async () => (await g.lock(name), await g.unlock(name)),
  barrierSync: () => g.barrierSync(name, 2),
  barrierAsync: () => g.barrier(name, 2),
}
const operation = operations[kind]
if (operation === undefined) throw new Error(`no kind ${kind}`)

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const us: number[] = []
  for (let n = 0; n < Number(line); n++) {
    const begun = performance.now()
    await operation()
    us.push((performance.now() - begun) * 1000)
  }
  process.stdout.write(`${JSON.stringify({ us })}\n`)
}
g.detach()
