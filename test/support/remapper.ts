/**
 * Maps a segment, reads and writes its first word and unmaps it, over and over, with a lasting view beside: every
 * round is an address event that the daemon must take in.
 *
 *   remapper SEGMENT      prints "ready" after the first round; the end of standard input ends it
 */
import { attach } from '../../ts/client/index.js'

const segment = attach().open(process.argv[2]!)
const lasting = new BigInt64Array(segment.map().buffer())
let ended = false
process.stdin.on('end', () => (ended = true)).resume()

function round(): void {
  for (let n = 0; n < 50; n++) {
    const view = segment.map()
    Atomics.add(new BigInt64Array(view.buffer()), 0, 1n)
    Atomics.add(lasting, 1, 1n)
    view.unmap()
  }
  if (!ended) setImmediate(round)
}

round()
console.log('ready')
