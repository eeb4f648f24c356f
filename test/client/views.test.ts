/** seg.view(): typed arrays of a segment, of every kind, over one mapping that lasts until close(). */
import t, { type Test } from 'tap'
import { attach, type ArrayKind, type Gshm } from '../../ts/client/index.js'
import { processes, status } from '../../ts/client/inspect.js'
import { startCluster, startNode } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const P = 4096
const KINDS: readonly ArrayKind[] = [
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView],
]

/** This process, attached to a node of its own. */
async function alone(t: Test, memory?: number): Promise<{ g: Gshm; socket: string }> {
  const node = await startNode(t, memory === undefined ? {} : { memory })
  const g = attach({ socket: node.socket(0) })
  t.teardown(() => g.detach())
  return { g, socket: node.socket(0) }
}

t.test('typed arrays of every kind, and DataView, show the segment that a C process of another node has', async (t) => {
  const cluster = await startCluster(t, 2)
  const g = attach({ socket: cluster.socket(0) })
  t.teardown(() => g.detach())
  const s = g.create('s', 4 * P)
  const probe = await Probe.start(cluster.socket(1))
  t.teardown(() => probe.kill())
  const at = await probe.ok('map', await probe.ok('open', 's', 0), 0, 0, 0)
  for (const kind of KINDS) {
    const array = s.view(kind, 2 * P, 8)
    t.ok(array instanceof kind, kind.name)
    const element = array instanceof DataView ? 1 : array.BYTES_PER_ELEMENT
    t.same([array.byteLength, array.buffer.byteLength], [8 * element, 8 * element], `${kind.name}: so many elements`)
    t.equal(s.view(kind).byteLength, 4 * P, `${kind.name}: all of it`)
    t.equal(s.view(kind, 4 * P - 2 * element).byteLength, 2 * element, `${kind.name}: to the end`)
  }
  s.view(Float64Array, 8, 2)[1] = Math.PI
  t.equal(await probe.ok('get', at + 16n), 0x400921fb54442d18n, 'what is written here is there')
  await probe.ok('put', at + 24n, 0x0102030405060708n)
  t.equal(s.view(DataView, 24).getUint16(0, true), 0x0708, 'and the other way')
  t.equal(s.view(BigUint64Array)[3], 0x0102030405060708n)
  class Mine extends Uint16Array {}
  t.ok(s.view(Mine, 24, 1) instanceof Mine, 'a class of one’s own')
  t.equal(processes(cluster.socket(0))[0]?.views.length, 1, 'it is one view')
  s.close()
  t.equal(processes(cluster.socket(0))[0]?.views.length, 0)
})

t.test('what cannot be shown is one clear error', async (t) => {
  const { g } = await alone(t)
  const s = g.create('s', 2 * P, { maxSize: 4 * P })
  const refused = (code: string, message: RegExp, call: () => unknown) =>
    t.throws(call, { name: 'GshmError', code: `ERR_GSHM_${code}`, message })
  for (const [kind, offset] of [
    [Float64Array, 4],
    [BigInt64Array, 1],
    [Uint32Array, 2],
    [Int16Array, P - 1],
  ] as const)
    refused('MISALIGNED', new RegExp(`offset ${offset} is no multiple of ${kind.name}`), () => s.view(kind, offset))
  t.equal(s.view(DataView, 3, 5).byteLength, 5, 'a DataView may begin anywhere')
  t.equal(s.view(Float64Array, 2 * P - 8).length, 1)
  for (const [offset, length] of [[2 * P], [2 * P - 8, 2], [0, P / 4 + 1], [0, 2 ** 40], [2 ** 50]] as const)
    refused('BEYOND_END', /end beyond the segment's 8192 bytes/, () => s.view(Float64Array, offset, length))
  refused('INVALID', /^length is 0/, () => s.view(Int8Array, 0, 0))
  refused('INVALID', /^offset is -8/, () => s.view(Int8Array, -8))
  for (const kind of [Buffer, ArrayBuffer, SharedArrayBuffer, Array, Object, undefined, 'Int8Array', () => 0])
    refused('INVALID', /^view: kind must be a typed array's constructor, or DataView, not/, () => s.view(kind as never))

  const before = s.view(Uint8Array)
  await s.resize(4 * P)
  t.equal(before.length, 2 * P, 'what was made before shows what it showed')
  t.equal(s.view(Uint8Array).length, 4 * P, 'what is made now shows what there is now')
  await s.resize(P)
  refused('BEYOND_END', /segment's 4096 bytes/, () => s.view(Uint8Array, P))
})

t.test('close() empties what view() gave; other handles and what map() gave stay', async (t) => {
  const { g, socket } = await alone(t)
  const s = g.create('s', P)
  const again = g.open('s')
  const arrays = [s.view(Uint8Array), s.view(Float64Array, 8, 2)]
  const mapped = new Uint8Array(s.map().buffer())
  const others = again.view(Uint8Array)
  arrays[0]![3] = 7
  s.close()
  t.same([...arrays.map((array) => array.length), arrays[0]![3]], [0, 0, undefined])
  t.same([mapped[3], others[3]], [7, 7])
  for (const call of [() => s.view(Uint8Array), () => s.shared(), () => s.map(), () => s.close()])
    t.throws(call, { code: 'ERR_GSHM_INVALID', message: /segment 's' is closed/ })
  t.equal(again.view(Uint8Array, 3)[0], 7, 'what is closed is one handle')
  again.close()
  t.equal(others.length, 0)
  t.equal(status(socket).views, 1, "map()'s")
  t.equal(mapped[3], 7)
})

t.test(
  'after detach() the arrays are empty, and a segment that was open then shows nothing of what is opened later',
  async (t) => {
    const { g, socket } = await alone(t)
    const s = g.create('s', P)
    const array = s.view(Uint8Array)
    array[0] = 1
    g.detach()
    t.equal(array.length, 0)
    t.throws(() => s.view(Uint8Array), { code: 'ERR_GSHM_DETACHED' })
    const now = attach({ socket }).open('s')
    t.equal(now.view(Uint8Array)[0], 1)
    t.throws(() => s.view(Uint8Array), { code: 'ERR_GSHM_DETACHED', message: /open it again/ })
    t.throws(() => s.map(), { code: 'ERR_GSHM_DETACHED' })
    t.throws(() => s.close(), { code: 'ERR_GSHM_DETACHED' })
    t.equal(now.view(Uint8Array)[0], 1)
  },
)

t.test('one array has at most 2^32 - 1 bytes; a larger segment is shown by parts', async (t) => {
  const { g } = await alone(t, 8 * 2 ** 30)
  const s = g.create('big', 5 * 2 ** 30)
  for (const [kind, length] of [
    [Uint8Array, undefined],
    [Float64Array, 2 ** 29],
    [Uint8Array, 2 ** 32],
  ] as const)
    t.throws(() => s.view(kind, 0, length), { code: 'ERR_GSHM_INVALID', message: /2\^32 - 1 bytes/ })
  const most = s.view(Float64Array, 2 ** 30, 2 ** 29 - 1)
  most[2 ** 29 - 2] = 5
  t.equal(s.view(Float64Array, 5 * 2 ** 30 - 16, 1)[0], 5, 'beyond 4 GiB, too')
})

t.test('to transfer the buffer copies it: the copy is no part of the segment', async (t) => {
  const { g } = await alone(t)
  const s = g.create('s', P)
  const array = s.view(Uint8Array)
  array[0] = 1
  const copy = structuredClone(array, { transfer: [array.buffer] })
  copy[0] = 2
  t.same([array[0], s.view(Uint8Array)[0], copy[0]], [1, 1, 2])
  s.close()
})

t.test('gshm_unmap where no descriptor is left: an error, and the view is what it was', async (t) => {
  const node = await startNode(t)
  const p = await Probe.start(node.socket(0), { GSHM_TRAP: 'userfaultfd' })
  t.teardown(() => p.kill())
  const at = await p.ok('map', await p.ok('create', 's', 4 * P, 0), 0, 0, 0)
  await p.ok('put', at, 5)
  await p.ok('nofile', 3)
  t.match(await p.send('unmap', at), { is: 'err', text: /^ERR_GSHM_DESCRIPTORS/ })
  t.equal(await p.ok('get', at), 5n)
  await p.ok('nofile', 1024)
  await p.ok('unmap', at)
  t.equal(status(node.socket(0)).views, 0)
})
