/**
 * The TypeScript worker of the heap benchmark, as a program: heap-client SEGMENT. As bench/heap_worker.c, but it
 * knows `small` alone: it says `ready`, then makes one pass for each line of standard input, `small COUNT`.
 */
import { createInterface } from 'node:readline'
import { attach } from '../ts/client/gshm.js'
import { BATCH, SMALL_BYTES } from './heap-kinds.js'

const g = attach()
const segment = g.open(process.argv[2]!)
process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const us: number[] = []
  const count = Number(line.split(' ')[1])
  for (let i = 0; i < count; i++) {
    const begun = performance.now()
    for (let n = 0; n < BATCH; n++) segment.free(segment.alloc(SMALL_BYTES))
    us.push(((performance.now() - begun) * 1000) / BATCH)
  }
  process.stdout.write(`${JSON.stringify({ us })}\n`)
}
g.detach()
