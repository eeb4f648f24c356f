// Lines: connections between two nodes for others than the daemons, made by invitation only.
import { read, readSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { GshmError } from '../../ts/base/errors.js'
import { dialHandshake, type Identity } from '../../ts/cluster/handshake.js'
import { INVITATIONS_MAX } from '../../ts/cluster/lines.js'
import { native } from '../../ts/native/index.js'
import { Local } from '../support/cluster-node.js'

const takeLine = (fd: number): number => native.takeLine(fd)
const eight = (number: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(number)
  return bytes
}
function next(fd: number): bigint {
  const bytes = Buffer.alloc(8)
  t.equal(readSync(fd, bytes), 8)
  return bytes.readBigUInt64LE()
}

t.test('lines: the host invites, the guest dials, both have an end that blocks; links go on', async (t) => {
  const secret = Buffer.from('a secret of some length')
  const a = await new Local({ nodeName: 'a', takeLine, secret }).start()
  const b = new Local(
    { nodeName: 'b', join: a.at, takeLine, secret },
    { invited: (from, about, ticket) => void b.cluster.accept(from, ticket).then((fd) => accepted(about, fd)) },
  )
  let accepted = (_about: string, _fd: number): void => {}
  await b.start()
  t.teardown(() => Promise.all([a, b].map((one) => one.cluster.stop())))
  await a.until(/^joined 1/)
  for (let i = 0n; i < 20n; i++) {
    const there = new Promise<[string, number]>((resolve) => (accepted = (about, fd) => resolve([about, fd])))
    const here = await a.cluster.invite(1, `the ${i}th`)
    const [about, fd] = await there
    t.equal(about, `the ${i}th`)
    writeSync(here, eight(i))
    t.equal(next(fd), i)
    writeSync(fd, eight(i + 1n))
    t.equal(next(here), i + 1n)
    native.closeFd(here)
    t.equal(readSync(fd, Buffer.alloc(8)), 0, 'its end')
    native.closeFd(fd)
  }
  t.same(a.matching(/^(lost|log warn)/), [])
})

t.test('lines: a host that is out of descriptors says so, and leaves its guest no connection', async (t) => {
  const takesNone = (): never => {
    throw new GshmError('DESCRIPTORS', 'none is left')
  }
  const a = await new Local({ nodeName: 'a', takeLine: takesNone }).start()
  const b = new Local(
    { nodeName: 'b', join: a.at, takeLine },
    { invited: (from, _about, ticket) => accepted(b.cluster.accept(from, ticket)) },
  )
  let accepted = (_fd: Promise<number>): void => {}
  const there = new Promise<number>((resolve) => (accepted = (fd) => resolve(fd)))
  await b.start()
  t.teardown(() => Promise.all([a, b].map((one) => one.cluster.stop())))
  await a.until(/^joined 1/)
  await t.rejects(a.cluster.invite(1, ''), { code: 'ERR_GSHM_DESCRIPTORS' })
  const fd = await there
  const { bytesRead } = await promisify(read)(fd, Buffer.alloc(8), 0, 8, null)
  t.equal(bytesRead, 0, 'its end')
  native.closeFd(fd)
})

t.test(
  'lines: nobody comes without an invitation, nor with another’s; a host awaits no more guests than it may',
  async (t) => {
    const tickets: string[] = []
    const a = await new Local({ nodeName: 'a', takeLine }).start()
    const b = await new Local(
      { nodeName: 'b', join: a.at, takeLine },
      { invited: (_from, _about, ticket) => tickets.push(ticket) },
    ).start()
    const c = await new Local({ nodeName: 'c', join: a.at, takeLine }).start()
    t.teardown(() => Promise.all([a, b, c].map((one) => one.cluster.stop())))
    await a.until(/^joined 2/)
    await t.rejects(b.cluster.accept(0, 'no such ticket'), { code: 'ERR_GSHM_ACCESS', message: /nobody has invited/ })
    const lines = Array.from({ length: INVITATIONS_MAX }, () => a.cluster.invite(1, ''))
    const outcomes = Promise.allSettled(lines)
    await t.rejects(a.cluster.invite(1, ''), { code: 'ERR_GSHM_LIMIT' })
    while (tickets.length < INVITATIONS_MAX) await new Promise((resolve) => setImmediate(resolve))
    await t.rejects(c.cluster.accept(0, tickets[0]!), { code: 'ERR_GSHM_ACCESS' }, 'a ticket of another node')
    const { node, address } = { node: 1, address: b.at.port }
    const forged: Identity = {
      clusterName: 'test',
      version: '1',
      name: 'b',
      secret: undefined,
      node,
      address: `x:${address}`,
    }
    const { link } = await dialHandshake(a.at, forged, 'line', 'f'.repeat(32))
    t.match(await link.next(), { type: 'Refuse', code: 'ACCESS' })
    const fd = await b.cluster.accept(0, tickets[0]!)
    native.closeFd(fd)
    native.closeFd(await lines[0]!)
    await t.rejects(a.cluster.invite(7, ''), { code: 'ERR_GSHM_NODE_LOST' }, 'no such node')
    await b.cluster.stop()
    const failed = (await outcomes).filter(({ status }) => status === 'rejected')
    t.equal(failed.length, INVITATIONS_MAX - 1, 'the others are not waited for when the guest is lost')
    await t.rejects(c.cluster.accept(1, ''), { code: 'ERR_GSHM_NODE_LOST' })
  },
)
