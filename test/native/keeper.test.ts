/** The keeper: kill -9 of a daemon gives its processes SIGBUS, never a zero, whatever they were at. */
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { native } from '../../ts/native/index.js'
import { Client, PAGE } from '../support/mini-daemon.js'
import { startProgram } from '../support/program.js'

const UNSERVED = 16 * PAGE

async function started(t: Test) {
  const daemon = startProgram(undefined, join(import.meta.dirname, '../support/doomed-daemon.ts'))
  const [, socket = '', pid = ''] = (await daemon.line()).split(' ')
  const keeper = Number(pid)
  const keeperEnded = new Promise<void>((resolve) => {
    const watch = native.watchExit(keeper, () => (watch.close(), resolve()))
  })
  const programs = [daemon]
  t.teardown(async () => {
    for (const program of programs) program.child.kill('SIGKILL')
    for (const program of programs) await program.stop()
    await keeperEnded
    rmSync(dirname(socket), { recursive: true })
  })
  return {
    daemon,
    keeper,
    keeperEnded,
    client: async () => {
      const program = startProgram(undefined, 'raw_client', [socket, '32'])
      programs.push(program)
      await program.line()
      return new Client(program)
    },
    /** Waits until the daemon has said so. */
    said: async (line: string) => t.equal(await daemon.line(), line),
    kill: async () => {
      // Not its end of output: the keeper writes to the same log.
      const exited = once(daemon.child, 'exit')
      daemon.child.kill('SIGKILL')
      await exited
    },
  }
}

t.test('blocked, mapped, write-protected, forked: SIGBUS within two seconds', async (t) => {
  const { daemon, keeper, keeperEnded, client: start, said, kill } = await started(t)
  const client = await start()
  t.equal(await client.do('read', 0), '11')
  await said('read 0')
  t.equal(await client.do('write', PAGE, 5), 'done')
  await said('write 1')
  daemon.say('protect 1')
  await said('protected 1')
  const forked = client.do('fork')
  await said('fork 0')
  await forked
  const child = client.child()

  const blocked = [client.do('read', UNSERVED)]
  await said('read 16')
  blocked.push(client.do('write', PAGE, 6))
  await said('write 1')
  blocked.push(child.do('write', UNSERVED))
  await said('write 16')
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(keeper, signal)
  const killed = performance.now()
  await kill()
  t.same(await Promise.all(blocked), ['sigbus', 'sigbus', 'sigbus'], 'who waited')
  const later = [client, child].flatMap((who) => [0, PAGE, UNSERVED, 9 * PAGE].map((at) => who.do('read', at)))
  t.same(new Set(await Promise.all(later)), new Set(['sigbus']), 'who comes later, the pages that were there too')
  t.equal(await client.do('fill', 3 * PAGE), 'Bad address', 'the kernel too')
  t.ok(performance.now() - killed < 2000)

  t.ok(Number(await client.do('fork')) > 0, 'fork goes on working')
  t.equal(await client.child().do('read', 2 * PAGE), 'sigbus', 'in a child of later, too')
  t.equal(await client.do('move', 0, PAGE, 4 * PAGE), 'done', 'and mremap')
  t.equal(await client.do('read', 4 * PAGE), 'sigbus')
  t.equal(await client.do('unmap', 4 * PAGE, PAGE), 'done', 'and munmap')

  client.program.child.stdin?.end()
  await client.program.ended
  await keeperEnded
  t.pass('the keeper leaves after the last process, forked ones included')
})

t.test('a fork that the daemon never heard of', async (t) => {
  const { daemon, client: start, said, kill } = await started(t)
  const client = await start()
  t.equal(await client.do('read', 0), '11')
  await said('read 0')
  daemon.child.kill('SIGSTOP')
  const forked = client.do('fork')
  const read = client.do('read', PAGE)
  await kill()
  t.ok(Number(await forked) > 0)
  t.equal(await read, 'sigbus')
  t.same(await Promise.all([0, PAGE].map((at) => client.child().do('read', at))), ['sigbus', 'sigbus'])
})

t.test('threads that read all the time see the value, then SIGBUS', async (t) => {
  const { client: start, said, kill } = await started(t)
  const client = await start()
  const pages = [0, 1, 2, 3]
  for (const page of pages) {
    t.equal(await client.do('read', page * PAGE), '11')
    await said(`read ${page}`)
  }
  const forked = client.do('fork')
  await said('fork 0')
  await forked
  const hammers = [client, client.child()].flatMap((who) => pages.map((page) => who.hammer(page * PAGE)))
  for (const { first } of hammers) t.equal(await first, 'reading')
  await kill()
  for (const { second } of hammers) t.equal(await second, 'sigbus')
})

t.test('a daemon without processes: the keeper leaves with it', async (t) => {
  const { kill, keeperEnded } = await started(t)
  await kill()
  await keeperEnded
})

t.test('started by hand it says what it is', async (t) => {
  const end = await startProgram(undefined, 'gshm-keeper').ended
  t.equal(end.status, 2)
  t.match(end.stderr, /started by gshmd/)
})
