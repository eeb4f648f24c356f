/** Two nodes in two network namespaces: an address that is not loopback, a secret, a cable that is cut. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { segments, status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'
import { hasCommand, skipUnless } from '../support/skip.js'

const P = 4096
const PAGES = 8
const PORT = 7000
const addresses = ['10.98.0.1', '10.98.0.2']

function ip(...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  if (error !== undefined || status !== 0) throw new Error(`ip ${args.join(' ')}: ${error?.message ?? stderr}`)
  return stdout
}

interface Wire {
  /** A node's command begins with these words: it lives in its namespace. */
  readonly enter: (node: number) => readonly string[]
  /** Takes the cable out, at node 1's end. */
  readonly cut: () => void
}

let serial = 0

/** Two namespaces and a cable between them, which go with the test. */
function wire(t: Test): Wire {
  const spaces = [0, 1].map((node) => `gshm-${process.pid}-${serial}-${node}`)
  serial++
  const removeAll = () => {
    for (const space of spaces) spawnSync('ip', ['netns', 'del', space])
  }
  process.once('exit', removeAll) // a test that times out runs no teardown
  t.teardown(() => {
    process.off('exit', removeAll)
    removeAll()
    const left = ip('netns', 'list')
    for (const space of spaces) if (left.includes(space)) t.fail(`namespace ${space} is left`)
  })
  for (const space of spaces) ip('netns', 'add', space)
  ip('-n', spaces[0]!, 'link', 'add', 'cable0', 'type', 'veth', 'peer', 'name', 'cable1', 'netns', spaces[1]!)
  for (const [node, space] of spaces.entries()) {
    ip('-n', space, 'addr', 'add', `${addresses[node]}/24`, 'dev', `cable${node}`)
    ip('-n', space, 'link', 'set', `cable${node}`, 'up')
    ip('-n', space, 'link', 'set', 'lo', 'up')
  }
  return {
    enter: (node) => ['ip', 'netns', 'exec', spaces[node]!],
    cut: () => void ip('-n', spaces[1]!, 'link', 'set', 'cable1', 'down'),
  }
}

interface Shared {
  cluster: TestCluster
  wire: Wire
  probes: [Probe, Probe]
  at: bigint[]
  /** Where in each process the first page of that home lies. */
  readonly homedAt: (home: number) => bigint[]
}

async function shared(t: Test): Promise<Shared> {
  const cable = wire(t) // before the cluster: it is torn down after it
  const dir = mkdtempSync(join(tmpdir(), 'gshm-secret-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const secretFile = join(dir, 'secret')
  writeFileSync(secretFile, randomBytes(32).toString('hex'), { mode: 0o600 })
  const cluster = await startCluster(t, 0)
  for (const node of [0, 1]) {
    await cluster.add({ secretFile, listen: `${addresses[node]}:${PORT}`, through: cable.enter(node) })
  }
  const probes: Probe[] = []
  const at: bigint[] = []
  for (const node of [0, 1]) {
    const probe = await Probe.start(cluster.socket(node))
    t.teardown(() => probe.kill())
    const segment = await (node === 0 ? probe.ok('create', 'shared', PAGES * P, 0) : probe.ok('open', 'shared', 0))
    probes.push(probe)
    at.push(await probe.ok('map', segment, 0, 0, 0))
  }
  const { homes } = segments(cluster.socket(0))[0]!
  const homedAt = (home: number) => at.map((start) => start + BigInt(homes.indexOf(home) * P))
  return { cluster, wire: cable, probes: probes as [Probe, Probe], at, homedAt }
}

t.test(
  'processes share memory over a cable between two machines; --listen of their addresses asks for a secret',
  async (t) => {
    if (skipUnless(t, hasCommand('ip'), 'iproute2')) return
    const { cluster, probes, at } = await shared(t)
    const [a, b] = probes
    t.match(cluster.daemon(1).listen, addresses[1])
    for (let page = 0; page < PAGES; page++) {
      const offset = BigInt(page * P)
      await a.ok('fill', at[0]! + offset, P, page + 1)
      t.equal(await b.ok('wrong', at[1]! + offset, P, page + 1), 0n)
      await b.ok('put', at[1]! + offset, 7)
      t.equal(await a.ok('get', at[0]! + offset), 7n)
    }
    await a.ok('lock', 'l')
    const waits = b.thread('lock', 'l')
    await a.ok('unlock', 'l')
    t.match(await waits, { is: 'ok' })
  },
)

t.test('a cut cable: each side loses the other within five seconds, and nothing hangs', async (t) => {
  if (skipUnless(t, hasCommand('ip'), 'iproute2')) return
  const { cluster, wire, probes, homedAt } = await shared(t)
  const [a, b] = probes
  const own = homedAt(0) // home and owner: node 0
  const theirs = homedAt(1)
  await a.ok('put', own[0]!, 5)
  await b.ok('put', theirs[1]!, 6)
  await b.ok('lock', 'held')
  const lock = a.thread('lock', 'held')
  const barrier = b.thread('barrier', 'both', 2)
  wire.cut()
  const started = performance.now()
  const here = a.thread('get', theirs[0]!)
  const there = b.thread('get', own[1]!)
  t.match(await here, { is: 'sigbus' })
  t.match(await there, { is: 'sigbus' })
  t.match(await lock, { is: 'err', text: /OWNER_DEAD/ }, 'its holder is lost')
  t.match(await barrier, { is: 'err', text: /NODE_LOST/ }, 'its manager is lost')
  const seconds = (performance.now() - started) / 1000
  t.ok(seconds < 5.5, `after ${seconds.toFixed(1)} s`)
  t.equal(await a.ok('get', own[0]!), 5n, 'what needs nobody else goes on')
  t.equal(await becomes(1, () => status(cluster.socket(0)).nodes.length), 1)
})
