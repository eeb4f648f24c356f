/** PeerSocket: what a link needs of a stream socket, against node:net at the other end. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { native, type PeerSocket } from '../../ts/native/index.js'
import { becomes } from '../support/becomes.js'

interface Pair {
  readonly socket: PeerSocket
  /** The other end. */
  readonly peer: Socket
  readonly told: string[]
}

const buffer = Buffer.alloc(64 * 1024)

/** @param test ends both */
async function pair(test: Test): Promise<Pair> {
  const server = createServer({ pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const ours = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  const [peer] = (await once(server, 'connection')) as [Socket]
  if (ours.connecting) await once(ours, 'connect')
  ours.pause()
  const told: string[] = []
  const { fd } = (ours as unknown as { readonly _handle: { readonly fd: number } })._handle
  const socket = new native.PeerSocket(
    fd,
    buffer,
    (bytes) => told.push(buffer.toString('latin1', 0, bytes)) > 0,
    (error) => told.push(`closed ${error}`),
  )
  ours.destroy()
  server.close()
  peer.on('error', () => {})
  test.teardown(() => {
    socket.close()
    peer.destroy()
  })
  return { socket, peer, told }
}

t.test('bytes go both ways when node:net has closed its own descriptor', async (t) => {
  const { socket, peer, told } = await pair(t)
  t.equal(socket.write(Buffer.from('there')), 0)
  const [there] = (await once(peer.resume(), 'data')) as [Buffer]
  t.equal(there.toString(), 'there')
  peer.write('back')
  t.equal(await becomes('back', () => told.join('')), 'back')
})

t.test('what the kernel does not take waits, in order, and goes before the end', async (t) => {
  const { socket, peer } = await pair(t)
  const part = Buffer.alloc(2 ** 20)
  const parts = 32
  for (let n = 0; n < parts; n++) socket.write(part.fill(n))
  t.ok(socket.queued() > 0, `${socket.queued()} bytes wait`)
  socket.end()
  t.equal(socket.write(Buffer.from('too late')), socket.queued(), 'nothing is sent after end()')
  const received: Buffer[] = []
  peer.on('data', (chunk: Buffer) => received.push(chunk)).resume()
  await once(peer, 'end')
  const all = Buffer.concat(received)
  t.equal(all.length, parts * part.length)
  t.ok(all.every((byte, at) => byte === Math.floor(at / part.length)))
})

t.test('a queue that is never quite empty keeps no more than what waits', async (t) => {
  const { socket, peer } = await pair(t)
  const part = Buffer.alloc(2 ** 18)
  const all = 2 ** 29
  let [sent, received] = [0, 0]
  peer.on('data', (chunk: Buffer) => (received += chunk.length)).resume()
  const before = process.memoryUsage().rss
  let most = 0
  while (received < all) {
    while (sent < all && socket.queued() < 2 ** 23) {
      socket.write(part)
      sent += part.length
    }
    most = Math.max(most, process.memoryUsage().rss - before)
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.ok(most < 2 ** 27, `${most >> 20} MiB more, of 512 MiB sent`)
})

t.test('the end of the peer is told once, an error by its name', async (t) => {
  const { peer, told } = await pair(t)
  peer.end()
  t.same(await becomes(['closed '], () => told), ['closed '])
  const other = await pair(t)
  other.peer.resetAndDestroy()
  t.same(await becomes(['closed ECONNRESET'], () => other.told), ['closed ECONNRESET'])
})

t.test('close() and end() are not told; neither reads any more', async (t) => {
  const { socket, peer, told } = await pair(t)
  socket.end()
  peer.resume().write('dropped')
  await once(peer, 'close')
  const other = await pair(t)
  other.socket.close()
  other.socket.close()
  t.equal(other.socket.write(Buffer.from('x')), 0)
  await once(other.peer.resume(), 'close')
  t.same([told, other.told], [[], []])
})

t.test('what makes no sense is an error', async (t) => {
  const { socket } = await pair(t)
  const nothing = () => {}
  const never = () => false
  t.throws(() => new native.PeerSocket(-1, buffer, never, nothing), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => new native.PeerSocket(0, new Uint8Array(0), never, nothing), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => new native.PeerSocket(2 ** 30, buffer, never, nothing), { code: 'ERR_GSHM_SYSTEM' })
  t.throws(() => socket.write('text' as unknown as Uint8Array), TypeError)
})
