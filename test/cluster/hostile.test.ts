// Whoever finds the port: no bytes crash a node, none make it wait for long, each costs a log line.
import { FRAME_MAX } from '../../ts/wire/layout.js'
import { chmodSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { NO_NODE } from '../../ts/base/ids.js'
import { dialHandshake, type Identity } from '../../ts/cluster/handshake.js'
import { readSecret } from '../../ts/cluster/index.js'
import { PREAMBLE } from '../../ts/cluster/link.js'
import { clusterCodec, type AnyMessage, type Hello } from '../../ts/cluster/messages.js'
import { formatEndpoint } from '../../ts/cluster/address.js'
import { Local, knock, Proxy } from '../support/cluster-node.js'

const hello: Hello = {
  type: 'Hello',
  cluster: 'test',
  version: '1',
  secret: false,
  purpose: 'join',
  name: 'x',
  node: NO_NODE,
  address: '127.0.0.1:1',
  ticket: '',
  nonce: '00',
}

function frame(message: AnyMessage): Uint8Array {
  const bytes = new Uint8Array(clusterCodec.bound(message))
  return bytes.slice(0, clusterCodec.encode(message, undefined, bytes, 0))
}
const after = (...parts: Uint8Array[]): Uint8Array => Buffer.concat([PREAMBLE, ...parts])
const stranger = (name: string): Identity => ({
  clusterName: 'test',
  version: '1',
  name,
  secret: undefined,
  node: NO_NODE,
  address: '127.0.0.1:1',
})
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

t.test('hostile: bytes that are no handshake are dropped with one log line each', async (t) => {
  const a = await new Local({ nodeName: 'a' }).start()
  t.teardown(() => a.cluster.stop())
  const silent = connect(a.at)
  silent.on('error', () => {})
  const cases: [string, Uint8Array | string, RegExp, boolean?][] = [
    ['a web browser', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /it is no gshmd/],
    ['another wire version', Buffer.concat([PREAMBLE.slice(0, 7), u32(99)]), /wire version 99/],
    ['nothing', '', /closed by the peer/, true],
    ['half a preamble', PREAMBLE.slice(0, 3), /closed by the peer/, true],
    ['noise', after(Buffer.alloc(64, 0xff)), /frame of 4294967295 bytes/],
    ['an unknown message', after(u32(8), Uint8Array.of(255, 0, 0, 0)), /unknown message 255/],
    ['too much', after(u32(60_000), Buffer.alloc(5000)), /more than 4096 bytes/],
    ['another message', after(frame({ type: 'Ready' })), /Ready in place of Hello/],
    ['a bad name', after(frame({ ...hello, name: 'x\ny' })), /not a name/],
    ['a bad number', after(frame({ ...hello, node: 0.5 })), /not a name or number/],
    ['a proof that is none', after(frame(hello), frame({ type: 'Proof', mac: 'éé' })), /secrets differ/],
    ['no proof', after(frame(hello), frame(hello)), /Hello in place of Proof/],
  ]
  for (const [what, bytes, why, hangUp] of cases) {
    const before = a.matching(/is no node of this cluster/).length
    await knock(a.at, bytes, hangUp)
    await a.until(why)
    t.equal(a.matching(/is no node of this cluster/).length, before + 1, what)
  }
  const b = await new Local({ nodeName: 'b', join: a.at }).start()
  t.equal(b.started.self, 1, 'and the cluster goes on')
  await b.cluster.stop()
  await a.until(/took more than 5 s/)
  await new Promise((resolve) => (silent.destroyed ? resolve(0) : silent.once('close', resolve)))
  t.pass('who says nothing is dropped after five seconds')
  t.strictSame(a.matching(/^(joined|lost|fenced)/), ['joined 1 b', 'lost 1 it has left'])
})

t.test('hostile: 64 may be in handshake at once, the next is turned away', async (t) => {
  const a = await new Local({ nodeName: 'a' }).start()
  t.teardown(() => a.cluster.stop())
  const sockets = Array.from({ length: 64 }, () => connect(a.at))
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
  t.equal(await knock(a.at, PREAMBLE), '')
  await a.until(/more than 64 handshakes/)
  t.equal(a.matching(/more than 64/).length, 1)
  for (const socket of sockets) socket.destroy()
  while (a.matching(/closed by the peer/).length < 64) await new Promise((resolve) => setImmediate(resolve))
  const b = await new Local({ nodeName: 'b', join: a.at }).start()
  await b.cluster.stop()
})

t.test('hostile: thirty peers that connect and go at random leave nothing behind', async (t) => {
  const a = await new Local({ nodeName: 'a' }).start()
  t.teardown(() => a.cluster.stop())
  let seed = 7
  const random = (below: number): number => (seed = (seed * 48271) % 0x7fffffff) % below
  const good = after(frame(hello), frame({ type: 'Proof', mac: 'ab' }), frame({ type: 'Ready' }))
  await Promise.all(
    Array.from({ length: 30 }, () => {
      const bytes = good.slice(0, random(good.length + 1))
      if (random(2) === 0 && bytes.length > 0) bytes[random(bytes.length)] = random(256)
      return knock(a.at, bytes, true)
    }),
  )
  const b = await new Local({ nodeName: 'b', join: a.at }).start()
  t.equal(b.started.self, 1)
  await b.cluster.stop()
})

t.test('hostile: a node that gives up half-way, or that nobody expects, is forgotten', async (t) => {
  const a = await new Local({ nodeName: 'a' }).start()
  const b = await new Local({ nodeName: 'b', join: a.at }).start()
  t.teardown(() => Promise.all([a, b].map((one) => one.cluster.stop())))
  const { link } = await dialHandshake(a.at, stranger('x'), 'join', '')
  t.match(await link.next(), { type: 'LinkTo', node: 1, name: 'b' })
  const admit = await link.next()
  t.match(admit, { type: 'Admit', node: 2 })
  const pretender = { ...stranger('x'), node: 2 }
  const wrong = await dialHandshake(b.at, pretender, 'link', 'not the ticket')
  t.match(await wrong.link.next(), { type: 'Refuse', code: 'ACCESS' })
  link.destroy('enough')
  await a.until(/x .* did not join/)
  const c = await new Local({ nodeName: 'x', join: a.at }).start()
  t.equal(c.started.self, 3, 'its number is burnt, its name is free')
  await c.cluster.stop()
  await b.until(/^lost 3/)
  t.strictSame(b.matching(/^(joined|lost|fenced)/), ['joined 0 a', 'joined 3 x', 'lost 3 it has left'])
  // one that says Ready without having linked to everybody
  const hasty = await dialHandshake(a.at, stranger('y'), 'join', '')
  while ((await hasty.link.next()).type !== 'Admit');
  hasty.link.send({ type: 'Ready' })
  t.match(await a.until(/^lost 4/), /no link to it/)
})

t.test('hostile: an oversized frame after the handshake fences its sender', async (t) => {
  const proxy = new Proxy()
  const a = await new Local({ nodeName: 'a' }).start()
  proxy.forward(a.at)
  const b = await new Local({ nodeName: 'b', join: await proxy.open() }).start()
  const c = await new Local({ nodeName: 'c', join: a.at }).start()
  t.teardown(() => Promise.all([a, b, c].map((one) => one.cluster.stop())))
  t.teardown(() => proxy.close())
  proxy.inject(u32(FRAME_MAX + 1))
  proxy.inject(Buffer.alloc(100))
  t.match(await a.until(/^lost/), new RegExp(`lost 1 frame of ${FRAME_MAX + 1} bytes`))
  t.match(await c.until(/^lost/), new RegExp(`lost 1 frame of ${FRAME_MAX + 1} bytes`))
  t.match(await b.until(/^fenced/), new RegExp(`frame of ${FRAME_MAX + 1} bytes`))
})

t.test('secret: who knows it joins; who does not, does not', async (t) => {
  const secret = Buffer.from('correct horse battery')
  const a = await new Local({ nodeName: 'a', secret }).start()
  const b = await new Local({ nodeName: 'b', secret, join: a.at }).start()
  const c = await new Local({ nodeName: 'c', secret: Buffer.from(secret), join: a.at }).start()
  t.teardown(() => Promise.all([a, b, c].map((one) => one.cluster.stop())))
  await a.until(/^joined 2/)
  const join = a.at
  const refused = { code: 'ERR_GSHM_ACCESS', message: /--secret-file/ }
  await t.rejects(new Local({ nodeName: 'd', secret: Buffer.from('correct horse batterz'), join }).start(), refused)
  await t.rejects(new Local({ nodeName: 'd', join }).start(), refused)
  t.equal(a.matching(/is no node of this cluster.*--secret-file/).length, 2)
  // an acceptor that does not know the secret and sends everything back as it came
  const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
  await new Promise((resolve) => echo.once('listening', resolve))
  const { port } = echo.address() as AddressInfo
  const mirror = { host: '127.0.0.1', port }
  await t.rejects(new Local({ nodeName: 'd', secret, join: mirror }).start(), refused)
  echo.close()
})

t.test('secret: a link in the middle cannot claim another cluster or name', async (t) => {
  const secret = Buffer.from('correct horse battery')
  const a = await new Local({ nodeName: 'a', secret }).start()
  t.teardown(() => a.cluster.stop())
  // changes the name in the dialer's Hello
  const server = createServer((socket) => {
    const to = connect(a.at)
    socket.on('data', (chunk) => to.write(Buffer.from(chunk.toString('latin1').replace('bbbb', 'cccc'), 'latin1')))
    to.on('data', (chunk) => socket.write(chunk))
    for (const one of [socket, to]) one.on('error', () => {}).on('close', () => (socket.destroy(), to.destroy()))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const b = new Local({ nodeName: 'bbbb', secret, join: { host: '127.0.0.1', port } })
  await t.rejects(
    b.start(),
    { code: 'ERR_GSHM_ACCESS', message: /secrets differ/ },
    formatEndpoint({ host: '::1', port }),
  )
  server.close()
})

t.test('secret: the file must be private and long enough', async (t) => {
  const file = join(t.testdir({ long: 'x'.repeat(16), short: 'x'.repeat(15) }), 'long')
  const fails = (path: string, message: RegExp): unknown =>
    t.throws(() => readSecret(path), { code: 'ERR_GSHM_INVALID', message })
  chmodSync(file, 0o640)
  fails(file, /--secret-file .* mode 0640.*chmod 0600/)
  chmodSync(file, 0o600)
  t.equal(readSecret(file).length, 16)
  chmodSync(file, 0o400)
  t.equal(readSecret(file).length, 16)
  const short = join(file, '..', 'short')
  chmodSync(short, 0o600)
  fails(short, /--secret-file .* has 15 bytes/)
  writeFileSync(short, Buffer.alloc(70_000))
  fails(short, /has 70000 bytes/)
  fails(join(file, '..', 'none'), /--secret-file: ENOENT/)
  fails(join(file, '..'), /no regular file/)
})
