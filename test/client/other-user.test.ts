/** Users without privilege, on a daemon of root's: what they are handed, and that nothing is missing. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { processes, status } from '../../ts/client/inspect.js'
import { compiled } from '../../ts/launch/paths.js'
import { becomes } from '../support/becomes.js'
import type { TestCluster } from '../support/cluster.js'
import type { Api, Probe } from '../support/probe.js'
import { runProgram, type ProgramEnd } from '../support/program.js'
import { clusterForUsers, GROUP, probeOf } from '../support/users.js'

const P = 4096
const mayAll = readFileSync('/proc/sys/vm/unprivileged_userfaultfd', 'utf8').trim() === '1'
const USER = { uid: 54_321, gid: GROUP }

/** Of its own it may not have a userfaultfd, and with no other trap it is content. */
function userOn(t: Test, cluster: TestCluster, node: number, api: Api = 'C'): Promise<Probe> {
  return probeOf(t, USER, cluster.socket(node), api, 'userfaultfd')
}

for (const api of ['C', 'TypeScript'] as const) {
  t.test(`${api}: another user in the socket's group attaches, and shares memory with two nodes`, async (t) => {
    const cluster = await clusterForUsers(t, 2)
    t.match(statSync(cluster.socket(0)), { uid: 0, gid: GROUP })
    t.equal(statSync(cluster.socket(0)).mode & 0o777, 0o660)
    const a = await userOn(t, cluster, 0, api)
    const b = await userOn(t, cluster, 1, api)
    const here = await a.ok('map', await a.ok('create', 'theirs', 4 * P, 0), 0, 0, 0)
    const there = await b.ok('map', await b.ok('open', 'theirs', 0), 0, 0, 0)
    for (let page = 0n; page < 4n; page++) {
      await a.ok('put', here + page * BigInt(P), 7n + page)
      t.equal(await b.ok('get', there + page * BigInt(P)), 7n + page)
      await b.ok('put', there + page * BigInt(P), 70n + page)
      t.equal(await a.ok('get', here + page * BigInt(P)), 70n + page)
    }
    t.match(processes(cluster.socket(0)), [{ pid: a.pid, uid: USER.uid }])
    await a.ok('unlink', 'theirs')
  })
}

t.test('another user’s system calls fault, and its children are followed, as root’s are', async (t) => {
  const cluster = await clusterForUsers(t, 2)
  const [a, b] = [await userOn(t, cluster, 0), await userOn(t, cluster, 1)]
  const here = await a.ok('map', await a.ok('create', 'theirs', 4 * P, 0), 0, 0, 0)
  const there = await b.ok('map', await b.ok('open', 'theirs', 0), 0, 0, 0)
  await b.ok('put', there, 1)
  const text = readFileSync('/proc/sys/kernel/ostype')
  t.equal(
    await a.ok('readfile', '/proc/sys/kernel/ostype', here, text.length),
    BigInt(text.length),
    'read(2) into an absent page',
  )
  t.equal((await b.ok('get', there)) & 0xffn, BigInt(text[0]!))

  const child = await a.fork()
  t.teardown(() => child.kill())
  await child.ok('put', here + BigInt(P), 5)
  t.equal(await b.ok('get', there + BigInt(P)), 5n)
  await b.ok('put', there + BigInt(P), 6)
  t.equal(await child.ok('get', here + BigInt(P)), 6n, 'the child has no copy of its own')
  const raw = await a.fork('rawfork')
  t.teardown(() => raw.kill())
  await b.ok('put', there + BigInt(P), 7)
  t.equal(await raw.ok('get', here + BigInt(P)), 7n, 'nor has one that libgshm did not see')
  t.equal(
    processes(cluster.socket(0)).every((one) => one.uid === USER.uid),
    true,
  )
  await child.kill()
  await raw.kill()
  t.equal(await becomes(1, () => status(cluster.socket(0)).processes), 1)
})

t.test('another user’s view that mremap has grown is found in its maps', async (t) => {
  const cluster = await clusterForUsers(t, 1)
  const a = await userOn(t, cluster, 0)
  const at = await a.ok('map', await a.ok('create', 'grown', 4 * P, 0), 0, 0, P)
  await a.ok('put', at, 1)
  const grown = await a.ok('mremap', at, P, 4 * P)
  await a.ok('put', grown + BigInt(3 * P), 4)
  t.equal(await a.ok('get', grown + BigInt(3 * P)), 4n)
  t.equal(await a.ok('get', grown), 1n)
})

for (const api of ['C', 'TypeScript'] as const) {
  t.test(
    `${api}: where nothing is handed over, another user traps its own faults, and shares with those who have it`,
    async (t) => {
      const cluster = await clusterForUsers(t, 1)
      await cluster.add({ group: String(GROUP), handOver: false })
      const a = await userOn(t, cluster, 0, api)
      const b = await probeOf(t, USER, cluster.socket(1), api, mayAll ? 'mprotect' : '')
      t.match(readFileSync(`/proc/${b.pid}/maps`, 'utf8'), /memfd:gshm-trap/)
      const here = await a.ok('map', await a.ok('create', 'theirs', 4 * P, 0), 0, 0, 0)
      const there = await b.ok('map', await b.ok('open', 'theirs', 0), 0, 0, 0)
      for (let page = 0n; page < 4n; page++) {
        await b.ok('put', there + page * BigInt(P), 7n + page)
        t.equal(await a.ok('get', here + page * BigInt(P)), 7n + page)
        await a.ok('put', here + page * BigInt(P), 70n + page)
        t.equal(await b.ok('get', there + page * BigInt(P)), 70n + page)
      }
    },
  )
}

t.test(
  'another user in the group has the command: status, ls, run; what is not its own it cannot remove',
  async (t) => {
    const cluster = await clusterForUsers(t, 1)
    const dir = mkdtempSync(join(tmpdir(), 'gshm-other-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    symlinkSync(cluster.dir, join(dir, 'default'))
    chmodSync(dir, 0o755)
    const root = await probeOf(t, { uid: 0, gid: 0 }, cluster.socket(0))
    await root.ok('create', 'roots', P, 0)
    // Without the environment: what the test runner has in it writes files as it ends.
    const command = ['-i', `GSHM_RUNTIME_DIR=${dir}`, process.execPath, compiled('ts/cli/main.js')]
    const gshm = (...args: string[]): Promise<ProgramEnd> =>
      runProgram(undefined, '/usr/bin/env', [...command, ...args], USER)
    t.match(await gshm('status'), { status: 0, stdout: /1 node/ })
    t.match(await gshm('ls'), { status: 0, stdout: /roots.*0600/ })
    t.match(await gshm('rm', 'roots'), { status: 1, stderr: /ERR_GSHM_ACCESS: 'roots' belongs to uid 0/ })
    t.match(await gshm('pages', 'roots'), { status: 1, stderr: /ERR_GSHM_ACCESS: pages: 'roots' \(mode 0600/ })
  },
)
