import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { attach, type AttachOptions } from '../../ts/client/index.js'
import { segments, status, unlink } from '../../ts/client/inspect.js'
import { startNode } from '../support/cluster.js'
import { Probe } from '../support/probe.js'

const dir = mkdtempSync(join(tmpdir(), 'gshm-client-'))
t.teardown(() => rmSync(dir, { recursive: true }))
const missing = join(dir, 'missing.sock')

t.test('attach: without a daemon every way to name one ends in an error that says what to do', async (t) => {
  t.throws(() => attach({ socket: missing }), {
    code: 'ERR_GSHM_NO_DAEMON',
    message: /missing\.sock.*gshm up.*GSHM_SOCKET/,
  })
  const plain = join(dir, 'plain')
  writeFileSync(plain, '')
  t.throws(() => attach({ socket: plain }), { code: 'ERR_GSHM_NO_DAEMON' }, 'a file that is no socket')
  t.throws(() => attach({ socket: `/${'x'.repeat(200)}` }), { code: 'ERR_GSHM_INVALID', message: /longer than 107/ })
  const stream = createServer().listen(join(dir, 'stream.sock'))
  await once(stream, 'listening')
  t.throws(
    () => attach({ socket: join(dir, 'stream.sock') }),
    { code: 'ERR_GSHM_NO_DAEMON' },
    'a socket of another kind',
  )
  stream.close()
})

t.test('attach: the socket is found by GSHM_SOCKET, else by the runtime directory', async (t) => {
  const { GSHM_SOCKET, GSHM_RUNTIME_DIR } = process.env
  t.teardown(() => {
    for (const [name, value] of Object.entries({ GSHM_SOCKET, GSHM_RUNTIME_DIR })) {
      if (value === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = value
    }
  })
  process.env['GSHM_SOCKET'] = missing
  t.throws(() => attach(), { code: 'ERR_GSHM_NO_DAEMON', message: /missing\.sock/ })
  delete process.env['GSHM_SOCKET']
  process.env['GSHM_RUNTIME_DIR'] = dir
  t.throws(() => attach(), { code: 'ERR_GSHM_NO_DAEMON', message: /default\/\*\.sock/ })
})

t.test('attach: of several sockets there, the one that is listened at is used', async (t) => {
  const node = await startNode(t)
  const runtime = mkdtempSync(join(dir, 'run-'))
  const place = join(runtime, 'default')
  mkdirSync(place)
  const found = (name: string) => join(place, name)
  const env = { GSHM_RUNTIME_DIR: runtime, GSHM_SOCKET: '' }
  const attached = async () => {
    const probe = await Probe.start(undefined, env)
    const reply = await probe.send('attach')
    await probe.kill()
    return reply
  }
  for (const dead of ['a.sock', 'b.sock']) symlinkSync(missing, found(dead))
  t.match(await attached(), {
    is: 'err',
    text: /^ERR_GSHM_NO_DAEMON: nobody listens at .*a\.sock: npx gshm down --force/,
  })
  symlinkSync(node.socket(0), found('c.sock'))
  t.match(await attached(), { is: 'ok' })
  symlinkSync(node.socket(0), found('d.sock'))
  t.match(await attached(), { is: 'err', text: /^ERR_GSHM_NO_DAEMON: 2 nodes run here .*GSHM_SOCKET/ })
})

t.test('attach: what is no socket path is INVALID, and names the parameter', async (t) => {
  for (const socket of [7, null, {}]) {
    t.throws(() => attach({ socket } as unknown as AttachOptions), {
      code: 'ERR_GSHM_INVALID',
      message: /^socket must be a string/,
    })
  }
  t.throws(() => attach(5 as unknown as AttachOptions), {
    code: 'ERR_GSHM_INVALID',
    message: /^options must be an object/,
  })
  t.throws(() => attach({ socket: 'a\0b' }), { code: 'ERR_GSHM_NAME_INVALID' })
})

t.test('visitors: without a daemon they get the same error', async (t) => {
  t.throws(() => status(missing), { code: 'ERR_GSHM_NO_DAEMON', name: 'GshmError' })
  t.throws(() => segments(missing), { code: 'ERR_GSHM_NO_DAEMON' })
  t.throws(() => unlink(missing, 'x'.repeat(64)), { code: 'ERR_GSHM_NAME_TOO_LONG' })
})

t.test('libgshm: calls of a process that never attached fail with DETACHED', async (t) => {
  const probe = await Probe.start()
  t.match(await probe.send('attach', missing), { is: 'err', text: /^ERR_GSHM_NO_DAEMON: no gshmd listens at/ })
  for (const call of [
    ['create', 'a', 4096, 0],
    ['open', 'a', 0],
    ['stat', 'a'],
    ['lock', 'a'],
    ['barrier', 'a', 1],
    ['pointer', 1],
  ]) {
    t.match(await probe.send(...call), { is: 'err', text: /^ERR_GSHM_DETACHED/ }, String(call[0]))
  }
  await probe.kill()
})
