// Joining: who gets which number, who hears of whom and when, and who is turned away.
import t from 'tap'
import { PAGE_SIZE } from '../../ts/base/ids.js'
import { PeerError } from '../../ts/base/peer-error.js'
import { leave, freePort, Local, page, Remote } from '../support/cluster-node.js'

t.test('join: three nodes number themselves, hear of each other and talk in order (N=3)', async (t) => {
  const a = await new Local({ nodeName: 'a' }).start()
  const b = await new Local({ nodeName: 'b', join: a.at }).start()
  const c = await new Local({ nodeName: 'c', join: b.at }).start() // by way of b
  t.teardown(() => Promise.all([a, b, c].map((one) => one.cluster.stop())))
  t.strictSame(a.lines, ['self 0', 'started 0', 'joined 1 b', 'joined 2 c'])
  t.strictSame(b.lines, ['self 1', 'joined 0 a', 'started 1', 'joined 2 c'])
  t.strictSame(c.lines, ['self 2', 'joined 0 a', 'joined 1 b', 'started 2'])
  t.strictSame(
    c.cluster.members().map(({ node, name }) => `${node} ${name}`),
    ['0 a', '1 b', '2 c'],
  )
  t.strictSame(c.started.nodes, a.cluster.members())

  for (let i = 0; i < 1000; i++) {
    c.cluster.send(1, leave(i))
    if (i % 100 === 0) c.cluster.send(1, page(i), new Uint8Array(PAGE_SIZE).fill(7))
  }
  c.cluster.send(1, leave(1000))
  await b.until(/BarrierLeave 1000$/)
  const numbers = b.matching(/^message 2 BarrierLeave/).map((line) => Number(line.split(' ')[3]))
  t.strictSame(
    numbers,
    [...numbers].sort((x, y) => x - y),
  )
  t.equal(numbers.length, 1001)
  t.equal(b.matching(/PageRead \d+ 4096:7$/).length, 10)
})

t.test('join: the first node speaks to a joiner after joined, and the joiner hears it after self', async (t) => {
  const a: Local = new Local(
    { nodeName: 'a' },
    {
      joined: (node, name) => {
        a.add(`joined ${node} ${name}`)
        a.cluster.send(node, leave(77))
        a.cluster.send(node, page(78), new Uint8Array(PAGE_SIZE).fill(5))
      },
    },
  )
  await a.start()
  const b = await new Local({ nodeName: 'b', join: a.at }).start()
  t.teardown(() => Promise.all([a, b].map((one) => one.cluster.stop())))
  await b.until(/PageRead/)
  t.strictSame(b.matching(/^(self|joined|message)/), [
    'self 1',
    'joined 0 a',
    'message 0 BarrierLeave 77',
    'message 0 PageRead 78 4096:5',
  ])
})

t.test('join: eight nodes at once are let in one after the other', async (t) => {
  const a = await new Local({ nodeName: 'a' }).start()
  const names = ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
  const rest = names.map((nodeName) => new Local({ nodeName, join: a.at }))
  await Promise.all(rest.map((one) => one.start()))
  t.teardown(() => Promise.all([a, ...rest].map((one) => one.cluster.stop())))
  const all = [a, ...rest]
  for (const one of all) await one.until(/^joined 8|^self 8/)
  for (const one of all) {
    t.equal(one.matching(/^joined/).length, 8)
    t.equal(one.cluster.members().length, 9)
  }
  // everybody reaches everybody
  for (const one of all) {
    for (const { node } of one.cluster.members()) if (node !== one.started.self) one.cluster.send(node, leave(5))
  }
  for (const one of all) {
    for (const { node } of one.cluster.members())
      if (node !== one.started.self) await one.until(RegExp(`^message ${node} `))
  }
})

t.test('join: who is turned away is told why', async (t) => {
  const a = await new Local({ nodeName: 'a' }).start()
  t.teardown(() => a.cluster.stop())
  const refused = async (options: object, code: string, message: RegExp): Promise<void> => {
    const joiner = new Local({ nodeName: 'b', join: a.at, ...options })
    await t.rejects(joiner.start(), { code: `ERR_GSHM_${code}`, message })
    t.strictSame(joiner.matching(/^(self|joined|lost|fenced)/), [])
  }
  await refused({ clusterName: 'other' }, 'INVALID', /--cluster: .*other.*test|--cluster: .*test.*other/)
  await refused({ version: '2' }, 'INVALID', /version/)
  await refused({ nodeName: 'a' }, 'EXISTS', /--name: a node called a is in the cluster already/)
  await refused({ secret: new Uint8Array(16) }, 'ACCESS', /--secret-file: one node has a secret/)
  await refused({ join: await freePort() }, 'NODE_LOST', /--join .*ECONNREFUSED/)
  await refused({ listen: { host: '192.0.2.1', port: 0 }, secret: new Uint8Array(16) }, 'INVALID', /--listen/)
  t.equal(a.cluster.members().length, 1)
  t.strictSame(a.matching(/^(joined|lost)/), [])
  const b = await new Local({ nodeName: 'b', join: a.at }).start()
  t.equal(b.started.self, 1, 'nobody who was refused before has used up a number')
  await b.cluster.stop()
  await a.until(/^lost 1 it has left/)
  const again = await new Local({ nodeName: 'b', join: a.at }).start()
  t.equal(again.started.self, 2, 'a name may come back, a number never')
  await again.cluster.stop()
})

t.test('listen: without a secret loopback only, and a wildcard must be advertised', async (t) => {
  const secret = new Uint8Array(16)
  for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
    await t.rejects(new Local({ nodeName: 'a', listen: { host, port: 0 } }).start(), {
      code: 'ERR_GSHM_INVALID',
      message: /--secret-file/,
    })
  }
  await t.rejects(new Local({ nodeName: 'a', listen: { host: '0.0.0.0', port: 0 }, secret }).start(), {
    code: 'ERR_GSHM_INVALID',
    message: /--advertise/,
  })
  const advertise = { host: '127.0.0.1', port: 0 }
  const a = await new Local({ nodeName: 'a', listen: { host: '0.0.0.0', port: 0 }, advertise, secret }).start()
  const b = await new Local({ nodeName: 'b', listen: { host: '127.0.0.2', port: 0 }, join: a.at, secret }).start()
  t.match(a.cluster.listen, /^127\.0\.0\.1:\d+$/)
  t.match(b.cluster.listen, /^127\.0\.0\.2:\d+$/)
  await Promise.all([a.cluster.stop(), b.cluster.stop()])
})

t.test('fence: a peer whose message the receiver cannot accept is lost for everybody', async (t) => {
  const a = await new Local({ nodeName: 'a' }).start()
  const b = await new Local(
    { nodeName: 'b', join: a.at },
    {
      message: () => {
        throw new PeerError('never')
      },
    },
  ).start()
  const c = await new Local({ nodeName: 'c', join: a.at }).start()
  t.teardown(() => Promise.all([a, b, c].map((one) => one.cluster.stop())))
  c.cluster.send(1, leave(1))
  c.cluster.send(1, leave(2))
  t.equal(await b.until(/^lost/), 'lost 2 never')
  t.equal(await a.until(/^lost/), 'lost 2 node 1 (b) lost it: never')
  t.match(await c.until(/^fenced/), /never/)
  t.equal(a.matching(/^lost/).length, 1)
  t.equal(b.matching(/^lost/).length, 1)
})

t.test('join: processes of their own, pages in both directions', async (t) => {
  const a = new Remote({ nodeName: 'a' })
  await a.start()
  const b = new Remote({ nodeName: 'b', join: a.at })
  await b.start()
  t.teardown(() => [a, b].map((one) => one.child.kill('SIGKILL')))
  a.tell('send 1 5000')
  a.tell('page 1')
  b.tell('page 0')
  await a.until(/^message 1 PageRead 1 4096:42/)
  await b.until(/^message 0 PageRead 1 4096:42/)
  t.equal(b.matching(/^message 0 BarrierLeave/).length, 5000)
  b.tell('stop')
  t.match(await a.until(/^lost/), /lost 1 it has left/)
  t.match(await b.until(/^exit/), /0/)
})
