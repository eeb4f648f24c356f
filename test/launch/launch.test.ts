import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { claim, clear, load, save, sockets, type ClusterState } from '../../ts/launch/cluster-state.js'
import { daemonArguments, daemonError } from '../../ts/launch/daemon.js'
import { dismiss } from '../../ts/launch/guardians.js'
import { stopDaemons } from '../../ts/launch/local-cluster.js'
import { clusterDir, runtimeDir, socketPath } from '../../ts/launch/paths.js'
import { gone, isAlive, processId, signal } from '../../ts/launch/processes.js'
import { runRanks, type RunOptions } from '../../ts/launch/ranks.js'
import { isOfRun, newRun } from '../../ts/launch/run-name.js'
import { strays } from '../../ts/launch/strays.js'

function sleeper(...args: string[]) {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()', '--', ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const pid = child.pid ?? 0
  return {
    child,
    id: processId(pid) ?? { pid: 0, started: 0 },
    ended: new Promise((resolve) => child.once('exit', resolve)),
  }
}

t.test('a process is known by its start time: a recycled pid is another process', async (t) => {
  const { child, id, ended } = sleeper()
  t.ok(isAlive(id))
  const recycled = { pid: id.pid, started: id.started - 1 }
  t.notOk(isAlive(recycled))
  signal(recycled, 'SIGKILL')
  t.ok(isAlive(id), 'the other process got no signal')
  t.same(await gone([recycled], 1000), [])
  t.same(await gone([id], 0), [id])
  signal(id, 'SIGKILL')
  await ended
  t.same(await gone([id], 1000), [])
  signal(id, 'SIGKILL')
  t.equal(child.signalCode, 'SIGKILL')
  t.equal(processId(2 ** 22 + 1), undefined)
})

t.test('cluster.json: one of two claims wins, and what it says survives', async (t) => {
  const dir = join(t.testdir(), 'c')
  const id = { pid: 1, started: 2 }
  const state: ClusterState = {
    cluster: 'c',
    memory: 4096,
    nodes: [
      { name: 'node0', node: 0, socket: join(dir, 'node0.sock'), listen: '127.0.0.1:1', log: 'l', id, keeper: id },
    ],
  }
  t.equal(load(dir), undefined)
  claim(dir, { ...state, nodes: [] })
  t.throws(() => claim(dir, state), { code: 'ERR_GSHM_EXISTS', message: /gshm down/ })
  save(dir, state)
  t.same(load(dir), state)
  writeFileSync(join(dir, 'cluster.json'), '{"nodes":[{}]}')
  t.throws(() => load(dir), { code: 'ERR_GSHM_INVALID', message: /gshm down --force/ })
  writeFileSync(join(dir, 'cluster.json'), 'half of')
  t.throws(() => load(dir), { code: 'ERR_GSHM_INVALID' })
  for (const n of [10, 2, 0]) writeFileSync(join(dir, `node${n}.sock`), '')
  t.same(
    sockets(dir),
    [0, 2, 10].map((n) => join(dir, `node${n}.sock`)),
  )
  clear(dir)
  t.notOk(existsSync(dir))
  mkdirSync(dir)
  writeFileSync(join(dir, 'host.sock'), '')
  t.throws(() => claim(dir, state), { code: 'ERR_GSHM_EXISTS', message: /host.sock.*gshm node/ })
  writeFileSync(join(dir, 'mine.txt'), '')
  clear(dir)
  t.ok(existsSync(join(dir, 'mine.txt')), 'what is not ours stays')
})

t.test('directories and sockets: names are checked, and the length of a socket path', async (t) => {
  const before = process.env['GSHM_RUNTIME_DIR']
  t.teardown(() => {
    if (before === undefined) delete process.env['GSHM_RUNTIME_DIR']
    else process.env['GSHM_RUNTIME_DIR'] = before
  })
  delete process.env['GSHM_RUNTIME_DIR']
  t.equal(runtimeDir(), '/run/gshm')
  process.env['GSHM_RUNTIME_DIR'] = '/tmp/r'
  t.equal(clusterDir('c'), '/tmp/r/c')
  for (const name of ['', '../x', 'a/b', '.hidden', 'x'.repeat(64)]) {
    t.throws(() => clusterDir(name), { code: 'ERR_GSHM_NAME_INVALID', message: /--cluster/ })
  }
  t.throws(() => socketPath(`/tmp/${'x'.repeat(100)}`, 'node0'), {
    code: 'ERR_GSHM_NAME_TOO_LONG',
    message: /GSHM_RUNTIME_DIR/,
  })
})

t.test('the daemon is told what was asked for, and its error is found in its log', async (t) => {
  t.same(daemonArguments({ cluster: 'c', name: 'n', socket: '/s', memory: 4096, join: 'h:1', secretFile: '/f' }), [
    ...['--cluster', 'c', '--name', 'n', '--listen', '127.0.0.1:0', '--join', 'h:1'],
    ...['--socket', '/s', '--memory', '4096', '--secret-file', '/f'],
  ])
  const error = daemonError('{"level":30}\ngshmd: ERR_GSHM_ACCESS: /s: permission denied\n')
  t.match(error, { code: 'ERR_GSHM_ACCESS', message: '/s: permission denied' })
  t.match(daemonError('gshmd: ERR_GSHM_NOVEL: text'), { code: 'ERR_GSHM_SYSTEM', message: 'text' })
  t.equal(daemonError('all is well'), undefined)
})

t.test('stopping: whoever had ended before is told of, and nobody is left', async (t) => {
  const [daemon, keeper, dead] = [sleeper(), sleeper(), sleeper()]
  dead.child.kill('SIGKILL')
  await dead.ended
  const dir = t.testdir({ 'a.sock': '' })
  const record = { node: 0, listen: '', log: '' }
  const alive = { ...record, name: 'a', socket: join(dir, 'a.sock'), id: daemon.id, keeper: keeper.id }
  const ended = { ...record, name: 'b', socket: join(dir, 'b.sock'), id: dead.id, keeper: dead.id }
  const stopped = await stopDaemons([alive, ended], 200, 200)
  t.same(
    stopped.dead.map((d) => d.name),
    ['b'],
  )
  t.same(stopped.killed, [])
  t.same(
    stopped.guarded.map((d) => d.name),
    ['a'],
    'its keeper does not leave by itself, and is not killed',
  )
  await daemon.ended
  t.ok(isAlive(keeper.id))
  t.same(await dismiss(stopped.guarded), [])
  await keeper.ended
  t.notOk(existsSync(alive.socket))
})

t.test('strays: a daemon that serves a socket in the directory is found by its command line', async (t) => {
  const dir = t.testdir()
  const one = sleeper('x/gshmd.js', '--socket', join(dir, 'n.sock'))
  const other = sleeper('x/gshmd.js', '--socket', join(`${dir}2`, 'n.sock'))
  t.same(strays(dir), [one.id])
  for (const { child, ended } of [one, other]) {
    child.kill('SIGKILL')
    await ended
  }
  t.same(strays(dir), [])
})

function run(script: string, ranks: number) {
  const lines: string[] = []
  const options: RunOptions = {
    ranks: Array.from({ length: ranks }, (_, rank) => ({ rank, node: rank % 2, socket: `/s${rank % 2}` })),
    program: 'sh',
    args: ['-c', script],
    cluster: 'c',
    run: 'r',
    inherit: false,
    out: (rank, line) => void lines.push(`${rank}: ${line}`),
    err: (rank, line) => void lines.push(`${rank}! ${line}`),
    failed: (program) => void lines.push(program),
  }
  return runRanks(options).then((ends) => ({ ends, lines: lines.sort() }))
}

t.test('ranks: each finds its place in its environment', async (t) => {
  const { ends, lines } = await run(
    'echo $GSHM_RANK of $GSHM_RANKS on $GSHM_NODE at $GSHM_SOCKET in $GSHM_CLUSTER, $GSHM_RUN; echo e >&2',
    3,
  )
  t.same(lines, [
    '0! e',
    '0: 0 of 3 on 0 at /s0 in c, r',
    '1! e',
    '1: 1 of 3 on 1 at /s1 in c, r',
    '2! e',
    '2: 2 of 3 on 0 at /s0 in c, r',
  ])
  t.same(
    ends.map((end) => end.status),
    [0, 0, 0],
  )
})

t.test('ranks: when one fails the others are ended, what they have started too', async (t) => {
  const { ends, lines } = await run('if [ $GSHM_RANK = 1 ]; then exit 3; fi; sleep 1000 & echo $!; wait', 2)
  t.match(ends, [
    { rank: 1, status: 3, signal: null },
    { rank: 0, status: 143, signal: 'SIGTERM' },
  ])
  for (const line of lines) {
    const pid = Number(line.split(': ')[1])
    const id = processId(pid)
    t.same(id === undefined ? [] : await gone([id], 5000), [], `the sleep of ${line} is gone`)
  }
})

t.test(
  'ranks: the first that fails is told first, a signal as a shell tells it; output ends where it ends',
  async (t) => {
    const { ends, lines } = await run('printf whole; if [ $GSHM_RANK = 1 ]; then kill -9 $$; fi; sleep 1000', 3)
    t.match(ends[0], { rank: 1, status: 137, signal: 'SIGKILL' })
    t.same(
      ends.slice(1).map(({ status, signal }) => ({ status, signal })),
      [0, 1].map(() => ({ status: 143, signal: 'SIGTERM' })),
    )
    t.same(lines, ['0: whole', '1: whole', '2: whole'])
  },
)

t.test('runs: each has a name of its own, and knows its segments by it', (t) => {
  const runs = Array.from({ length: 100 }, newRun)
  t.equal(new Set(runs).size, 100)
  for (const run of runs) t.ok(run.length <= 32)
  t.ok(isOfRun(`dsm.1000.${runs[0]}`, runs[0]!))
  t.notOk(isOfRun(`dsm.1000.${runs[1]}`, runs[0]!))
  t.notOk(isOfRun(runs[0]!, runs[0]!))
  t.end()
})

t.test(
  'ranks: arguments that are too long for the system are told as any program that cannot be started',
  async (t) => {
    const { ends, lines } = await run(`: ${'x'.repeat(200_000)}`, 2)
    t.same(
      ends.map(({ rank, status }) => [rank, status]),
      [
        [0, 126],
        [1, 126],
      ],
    )
    t.same(lines, ['sh', 'sh'])
  },
)

t.test('ranks: a program that does not exist is status 127', async (t) => {
  const ends = await runRanks({
    ranks: [{ rank: 0, node: 0, socket: '/s' }],
    program: '/nonexistent',
    args: [],
    cluster: 'c',
    run: 'r',
    inherit: false,
    out: () => {},
    err: () => {},
    failed: (program, { code }) => t.same([program, code], ['/nonexistent', 'ENOENT']),
  })
  t.match(ends, [{ status: 127 }])
})
