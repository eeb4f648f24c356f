/** The TypeScript API on one real node: this process attaches. */
import { openSync, readSync, closeSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attach, type GshmError } from '../../ts/client/index.js'
import { processes } from '../../ts/client/inspect.js'
import { startNode } from '../support/cluster.js'
import { Probe } from '../support/probe.js'
import { except } from '../support/trap.js'

const P = 4096

t.test('one node: views, buffers, the heap, in one process and with another in C', async (t) => {
  const node = await startNode(t)
  const g = attach({ socket: node.socket(0) })
  t.teardown(() => g.detach())
  t.same([g.node, g.nodes], [0, 1])
  const segment = g.create('s', 10 * P - 1)
  t.equal(segment.size, 10 * P, 'sizes are rounded up to pages')
  t.match(g.stat('s'), { size: 10 * P, linked: true, consistency: 'mrsw', heapBytes: 0 })

  const whole = segment.map()
  const part = segment.map({ address: 0x610000000000n, offset: 2 * P, length: 3 * P })
  t.match(part, { address: 0x610000000000n, offset: 2 * P, length: 3 * P })
  const words = new Uint32Array(part.buffer())
  t.ok(
    words.every((word) => word === 0),
    'fresh memory reads as zeros',
  )
  words[1] = 0xabcdef
  t.equal(new Uint32Array(whole.buffer(2 * P, 8))[1], 0xabcdef, 'two views are one memory')
  Atomics.add(words, 1, 1)
  const probe = await Probe.start(node.socket(0))
  t.teardown(() => probe.kill())
  const at = await probe.ok('map', await probe.ok('open', 's', 0), 0, 0, 0)
  t.equal((await probe.ok('get', at + BigInt(2 * P))) >> 32n, 0xabcdf0n, 'a C process sees it')

  t.equal(g.address(part.address + 8n), segment.at(2 * P + 8))
  t.ok([part.address + 8n, whole.address + BigInt(2 * P + 8)].includes(g.pointer(segment.at(2 * P + 8))))
  t.equal(g.address(await probe.ok('pointer', segment.at(5)).then(() => whole.address + 5n)), segment.at(5))

  const block = segment.alloc(100)
  new Uint8Array(g.buffer(block, 100)).fill(7)
  const moved = segment.realloc(block, 3 * P)
  t.ok(
    new Uint8Array(g.buffer(moved, 100)).every((byte) => byte === 7),
    'realloc keeps the bytes',
  )
  t.ok(g.stat('s').heapBytes >= 3 * P)
  segment.free(moved)
  t.throws(() => segment.free(moved), { code: 'ERR_GSHM_NOT_ALLOCATED' }, 'freed twice')
  t.equal(g.stat('s').heapBytes, 0)
})

t.test('one node: read(2) fills a page that nobody had touched', except('syscalls'), async (t) => {
  const node = await startNode(t)
  const g = attach({ socket: node.socket(0) })
  const whole = g.create('read', 16 * P).map()
  const file = join(node.dir, 'file')
  writeFileSync(file, 'x'.repeat(P))
  const fd = openSync(file, 'r')
  t.equal(readSync(fd, new Uint8Array(whole.buffer(8 * P, P))), P)
  closeSync(fd)
  const probe = await Probe.start(node.socket(0))
  t.teardown(() => probe.kill())
  const there = await probe.ok('map', await probe.ok('open', 'read'), 0, 0, 0)
  t.equal(await probe.ok('wrong', there + BigInt(8 * P), P, 'x'.charCodeAt(0)), 0n)
  g.detach()
})

t.test('one node: after unmap and detach the buffers are empty, and attaching again works', async (t) => {
  const node = await startNode(t)
  const g = attach({ socket: node.socket(0) })
  const segment = g.create('s', 4 * P)
  const [first, second] = [segment.map(), segment.map()]
  const gone = first.buffer()
  const bytes = new Uint8Array(gone)
  const stays = new Uint8Array(second.buffer())
  stays[0] = 5
  first.unmap()
  t.same([gone.byteLength, bytes.length, bytes[0]], [0, 0, undefined])
  t.equal(stays[0], 5, 'the other view stays')
  t.throws(() => first.unmap(), { code: 'ERR_GSHM_NOT_MAPPED' })
  t.throws(() => first.buffer(), { code: 'ERR_GSHM_NOT_MAPPED' })
  segment.close()
  t.throws(() => segment.alloc(1), { code: 'ERR_GSHM_INVALID' })
  t.equal(stays[0], 5, 'a closed segment keeps its views')
  g.detach()
  t.equal(stays.length, 0)
  t.throws(() => g.create('x', 1), { code: 'ERR_GSHM_DETACHED', message: /must attach first/ })
  const slip = { manger: 'central' } as object
  t.throws(() => g.create('x', 1, slip), { code: 'ERR_GSHM_INVALID', message: /'manger': there are openOrCreate, / })
  t.throws(() => g.detach(), { code: 'ERR_GSHM_DETACHED' })
  t.same(processes(node.socket(0)), [], 'the daemon has forgotten it')

  const again = attach({ socket: node.socket(0) })
  const opened = again.open('s')
  t.equal(new Uint8Array(opened.map().buffer())[0], 5, 'the memory is as it was left')
  again.unlink('s')
  t.throws(() => again.open('s'), { code: 'ERR_GSHM_NOT_FOUND' })
  again.detach()
})

t.test('one node: handles of one segment are counted', async (t) => {
  const node = await startNode(t)
  const g = attach({ socket: node.socket(0) })
  t.teardown(() => g.detach())
  const one = g.create('s', P)
  const two = g.open('s')
  t.equal(one.id, two.id)
  one.close()
  t.ok(two.alloc(16) > 0n)
  two.close()
  t.throws(() => two.map(), { code: 'ERR_GSHM_INVALID' })
})

t.test('one node: asynchronous locks exclude each other within the process; barriers wait for all', async (t) => {
  const node = await startNode(t)
  const g = attach({ socket: node.socket(0) })
  t.teardown(() => g.detach())
  const order: string[] = []
  await g.lock('a')
  const other = g.lock('a').then(() => order.push('second has it'))
  await g.barrier(1, 1)
  order.push('first gives it')
  await g.unlock('a')
  await other
  t.same(order, ['first gives it', 'second has it'])
  await g.unlock('a')
  await t.rejects(g.unlock('a'), { code: 'ERR_GSHM_NOT_HOLDER' })

  g.lockSync(7)
  t.throws(() => g.lockSync(7n), { code: 'ERR_GSHM_DEADLOCK' }, 'the number 7 and 7n are one lock')
  g.lockSync('7')
  g.unlockSync('7')
  g.unlockSync(7)
  t.throws(() => g.unlockSync(7), { code: 'ERR_GSHM_NOT_HOLDER' })

  // More than libuv's pool of four: each waits in a thread of its own.
  await Promise.all(Array.from({ length: 10 }, () => g.barrier('ten', 10)))
  // Whichever comes second, with another count, is refused; the first waits on.
  const outcome = (count: number) =>
    g.barrier('two', count).then(
      () => ({ count, code: '' }),
      (error: GshmError) => ({ count, code: error.code }),
    )
  const both = [outcome(2), outcome(3)]
  const refused = await Promise.race(both)
  t.equal(refused.code, 'ERR_GSHM_BARRIER_MISMATCH')
  const left = 5 - refused.count
  for (let i = 2; i < left; i++) both.push(outcome(left))
  g.barrierSync('two', left)
  t.equal((await Promise.all(both)).filter(({ code }) => code !== '').length, 1)

  const probe = await Probe.start(node.socket(0))
  await probe.ok('lock', 'orphan')
  const told = { code: 'ERR_GSHM_OWNER_DEAD' }
  const inherited = t.rejects(g.lock('orphan'), told, 'held, and told that its last holder died')
  await probe.kill()
  await inherited
  await g.unlock('orphan')
  await g.lock('orphan')
  await g.unlock('orphan')
})

t.test('one node: detaching ends the waits of this process', async (t) => {
  const node = await startNode(t)
  const g = attach({ socket: node.socket(0) })
  const waits = t.rejects(g.barrier('never', 2), { code: 'ERR_GSHM_DETACHED' })
  const entered = attach() // the same registration
  await entered.barrier('now', 1)
  g.detach()
  await waits
})

t.test('one node: arguments of wrong types and values are refused by name, and nothing is lost', async (t) => {
  const node = await startNode(t)
  const g = attach({ socket: node.socket(0) })
  t.teardown(() => g.detach())
  const s = g.create('s', 4 * P)
  const view = s.map()
  const bad = <T>(value: unknown) => value as T
  t.throws(() => g.create(bad(5), P), { code: 'ERR_GSHM_INVALID', message: /^name must be a string, not number/ })
  t.throws(() => g.create('x', bad('1')), { code: 'ERR_GSHM_INVALID', message: /^size must be a whole number/ })
  for (const size of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
    t.throws(() => g.create('x', size), { code: 'ERR_GSHM_INVALID', message: /^size/ }, String(size))
  }
  t.throws(() => g.create('x'.repeat(64), P), { code: 'ERR_GSHM_NAME_TOO_LONG' })
  t.throws(() => g.create('', P), { code: 'ERR_GSHM_NAME_INVALID' })
  t.throws(() => g.create('a/b', P), { code: 'ERR_GSHM_NAME_INVALID' })
  t.throws(() => g.create('a\0b', P), { code: 'ERR_GSHM_NAME_INVALID' })
  t.throws(() => g.create('\ud800', P), { code: 'ERR_GSHM_NAME_INVALID' })
  t.throws(() => g.create('s', P), { code: 'ERR_GSHM_EXISTS' })
  t.throws(() => g.create('s', P, { openOrCreate: true }), { code: 'ERR_GSHM_SIZE_MISMATCH' })
  t.throws(() => g.create('x', 2 ** 44 + 1), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => g.create('x', 2 ** 40), { code: 'ERR_GSHM_MEMORY', message: /--memory/ })
  t.throws(() => s.map({ address: bad(4096) }), { code: 'ERR_GSHM_INVALID', message: /^address must be a bigint/ })
  t.throws(() => s.map({ offset: 1 }), { code: 'ERR_GSHM_MISALIGNED' })
  t.throws(() => s.map({ offset: 4 * P }), { code: 'ERR_GSHM_BEYOND_END' })
  t.throws(() => s.map({ length: 5 * P }), { code: 'ERR_GSHM_BEYOND_END' })
  t.throws(() => s.map({ address: view.address }), { code: 'ERR_GSHM_OVERLAP' })
  t.throws(() => s.map({ address: 1n << 60n }), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => view.buffer(P, 4 * P), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => view.buffer(0, 0), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => g.buffer(s.at(3 * P), 2 * P), { code: 'ERR_GSHM_NOT_MAPPED' })
  t.throws(() => g.pointer(s.at(0) + BigInt(4 * P)), { code: 'ERR_GSHM_NOT_MAPPED' })
  for (const offset of [4 * P, 2 ** 44]) t.throws(() => s.at(offset), { code: 'ERR_GSHM_BEYOND_END' })
  t.throws(() => g.pointer(bad(1)), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => g.address(1n), { code: 'ERR_GSHM_NOT_MAPPED' })
  t.throws(() => s.alloc(0), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => s.alloc(5 * P), { code: 'ERR_GSHM_HEAP_FULL' })
  t.throws(() => s.free(s.at(64)), { code: 'ERR_GSHM_NOT_ALLOCATED' })
  t.throws(() => s.free(1n), { code: 'ERR_GSHM_NOT_ALLOCATED' }, 'an address of another segment')
  t.throws(() => s.realloc(s.at(64), 10), { code: 'ERR_GSHM_NOT_ALLOCATED' })
  t.throws(() => g.lockSync(bad({})), { code: 'ERR_GSHM_INVALID', message: /^key must be/ })
  t.throws(() => g.lockSync(-1), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => g.lockSync('x'.repeat(64)), { code: 'ERR_GSHM_NAME_TOO_LONG' })
  await t.rejects(g.lock('x'.repeat(64)), { code: 'ERR_GSHM_NAME_TOO_LONG' })
  t.throws(() => g.barrierSync('b', 0), { code: 'ERR_GSHM_INVALID', message: /^count/ })
  new Uint8Array(view.buffer())[0] = 1
  t.equal(new Uint8Array(s.map().buffer())[0], 1, 'it all still works')
  t.equal(g.stat('s').heapBytes, 0)
})

t.test('one node: buffers are bounded in bytes, and a view of more is reached by parts', async (t) => {
  const node = await startNode(t, { memory: 8 * 2 ** 30 })
  const g = attach({ socket: node.socket(0) })
  t.teardown(() => g.detach())
  const s = g.create('big', 5 * 2 ** 30)
  const view = s.map()
  t.throws(() => view.buffer(), { code: 'ERR_GSHM_INVALID', message: /2\^32 - 1/ })
  const end = new Uint8Array(view.buffer(5 * 2 ** 30 - P, P))
  end[P - 1] = 9
  const most = new Uint8Array(view.buffer(5 * 2 ** 30 - (2 ** 32 - P), 2 ** 32 - P))
  t.equal(most[most.length - 1], 9)
})
