// Losing nodes: everybody hears of it once, in under five seconds, and a node that was given up by the
// others finds out. The nodes that are killed or stopped are processes of their own.
import t, { type Test } from 'tap'
import { PAGE_SIZE } from '../../ts/base/ids.js'
import { Heartbeat } from '../../ts/cluster/heartbeat.js'
import { leave, freePort, Local, page, Proxy, Remote, type Seen } from '../support/cluster-node.js'

/** Waits for the line on every node and checks that it came in time. */
async function within(t: Test, ms_max: number, nodes: readonly Seen[], what: RegExp): Promise<void> {
  const start = performance.now()
  await Promise.all(nodes.map((node) => node.until(what)))
  const ms = performance.now() - start
  t.ok(ms < ms_max, `${what} after ${Math.round(ms)} ms, at most ${ms_max}`)
}

t.test('loss: kill -9 of a node, then of the first one', async (t) => {
  const a = await new Remote({ nodeName: 'a' }).start()
  const join = a.at
  const b = await new Local({ nodeName: 'b', join }).start()
  const c = await new Local({ nodeName: 'c', join }).start()
  const d = await new Remote({ nodeName: 'd', join }).start()
  t.teardown(() => Promise.all([b, c].map((one) => one.cluster.stop())))
  await Promise.all([a, b, c].map((one) => one.until(/^joined 3/)))
  d.child.kill('SIGKILL')
  await within(t, 5000, [a, b, c], /^lost 3/)
  a.child.kill('SIGKILL')
  await within(t, 5000, [b, c], /^lost 0/)
  b.cluster.send(2, leave(5))
  t.equal(await c.until(/^message/), 'message 1 BarrierLeave 5', 'the others go on')
  const e = new Local({ nodeName: 'e', join: b.at })
  await t.rejects(e.start(), { code: 'ERR_GSHM_NODE_LOST', message: /the first node is lost/ })
  b.cluster.fence(2, 'the test says so')
  t.equal(b.matching(/^lost 2/).length, 0, 'lost is not called from within fence')
  await within(t, 1000, [b], /^lost 2 the test says so/)
  await within(t, 1000, [c], /^fenced .*the test says so/)
  for (const one of [b, c]) t.equal(one.matching(/^lost/).length, new Set(one.matching(/^lost/)).size)
})

t.test('loss: nodes that stop answering are lost in five seconds, and find themselves fenced', async (t) => {
  // a stopped member, a stopped first node, and a link that swallows everything: side by side
  const stoppedMember = async (): Promise<void> => {
    const a = await new Local({ nodeName: 'a' }).start()
    const b = await new Local({ nodeName: 'b', join: a.at }).start()
    const c = await new Remote({ nodeName: 'c', join: a.at }).start()
    await b.until(/^joined 2/)
    c.child.kill('SIGSTOP')
    await within(t, 5000, [a, b], /^lost 2/)
    c.child.kill('SIGCONT')
    await within(t, 5000, [c], /^fenced/)
    t.strictSame(a.matching(/^(lost|fenced)/).length, 1)
    a.cluster.send(1, leave(9))
    await b.until(/^message 0 BarrierLeave 9/)
    c.child.kill('SIGKILL')
    await Promise.all([a, b].map((one) => one.cluster.stop()))
  }
  const stoppedFirst = async (): Promise<void> => {
    const a = await new Remote({ nodeName: 'a' }).start()
    const b = await new Local({ nodeName: 'b', join: a.at }).start()
    const c = await new Local({ nodeName: 'c', join: a.at }).start()
    a.child.kill('SIGSTOP')
    await within(t, 5000, [b, c], /^lost 0/)
    a.child.kill('SIGCONT')
    await within(t, 5000, [a], /^fenced/)
    b.cluster.send(2, leave(9))
    await c.until(/^message 1 BarrierLeave 9/)
    a.child.kill('SIGKILL')
    await Promise.all([b, c].map((one) => one.cluster.stop()))
  }
  const swallowed = async (): Promise<void> => {
    const proxy = new Proxy()
    const { port } = await proxy.open()
    const a = await new Local({ nodeName: 'a' }).start()
    // b listens where it likes and tells the others to come by way of the proxy
    const listen = await freePort()
    proxy.forward(listen)
    const b = await new Local({ nodeName: 'b', join: a.at, listen, advertise: { host: '127.0.0.1', port } }).start()
    const c = await new Local({ nodeName: 'c', join: a.at }).start()
    await b.until(/^joined 2/)
    proxy.silence()
    await within(t, 5000, [a], /^lost/)
    const [loser, stayer] = a.matching(/^lost 1/).length > 0 ? [b, c] : [c, b]
    await loser.until(/^fenced/)
    await stayer.until(/^lost/)
    t.equal(stayer.matching(/^fenced/).length + a.matching(/^fenced/).length, 0, 'one of the two stays')
    t.equal(a.matching(/^lost/).length, 1)
    await Promise.all([a, b, c].map((one) => one.cluster.stop()))
    proxy.close()
  }
  await Promise.all([stoppedMember(), stoppedFirst(), swallowed()])
})

t.test('loss: a peer that does not read is given up when 64 MiB wait for it', async (t) => {
  const a = await new Local({ nodeName: 'a' }).start()
  const b = await new Remote({ nodeName: 'b', join: a.at }).start()
  t.teardown(() => a.cluster.stop())
  b.child.kill('SIGSTOP')
  const bytes = new Uint8Array(PAGE_SIZE)
  for (let i = 0; i < 20_000; i++) a.cluster.send(1, page(i), bytes)
  t.match(await a.until(/^lost 1/), /64 MiB behind/)
  b.child.kill('SIGKILL')
})

t.test('loss: a node that was busy for less than the limit loses nobody', async (t) => {
  const a = await new Remote({ nodeName: 'a' }).start()
  const b = await new Remote({ nodeName: 'b', join: a.at }).start()
  t.teardown(() => [a, b].map((one) => one.child.kill('SIGKILL')))
  a.tell('block 2000')
  await a.until(/stood still/)
  a.tell('send 1 1')
  await b.until(/^message 0/)
  t.strictSame([...a.matching(/^(lost|fenced)/), ...b.matching(/^(lost|fenced)/)], [])
})

t.test('heartbeat: silence counts only while our own loop was awake', async (t) => {
  const pulse = {
    heard: true,
    spoke: false,
    over: false,
    pings: 0,
    told: (_why: string): void => {},
    silent: (why: string): void => pulse.told(why),
    send: (): void => void pulse.pings++,
    bye: (): void => {},
  }
  let stalls = 0
  const heartbeat = new Heartbeat(() => stalls++, { silenceMs: 400, pingMs: 100, tickMs: 25, lateMs: 100 })
  t.teardown(() => heartbeat.stop())
  heartbeat.watch(pulse)
  const silent = new Promise<string>((resolve) => (pulse.told = resolve))
  for (const end = performance.now() + 600; performance.now() < end; );
  const awake = performance.now()
  t.equal(await silent, 'silent for 0.4 s')
  const ms = performance.now() - awake
  t.ok(ms > 350, `not at once but after ${Math.round(ms)} ms`)
  t.ok(stalls >= 1 && pulse.pings >= 3)
})
