/** DirectBarrier: what its process finds on the lines and in the page when it is parted, at every point of an
 * episode. */
import { readSync, writeSync } from 'node:fs'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { native, type DirectBarrier } from '../../ts/native/index.js'

const GOING = 1n
const CLOSED = 2n
const EPISODE = 4n
const STATE = 0
const INSIDE = 8

function word(barrier: DirectBarrier, at: number): bigint {
  const bytes = Buffer.alloc(8)
  readSync(barrier.fds[0]!, bytes, 0, 8, at)
  return bytes.readBigUInt64LE()
}

/** As its process does. */
function write(barrier: DirectBarrier, at: number, value: bigint): void {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  writeSync(barrier.fds[0]!, bytes, 0, 8, at)
}

/** A line whose other end is a socket here. */
async function line(t: Test): Promise<{ fd: number; other: Socket }> {
  const server = createServer({ pauseOnConnect: true })
  t.teardown(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const other = connect((server.address() as { port: number }).port, '127.0.0.1')
  t.teardown(() => other.destroy())
  const [[socket]] = await Promise.all([accepted, once(other, 'connect')])
  const fd = native.takeLine((socket as unknown as { _handle: { fd: number } })._handle.fd)
  socket.destroy()
  return { fd, other }
}

/** All that comes, until the line's end. */
async function told(other: Socket): Promise<bigint[]> {
  const chunks: Buffer[] = []
  for await (const chunk of other) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readBigUInt64LE(8 * i))
}

t.test('parted between episodes: the lines end, and nothing is told', async (t) => {
  const lines = [await line(t), await line(t)]
  const barrier = new native.DirectBarrier(
    'gshm-direct:1',
    lines.map(({ fd }) => fd),
    true,
  )
  t.teardown(() => barrier.close())
  t.equal(word(barrier, STATE), EPISODE, 'the first episode is to come')
  t.equal(barrier.part(), false)
  t.equal(word(barrier, STATE), EPISODE | CLOSED)
  t.same(await Promise.all(lines.map(({ other }) => told(other))), [[], []])
  t.equal(barrier.part(), false, 'once more')
})

t.test('parted in an episode that is going: it gets over for all', async (t) => {
  const lines = [await line(t), await line(t)]
  const barrier = new native.DirectBarrier(
    'gshm-direct:2',
    lines.map(({ fd }) => fd),
    true,
  )
  t.teardown(() => barrier.close())
  write(barrier, INSIDE, 1n)
  write(barrier, STATE, (7n * EPISODE) | GOING)
  t.equal(barrier.inside, true)
  t.equal(barrier.part(), true, 'its process was in one')
  t.equal(word(barrier, STATE), (7n * EPISODE) | GOING | CLOSED)
  t.same(await Promise.all(lines.map(({ other }) => told(other))), [[7n], [7n]])
})

t.test('parted where the root is not: the line stays, for what the root decides; severed, it ends', async (t) => {
  const { fd, other } = await line(t)
  const barrier = new native.DirectBarrier('gshm-direct:3', [fd], false)
  t.teardown(() => barrier.close())
  t.equal(word(barrier, STATE), 0n)
  t.equal(barrier.part(), false)
  t.equal(word(barrier, STATE), CLOSED)
  other.write(Buffer.alloc(8))
  t.ok(other.readyState === 'open')
  barrier.sever()
  t.same(await told(other), [])
})

t.test('what a process scribbles is its own affair; what cannot be is refused', async (t) => {
  const { fd, other } = await line(t)
  t.throws(() => new native.DirectBarrier('gshm-direct:4', [], true), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => new native.DirectBarrier('gshm-direct:4', [fd, fd], false), { code: 'ERR_GSHM_INVALID' })
  t.throws(() => new native.DirectBarrier('gshm-direct:4', Array<number>(8).fill(fd), true), {
    code: 'ERR_GSHM_INVALID',
  })
  const barrier = new native.DirectBarrier('gshm-direct:4', [fd], true)
  for (const at of [STATE, INSIDE]) write(barrier, at, 2n ** 64n - 1n)
  t.equal(barrier.inside, true)
  t.equal(barrier.part(), true)
  t.equal((await told(other)).length, 1)
  barrier.close()
  barrier.close()
  t.throws(() => barrier.part(), { code: 'ERR_GSHM_INVALID' })
})
