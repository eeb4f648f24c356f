/** Processes of several JavaScript threads, and of more waiting calls than they may have connections. */
import t from 'tap'
import { compiled } from '../../ts/launch/paths.js'
import { startNode } from '../support/cluster.js'

const CLAIMS = {
  waiting: 'a worker is terminated while its lock() waits: the process lives, and nobody has the lock',
  mapping: 'workers are terminated while they map and unmap: the process lives',
  holders: 'every lock() of a process is a holder of its own, whoever attached, in whatever thread',
}

for (const [what, claim] of Object.entries(CLAIMS)) {
  t.test(claim, async (t) => {
    const node = await startNode(t)
    const end = await node.run(0, compiled('test/support/workers.js'), [what])
    t.match(end, { status: 0, signal: null, stdout: 'done\n', stderr: '' })
  })
}

for (const [limit, refused] of [
  [8192, 'LIMIT'],
  [80, 'DESCRIPTORS'],
] as const) {
  t.test(`with as many lock() calls waiting as there can be, a process still unlocks (${refused})`, async (t) => {
    const node = await startNode(t)
    const command = `ulimit -n ${limit} && exec "$0" "$1" many`
    const end = await node.run(0, '/bin/sh', ['-c', command, process.execPath, compiled('test/support/workers.js')])
    t.match(end, { status: 0, stdout: `ERR_GSHM_${refused}, others got it\ndone\n` }, end.stderr)
  })
}
