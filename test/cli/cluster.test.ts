import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { status as nodeStatus } from '../../ts/client/inspect.js'
import { load } from '../../ts/launch/cluster-state.js'
import { compiled } from '../../ts/launch/paths.js'
import { gone, isAlive, processId } from '../../ts/launch/processes.js'
import { strays } from '../../ts/launch/strays.js'
import { becomes } from '../support/becomes.js'
import { Probe } from '../support/probe.js'
import { leftovers } from '../support/leftovers.js'
import { runProgram, startProgram } from '../support/program.js'

/** A runtime directory whose clusters end with the test, whatever happens. */
function room(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-cli-'))
  const env = { GSHM_RUNTIME_DIR: dir, GSHM_SOCKET: '' }
  const gshm = (...args: string[]) => runProgram(undefined, compiled('ts/cli/main.js'), args, { env })
  const json = async (command: string, ...args: string[]) =>
    JSON.parse((await gshm(command, '--json', ...args)).stdout.trimEnd().split('\n').at(-1) ?? '')
  t.teardown(async () => {
    await gshm('down', '--force')
    rmSync(dir, { recursive: true, force: true })
  })
  return { dir, env, gshm, json, default: join(dir, 'default') }
}

t.test('up, status, ls, run, rm, down: a cluster comes, works and goes', async (t) => {
  const { gshm, json, dir, default: cluster } = room(t)
  const up = await json('up', '--nodes', '2', '--memory', '64M')
  t.match(up, {
    ok: true,
    cluster: 'default',
    nodes: [
      { node: 0, name: 'node0' },
      { node: 1, name: 'node1' },
    ],
  })
  t.match(await json('up'), { ok: false, error: { code: 'ERR_GSHM_EXISTS' } })

  const status = await json('status')
  t.match(status, {
    ok: true,
    cluster: 'default',
    dead: [],
    nodes: [
      { node: 0, name: 'node0', memoryBytes: 2 ** 26, touchedPages: 0, nodes: [{ node: 0 }, { node: 1 }] },
      { node: 1, name: 'node1', pid: up.nodes[1].pid, keeperPid: up.nodes[1].keeperPid, socket: up.nodes[1].socket },
    ],
  })
  t.match((await gshm('status')).stdout, /^cluster 'default': 2 nodes, 2 of them here/)
  t.match(await json('ls'), { ok: true, segments: [] })
  t.match(await gshm('pages', 'none'), { status: 1, stderr: /^gshm: ERR_GSHM_NOT_FOUND: .*'none'/ })
  t.match(await gshm('rm', 'none'), { status: 1, stderr: /^gshm: ERR_GSHM_NOT_FOUND: [^:]*'none'/ })

  const run = await gshm('run', '-n', '3', '--', 'sh', '-c', 'echo on $GSHM_NODE at $(basename $GSHM_SOCKET)')
  t.same(run.stdout.trim().split('\n').sort(), [
    '[0] on 0 at node0.sock',
    '[1] on 1 at node1.sock',
    '[2] on 0 at node0.sock',
  ])
  t.match(await gshm('run', '--node', '1', '--', 'sh', '-c', 'echo $GSHM_NODE; exit 7'), { status: 7, stdout: '1\n' })
  t.match(await json('run', '-n', '2', '--', 'sh', '-c', 'exit $GSHM_RANK'), {
    ok: false,
    status: 1,
    ranks: [{ rank: 0 }, { rank: 1 }],
  })
  t.match(await gshm('run', '--node', '9', '--', 'true'), { status: 1, stderr: /--node 9: .*0, 1/ })
  t.match(await gshm('run', '--', '/nonexistent'), { status: 127, stderr: /no such program/ })
  const twice = ['run', '-n', '2', '--']
  t.equal(
    (await gshm(...twice, 'README.md')).stderr,
    'gshm: README.md: no such program on PATH, but a file here: try ./README.md\n',
  )
  const script = join(dir, 'hello.mjs')
  writeFileSync(script, '')
  const refused = await gshm(...twice, script)
  t.match(refused, { status: 126, stderr: `gshm: ${script}: not executable: try node ${script}\n` })

  t.match(await json('down'), { ok: true, stopped: 2, dead: 0, killed: 0 })
  const pids = up.nodes.flatMap((n: { pid: number; keeperPid: number }) => [n.pid, n.keeperPid])
  t.same(leftovers(cluster, pids, new Set()), [])
  t.notOk(existsSync(cluster))
  t.match(await gshm('down'), { status: 1, stderr: /not up/ })
  t.match(await gshm('status', '--cluster', 'other'), { status: 1, stderr: /ERR_GSHM_NO_DAEMON.*'other'/ })
  t.ok(existsSync(dir))
})

t.test('after kill -9: status tells, down tells and stops the rest, down --force cleans', async (t) => {
  const { gshm, json, default: cluster } = room(t)
  const up = await json('up', '--nodes', '2')
  const [first, second] = up.nodes
  const ids = [first.pid, first.keeperPid, second.pid, second.keeperPid].map(
    (pid: number) => processId(pid) ?? { pid, started: 0 },
  )
  process.kill(second.pid, 'SIGKILL')
  await gone(ids.slice(2, 3), 5000)
  t.match(await json('status'), { ok: false, dead: [second.socket], nodes: [{ node: 0 }] })
  t.match(await gshm('down'), { status: 1, stderr: /ERR_GSHM_DAEMON_LOST: node1 .*node1.log.*--force/ })
  t.same(ids.filter(isAlive), [])
  t.ok(existsSync(second.log), 'the log is kept for whoever wants to know why')
  t.match(await json('down', '--force'), { ok: true, dead: 2 })
  t.notOk(existsSync(cluster))
})

t.test('ls, pages and rm show and end what processes share', async (t) => {
  const { gshm, json } = room(t)
  const up = await json('up', '--nodes', '2')
  const [a, b] = await Promise.all([Probe.start(up.nodes[0].socket), Probe.start(up.nodes[1].socket)])
  t.teardown(() => Promise.all([a.kill(), b.kill()]))
  const at = await a.ok('map', await a.ok('create', 'shared', 65536, 0), 0, 0, 0)
  const other = await b.ok('map', await b.ok('open', 'shared', 0), 0, 0, 0)
  for (const page of [0n, 3n]) await a.ok('put', at + page * 4096n, 7)
  t.equal(await b.ok('get', other + 3n * 4096n), 7n)

  t.match(await json('status'), { ok: true, processes: 2, views: 2, nodes: [{ processes: 1 }, { processes: 1 }] })
  const model = { consistency: 'mrsw', manager: 'fixed' }
  const shared = { name: 'shared', bytes: 65536, ...model, unit: 4096, linked: true, holders: 2, localFrames: 3 }
  t.match(await json('ls'), { segments: [shared] })
  t.match((await gshm('ls')).stdout, /^ +1 +shared +64\.0 KiB +64\.0 KiB +mrsw\/fixed +/m)
  t.match(await json('pages', 'shared'), {
    name: 'shared',
    ...model,
    pages: [
      { page: 0, nodes: { 0: { access: 'write' } } },
      { page: 3, nodes: { 0: { access: 'read' }, 1: { access: 'read' } } },
    ],
  })
  t.match((await gshm('pages', 'shared')).stdout, /'shared', mrsw\/fixed, unit 4096: 2 touched pages/)

  t.match(await json('rm', 'shared', 'none'), {
    ok: false,
    removed: ['shared'],
    errors: [{ name: 'none', code: 'ERR_GSHM_NOT_FOUND' }],
  })
  t.equal(await b.ok('get', other + 3n * 4096n), 7n, 'the memory stays while somebody maps it')
})

t.test('a node that leaves takes its pages along: ls says so, and run says why a rank got SIGBUS', async (t) => {
  const { gshm, json } = room(t)
  const up = await json('up', '--nodes', '2')
  const probe = await Probe.start(up.nodes[0].socket)
  t.teardown(() => probe.kill())
  await probe.ok('create', 'shared', 4 * 4096, 0)
  t.match(await json('ls'), { segments: [{ name: 'shared', lostHomes: [] }] })
  t.match((await gshm('ls')).stdout, / home [^]* 4096 +0-1 /)
  const leaving = processId(up.nodes[1].pid)!
  process.kill(leaving.pid, 'SIGTERM')
  t.same(await gone([leaving], 15_000), [])
  t.equal(await becomes(1, () => nodeStatus(up.nodes[0].socket).nodes.length), 1)
  t.match(await json('ls'), { segments: [{ name: 'shared', lostHomes: [1] }] })
  t.match((await gshm('ls')).stdout, /shared \(PAGES LOST\)[^]*PAGES LOST: of node 1/)
  t.match(await gshm('run', '--', 'sh', '-c', 'kill -BUS $$'), {
    status: 135,
    stderr: /^gshm: rank 0 on node 0 got SIGBUS: pages are lost: with node 1/,
  })
})

/** Rank 1 is the home of as many pages as its node has frames for but one, all shared; one more takes a frame and a twin. */
const FULL = `
const [{ attach }, rank] = [await import(process.argv[2]), Number(process.env.GSHM_RANK)]
const g = attach()
const options = { openOrCreate: true, consistency: 'lrc' }
const bytes = new Uint8Array(g.create('full', 256 * 4096, options).map().buffer())
g.barrierSync('mapped', 2)
if (rank === 1) for (let page = 0; page < 255; page++) bytes[page * 4096] = 1
else bytes[255 * 4096] = 1
g.barrierSync('written', 2)
if (rank === 0) for (let page = 0; page < 255; page++) if (bytes[page * 4096] !== 1) process.exit(1)
g.barrierSync('shared', 2)
if (rank === 1) bytes[255 * 4096] = 2
g.barrierSync('never', 2)
`

t.test(
  'a rank that gets SIGBUS because memory is used up is told so, although its node has a frame left',
  async (t) => {
    const { gshm, json } = room(t)
    const up = await json('up', '--nodes', '2', '--memory', '1M')
    const script = join(t.testdir({ 'full.mjs': FULL }), 'full.mjs')
    const end = await gshm('run', '-n', '2', '--', process.execPath, script, compiled('ts/index.js'))
    t.match(end, {
      status: 135,
      stderr: /rank 1 on node 1 got SIGBUS: the 1\.0 MiB of its node's --memory are used up/,
    })
    const { frameBytes, memoryBytes, refused } = nodeStatus(up.nodes[1].socket)
    t.equal(memoryBytes - frameBytes, 4096)
    t.equal(refused, 1)
  },
)

t.test('down when processes have used locks and are gone: nobody is in the way', async (t) => {
  const { gshm, json } = room(t)
  const up = await json('up', '--nodes', '2')
  const probe = await Probe.start(up.nodes[0].socket)
  const segment = await probe.ok('create', 'shared', 65536, 0)
  await probe.ok('map', segment, 0, 0, 0)
  await probe.ok('mutex', 'l', -1)
  await probe.ok('mutex', `@${await probe.ok('at', segment, 64)}`, -1)
  await probe.kill()
  t.match(await gshm('down'), { status: 0, stdout: /is down/ })
})

t.test('down while processes use the cluster: it names them and stops nothing; --force ends them', async (t) => {
  const { gshm, json, default: cluster } = room(t)
  const up = await json('up', '--nodes', '1')
  const probe = await Probe.start(up.nodes[0].socket)
  t.teardown(() => probe.kill())
  const at = await probe.ok('map', await probe.ok('create', 'shared', 65536, 0), 0, 0, 0)
  await probe.ok('put', at, 7)
  t.match(await gshm('down'), { status: 1, stderr: new RegExp(`ERR_GSHM_BUSY: .* ${probe.pid} .*--force`) })
  t.equal(await probe.ok('get', at), 7n, 'nothing is stopped')
  t.match(await gshm('down', '--force'), { status: 0, stderr: new RegExp(`process ${probe.pid} .* killed`) })
  t.equal(processId(probe.pid), undefined)
  t.same(leftovers(cluster, [up.nodes[0].pid, up.nodes[0].keeperPid], new Set()), [])
})

t.test('down never signals a process that has got the pid of a daemon', async (t) => {
  const { json, gshm, default: cluster } = room(t)
  await json('up', '--nodes', '1')
  const state = load(cluster)
  const bystander = startProgram(undefined, '/bin/sleep', ['1000'])
  t.teardown(() => bystander.stop())
  const text = readFileSync(join(cluster, 'cluster.json'), 'utf8')
  const real = state?.nodes[0]?.id.pid
  writeFileSync(join(cluster, 'cluster.json'), text.replaceAll(`"pid": ${real}`, `"pid": ${bystander.pid}`))
  t.match(await gshm('down', '--force'), { status: 0 })
  t.ok(processId(bystander.pid), 'the bystander lives')
  t.same(strays(cluster), [], '--force has found the daemon by its socket')
})

t.test('up that cannot start all nodes leaves none: the error is the one that the daemon gave', async (t) => {
  const { gshm, default: cluster } = room(t)
  const up = await gshm('up', '--memory', '1')
  t.match(up, { status: 1, stderr: /^gshm: ERR_GSHM_INVALID: --memory/m })
  t.same(strays(cluster), [])
  t.notOk(existsSync(cluster))
})

t.test('run: signals reach the program, and nothing is left when it ends', async (t) => {
  const { json, dir, env } = room(t)
  await json('up', '--nodes', '1')
  const script = 'trap "echo got it; exit 5" TERM; echo ready; while :; do sleep 1000 & wait; done'
  for (const ranks of ['1', '2']) {
    const program = startProgram(
      undefined,
      compiled('ts/cli/main.js'),
      ['run', '-n', ranks, '--', 'sh', '-c', script],
      { env },
    )
    for (let n = 0; n < Number(ranks); n++) t.match(await program.line(), /ready/)
    program.child.kill('SIGTERM')
    t.match(await program.ended, { status: 5, stdout: /got it/ })
  }
  t.same(
    leftovers(dir, [], new Set()).filter((text) => /sleep|sh -c/.test(text)),
    [],
  )
})

t.test(
  "run: segments that are called after it lose their names when it ends, however it ends; others' stay",
  async (t) => {
    const { gshm, json, env } = room(t)
    await json('up', '--nodes', '2')
    const script = (end: string) => `
    import { attach } from ${JSON.stringify(compiled('ts/index.js'))}
    const g = attach()
    const name = (run) => 'made.' + g.node + '.' + run
    g.create(name(process.env.GSHM_RUN), 4096)
    if (g.node === 0) g.create(name('kept' + process.argv[1]), 4096)
    await g.barrier('made', 2)
    ${end}`
    const call = (end: string, n: number) => [
      'run',
      '-n',
      '2',
      '--',
      process.execPath,
      '--input-type=module',
      '-e',
      script(end),
      `${n}`,
    ]
    const names = async () => ((await json('ls')).segments as { name: string }[]).map(({ name }) => name)
    t.match(await gshm(...call('', 1)), { status: 0, stderr: '' })
    t.same(await names(), ['made.0.kept1'])
    t.match(await gshm(...call("process.kill(process.pid, 'SIGKILL')", 2)), { status: 137 })
    t.same(await names(), ['made.0.kept1', 'made.0.kept2'])
    // Nobody reads what it prints: gshm run ends in the middle.
    const line = `"$0" "$@" | true; exit \${PIPESTATUS[0]}`
    const ends = 'for (;;) console.log(await new Promise((again) => setTimeout(again, 10, 1)))'
    const words = ['-c', line, process.execPath, compiled('ts/cli/main.js'), ...call(ends, 3)]
    t.match(await runProgram(undefined, '/bin/bash', words, { env }), { status: 141 })
    t.same(await names(), ['made.0.kept1', 'made.0.kept2', 'made.0.kept3'])
  },
)

t.test('run: after kill -9 of it neither ranks nor what they have started nor segments are left', async (t) => {
  const { json, env } = room(t)
  await json('up', '--nodes', '2')
  const script = `
    import { attach } from ${JSON.stringify(compiled('ts/index.js'))}
    import { spawn } from 'node:child_process'
    attach().create('made.' + process.env.GSHM_RANK + '.' + process.env.GSHM_RUN, 4096)
    console.log(process.pid, spawn('sleep', ['1000']).pid)
    setInterval(() => {}, 1000)`
  const names = async () => ((await json('ls')).segments as { name: string }[]).map(({ name }) => name)
  for (const ranks of [1, 2]) {
    const words = ['run', '-n', String(ranks), '--', process.execPath, '--input-type=module', '-e', script]
    const run = startProgram(undefined, compiled('ts/cli/main.js'), words, { env })
    const pids: number[] = []
    for (let n = 0; n < ranks; n++)
      pids.push(
        ...(await run.line())
          .replace(/^\[.\] /, '')
          .split(' ')
          .map(Number),
      )
    const ids = pids.map((pid) => processId(pid)!)
    t.ok(ids.every(isAlive))
    t.equal((await names()).length, ranks)
    run.child.kill('SIGKILL')
    t.same(await gone(ids, 10_000), [])
    let left = await names()
    while (left.length > 0) left = await names()
  }
})

t.test('run: what ranks write comes as the bytes that they wrote', async (t) => {
  const { json, env } = room(t)
  await json('up', '--nodes', '1')
  const printf = 'printf "a\\rb\\342\\200\\250c\\n\\377\\376\\nno end"'
  const words = ['run', '-n', '2', '--', 'sh', '-c', `if [ $GSHM_RANK = 1 ]; then ${printf}; fi`]
  const run = spawn(process.execPath, [compiled('ts/cli/main.js'), ...words], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  run.stdout.setEncoding('latin1').on('data', (more: string) => (text += more))
  await new Promise((resolve) => run.once('close', resolve))
  t.equal(text, '[1] a\rb\u00e2\u0080\u00a8c\n[1] \u00ff\u00fe\n[1] no end\n')
})

t.test('a reader that goes ends a command in silence; other trouble with its output is one line', async (t) => {
  const { gshm, env } = room(t)
  const shell = (line: string) => {
    const main = compiled('ts/cli/main.js')
    return runProgram(undefined, '/bin/bash', ['-c', line, process.execPath, main], { env })
  }
  t.match(await shell('"$0" "$1" doctor | true; exit ${PIPESTATUS[0]}'), { status: 141, stderr: '' })
  t.match(await shell('"$0" "$1" doctor > /dev/full'), {
    status: 1,
    stderr: /^gshm: ERR_GSHM_SYSTEM: standard output: ENOSPC[^\n]*\n$/,
  })
  await gshm('up', '--nodes', '1')
  t.match(await shell('"$0" "$1" run -n 2 -- sh -c "echo a; sleep 1000" | true; exit ${PIPESTATUS[0]}'), {
    status: 141,
  })
  const asleep = () => leftovers(env.GSHM_RUNTIME_DIR, [], new Set()).filter((text) => /sleep/.test(text))
  t.same(await becomes([], asleep), [])
})

t.test('node: what it cannot do is said as by any command, and it leaves no directory behind', async (t) => {
  const { gshm, json, dir, default: cluster } = room(t)
  const refused = await gshm('node', '--join', '127.0.0.1:1', '--json')
  t.match(refused, { status: 1, stderr: /^gshm: ERR_GSHM_\w+: .*127\.0\.0\.1:1/ })
  t.match(JSON.parse(refused.stdout), { ok: false, error: { code: /^ERR_GSHM_/, message: /127\.0\.0\.1:1/ } })
  t.notOk(existsSync(cluster))
  const nowhere = join(dir, 'no', 'x.sock')
  t.match(await json('node', '--socket', nowhere), {
    error: { code: 'ERR_GSHM_INVALID', message: /^--socket .*no directory/ },
  })
  t.notOk(existsSync(join(dir, 'no')))
})

t.test('node: one daemon in the foreground, which SIGTERM ends in order', async (t) => {
  const { json, env } = room(t)
  const node = startProgram(
    undefined,
    compiled('ts/cli/main.js'),
    ['node', '--name', 'solo', '--memory', '64M', '--json'],
    { env },
  )
  const ready = JSON.parse(await node.line())
  t.match(ready, { ready: true, node: 0, name: 'solo', socket: /default\/solo\.sock$/ })
  t.match(await json('status'), { ok: true, nodes: [{ name: 'solo', memoryBytes: 2 ** 26 }] })
  t.match(
    (await json('down')).error.message,
    new RegExp(`gshm node runs there, as process ${ready.pid}: send it SIGTERM`),
  )
  node.child.kill('SIGTERM')
  t.match(await node.ended, { status: 0, stdout: /\{"ok":true,"status":0,.*\}\n$/ })
  t.same(
    [ready.pid, ready.keeperPid].filter((pid) => processId(pid) !== undefined),
    [],
  )
  t.notOk(existsSync(ready.socket))
  t.notOk(existsSync(dirname(ready.socket)))
})

t.test(
  'up --group: the sockets are that group’s; nobody joins without the secret that only this user reads',
  async (t) => {
    const { json, gshm, default: cluster } = room(t)
    const none = await json('up', '--group', 'no-such-group')
    t.match(none, { error: { code: 'ERR_GSHM_INVALID', message: /^--group: there is no group 'no-such-group'/ } })
    t.match(await json('up', '--group', '4294967295'), { error: { code: 'ERR_GSHM_INVALID' } })
    t.notOk(existsSync(join(cluster, 'secret')), 'nothing is left of it')
    const up = await json('up', '--nodes', '1', '--group', '54320')
    t.match(statSync(up.nodes[0].socket), { uid: 0, gid: 54_320 })
    t.equal(statSync(up.nodes[0].socket).mode & 0o777, 0o660)
    t.equal(statSync(join(cluster, 'secret')).mode & 0o777, 0o600)
    const join_ = ['node', '--name', 'stranger', '--join', up.nodes[0].listen]
    t.match(await gshm(...join_), { status: 1, stderr: /ERR_GSHM_ACCESS: .*secret/ })
    t.equal(nodeStatus(up.nodes[0].socket).nodes.length, 1)
    t.match(await json('down'), { ok: true })
  },
)
