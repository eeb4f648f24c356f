/** Small blocks, from spans: processes of one node and of several, ends of processes and nodes, misuse. */
import t, { type Test } from 'tap'
import { segments, status } from '../../ts/client/inspect.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096
/** Spans of 4 KiB: 64 of them. */
const BYTES = 64 * P

interface Heap {
  cluster: TestCluster
  probes: Probe[]
  at: bigint[]
  /** Bytes and blocks allocated, as a node says. */
  held: (node?: number) => { bytes: number; blocks: number }
  sent: () => number
}

/** A process a node, and more on the last one. */
async function start(t: Test, nodes: number, more = 0, ...options: string[]): Promise<Heap> {
  const cluster = await startCluster(t, nodes)
  const probes: Probe[] = []
  t.teardown(() => Promise.all(probes.map((probe) => probe.kill())))
  for (let i = 0; i < nodes + more; i++) {
    const probe = await Probe.start(cluster.socket(Math.min(i, nodes - 1)))
    probes.push(probe)
    await probe.ok('createWith', 'heap', BYTES, 1, ...options)
  }
  const at: bigint[] = []
  for (const probe of probes) at.push(await probe.ok('map', 0, 0, 0, 0))
  const held = (node = 0) => {
    const { heapBytes, heapBlocks } = segments(cluster.socket(node))[0]!
    return { bytes: heapBytes, blocks: heapBlocks }
  }
  const sent = () => cluster.daemons.reduce((sum, { socket }) => sum + status(socket).messages.sent, 0)
  return { cluster, probes, at, held, sent }
}

const refused = (what: string) => ({ is: 'err', text: new RegExp(`^ERR_GSHM_${what}`) }) as const

t.test('spans: a small block is allocated and freed without a message, by two processes of a node', async (t) => {
  const { probes, held, sent } = await start(t, 2, 1)
  const [, a, b] = probes as [Probe, Probe, Probe]
  const first = await a.ok('alloc', 0, 60)
  const second = await b.ok('alloc', 0, 60)
  const before = sent()
  const third = await a.ok('alloc', 0, 64)
  t.equal(third, first + 64n, 'beside the first: of one size')
  t.not(second / BigInt(P), first / BigInt(P), 'each process has its own span')
  await b.ok('free', 0, first)
  await b.ok('free', 0, third)
  await a.ok('free', 0, second)
  t.equal(await a.ok('alloc', 0, 64), first, 'a block that another process has freed is used again')
  t.equal(sent(), before)
  t.same(held(), { bytes: 64, blocks: 1 })
  t.same(held(1), { bytes: 64, blocks: 1 })
})

t.test('spans: a block is freed and resized on another node, and freed only once', async (t) => {
  const { probes, at, held } = await start(t, 3)
  const [a, b, c] = probes as [Probe, Probe, Probe]
  for (const owner of [a, b, c]) {
    const block = await owner.ok('alloc', 0, 100)
    await owner.ok('fill', await owner.ok('pointer', block), 100, 7)
    for (const other of [a, b, c]) {
      t.match(await other.send('free', 0, block + 16n), refused('NOT_ALLOCATED'), 'interior')
      t.match(await other.send('realloc', 0, block + 16n, 8), refused('NOT_ALLOCATED'), 'interior')
      t.match(await other.send('free', 0, block + 112n), refused('NOT_ALLOCATED'), 'not allocated')
    }
    t.equal(await b.ok('realloc', 0, block, 110), block, 'it has room for so many')
    const moved = await b.ok('realloc', 0, block, 200)
    t.not(moved, block)
    t.equal(await a.ok('wrong', await a.ok('pointer', moved), 100, 7), 0n, 'the bytes have moved')
    t.same(held().blocks, 1)
    const grown = await c.ok('realloc', 0, moved, 3 * P)
    t.equal(await a.ok('wrong', await a.ok('pointer', grown), 100, 7), 0n, 'the bytes have moved again')
    await a.ok('free', 0, grown)
    for (const other of [a, b, c]) {
      for (const gone of [block, moved, grown])
        t.match(await other.send('free', 0, gone), refused('NOT_ALLOCATED'), 'twice')
    }
    t.same(held(), { bytes: 0, blocks: 0 })
  }
  t.equal(at.length, 3)
})

t.test('spans: blocks of two nodes share no unit, of whatever size they are', async (t) => {
  for (const unit of [4096, 16384]) {
    const { probes } = await start(t, 2, 0, `unit=${unit}`)
    const of: Set<bigint>[] = [new Set(), new Set()]
    for (const size of [16, 100, 1000, 24, 16, 500]) {
      for (const [node, probe] of probes.entries()) {
        of[node]!.add(((await probe.ok('alloc', 0, size)) % 2n ** 44n) / BigInt(unit))
      }
    }
    for (const one of of[0]!) t.notOk(of[1]!.has(one), `unit ${one} of ${unit} bytes`)
  }
})

t.test('heap: a block with a home lies in a unit of it, or is refused', async (t) => {
  for (const unit of [4096, 8192]) {
    const { probes } = await start(t, 3, 0, `unit=${unit}`)
    const model = await probes[0]!.send('model', 'heap')
    const first = Number(model.is === 'ok' && model.text.split(' ')[4])
    for (const [node, probe] of probes.entries()) {
      const blocks: bigint[] = []
      for (const size of [16, 100, unit, unit / 2, 3000]) {
        const block = await probe.ok('allocWith', 0, size, `home=${node}`)
        blocks.push(block)
        const offset = Number(block % 2n ** 44n)
        t.equal((first + Math.floor(offset / unit)) % 3, node, `${size} bytes`)
        t.ok((offset % unit) + size <= unit, 'within one unit')
      }
      for (const block of blocks) await probe.ok('free', 0, block)
      t.match(await probe.send('allocWith', 0, unit + 1, `home=${node}`), refused(`UNSUPPORTED: .*home ${node}`))
      t.match(await probe.send('allocWith', 0, 64, 'home=3'), refused('INVALID: home is 3'))
    }
    t.match(await probes[0]!.send('allocWith', 0, 64, 'home=0', 'align=16384'), refused('UNSUPPORTED: align 16384'))
  }
  const { probes } = await start(t, 2, 0, 'home=1')
  const large = await probes[0]!.ok('allocWith', 0, 20000, 'home=1', 'align=16384')
  t.equal(large % 16384n, 0n, 'where all units are the home’s, blocks have any size')
  t.match(await probes[0]!.send('allocWith', 0, 64, 'home=0'), refused('INVALID: home is 0'))
})

t.test('spans: of a process that has died the blocks stay, and the next process goes on in its spans', async (t) => {
  const { cluster, probes, held, sent } = await start(t, 2, 1)
  const [, a, b] = probes as [Probe, Probe, Probe]
  const blocks = [await a.ok('alloc', 0, 48), await a.ok('alloc', 0, 48)]
  await b.ok('alloc', 0, 16) // it knows the heap
  await a.kill()
  await becomes(1, () => status(cluster.socket(1)).processes)
  t.same(held(), { bytes: 112, blocks: 3 })
  const before = sent()
  t.equal(await b.ok('alloc', 0, 48), blocks[1]! + 48n)
  for (const block of blocks) await b.ok('free', 0, block)
  t.equal(sent(), before, 'nothing of this concerns another node')
  t.same(held(), { bytes: 64, blocks: 2 })
})

t.test('spans: a forked child has spans of its own, and frees its parent’s blocks', async (t) => {
  const { probes, held } = await start(t, 1)
  const [parent] = probes as [Probe]
  const first = await parent.ok('alloc', 0, 64)
  const child = await parent.fork()
  t.teardown(() => child.kill())
  const inChild = await child.ok('alloc', 0, 64)
  t.not(inChild / BigInt(P), first / BigInt(P))
  t.equal(await parent.ok('alloc', 0, 64), first + 64n, 'the parent goes on in its span')
  await child.ok('free', 0, first)
  await child.ok('free', 0, first + 64n)
  await parent.ok('free', 0, inChild)
  t.same(held(), { bytes: 0, blocks: 0 })
  t.match(await parent.send('free', 0, inChild), refused('NOT_ALLOCATED'))
})

t.test('spans: when the heap is full, all nodes give back what is empty', async (t) => {
  const { probes, held } = await start(t, 2, 1)
  const sizes = [16, 32, 48, 64, 80, 96, 128, 160, 256, 512, 1024]
  const blocks: bigint[] = []
  for (const probe of probes) for (const size of sizes) blocks.push(await probe.ok('alloc', 0, size))
  t.match(await probes[0]!.send('alloc', 0, BYTES), refused('HEAP_FULL'), 'while something is allocated')
  for (const [i, block] of blocks.entries()) await probes[i % probes.length]!.ok('free', 0, block)
  const whole = await probes[0]!.ok('alloc', 0, BYTES)
  t.equal(whole, await probes[0]!.ok('at', 0, 0), 'all of it')
  t.same(held(1), { bytes: BYTES, blocks: 1 })
  for (const probe of probes) t.match(await probe.send('alloc', 0, 16), refused('HEAP_FULL'))
  await probes[2]!.ok('free', 0, whole)
  for (const probe of probes) blocks.push(await probe.ok('alloc', 0, 16))
  t.equal(new Set(blocks.slice(-3)).size, 3, 'a span that was taken away is not used by who had it')
  t.same(held(), { bytes: 48, blocks: 3 })
})

t.test('spans: one that was taken away is of no use to who had it, whoever has it now', async (t) => {
  const { probes, held } = await start(t, 1, 1)
  const [a, b] = probes as [Probe, Probe]
  const sizes = [16, 64, 200, 1000]
  for (const size of sizes) await a.ok('free', 0, await a.ok('alloc', 0, size))
  await b.ok('free', 0, await b.ok('alloc', 0, BYTES)) // all spans have gone back
  const got: bigint[] = []
  for (let reply = await b.send('alloc', 0, 896); reply.is === 'ok'; reply = await b.send('alloc', 0, 896)) {
    got.push(BigInt(reply.text))
    await b.ok('free', 0, got.at(-1)!) // so that its bit is clear
    t.equal(await b.ok('alloc', 0, 896), got.at(-1))
  }
  await b.ok('free', 0, got[0]!) // the first span that b has is one that a had
  const { bytes } = held()
  for (const size of sizes) t.match(await a.send('alloc', 0, size), refused('HEAP_FULL'), `${size} bytes`)
  t.equal(held().bytes, bytes)
})

t.test('spans: a heap is used up to its last block, and nobody gets one twice', async (t) => {
  const { probes, held } = await start(t, 2)
  const got = new Set<bigint>()
  const full = new Set<Probe>()
  while (full.size < probes.length) {
    for (const probe of probes) {
      const reply = await probe.send('alloc', 0, 1000)
      if (reply.is === 'ok') got.add(BigInt(reply.text))
      else full.add(probe)
      if (reply.is === 'err') t.match(reply, refused('HEAP_FULL'))
    }
  }
  t.equal(got.size, BYTES / 1024)
  t.same(held(), { bytes: BYTES, blocks: BYTES / 1024 })
  for (const block of got) await probes[0]!.ok('free', 0, block)
  t.same(held(1), { bytes: 0, blocks: 0 })
})

t.test('spans: of a lost node they stay, its blocks cannot be freed, and the others go on', async (t) => {
  const { cluster, probes, held } = await start(t, 3, 0, 'home=0')
  const [a, b, c] = probes as [Probe, Probe, Probe]
  const [own, lost] = [await b.ok('alloc', 0, 64), await c.ok('alloc', 0, 64)]
  await cluster.kill(2)
  await becomes(2, () => status(cluster.socket(0)).nodes.length)
  await becomes(2, () => status(cluster.socket(1)).nodes.length)
  t.match(await a.send('free', 0, lost), { is: 'err', text: /NODE_LOST: node 2/ })
  t.match(await b.send('realloc', 0, lost, 100), { is: 'err', text: /NODE_LOST: node 2/ })
  t.same(held(), { bytes: P + 64, blocks: 2 }, 'what is in use there nobody knows')
  t.match(await a.send('alloc', 0, BYTES), refused('HEAP_FULL'))
  await a.ok('free', 0, own)
  t.not((await a.ok('alloc', 0, 64)) / BigInt(P), lost / BigInt(P))
})

t.test('spans: small blocks are to be had when the heap’s node is lost, as long as there is room', async (t) => {
  const { cluster, probes } = await start(t, 2, 0, 'home=1')
  const [a] = probes as [Probe]
  const block = await a.ok('alloc', 0, 64)
  await cluster.kill(1)
  await becomes(1, () => status(cluster.socket(0)).nodes.length)
  t.equal(await a.ok('alloc', 0, 64), block + 64n)
  await a.ok('free', 0, block)
  t.match(await a.send('alloc', 0, 5000), refused('NODE_LOST'))
  t.match(await a.send('alloc', 0, 128), refused('NODE_LOST'), 'no span of that size')
})

t.test('spans: who overruns its block damages data, never the heap', async (t) => {
  const { probes, at, held } = await start(t, 2)
  const [a, b] = probes as [Probe, Probe]
  const block = await a.ok('alloc', 0, 64)
  const others = [await a.ok('alloc', 0, 64), await b.ok('alloc', 0, 64), await b.ok('alloc', 0, 5000)]
  await a.ok('fill', at[0]!, BYTES, 0xff)
  t.same(held(), { bytes: 3 * 64 + 5008, blocks: 4 })
  for (const one of [block, ...others]) await b.ok('free', 0, one)
  t.same(held(1), { bytes: 0, blocks: 0 })
})

for (const byte of [0, 0x5a, 0xff]) {
  t.test(
    `spans: control pages full of 0x${byte.toString(16)} break that heap on that node, and nothing else`,
    async (t) => {
      const { cluster, probes, held } = await start(t, 2, 1)
      const [a, b, c] = probes as [Probe, Probe, Probe]
      const safe = await a.ok('alloc', 0, 64)
      for (const size of [16, 64, 1000]) await b.ok('alloc', 0, size)
      const other = await b.ok('create', 'other', BYTES, 0)
      const there = await b.ok('alloc', other, 64)
      t.ok((await b.ok('scribble', 0, byte)) > 0n, 'there was something to scribble on')
      for (const probe of [b, c]) {
        for (const size of [16, 64, 200, 1000, 5000]) {
          const reply = await probe.send('alloc', 0, size)
          if (reply.is === 'ok') await probe.send('free', 0, BigInt(reply.text))
        }
      }
      t.ok(held().bytes <= BYTES, 'what it says is possible')
      t.ok(held(1).blocks <= BYTES / 16)
      await a.send('alloc', 0, BYTES) // every node gives back what it thinks is empty
      t.equal(await a.ok('alloc', 0, 64), safe + 64n, 'another node')
      await a.ok('free', 0, safe)
      t.equal(await b.ok('alloc', other, 64), there + 64n, 'another segment')
      await b.kill()
      await c.kill()
      t.equal(await becomes(0, () => status(cluster.socket(1)).processes), 0)
      t.equal(status(cluster.socket(0)).nodes.length, 2)
    },
  )
}

t.test('lrc: a block that another node frees, and its span that moves, are edges', async (t) => {
  const { probes } = await start(t, 2, 0, 'consistency=lrc')
  const [a, b] = probes as [Probe, Probe]
  for (let round = 1; round <= 5; round++) {
    const block = await a.ok('alloc', 0, 4096)
    t.equal((await b.ok('get', await b.ok('pointer', block))) >= 0n, true) // a copy is there, to be invalidated
    await a.ok('put', await a.ok('pointer', block), round)
    await a.ok('free', 0, block)
    const again = await b.ok('alloc', 0, 4096)
    t.equal(again, block)
    t.equal(await b.ok('get', await b.ok('pointer', again)), BigInt(round), 'a large block')
    await b.ok('put', await b.ok('pointer', again), 0)
    await b.ok('free', 0, again)

    const small = await a.ok('alloc', 0, 64)
    await b.ok('get', await b.ok('pointer', small))
    await a.ok('put', await a.ok('pointer', small), round + 100)
    await b.ok('put', await b.ok('pointer', small + 8n), round + 200)
    await b.ok('free', 0, small)
    t.equal(await a.ok('alloc', 0, 64), small)
    t.equal(await a.ok('get', await a.ok('pointer', small + 8n)), BigInt(round + 200), 'what who freed it has written')
    t.equal(await a.ok('get', await a.ok('pointer', small)), BigInt(round + 100), 'beside what is written here')
    await a.ok('free', 0, small)

    const span = await a.ok('alloc', 0, 1000)
    await b.ok('get', await b.ok('pointer', span))
    await a.ok('put', await a.ok('pointer', span), round + 300)
    await a.ok('free', 0, span)
    const whole = await b.ok('alloc', 0, BYTES)
    t.equal(await b.ok('get', await b.ok('pointer', span)), BigInt(round + 300), 'all of the segment is here now')
    await b.ok('free', 0, whole)
  }
})

t.test('spans: fresh pages whose home is here come in runs, and are as zero as others', async (t) => {
  for (const consistency of ['mrsw', 'lrc', 'srsw']) {
    const cluster = await startCluster(t, 2, { fetchAhead: 0 })
    const probes = [await Probe.start(cluster.socket(0)), await Probe.start(cluster.socket(1))] as const
    t.teardown(() => Promise.all(probes.map((probe) => probe.kill())))
    const [a, b] = probes
    for (const probe of probes) {
      await probe.ok('createWith', 'runs', 2 ** 24, 1, 'home=0', `consistency=${consistency}`)
      await probe.ok('map', 0, 0, 0, 0)
    }
    const first = await a.ok('alloc', 0, 4096) // the first of the 16 pages of a span
    const at = await a.ok('pointer', first)
    const faults = () => status(cluster.socket(0)).faults.write
    const before = faults()
    const seen: number[] = []
    for (let page = 0; page < 16; page++) {
      await a.ok('put', at + BigInt(page * P), page + 1)
      seen.push(faults() - before)
    }
    t.same(seen, [1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5], `${consistency}: 1, 2, 4, 8, and the last`)
    t.equal(await a.ok('wrong', at + 8n, P - 8, 0), 0n, 'zeros')
    t.equal(await a.ok('wrong', at + BigInt(12 * P + 8), P - 8, 0), 0n, 'zeros')
    await a.ok('release', 0, 0, 0)
    await b.ok('acquire', 0, 0, 0)
    for (let page = 0; page < 16; page++) {
      t.equal(
        await b.ok('get', (await b.ok('pointer', first)) + BigInt(page * P)),
        BigInt(page + 1),
        'another node sees it',
      )
    }
    const there = await b.ok('alloc', 0, 4096)
    for (let page = 0; page < 16; page++) await b.ok('put', (await b.ok('pointer', there)) + BigInt(page * P), page)
    t.equal(
      status(cluster.socket(1)).faults.write,
      16,
      'where the home is elsewhere they come one by one, when none is fetched ahead',
    )
    await a.ok('unlink', 'runs')
  }
})
