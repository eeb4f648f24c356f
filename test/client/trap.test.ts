/** The second trap (mprotect and SIGSEGV): what a process of it can do that one with a userfaultfd can, in real processes. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import t from 'tap'
import { processes, status } from '../../ts/client/inspect.js'
import { compiled } from '../../ts/launch/paths.js'
import { becomes } from '../support/becomes.js'
import { startCluster, startNode } from '../support/cluster.js'
import { Probe, type Api } from '../support/probe.js'

const P = 4096
const MPROTECT = { GSHM_TRAP: 'mprotect' }

function hasUserfaultfd(pid: number): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    const link = `/proc/${pid}/fd/${fd}`
    return existsSync(link) && readlinkSync(link) === 'anon_inode:[userfaultfd]'
  })
}

for (const api of ['C', 'TypeScript'] as const satisfies readonly Api[]) {
  t.test(`GSHM_TRAP, ${api}: chosen, refused, and what the process has then`, async (t) => {
    const node = await startNode(t)
    const wrong = await Probe.start(undefined, { GSHM_TRAP: 'sigsegv' }, api)
    const text = /^ERR_GSHM_INVALID: GSHM_TRAP is 'sigsegv': it must be 'userfaultfd', 'mprotect', or not set/
    t.match(await wrong.send('attach', node.socket(0)), { is: 'err', text })
    await wrong.kill()
    for (const [choice, userfaultfd] of [
      ['mprotect', false],
      ['userfaultfd', true],
      ['', true],
    ] as const) {
      const p = await Probe.start(node.socket(0), { GSHM_TRAP: choice }, api)
      t.equal(hasUserfaultfd(p.pid), userfaultfd, choice)
      t.match(processes(node.socket(0)), [{ pid: p.pid, trap: userfaultfd ? 'userfaultfd' : 'mprotect' }])
      t.equal(/memfd:gshm-trap/.test(readFileSync(`/proc/${p.pid}/maps`, 'utf8')), !userfaultfd)
      await p.kill()
    }
  })

  t.test(`two nodes, ${api}: what one writes the other reads, and back, whichever trap each has`, async (t) => {
    const cluster = await startCluster(t, 2)
    const traps = [MPROTECT, { GSHM_TRAP: 'userfaultfd' }]
    const clients = await Promise.all(
      [0, 1].flatMap((node) => traps.map((env) => Probe.start(cluster.socket(node), env, api))),
    )
    t.teardown(() => Promise.all(clients.map((client) => client.kill())))
    const at: bigint[] = []
    for (const client of clients) at.push(await client.ok('map', await client.ok('create', 'both', 16 * P, 1), 0, 0, 0))
    const words = [0n, 0n, 0n, 0n]
    for (let turn = 0; turn < 80; turn++) {
      const i = turn % clients.length
      const page = Math.floor(turn / clients.length) % words.length
      const word = at[i]! + BigInt(page * P)
      t.equal(await clients[i]!.ok('get', word), words[page])
      await clients[i]!.ok('put', word, (words[page] = BigInt(turn + 1)))
    }
  })
}

t.test(
  'counters: threads of trapped and other processes on two nodes add without a lock; no addition is lost',
  async (t) => {
    const cluster = await startCluster(t, 2)
    for (const consistency of ['mrsw', 'srsw']) {
      const clients = await Promise.all(
        [0, 0, 1, 1].map((node, i) =>
          Probe.start(cluster.socket(node), i % 2 ? { GSHM_TRAP: 'userfaultfd' } : MPROTECT),
        ),
      )
      const added: Promise<bigint>[] = []
      const at: bigint[] = []
      for (const client of clients) {
        const segment = await client.ok('createWith', consistency, 4 * P, 1, `consistency=${consistency}`)
        at.push(await client.ok('map', segment, 0, 0, 0))
      }
      for (const [i, client] of clients.entries())
        for (const page of [0, 1]) {
          const reply = client.thread('increment', at[i]! + BigInt(page * P), 1)
          added.push(reply.then((r) => (r.is === 'ok' ? BigInt(r.text) : -1n)))
        }
      const sum = (await Promise.all(added)).reduce((a, b) => a + b, 0n)
      const total = (await clients[0]!.ok('get', at[0]!)) + (await clients[0]!.ok('get', at[0]! + BigInt(P)))
      t.equal(total, sum, `${consistency}: ${sum} additions`)
      await Promise.all(clients.map((client) => client.kill()))
    }
  },
)

t.test(
  'fork: the child has the views, registered before fork() returns; parent and child fault by themselves',
  async (t) => {
    const cluster = await startCluster(t, 2)
    const a = await Probe.start(cluster.socket(0), MPROTECT)
    const b = await Probe.start(cluster.socket(1), MPROTECT)
    const at = await a.ok('map', await a.ok('create', 'fork', 4 * P, 0), 0, 0, 0)
    const there = await b.ok('map', await b.ok('open', 'fork'), 0, 0, 0)
    await a.ok('put', at, 7)
    await a.ok('close', 0)
    const child = await a.fork()
    const grandchild = await child.fork()
    t.teardown(() => Promise.all([a, b, child, grandchild].map((p) => p.kill())))
    t.equal(status(cluster.socket(0)).processes, 3)
    t.equal(status(cluster.socket(0)).views, 3)
    for (const [i, p] of [a, child, grandchild].entries()) {
      t.equal(await p.ok('get', at), BigInt(7 + i))
      await b.ok('put', there, 8 + i)
    }
    await grandchild.ok('put', at + BigInt(P), 9)
    t.equal(await b.ok('get', there + BigInt(P)), 9n)
    await a.kill()
    t.equal(await child.ok('get', at + BigInt(P)), 9n)
  },
)

t.test('fork: its handlers, as those of signals, may wait for other processes at a page', async (t) => {
  const cluster = await startCluster(t, 2)
  const p = await Probe.start(cluster.socket(1))
  t.teardown(() => p.kill())
  const program = cluster.start(0, 'at_fork', [], { env: MPROTECT })
  t.equal(await program.line(), 'forking')
  const at = await p.ok('map', await p.ok('open', 'fork'), 0, 0, 0)
  await p.ok('put', at, 2)
  t.match(await program.ended, { status: 0, stdout: 'forking\nseen 2\n', stderr: '' })
})

t.test('the ends of a trapped process: detach, exec, exit, kill -9; its views and locks go with it', async (t) => {
  const node = await startNode(t)
  const socket = node.socket(0)
  for (const end of ['detach', 'exec', 'exit', 'kill'] as const) {
    const p = await Probe.start(socket, MPROTECT)
    await p.ok('map', await p.ok('create', end, P, 0), 0, 0, 0)
    await p.ok('lock', end)
    if (end === 'kill') await p.kill()
    else void p.send(end, 0)
    t.equal(await becomes(0, () => status(socket).processes), 0, end)
    t.equal(status(socket).views, 0)
    await p.kill()
  }
})

t.test('a view that is unmapped: the daemon forgets it, and another may take its place', async (t) => {
  const node = await startNode(t)
  const p = await Probe.start(node.socket(0), MPROTECT)
  t.teardown(() => p.kill())
  const segment = await p.ok('create', 'places', 8 * P, 0)
  const at = await p.ok('map', segment, 0, 0, 0)
  await p.ok('put', at + BigInt(P), 3)
  await p.ok('unmap', at)
  t.equal(status(node.socket(0)).views, 0)
  t.equal(await p.ok('map', segment, at, P, P), at)
  t.equal(await p.ok('get', at), 3n)
  t.match(await p.send('get', at + BigInt(P)), { is: 'ended' }, 'nothing is mapped there: SIGSEGV')
})

t.test(
  "the program's own SIGSEGV handler: it gets what is not ours, wherever it was installed; errno is kept",
  async (t) => {
    const node = await startNode(t)
    const run = (how: string) => node.run(0, 'segv', [how], { env: MPROTECT })
    t.match(await run('before'), { status: 0, stdout: 'stored 11, caught 1\n' })
    t.match(await run('after'), { status: 0, stdout: 'stored 11, caught 1\n' })
    t.match(await run('none'), { status: null, signal: 'SIGSEGV' })
    t.match(await run('errno'), { status: 0, stdout: 'errno 77\n' })
    for (const how of ['once', 'calling', 'restoring'])
      t.match(await run(how), { status: null, signal: 'SIGSEGV', stdout: 'caught\n' }, `${how}: it ends`)
  },
)

t.test('vm.max_map_count: 70,000 neighbours that allow different things', async (t) => {
  const node = await startNode(t, { memory: 512 * 2 ** 20 })
  const limit = Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8'))
  const pages = Math.max(70_000, Math.min(limit + 5_000, 100_000))
  const end = await node.run(0, 'alternate', ['alternate', String(pages)], { env: MPROTECT, deadline: 100_000 })
  const [, right, mappings] = /^right (\d+) mappings (\d+)\n$/.exec(end.stdout) ?? []
  t.equal(Number(right), 2 * Math.ceil(pages / 2) + Math.floor(pages / 2), end.stderr)
  t.ok(Number(mappings) > 8192, `${mappings} mappings at most: pages are mapped one by one`)
  t.ok(Number(mappings) <= limit)
})

t.test('kill -9 of the daemon: SIGBUS, never zeros, for trapped processes too', async (t) => {
  const node = await startNode(t)
  const a = await Probe.start(node.socket(0), MPROTECT)
  const b = await Probe.start(node.socket(0), MPROTECT)
  const still = await Probe.start(node.socket(0), MPROTECT)
  t.teardown(() => Promise.all([a.kill(), b.kill(), still.kill()]))
  const at = await a.ok('map', await a.ok('create', 'one', 4 * P, 0), 0, 0, 0)
  const there = await b.ok('map', await b.ok('open', 'one'), 0, 0, 0)
  const here = await still.ok('map', await still.ok('open', 'one'), 0, 0, 0)
  await a.ok('put', at, 1)
  t.equal(await b.ok('get', there), 1n)
  t.equal(await still.ok('get', here), 1n)
  process.kill(still.pid, 'SIGSTOP')
  const ended = new Promise((resolve) => still.child!.once('exit', (_, signal) => resolve(signal)))
  await node.kill(0)
  for (const [p, where] of [
    [a, at],
    [b, there],
  ] as const) {
    let reply
    do reply = await p.send('get', where)
    while (reply.is === 'ok' && BigInt(reply.text) === 1n)
    t.match(reply, { is: 'sigbus' })
    t.match(await p.send('put', where + BigInt(P), 1), { is: 'sigbus' })
    t.match(await p.send('lock', 'x'), { is: 'err', text: /DAEMON_LOST/ })
  }
  t.equal(await ended, 'SIGKILL', 'one that cannot let go of its memory is ended before the frames go')
})

t.test(
  'kill -9 of the daemon: SIGBUS also behind a piece of a view that its process has unmapped itself',
  async (t) => {
    const node = await startNode(t)
    const p = await Probe.start(node.socket(0), MPROTECT)
    t.teardown(() => p.kill())
    const at = await p.ok('map', await p.ok('create', 'torn', 4 * P, 0), 0, 0, 0)
    for (let page = 0; page < 4; page++) await p.ok('put', at + BigInt(page * P), 5)
    await p.ok('munmap', at + BigInt(P), P)
    await node.kill(0)
    for (const page of [0, 2, 3]) {
      let reply
      do reply = await p.send('get', at + BigInt(page * P))
      while (reply.is === 'ok' && BigInt(reply.text) === 5n)
      t.match(reply, { is: 'sigbus' }, `page ${page}`)
    }
  },
)

t.test(
  'kill -9 of the daemon: a page that has been granted is not opened after its frame has been freed',
  async (t) => {
    const node = await startNode(t)
    const { pid } = node.daemon(0)
    t.match(await node.run(0, 'starved', [String(pid)], { env: MPROTECT }), {
      status: 0,
      stdout: 'in order\n',
      stderr: '',
    })
  },
)

t.test('Node.js: views in workers, under garbage collection, beside the traps of WebAssembly', async (t) => {
  const cluster = await startCluster(t, 2)
  const program = compiled('test/support/trap-beside-v8.js')
  const ends = await Promise.all([0, 1].map((node) => cluster.run(node, program, ['2'], { env: MPROTECT })))
  for (const end of ends) t.match(end, { status: 0, stdout: 'added 1000 and 1000, trapped 500\n', stderr: '' })
})
