import { spawn } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { processId } from '../../ts/launch/processes.js'
import { Control, traces } from '../../ts/testbed/control.js'
import { bucketOf, merge, nsOf, percentileUs, type Histogram } from '../../ts/testbed/histogram.js'
import { judge, type Seen } from '../../ts/testbed/judge.js'
import { places, type Place, type TestbedOptions } from '../../ts/testbed/options.js'
import { report } from '../../ts/testbed/report.js'
import { workerArguments, type WorkerEnd, type WorkerReport } from '../../ts/testbed/workers.js'

t.test('places: nodes in turn, both kinds everywhere', async (t) => {
  const six = places(3, 6)
  t.same(
    six.map((p) => p.node),
    [0, 1, 2, 0, 1, 2],
  )
  for (const node of [0, 1, 2])
    t.same(
      six
        .filter((p) => p.node === node)
        .map((p) => p.kind)
        .sort(),
      ['c', 'node'],
    )
  for (const [nodes, processes] of [
    [2, 2],
    [1, 2],
    [3, 2],
    [4, 7],
    [2, 9],
  ] as const) {
    const kinds = new Set(places(nodes, processes).map((p) => p.kind))
    t.equal(kinds.size, 2, `${processes} processes on ${nodes} nodes are of both kinds`)
  }
})

t.test('traces: what a registered process has is counted', async (t) => {
  const dir = t.testdir()
  mkdirSync(join(dir, '7', 'fd'), { recursive: true })
  const links = [
    'anon_inode:[userfaultfd]',
    '/dev/userfaultfd',
    'socket:[12]',
    '/memfd:gshm-1 (deleted)',
    'pipe:[3]',
    '/dev/null',
  ]
  links.forEach((link, fd) => symlinkSync(link, join(dir, '7', 'fd', String(fd))))
  writeFileSync(
    join(dir, '7', 'maps'),
    '7f00-7f01 rw-s 0 00:01 5 /memfd:gshm:seg (deleted)\n7f02-7f03 r-xp 0 08:01 6 /x/libgshm.so\n7f04-7f05 r-xp 0 08:01 7 /usr/lib/libc.so.6\n',
  )
  t.same(traces(7, dir), { userfaultfd: 2, mappings: 2, sockets: 1 })
})

t.test('the control process: nothing of ours in its /proc, the same page faults each time, and it ends', async (t) => {
  const control = await Control.start(t.testdir())
  t.same(control.traces(), { userfaultfd: 0, mappings: 0, sockets: 0 })
  const first = await control.minorFaults()
  t.ok(first >= 3 * 1024, 'it touches three mappings of 1,024 pages')
  t.equal(await control.minorFaults(), first)
  const pid = control.child.pid ?? 0
  await control.stop()
  t.equal(processId(pid), undefined)
  await t.rejects(control.minorFaults(), { code: 'ERR_GSHM_SYSTEM' }, 'a control process that has ended is no answer')
})

t.test('traces of a Node.js child: its pipes are sockets', async (t) => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: 'pipe' })
  t.ok(traces(child.pid ?? 0).sockets >= 3)
  child.kill()
})

t.test('histogram: a bucket holds what lies within 6 % of its middle, and buckets only rise', async (t) => {
  let last = 0
  for (let ns = 16; ns < 1e10; ns = Math.ceil(ns * 1.01)) {
    const bucket = bucketOf(ns)
    if (bucket < last) t.fail(`bucket of ${ns} falls`)
    if (Math.abs(nsOf(bucket) - ns) > ns * 0.06) t.fail(`${ns} lies in the bucket of ${nsOf(bucket)}`)
    last = bucket
  }
  t.equal(bucketOf(0), bucketOf(16))
})

t.test('histogram: percentiles of several workers together', async (t) => {
  const samples = (...list: number[]): Histogram => list.map((us) => [bucketOf(us * 1000), 1])
  const counts = merge([samples(10, 20, 30), samples(20, 1000), []])
  t.ok(Math.abs(percentileUs(counts, 0.5) - 20) < 1.2)
  t.ok(Math.abs(percentileUs(counts, 0.99) - 1000) < 60)
  t.equal(percentileUs(new Map(), 0.5), 0)
})

const size = { nodes: 2, processes: 2, seconds: 5, maxSize: 4096, memory: 2 ** 20 }
const options: TestbedOptions = { ...size, seed: 7, consistency: 'mrsw', manager: 'fixed', unit: 4096 }
const seen: WorkerReport = {
  blocks: 10,
  crossNode: 5,
  bytesVerified: 1000,
  wrong: 0,
  overlaps: 0,
  leaked: 0,
  latency: [[200, 4]],
}
function ended(worker: number, changes: Partial<WorkerEnd> = {}): WorkerEnd {
  const kind = worker % 2 === 0 ? 'c' : 'node'
  return {
    worker,
    node: worker,
    kind,
    pid: 1,
    status: 0,
    signal: null,
    endedByUs: false,
    report: seen,
    complaint: '',
    ...changes,
  }
}
function judged(changes: Partial<Seen> = {}) {
  const faults = { read: 1, write: 2, upgrade: 3, local: 4, remote: 5 }
  const unregistered = { userfaultfd: 0, mappings: 0, sockets: 0, minorFaultsBefore: 9, minorFaultsDuring: 9 }
  const workers = [ended(0), ended(1)]
  return judge({
    options,
    workers,
    faults: [faults, faults],
    heapBytesAfter: 0,
    unregistered,
    troubles: [],
    ...changes,
  })
}

t.test('judge: sums, and ok when nothing is wrong', async (t) => {
  const { result, lines } = judged()
  t.match(result, {
    ok: true,
    seed: 7,
    nodes: 2,
    processes: 2,
    blocks: 20,
    bytesVerified: 2000,
    faults: { read: 2, write: 4, upgrade: 6, local: 8, remote: 10 },
  })
  const text = report(result, lines)
  t.match(text, /2,000 verified, 0 wrong/)
  t.match(text, /OK: every byte was right\.$/)
})

t.test('judge: whatever a process saw that it should not have makes it not ok', async (t) => {
  const traces = { userfaultfd: 0, mappings: 0, sockets: 0, minorFaultsBefore: 9, minorFaultsDuring: 9 }
  const with1 = (changes: Partial<WorkerReport>) => ({
    workers: [ended(0), ended(1, { report: { ...seen, ...changes } })],
  })
  const cases: [Partial<Seen>, RegExp][] = [
    [with1({ wrong: 1 }), /1 bytes were not/],
    [with1({ overlaps: 1 }), /overlapped/],
    [with1({ leaked: 1 }), /never freed/],
    [with1({ blocks: 0 }), /C and Node\.js/],
    [{ heapBytesAfter: 16 }, /holds 16 bytes/],
    [
      { workers: [ended(0), ended(1, { status: 1, complaint: 'ERR_GSHM_X: y' })] },
      /worker 1 .*status 1: ERR_GSHM_X: y/,
    ],
    [{ workers: [ended(0), ended(1, { status: null, signal: 'SIGBUS' })] }, /SIGBUS/],
    [{ workers: [ended(0), ended(1, { report: undefined })] }, /no report/],
    [{ workers: [0, 1].map((n) => ended(n, { report: { ...seen, crossNode: 0 } })) }, /another node/],
    [{ unregistered: { ...traces, sockets: 1 } }, /unregistered/],
    [{ unregistered: { ...traces, minorFaultsDuring: 10 } }, /page faults/],
    [{ troubles: ['worker 1 was killed'] }, /was killed/],
    [{ workers: [ended(0), ended(1, { status: null, signal: 'SIGKILL', endedByUs: true })] }, /^1 workers were ended/],
  ]
  for (const [changes, text] of cases) {
    const { result, lines } = judged(changes)
    t.notOk(result.ok)
    t.match((result.failures ?? []).join('\n'), text)
    t.match(report(result, lines), /NOT OK/)
  }
})

t.test('workers: both kinds get the same options, one of them the fault to plant', async (t) => {
  const [c, node] = places(2, 2) as [Place, Place]
  const plain = workerArguments(c, 's', options)
  t.same(workerArguments({ ...node, worker: 0 }, 's', options).slice(1), plain)
  const inject = { ...options, inject: 'leak' } as const
  t.ok(workerArguments(c, 's', inject).includes('--inject'))
  t.notOk(workerArguments(node, 's', inject).includes('--inject'))
})
