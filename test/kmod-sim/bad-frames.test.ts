/** The device of a real daemon against processes that mean ill: each gets its error, nobody else notices. */
import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { segments, status, unlink } from '../../ts/client/inspect.js'
import { native } from '../../ts/native/index.js'
import { becomes } from '../support/becomes.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { fields, frame, Hostile, hello, words, type Descriptor } from '../support/hostile.js'
import { Probe } from '../support/probe.js'

const P = 4096
const REGISTER = 1
const CHANNEL = 2
const FORKED = 3
const VISITOR = 4
const USERFAULTFD = 5

interface Attacked {
  cluster: TestCluster
  hostile: Hostile
  log: () => string
}

/** A hostile process on the last node; when it has ended, a good one there must not have noticed. */
function attack(name: string, nodes: number, body: (t: Test, attacked: Attacked) => Promise<void>): void {
  t.test(name, async (t) => {
    const cluster = await startCluster(t, nodes)
    const socket = cluster.socket(nodes - 1)
    const good = await Probe.start(socket)
    const hostile = new Hostile(socket)
    t.teardown(() => Promise.all([good.kill(), hostile.stop()]))
    const at = await good.ok('map', await good.ok('create', 'good', 16 * P, 0), 0, 0, 0)
    for (let page = 0; page < 8; page++) await good.ok('put', at + BigInt(page * P), 100 + page)
    const { pid } = cluster.daemon(nodes - 1)
    const descriptors = (): number => readdirSync(`/proc/${pid}/fd`).length
    const before = descriptors()

    await body(t, { cluster, hostile, log: () => cluster.log(nodes - 1) })

    await hostile.stop()
    t.equal(await becomes(before, descriptors), before, 'no descriptor is left of it')
    for (let page = 0; page < 8; page++) {
      t.equal(await good.ok('get', at + BigInt(page * P)), BigInt(100 + page), 'the good process has its data')
    }
    await good.ok('put', at + BigInt(9 * P), 1)
    await good.ok('lock', 'good')
    await good.ok('unlock', 'good')
    const newcomer = await Probe.start(socket)
    t.teardown(() => newcomer.kill())
    await newcomer.ok('open', 'good', 0)
    for (let node = 0; node < nodes; node++)
      t.equal(status(cluster.socket(node)).nodes.length, nodes, 'no node is lost')
  })
}

attack('frames: a malformed one ends its connection with one log line', 1, async (t, { hostile, log }) => {
  const close = frame('close', fields(1, 0))
  const wrong = Buffer.from(close)
  wrong.writeUInt32LE(7, 0)
  const cases: [RegExp, Buffer][] = [
    [/shorter than a frame's header/, Buffer.from('garbage')],
    [/longer than any frame/, Buffer.alloc(4000, 0xff)],
    [/a length that is not the packet's/, wrong],
    [/a length that is not the packet's/, close.subarray(0, 20)],
    [/an unknown op 99/, frame(99)],
    [/an unknown op 0/, frame(0)],
    [/a name is not terminated/, frame('stat', Buffer.alloc(64, 'n'))],
    [/a wrong length for stat/, frame('stat', fields(1))],
  ]
  let lines = 0
  for (const [why, bytes] of cases) {
    const connection = await hostile.connect()
    await hostile.send(connection, hello(VISITOR))
    await hostile.receive(connection)
    await hostile.send(connection, bytes)
    t.equal(await hostile.receive(connection), undefined, 'closed')
    const said = (): string[] => log().match(/process \d+ broke the protocol.*/g) ?? []
    t.equal(await becomes(++lines, () => said().length), lines, 'one log line')
    t.match(said().at(-1), why)
    t.match(said().at(-1), new RegExp(`process ${hostile.program.pid} `), 'that tells who it was')
  }
})

attack('hello: it comes first and once, in the daemon’s version', 1, async (t, { hostile }) => {
  const connection = await hostile.connect()
  t.match(await hostile.exchange(connection, frame('fork')), { error: 'BAD_FRAME', text: /first frame.*hello/ })
  const { abiVersion } = native
  const versions = { error: 'ABI_VERSION', text: new RegExp(`protocol ${abiVersion + 1}.*${abiVersion}`) }
  t.match(await hostile.exchange(connection, hello(REGISTER, 0n, abiVersion + 1)), versions)
  t.match(await hostile.exchange(connection, hello(USERFAULTFD)), { error: 'OK' }, 'which says not yet who is there')
  t.match(await hostile.exchange(connection, hello(77)), { error: 'BAD_FRAME', text: /kind 77/ })
  t.match(await hostile.exchange(connection, hello(CHANNEL, 5n)), { error: 'DETACHED', text: /token/ })
  t.match(await hostile.exchange(connection, hello(FORKED, 5n)), { error: 'DETACHED', text: /token/ })
  t.match(await hostile.exchange(connection, hello(REGISTER), 'fresh'), { error: 'OK' }, 'and then a good one')
  for (const kind of [REGISTER, CHANNEL, FORKED, VISITOR, USERFAULTFD]) {
    t.match(await hostile.exchange(connection, hello(kind)), { error: 'BAD_FRAME', text: /second hello/ })
  }
  const visitor = await hostile.connect()
  t.match(await hostile.exchange(visitor, hello(VISITOR)), { error: 'OK' })
  t.match(await hostile.exchange(visitor, hello(VISITOR)), { error: 'BAD_FRAME', text: /second hello/ })
  t.match(await hostile.exchange(visitor, frame('fork')), { error: 'DETACHED', text: /visitor/ })
})

attack('descriptors: what is no unused userfaultfd does not register a process', 1, async (t, { hostile }) => {
  for (const kind of ['none', 'null', 'pipe', 'used'] as const) {
    const connection = await hostile.connect()
    const reply = await hostile.exchange(connection, hello(REGISTER), kind)
    t.match(reply, { error: 'NOT_USERFAULTFD', text: /descriptor/ }, kind)
    t.match(await hostile.exchange(connection, frame('fork')), { error: 'BAD_FRAME' }, 'it is not registered')
    t.match(await hostile.exchange(connection, hello(REGISTER), 'fresh'), { error: 'OK' }, 'but may try again')
  }
})

attack('names: what is no UTF-8 is no name, of a segment or of a lock', 1, async (t, { hostile }) => {
  const connection = await hostile.register()
  const name = Buffer.alloc(64)
  for (const bytes of ['ff', 'fe', 'c0af']) {
    name.fill(0).write(bytes, 'hex')
    const create = frame('create', Buffer.concat([fields(4096n, 0, 0o600, 0, 0), words('', ''), name, fields(0n)]))
    t.match(await hostile.exchange(connection, create), { error: 'NAME_INVALID', text: /UTF-8/ })
    t.match(await hostile.exchange(connection, frame('stat', name)), { error: 'NAME_INVALID' })
    const lock = frame('lock', Buffer.concat([fields(1, 0, 0n), name, fields(7n, 0, 0)]))
    t.match(await hostile.exchange(connection, lock), { error: 'INVALID', text: /1 to 63 bytes of UTF-8/ })
  }
})

attack('create: options that are none are refused by name', 1, async (t, { hostile }) => {
  const connection = await hostile.register()
  const create = (unit: number, home: number, consistency: string, manager: string, max = 0n) => {
    const numbers = fields(4096n, 0, 0o600, unit, home)
    return frame('create', Buffer.concat([numbers, words(consistency, manager), fields('x', max)]))
  }
  const cases: [Buffer, RegExp][] = [
    [create(0, 0, 'none', ''), /^consistency is 'none'/],
    [create(0, 0, '', 'none'), /^manager is 'none'/],
    [create(0, 0, 'lrc', 'dynamic'), /^manager is 'dynamic'/],
    [create(5000, 0, '', ''), /^unit is 5000/],
    [create(0x8000_0000, 0, '', ''), /^unit is 2147483648/],
    [create(0, 2, '', ''), /^home is 1: the cluster's nodes are 0$/],
    [create(0, 0x10000, '', ''), /^home is 65535/],
    [create(0, 0xffff_ffff, '', ''), /^home is 4294967294/],
    [create(0, 0, '', '', 4095n), /^max_size is 4095: it must be from size, 4096, to 17592186044416$/],
    [create(0, 0, '', '', 2n ** 44n + 1n), /^max_size is 17592186044417/],
    [create(0, 0, '', '', 2n ** 64n - 1n), /^max_size is/],
  ]
  for (const [bytes, text] of cases) t.match(await hostile.exchange(connection, bytes), { error: 'INVALID', text })
  t.match(await hostile.exchange(connection, create(0, 1, 'mrsw', 'central')), { error: 'OK' })
  t.match(await hostile.exchange(connection, frame('unlink', fields('x'))), { error: 'OK' })
})

attack(
  'ranges: what is not open, or ends beyond its segment, is neither acquired nor released',
  1,
  async (t, { hostile }) => {
    const connection = await hostile.register()
    for (const op of ['acquire', 'release']) {
      const ask = (segment: number, offset: bigint, length: bigint) =>
        hostile.exchange(connection, frame(op, fields(segment, 0, offset, length)))
      t.match(await ask(1, 0n, 1n), { error: 'INVALID', text: /segment 1 is not open/ })
      t.match(await ask(0, 0n, 1n), { error: 'INVALID', text: /segment 0 is not open/ })
      t.match(await ask(0xffff_ffff, 0n, 0n), { error: 'INVALID' })
      t.match(await ask(0, 0n, 0n), { error: 'OK' }, 'everything')
    }
    const opened = await hostile.exchange(connection, frame('open', fields(0, 0, 'good')))
    const segment = opened!.body.readUInt32LE(0)
    const size = BigInt(16 * P)
    for (const op of ['acquire', 'release']) {
      const ask = (offset: bigint, length: bigint) =>
        hostile.exchange(connection, frame(op, fields(segment, 0, offset, length)))
      const beyond = { error: 'BEYOND_END', text: new RegExp(`^${op}: offset .* end beyond the segment's 65536 bytes`) }
      for (const [offset, length] of [
        [size, 0n],
        [size - 1n, 2n],
        [0n, size + 1n],
        [2n ** 64n - 1n, 1n],
        [1n, 2n ** 64n - 1n],
      ] as const) {
        t.match(await ask(offset, length), beyond, `${offset}, ${length}`)
      }
      t.match(await ask(size - 1n, 1n), { error: 'OK' })
      t.match(await ask(1n, 0n), { error: 'OK' })
    }
  },
)

attack('descriptors: where none belong they are closed and nothing else happens', 1, async (t, { hostile }) => {
  const connection = await hostile.register()
  for (const kind of ['null', 'pipe', 'fresh', 'used'] satisfies Descriptor[]) {
    t.match(await hostile.exchange(connection, frame('fork'), kind), { error: 'OK' })
    t.match(await hostile.exchange(connection, frame('close', fields(9, 0)), kind), { error: 'INVALID' })
    t.match(await hostile.exchange(connection, hello(VISITOR), kind), { error: 'BAD_FRAME' })
  }
})

attack(
  'crowd: connections that never say hello are bounded, and a process that does gets in',
  1,
  async (t, { hostile, log }) => {
    t.equal(await hostile.ask('crowd 600'), '600')
    t.equal(await hostile.receive(0), undefined, 'the oldest is dropped')
    t.equal(log().match(/have not said hello/g)?.length, 1, 'with one log line')
    t.match(await hostile.exchange(599, hello(REGISTER), 'fresh'), { error: 'OK' }, 'the youngest is heard')
  },
)

attack('flood: a process that takes no replies is cut off', 1, async (t, { hostile, log }) => {
  const connection = await hostile.register()
  const sent = Number(await hostile.ask(`flood ${connection} 100000 ${frame('close', fields(9, 0)).toString('hex')}`))
  t.ok(sent < 20_000, `${sent} frames`)
  const said = new RegExp(`process ${hostile.program.pid} broke the protocol.*it takes no replies`)
  t.ok(await becomes(true, () => said.test(log())))
})

attack(
  'map: memory that is no segment’s gives its process SIGBUS, and nobody else anything',
  1,
  async (t, { hostile, log }) => {
    const connection = await hostile.register()
    const opened = await hostile.exchange(connection, frame('open', fields(0, 0, 'good')))
    const segment = opened!.body.readUInt32LE(0)
    const at = 0x500000000000n
    t.equal(await hostile.ask(`foreign ${at} ${16 * P}`), 'mapped')
    const map = (address: bigint, offset: bigint, length: bigint) =>
      hostile.exchange(connection, frame('map', fields(segment, 0, address, offset, length)))
    t.match(await map(at + BigInt(32 * P), 0n, BigInt(P)), { error: 'INVALID' }, 'nothing is mapped there')
    t.match(await map(at, 0n, BigInt(17 * P)), { error: 'BEYOND_END' })
    t.match(await map(2n ** 63n, 0n, BigInt(P)), { error: 'INVALID' })
    t.match(await map(at, 0n, BigInt(16 * P)), { error: 'OK' })
    t.equal(await hostile.ask(`touch ${at}`), 'sigbus', 'a page that the node has')
    t.equal(await hostile.ask(`touch ${at + BigInt(12 * P)}`), 'sigbus', 'a page that nobody has touched')
    t.match(log(), /SIGBUS/)
  },
)

attack(
  'fields: two nodes hold out against a thousand well-formed frames of nonsense',
  2,
  async (t, { cluster, hostile }) => {
    const connection = await hostile.register()
    await hostile.exchange(connection, frame('open', fields(0, 0, 'good')))
    let seed = 11
    const random = (below: number): number => (seed = (seed * 48271) % 0x7fffffff) % below
    const any = <T>(...of: T[]): T => of[random(of.length)]!
    const u32 = (): number => any(0, 1, 2, 3, 0xffffffff, 0x80000000, random(100))
    const u64 = (): bigint =>
      any(0n, 1n, 4096n, 2n ** 44n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, BigInt(random(2 ** 30)))
    const name = (): string => any('', 'good', 'x', 'é'.repeat(31), '\x01', 'a/b', 'x'.repeat(63))
    const badName = Buffer.concat([Buffer.alloc(63, 0xff), Buffer.alloc(1)])
    const key = (): Buffer => Buffer.concat([fields(any(1, 2), 0, u64()), any(fields(name()), badName)])
    // Nothing that waits: lock and barrier would never be answered.
    const bodies: Record<string, () => Buffer> = {
      create: () =>
        Buffer.concat([
          fields(any(u64(), 4096n), u32(), u32(), any(0, 4096, u32()), any(0, u32())),
          words(any('', 'mrsw', 'lrc', '\x01\xff'), any('', 'central', 'dynamic', 'x'.repeat(15))),
          any(fields(name()), badName),
          fields(any(0n, u64())),
        ]),
      open: () => Buffer.concat([fields(any(0, u32()), 0), any(fields(name()), badName)]),
      close: () => fields(u32(), u32()),
      stat: () => any(fields(name()), badName),
      unlink: () => fields(any('y', '', 'x')),
      map: () => fields(any(1, u32()), 0, u64(), u64(), u64()),
      alloc: () => fields(any(1, u32()), 0, u64()),
      realloc: () => fields(any(1, u32()), 0, u64(), u64()),
      free: () => fields(any(1, u32()), 0, u64()),
      unlock: () => Buffer.concat([key(), fields(u64(), u32(), 0)]),
      acquire: () => fields(any(0, 1, u32()), 0, u64(), u64()),
      release: () => fields(any(0, 1, u32()), 0, u64(), u64()),
      // All deeds but sleep; whatever would have to wait does not.
      object: () =>
        Buffer.concat([
          key(),
          fields(any(1, 2, 3, 4, 5, u32()), any(1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13), u64(), u64(), u64(), 1, u32()),
        ]),
      // Not of segment 1, 'good': whoever has it open may take its bytes.
      resize: () => fields(any(0, 2, 3, 0xffffffff), 0, u64()),
      size: () => fields(any(1, u32()), 0),
      unmap: () => fields(u64(), u64()),
      parted: () => fields(u64()),
      inspect: () => Buffer.concat([fields(any(1, 2, 3, 4, u32()), 0), any(fields(name()), badName)]),
      fork: () => Buffer.alloc(0),
      hello: () => fields(any(1, u32()), u32(), u64(), u64()),
    }
    const seen = new Set<string>()
    for (let i = 0; i < 1000; i++) {
      const op = any(...Object.keys(bodies))
      const reply = await hostile.exchange(
        connection,
        frame(op, bodies[op]!(), i),
        any<Descriptor>('none', 'none', 'null'),
      )
      seen.add(reply?.error ?? `closed after ${op}`)
    }
    t.notOk([...seen].find((error) => error.startsWith('closed')))
    t.ok(seen.size > 8, [...seen].join(' '))
    for (const { name, linked } of segments(cluster.socket(1))) {
      if (linked && name !== 'good') unlink(cluster.socket(1), name)
    }
  },
)

attack(
  'objects: what nobody can ask, or of what is not open, is refused and changes nothing',
  2,
  async (t, { hostile }) => {
    const connection = await hostile.register()
    const [rwlock, semaphore, word] = [1, 2, 4]
    const [read, unlock, take, watch, sleep, unwatch, notify] = [1, 3, 4, 7, 8, 9, 10]
    const ask = (kind: number, deed: number, more: { holder?: bigint; value?: bigint; at?: bigint } = {}) => {
      const { holder = 7n, value = 1n, at } = more
      const key = at === undefined ? fields(1, 0, 0n, 'k') : fields(3, 0, at, '')
      const asked = fields(kind, deed, holder, value, 2n ** 64n - 1n, 0, 0)
      return hostile.exchange(connection, frame('object', Buffer.concat([key, asked])))
    }
    const INVALID = { error: 'INVALID' }
    for (const kind of [0, 6, 0xffff_ffff]) t.match(await ask(kind, read), INVALID)
    for (const deed of [0, 13, 0xffff_ffff]) t.match(await ask(rwlock, deed), INVALID)
    t.match(await ask(rwlock, take), INVALID)
    for (const holder of [0n, 2n ** 30n, 2n ** 64n - 1n]) t.match(await ask(rwlock, read, { holder }), INVALID)
    t.match(await ask(rwlock, unlock), { error: 'NOT_HOLDER' })
    t.match(await ask(semaphore, take), { error: 'NOT_FOUND' })
    for (const value of [0n, 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      t.match(await ask(word, sleep, { value }), INVALID, 'nothing is watched')
      t.match(await ask(word, unwatch, { value }), INVALID)
    }
    t.match(await ask(word, notify, { value: 0n }), INVALID)
    for (const at of [9n << 44n, 2n ** 64n - 4n]) t.match(await ask(word, watch, { at }), INVALID, 'no such segment')
    t.match(await ask(rwlock, read), { error: 'OK' })
    t.match(await ask(rwlock, read), { error: 'DEADLOCK' })
    t.match(await ask(rwlock, unlock), { error: 'OK' })
  },
)
