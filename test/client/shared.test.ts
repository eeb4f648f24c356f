/** seg.shared(): a segment in a SharedArrayBuffer, for worker threads, beside all that V8 does with its memory. */
import t, { type Test } from 'tap'
import { compiled } from '../../ts/launch/paths.js'
import { processes } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type NodeOptions, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'
import type { ProgramEnd } from '../support/program.js'

const P = 4096
const PROGRAM = compiled('test/support/shared-views.js')

interface Nodes {
  cluster: TestCluster
  /** A C process of the other node, and where it has the segment. */
  probe: Probe
  at: bigint
  /** What the program printed at node 0. */
  run: (what: string) => Promise<unknown>
}

const printed = ({ stdout, stderr, status, signal }: ProgramEnd): unknown =>
  status === 0 ? JSON.parse(stdout) : { status, signal, stderr }

/** Two nodes with a segment 's' of five pages (no multiple of 64 KiB). */
function claim(
  name: string,
  body: (t: Test, nodes: Nodes) => Promise<void>,
  size = 5 * P,
  options: NodeOptions = {},
): void {
  t.test(name, async (t) => {
    const cluster = await startCluster(t, 2, options)
    const probe = await Probe.start(cluster.socket(1))
    t.teardown(() => probe.kill())
    const at = await probe.ok('map', await probe.ok('create', 's', size, 0), 0, 0, 0)
    await body(t, { cluster, probe, at, run: async (what) => printed(await cluster.run(0, PROGRAM, [what])) })
  })
}

claim(
  'threads of a process wait for each other by Atomics.wait() and notify() in it',
  async (t, { run, probe, at }) => {
    t.same(await run('turns'), { worker: 'done', late: 'timed-out', other: 'not-equal' })
    t.equal(await probe.ok('get', at), 0n, 'the turn is back, on the other node, too')
  },
)

claim('Atomics.add() of four threads on two nodes: nothing is lost', async (t, { cluster, probe, at }) => {
  const ends = await Promise.all([0, 1].map((node) => cluster.run(node, PROGRAM, ['add'])))
  t.same(ends.map(printed), [200_000, 200_000])
  t.equal((await probe.ok('get', at)) & 0xffffffffn, 200_000n)
})

claim(
  'what is collected stays the segment’s until it is closed; then V8 has the addresses back',
  async (t, { run }) => {
    t.same(await run('collected'), { kept: 7, alone: 7, at: 37, few: 'few' })
  },
)

claim(
  'close() while workers are at it: they go on in zeros that are nobody’s',
  async (t, { cluster, run, probe, at }) => {
    await probe.ok('put', at, 2 ** 30)
    const other = cluster.start(1, PROGRAM, ['add'])
    t.same(await run('closed'), { zeros: 8, shown: 0 })
    t.ok((await probe.ok('get', at)) > 2 ** 30, 'what they had added before is in the segment')
    await other.stop()
  },
)

claim('the thread that called shared() ends: its buffer shows zeros, the segment is as it was', async (t, { run }) => {
  t.same(await run('lender'), { during: 5, after: 0, segment: [5, 0, 0], anew: 5 })
})

claim('detach() while a worker is at it: it goes on in zeros', async (t, { run, probe, at }) => {
  await probe.ok('put', at, 2 ** 30)
  t.same(await run('detached'), { sum: true, again: 0 })
})

claim(
  'a process with a segment shared starts others, and the segment stays what it is',
  async (t, { run, probe, at }) => {
    t.same(await run('children'), { ends: [0, 0, 0, 0, 0], seen: 5 })
    t.equal((await probe.ok('get', at + 8n)) & 0xffffffffn, 5n)
  },
)

claim('exit() while a worker is at it: the process ends, and its node knows', async (t, { cluster, probe, at }) => {
  t.match(await cluster.run(0, PROGRAM, ['exit']), { status: 3, signal: null, stderr: '' })
  t.equal(await becomes(0, () => processes(cluster.socket(0)).length), 0, 'it is gone')
  t.equal(await probe.ok('wrong', at + BigInt(P), P, 0), 0n, 'the other node has the segment')
})

claim(
  'system calls fault in it, and V8’s own SIGSEGV for WebAssembly goes on beside',
  async (t, { run, probe, at }) => {
    t.same(await run('beside'), {
      ...{ read: 16, written: 16, faults: ['RuntimeError'], where: true },
      ...{ is: true, bytes: 65536 },
    })
    t.equal(await probe.ok('get', at + BigInt(P)), 0x4141414141414141n)
  },
)

claim('beyond the segment, where the buffer has no end yet: SIGBUS', async (t, { cluster }) => {
  for (const at of [5 * P, 65535]) {
    const { signal, stdout } = await cluster.run(0, PROGRAM, ['beyond', String(at)])
    t.match({ signal, stdout }, { signal: 'SIGBUS', stdout: '' })
  }
  t.equal(printed(await cluster.run(0, PROGRAM, ['beyond', String(5 * P - 1)])), 'no signal')
})

claim(
  'more than 2^32 bytes are refused; 2^32 are not',
  async (t, { run, probe }) => {
    t.equal(await run('huge'), 'ERR_GSHM_UNSUPPORTED')
    await probe.ok('unlink', 's')
    await probe.ok('create', 's', 2 ** 32, 0)
    t.equal(await run('huge'), 2 ** 32)
  },
  2 ** 32 + P,
  { memory: 8 * 2 ** 30 },
)

claim('where a process may not have so many addresses it is told', async (t, { cluster }) => {
  const command = 'ulimit -v 8000000 && exec "$0" "$1" huge'
  const end = await cluster.run(0, '/bin/sh', ['-c', command, process.execPath, PROGRAM])
  t.equal(printed(end), 'ERR_GSHM_MEMORY')
})
