/** Reflexes: carried out at exactly the event that was prepared for, and at no other. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { writeSync } from 'node:fs'
import t, { type Test } from 'tap'
import { native, type LockWords, type PeerSocket, type Reflexes } from '../../ts/native/index.js'
import { becomes } from '../support/becomes.js'

const buffer = Buffer.alloc(4096)
const PASS = Buffer.from('the token')

interface Room {
  readonly reflexes: Reflexes
  readonly words: LockWords
  readonly socket: PeerSocket
  /** The other end. */
  readonly peer: Socket
  /** Bytes that have come from the other end, and how many reflexes had been carried out before that was told. */
  readonly read: string[]
  /** For each ring: how many had been carried out. */
  readonly rings: number[]
  readonly ring: () => void
}

async function room(t: Test): Promise<Room> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const ours = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  const [peer] = (await once(server, 'connection')) as [Socket]
  if (ours.connecting) await once(ours, 'connect')
  ours.pause()
  const { fd } = (ours as unknown as { readonly _handle: { readonly fd: number } })._handle
  const reflexes = new native.Reflexes()
  const words = new native.LockWords('gshm-locks:test')
  const read: string[] = []
  const rings: number[] = []
  const forgetDone = () => {
    const done = reflexes.done()
    for (const id of done) t.equal(reflexes.drop(id), true)
    return done.length
  }
  const take = (bytes: number) => {
    read.push(`${forgetDone()} ${buffer.toString('latin1', 0, bytes)}`)
    return !read.at(-1)!.endsWith('~') // a frame goes on
  }
  const socket = new native.PeerSocket(fd, buffer, take, () => {}, reflexes)
  const bell = new native.Bell(() => rings.push(forgetDone()), reflexes)
  ours.destroy()
  server.close()
  t.teardown(() => {
    socket.close()
    peer.destroy()
    bell.close()
    words.close()
  })
  return { reflexes, words, socket, peer, read, rings, ring: () => writeSync(bell.fd, new BigUint64Array([1n])) }
}

const at = { slot: 3, generation: 5 }
const SENT = { bytes: PASS }

t.test('given back: the bytes go out before the ring is told; once', async (t) => {
  const { reflexes, words, socket, peer, rings, ring } = await room(t)
  const came: Buffer[] = []
  peer.on('data', (bytes) => came.push(bytes))
  words.give(at.slot, at.generation, 1, 2, true)
  t.ok(reflexes.prepare({ words, ...at, socket, ...SENT }) > 0)
  ring()
  t.same(await becomes([0], () => rings), [0], 'somebody holds it')
  t.equal(words.take(at.slot, 1, 2), true)
  ring()
  t.same(await becomes([0, 1], () => rings), [0, 1])
  t.equal(await becomes('the token', () => Buffer.concat(came).toString()), 'the token')
  ring()
  t.same(await becomes([0, 1, 0], () => rings), [0, 1, 0])
  t.equal(Buffer.concat(came).toString(), 'the token')
})

t.test('given back: not when the word is open, another’s, or dropped, nor while it is not allowed', async (t) => {
  const { reflexes, words, socket, rings, ring } = await room(t)
  const prepared = reflexes.prepare({ words, ...at, generation: 6, socket, ...SENT })
  words.give(at.slot, at.generation, 0, 0, true)
  ring()
  t.same(await becomes([0], () => rings), [0], 'the slot is another lock’s')
  t.equal(reflexes.drop(prepared), false)
  t.throws(() => reflexes.drop(prepared), { code: 'ERR_GSHM_INVALID' })
  words.give(at.slot, at.generation, 0, 0, false)
  reflexes.prepare({ words, ...at, socket, ...SENT })
  ring()
  t.same(await becomes([0, 0], () => rings), [0, 0], 'open')
  words.shut(at.slot)
  reflexes.allow(false)
  ring()
  t.same(await becomes([0, 0, 0], () => rings), [0, 0, 0], 'not allowed')
  reflexes.allow(true)
  ring()
  t.same(await becomes([0, 0, 0, 1], () => rings), [0, 0, 0, 1])
})

t.test('a frame: only as a whole, alone, at the beginning of a frame, from a member', async (t) => {
  const { reflexes, words, socket, peer, read } = await room(t)
  const came: Buffer[] = []
  peer.on('data', (bytes) => came.push(bytes))
  words.give(at.slot, at.generation, 0, 0, true)
  const send = async (text: string, wanted: string) => {
    const before = read.length
    peer.write(text)
    await becomes(before + 1, () => read.length)
    t.equal(read.at(-1), wanted)
  }
  const prepare = () => reflexes.prepare({ words, ...at, frame: PASS, socket, bytes: Buffer.from('got it') })
  let id = prepare()
  await send('the token', '0 the token') // no member yet, and nobody knows whether it begins a frame
  socket.heed()
  await send('the token', '1 the token')
  id = prepare()
  await send('the toke', '0 the toke')
  await send('the token and more', '0 the token and more')
  await send('a frame that goes on~', '0 a frame that goes on~')
  await send('the token', '0 the token')
  await send('the token', '1 the token')
  id = prepare()
  words.give(at.slot, at.generation, 1, 2, true)
  await send('the token', '0 the token')
  t.equal(reflexes.drop(id), false, 'somebody holds the lock')
  t.equal(await becomes('got itgot it', () => Buffer.concat(came).toString()), 'got itgot it')
})

t.test('wrong arguments are refused, and there is a bound', async (t) => {
  const { reflexes, words, socket } = await room(t)
  const good = { words, ...at, socket, ...SENT }
  const bad = [
    undefined,
    { ...good, words: {} },
    { ...good, socket: words },
    { ...good, bytes: new Uint8Array(0) },
    { ...good, frame: 'text' },
    { ...good, slot: 2 ** 17 },
    { ...good, generation: 2 ** 19 },
    { words, ...at, process: 1, holder: 1, shut: false, channel: {}, serial: 1 },
  ]
  for (const one of bad) t.throws(() => reflexes.prepare(one as never), { code: 'ERR_GSHM_INVALID' })
  const ids: number[] = []
  for (let id = reflexes.prepare(good); id !== 0; id = reflexes.prepare(good)) ids.push(id)
  t.ok(ids.length >= 16 && ids.length <= 1024, `${ids.length} at once`)
  for (const id of ids) t.equal(reflexes.drop(id), false)
  t.ok(reflexes.prepare(good) > 0)
})
