/** The device socket against a process that sends whatever it likes (test/programs/raw_frames.c). */
import { closeSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { native, type DeviceChannel, type DeviceRequest } from '../../ts/native/index.js'
import { buildDir } from '../../ts/project/index.js'
import { exhaustDescriptors, openDescriptors } from '../support/mini-daemon.js'
import { startProgram } from '../support/program.js'

const NAME = 64
const OP = {
  hello: 1,
  create: 2,
  open: 3,
  close: 4,
  stat: 5,
  unlink: 6,
  map: 7,
  alloc: 8,
  realloc: 9,
  free: 10,
} as const
const OP2 = {
  lock: 11,
  unlock: 12,
  barrier: 13,
  fork: 14,
  inspect: 15,
  acquire: 16,
  release: 17,
  lockPages: 21,
  cancel: 22,
  object: 23,
  resize: 24,
  size: 25,
  bye: 26,
  unmap: 27,
  parted: 28,
} as const

/** Little-endian fields one after the other: numbers of 4 bytes, bigints of 8, strings of 64. */
function fields(...values: (number | bigint | string)[]): Buffer {
  return Buffer.concat(
    values.map((value) => {
      const bytes = Buffer.alloc(typeof value === 'number' ? 4 : typeof value === 'bigint' ? 8 : NAME)
      if (typeof value === 'number') bytes.writeUInt32LE(value)
      else if (typeof value === 'bigint') bytes.writeBigUInt64LE(value)
      else bytes.write(value)
      return bytes
    }),
  )
}
/** Words of 16 bytes. */
function words(...values: string[]): Buffer {
  return Buffer.from(values.map((value) => value.padEnd(16, '\0')).join(''))
}
function frame(op: number, serial: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + body.length, 0)
  header.writeUInt16LE(op, 4)
  header.writeUInt32LE(serial, 8)
  return Buffer.concat([header, body])
}

type Happening =
  | { is: 'connect'; channel: DeviceChannel }
  | { is: 'request'; channel: DeviceChannel; request: DeviceRequest; fds: number[] }
  | { is: 'malformed'; why: string }
  | { is: 'disconnect' }

/** A listener whose happenings are taken one by one, and a process that talks to it. */
async function started(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-device-'))
  const path = join(dir, 'device')
  const happened: Happening[] = []
  const waiting: ((happening: Happening) => void)[] = []
  const happen = (happening: Happening) => {
    const next = waiting.shift()
    if (next) next(happening)
    else happened.push(happening)
  }
  const listener = new native.DeviceListener(path, {
    connect: (channel) => happen({ is: 'connect', channel }),
    request: (channel, request, fds) => happen({ is: 'request', channel, request, fds }),
    malformed: (_channel, why) => happen({ is: 'malformed', why }),
    disconnect: () => happen({ is: 'disconnect' }),
  })
  const next = async <Is extends Happening['is']>(is: Is): Promise<Extract<Happening, { is: Is }>> => {
    const happening = happened.shift() ?? (await new Promise<Happening>((resolve) => waiting.push(resolve)))
    if (happening.is !== is) throw new Error(`expected ${is}, got ${happening.is}`)
    return happening as Extract<Happening, { is: Is }>
  }
  const program = startProgram(undefined, 'raw_frames', [path])
  t.teardown(async () => {
    await program.stop()
    listener.close()
    rmSync(dir, { recursive: true })
  })
  const ask = async (line: string) => {
    program.say(line)
    return program.line()
  }
  return {
    path,
    program,
    listener,
    next,
    send: (bytes: Buffer, fds = 0) => ask(`send ${fds} ${bytes.toString('hex')}`),
    open: () => ask('open'),
    receive: async () => {
      const [word, fds, hex = ''] = (await ask('receive')).split(' ')
      return word === 'closed' ? undefined : { fds: Number(fds), bytes: Buffer.from(hex, 'hex') }
    },
  }
}

t.test('every request is decoded, field by field', async (t) => {
  const device = await started(t)
  const { channel } = await device.next('connect')
  t.match(channel.peer, { pid: device.program.pid, uid: 0, gid: 0 })
  const far = 2n ** 44n
  const cases: [number, Buffer, object][] = [
    [
      OP.hello,
      fields(1, 2, 0xffff_ffff_ffff_ffffn, 5n),
      { op: 'hello', abi: 1, kind: 2, token: 2n ** 64n - 1n, fork: 5n },
    ],
    [
      OP.create,
      Buffer.concat([fields(far, 1, 0o600, 8192, 4), words('lrc', 'fixed'), fields('å', far)]),
      {
        op: 'create',
        size: 2 ** 44,
        flags: 1,
        mode: 0o600,
        unit: 8192,
        home: 4,
        consistency: 'lrc',
        manager: 'fixed',
        name: 'å',
        maxSize: 2 ** 44,
      },
    ],
    [OP.open, fields(1, 0, 'n'.repeat(63)), { op: 'open', flags: 1, name: 'n'.repeat(63) }],
    [OP.close, fields(9, 0), { op: 'close', segment: 9 }],
    [OP.stat, fields('a'), { op: 'stat', name: 'a' }],
    [OP.unlink, fields(''), { op: 'unlink', name: '' }],
    [OP.map, fields(9, 0, 4096n, 8192n, 1n), { op: 'map', segment: 9, address: 4096, offset: 8192, length: 1 }],
    [OP.alloc, fields(9, 0, 16n), { op: 'alloc', segment: 9, size: 16 }],
    [OP.realloc, fields(9, 0, 32n, 17n), { op: 'realloc', segment: 9, offset: 32, size: 17 }],
    [OP.free, fields(9, 0, 2n ** 63n), { op: 'free', segment: 9, offset: 2 ** 63 }],
    [OP2.lock, fields(1, 0, 0n, 'mutex', 77n, 1, 0), { op: 'lock', key: '=mutex', holder: 77n, flags: 1 }],
    [OP2.lock, fields(3, 0, (9n << 44n) + 4096n, '', 7n, 0, 0), { op: 'lock', key: '@9:4096', holder: 7n, flags: 0 }],
    [
      OP2.unlock,
      fields(2, 0, 2n ** 64n - 1n, '', 7n, 0, 0),
      { op: 'unlock', key: '#18446744073709551615', holder: 7n, flags: 0 },
    ],
    [OP2.barrier, fields(2, 0, 3n, '', 12, 1, 5n), { op: 'barrier', key: '#3', count: 12, flags: 1, parted: 5 }],
    [OP2.fork, fields(), { op: 'fork' }],
    [OP2.inspect, fields(3, 0, 'seg'), { op: 'inspect', what: 3, name: 'seg' }],
    [OP2.acquire, fields(9, 0, 1n, 8192n), { op: 'acquire', segment: 9, offset: 1, length: 8192 }],
    [OP2.release, fields(9, 0, far, 2n ** 63n), { op: 'release', segment: 9, offset: 2 ** 44, length: 2 ** 63 }],
    [OP2.lockPages, fields(9, 1), { op: 'lockPages', segment: 9, what: 1 }],
    [OP2.cancel, fields(), { op: 'cancel' }],
    [
      OP2.object,
      fields(2, 0, 5n, '', 4, 9, 7n, 2n ** 64n - 2n, 2n ** 64n - 1n, 1, 0),
      { op: 'object', key: '#5', kind: 4, deed: 9, holder: 7n, value: -2n, initial: -1n, flags: 1 },
    ],
    [OP2.resize, fields(9, 0, 8192n), { op: 'resize', segment: 9, size: 8192 }],
    [OP2.size, fields(9, 0), { op: 'size', segment: 9 }],
    [OP2.bye, fields(), { op: 'bye' }],
    [OP2.unmap, fields(4096n, 8192n), { op: 'unmap', address: 4096, length: 8192 }],
    [OP2.parted, fields(9n), { op: 'parted', number: 9 }],
  ]
  let serial = 100
  for (const [op, body, expected] of cases) {
    await device.send(frame(op, ++serial, body))
    const { request, fds } = await device.next('request')
    t.strictSame(request, { serial, ...expected })
    t.same(fds, [])
    channel.fail(request.op, serial, 5, 'no')
    const reply = await device.receive()
    t.equal(reply?.bytes.readUInt16LE(4), op | 0x8000)
    t.equal(reply?.bytes.readUInt32LE(8), serial)
    t.equal(reply?.bytes.readInt32LE(12), 5)
    t.equal(reply?.bytes.subarray(16).toString(), 'no')
  }
})

t.test('replies carry their body, and a descriptor that stays ours', async (t) => {
  const device = await started(t)
  const { channel } = await device.next('connect')
  const ask = async (op: number, body: Buffer) => {
    await device.send(frame(op, 3, body))
    await device.next('request')
  }
  const before = openDescriptors()
  await ask(OP.hello, fields(1, 1, 0n, 0n))
  channel.reply('hello', 3, { token: 2n ** 60n, node: 2, nodes: 3, cluster: 'c', nodeName: 'node2' }, [])
  const hello = await device.receive()
  const helloBody = fields(2n ** 60n, 2, 3, 4096, 0, 'c', 'node2')
  t.same(hello, { fds: 0, bytes: Buffer.concat([frame(0x8001, 3, helloBody)]) })

  const info = { segment: 7, mode: 0o640, uid: 1, gid: 2, size: 2 ** 43, maxSize: 2 ** 44, heapBytes: 1 }
  const model = { homes: 3, home: 2, unit: 4096, consistency: 'mrsw', manager: 'fixed' }
  const rest = { heapBlocks: 2, createdMs: 3, linked: true, ...model, name: 'å' }
  const fd = native.textFd('x')
  await ask(OP.open, fields(0, 0, 'å'))
  channel.reply('open', 3, { ...info, ...rest }, [fd])
  const opened = await device.receive()
  const numbers = fields(7, 0o640, 1, 2, 2n ** 43n, 1n, 2n, 3n, 1, 3, 2, 4096)
  const openedBody = [numbers, words('mrsw', 'fixed'), fields('å', 2n ** 44n)]
  t.same(opened, { fds: 1, bytes: frame(0x8003, 3, Buffer.concat(openedBody)) })

  await ask(OP2.barrier, fields(2, 0, 3n, '', 12, 1, 0n))
  channel.reply('barrier', 3, { number: 6, lines: 2, root: true }, [fd, fd, fd])
  t.same(await device.receive(), { fds: 3, bytes: frame(0x800d, 3, fields(6n, 2, 1)) })
  native.closeFd(fd)

  await ask(OP.alloc, fields(7, 0, 16n))
  channel.reply('alloc', 3, { offset: 16, size: 32, oldSize: 0 }, [])
  t.same((await device.receive())?.bytes, frame(0x8008, 3, fields(16n, 32n, 0n)))
  await ask(OP2.fork, fields())
  channel.reply('fork', 3, { fork: 4n }, [])
  t.same((await device.receive())?.bytes, frame(0x800e, 3, fields(4n)))
  await ask(OP2.inspect, fields(1, 0, ''))
  channel.reply('inspect', 3, { length: 5 }, [])
  t.same((await device.receive())?.bytes, frame(0x800f, 3, fields(5n)))
  await ask(OP2.resize, fields(7, 0, 1n))
  channel.reply('resize', 3, { size: 4096 }, [])
  t.same((await device.receive())?.bytes, frame(0x8018, 3, fields(4096n)))
  await ask(OP2.size, fields(7, 0))
  channel.reply('size', 3, { size: 4096 }, [])
  t.same((await device.receive())?.bytes, frame(0x8019, 3, fields(4096n)))
  await ask(OP.map, fields(7, 0, 0n, 0n, 0n))
  channel.reply('map', 3, undefined, [])
  t.same((await device.receive())?.bytes, frame(0x8007, 3))

  await ask(OP2.fork, fields())
  // @ts-expect-error what does not compile
  t.throws(() => channel.reply('fork', 3, { fork: 4 }, []), { code: 'ERR_GSHM_INVALID' }, 'a number for a bigint')
  // @ts-expect-error what does not compile
  t.throws(() => channel.reply('fork', 3, undefined, []), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => channel.fail('fork', 3, 999, ''), { code: 'ERR_GSHM_INVALID' })
  channel.fail('fork', 3, 1, 'ä'.repeat(400))
  const cut = (await device.receive())?.bytes.subarray(16)
  t.equal(cut?.length, 512)
  t.equal(cut?.toString(), 'ä'.repeat(256), 'cut between characters')
  t.equal(openDescriptors(), before)
})

t.test('descriptors come with their request, and are the receiver’s', async (t) => {
  const device = await started(t)
  await device.next('connect')
  const before = openDescriptors()
  await device.send(frame(OP2.fork, 1), 4)
  const { fds } = await device.next('request')
  t.equal(fds.length, 4)
  for (const fd of fds) native.closeFd(fd)
  t.equal(openDescriptors(), before)
})

t.test('a malformed frame closes its connection and nothing else', async (t) => {
  const device = await started(t)
  await device.next('connect')
  const before = openDescriptors()
  const wrongLength = frame(OP.close, 1, fields(1, 0))
  wrongLength.writeUInt32LE(23, 0)
  const withStatus = frame(OP2.fork, 1)
  withStatus.writeInt32LE(1, 12)
  const cases: [string, Buffer, number][] = [
    ['shorter than a frame’s header', Buffer.from('garbage'), 1],
    ['a length that is not the packet’s', wrongLength, 2],
    ['an unknown op 99', frame(99, 1), 0],
    ['an unknown op 0', frame(0, 1), 0],
    ['an unknown op 32769', frame(0x8001, 1, fields(0n)), 0],
    ['a wrong length for close', frame(OP.close, 1, fields(1, 0, 0)), 0],
    ['a wrong length for release', frame(OP2.release, 1, fields(1, 0, 0n)), 0],
    ['a wrong length for create', frame(OP.create, 1, fields(1n, 0, 0)), 3],
    [
      'a word is not terminated',
      frame(OP.create, 1, Buffer.concat([fields(1n, 0, 0, 0, 0), words('fixed', 'm'.repeat(16)), fields('n', 0n)])),
      0,
    ],
    ['a status in a request', withStatus, 0],
    ['a name is not terminated', frame(OP.stat, 1, Buffer.alloc(NAME, 'n')), 0],
    [
      'a name is not terminated',
      frame(OP2.lock, 1, Buffer.concat([fields(1, 0, 0n), Buffer.alloc(NAME, 'n'), fields(1n, 0, 0)])),
      0,
    ],
    ['a key is neither a name nor a number nor an address', frame(OP2.barrier, 1, fields(4, 0, 0n, '', 1, 0, 0n)), 0],
    ['longer than any frame', Buffer.alloc(1025, 1), 1],
    ['too many descriptors', frame(OP2.fork, 1), 9],
  ]
  for (const [why, bytes, fds] of cases) {
    await device.send(bytes, fds)
    t.equal((await device.next('malformed')).why.replaceAll("'", '’'), why)
    t.equal(await device.receive(), undefined, 'closed')
    await device.open()
    await device.next('connect')
  }
  t.equal(openDescriptors(), before)
  await device.send(frame(OP2.fork, 1))
  await device.send(frame(OP2.fork, 2))
  await device.next('request')
  t.equal((await device.next('malformed')).why, 'a request before the reply to the last one')
})

t.test('who leaves is reported once; a reply to it is no error', async (t) => {
  const device = await started(t)
  const { channel } = await device.next('connect')
  await device.send(frame(OP2.fork, 1))
  await device.next('request')
  await device.program.stop()
  channel.reply('fork', 1, { fork: 1n }, [])
  await device.next('disconnect')
  channel.reply('fork', 1, { fork: 1n }, [])
  channel.close()
})

t.test('a process that takes no replies is cut off', async (t) => {
  const device = await started(t)
  const { channel } = await device.next('connect')
  for (let i = 0; i < 5000; i++) channel.fail('fork', i, 1, 'x'.repeat(512))
  t.equal((await device.next('malformed')).why, 'it takes no replies')
})

t.test('close inside a callback', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-device-'))
  const path = join(dir, 'device')
  const program = await new Promise<ReturnType<typeof startProgram>>((resolve) => {
    const listener = new native.DeviceListener(path, {
      connect: (channel) => {
        listener.close()
        channel.close()
        resolve(started)
      },
      request: () => t.fail('a request'),
      malformed: () => t.fail('malformed'),
      disconnect: () => t.fail('a disconnect after close'),
    })
    const started = startProgram(undefined, 'raw_frames', [path])
  })
  program.say('receive')
  t.equal(await program.line(), 'closed')
  await program.stop()
  t.notOk(existsSync(path), 'the socket file went with the listener')
  rmSync(dir, { recursive: true })
})

t.test('the socket file: mode 0660; a dead one is replaced, anything else is not', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'gshm-device-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'device')
  const handlers = { connect: () => {}, request: () => {}, malformed: () => {}, disconnect: () => {} }
  const first = new native.DeviceListener(path, handlers)
  t.equal(statSync(path).mode & 0o777, 0o660)
  const inUse = { code: 'ERR_GSHM_SYSTEM', errno: 98, message: new RegExp(path) }
  t.throws(() => new native.DeviceListener(path, handlers), inUse)
  first.close()

  const file = join(dir, 'file')
  writeFileSync(file, 'precious')
  t.throws(() => new native.DeviceListener(file, handlers), { ...inUse, message: /file/ })
  t.ok(existsSync(file))

  const script = `new (require('${join(buildDir(), 'gshm.node')}').DeviceListener)(
    '${path}', { connect() {}, request() {}, malformed() {}, disconnect() {} })
    process.kill(process.pid, 'SIGKILL')`
  const scriptFile = join(dir, 'dies.cjs')
  writeFileSync(scriptFile, script)
  await startProgram(undefined, scriptFile).ended
  t.ok(existsSync(path), 'a killed daemon leaves its file')
  const second = new native.DeviceListener(path, handlers)
  second.close()

  const stream = createServer().listen(path)
  await new Promise((resolve) => stream.once('listening', resolve))
  t.throws(() => new native.DeviceListener(path, handlers), inUse, 'another program’s socket')
  await new Promise((resolve) => stream.close(resolve))
  t.throws(() => new native.DeviceListener(join(dir, 'no', 'x'), handlers), { code: 'ERR_GSHM_SYSTEM', errno: 2 })
  t.throws(() => new native.DeviceListener('x'.repeat(108), handlers), { code: 'ERR_GSHM_INVALID', message: /107/ })
})

t.test('out of descriptors: who comes is told so, and who came before is served', async (t) => {
  const device = await started(t)
  const { channel } = await device.next('connect')
  const late = startProgram(undefined, 'raw_frames', [device.path])
  t.teardown(() => late.stop())
  await device.next('connect')
  const ask = async (line: string) => {
    late.say(line)
    return late.line()
  }
  const hello = `send 0 ${frame(OP.hello, 31, fields(1, 1, 0n, 0n)).toString('hex')}`
  const held = exhaustDescriptors(t)

  await device.send(frame(OP2.fork, 8), 2)
  const answer = await device.receive()
  t.equal(native.errors[answer?.bytes.readInt32LE(12) ?? 0]?.name, 'DESCRIPTORS', 'descriptors that cannot be received')
  await device.send(frame(OP2.fork, 9))
  t.equal((await device.next('request')).request.serial, 9, 'the connection goes on')
  channel.fail('fork', 9, 1, '')
  await device.receive()

  for (let i = 0; i < 3; i++) {
    t.equal(await ask('another'), 'open')
    await ask(hello)
    const bytes = Buffer.from((await ask('receive')).split(' ')[2] ?? '', 'hex')
    t.equal(native.errors[bytes.readInt32LE(12)]?.name, 'DESCRIPTORS')
    t.equal(bytes.readUInt32LE(8), 31, 'as the reply to its first request')
    t.match(bytes.subarray(16).toString(), /ulimit -n/)
    t.equal(await ask('receive'), 'closed')
  }
  held.splice(0).forEach((fd) => closeSync(fd))
  await ask('another')
  await device.next('connect')
  await ask(hello)
  t.equal((await device.next('request')).request.op, 'hello', 'accepted again as soon as it is possible')
})
