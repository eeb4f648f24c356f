/** The device by itself: answers to processes that have ended meanwhile. */
import t from 'tap'
import type { GshmError } from '../../ts/base/errors.js'
import type { Answer, LocalRequest } from '../../ts/base/requests.js'
import { native, type DeviceChannel, type DeviceRequest } from '../../ts/native/index.js'
import { Device, type DeviceHost } from '../../kmod-sim/device.js'
import { ProcessRegistry, type Process } from '../../kmod-sim/process-registry.js'
import { fakeChannel } from '../support/fake-channel.js'

function started(pid = 1) {
  const registry = new ProcessRegistry()
  const asked: { request: LocalRequest; settle: (outcome: Answer | GshmError) => void }[] = []
  const said: string[] = []
  const channel = {
    peer: { pid, uid: 0, gid: 0, groups: [] },
    reply: (op: string) => said.push(op),
    fail: (op: string, _: number, __: number, detail: string) => said.push(`${op} failed: ${detail}`),
    close: () => {},
  } as unknown as DeviceChannel
  let process: Process | undefined
  const host = {
    memoryBytes: 2 ** 30,
    nodes: () => 1,
    register: () => {
      process = registry.add({ faults: fakeChannel(), pid: 1, who: { uid: 0, gid: 0, groups: [] } })
      process.handles.set(7, 'new')
      return process
    },
    hello: () => ({ token: 0n, node: 0, nodes: 1, cluster: 'c', nodeName: 'n' }),
    request: (request: LocalRequest, settle: (outcome: Answer | GshmError) => void) => asked.push({ request, settle }),
  } as unknown as DeviceHost
  const device = new Device(host)
  device.connect(channel)
  const ask = (request: DeviceRequest) => {
    device.request(channel, request, [])
    return asked.at(-1)!
  }
  device.request(
    channel,
    { op: 'hello', serial: 1, abi: native.abiVersion, kind: native.constants.HELLO_REGISTER, token: 0n, fork: 0n },
    pid === 0 ? [] : [99_999_999], // is the host's
  )
  const end = () => {
    registry.remove(process!)
    device.forget(process!)
  }
  return { asked, said, ask, end }
}

const block = (offset: number): Answer => ({ is: 'block', offset, bytes: 64, oldBytes: 32 })

t.test('alloc, realloc: the answer to a process that has died is freed; what it had before is not', async (t) => {
  for (const [request, answer, freed] of [
    [{ op: 'alloc', serial: 2, segment: 7, size: 64 }, 128, 128],
    [{ op: 'realloc', serial: 2, segment: 7, offset: 32, size: 64 }, 128, 128],
    [{ op: 'realloc', serial: 2, segment: 7, offset: 32, size: 64 }, 32, undefined],
  ] as const) {
    const { asked, said, ask, end } = started()
    const { settle } = ask(request)
    end()
    settle(block(answer))
    t.same(
      asked.slice(1).map((one) => one.request),
      freed === undefined ? [] : [{ op: 'free', segment: 7, offset: freed }],
    )
    t.same(said, ['hello'], 'and nobody is answered')
  }
  const { asked, said, ask } = started()
  ask({ op: 'alloc', serial: 2, segment: 7, size: 64 }).settle(block(128))
  t.same([asked.length, said], [1, ['hello', 'alloc']], 'the living keep theirs')
})

t.test('register: a process whose number cannot be seen from here is refused', async (t) => {
  t.match(started(0).said, [/^hello failed: .*no number where gshmd runs: .*PID namespace/])
})
