import t from 'tap'
import { PeerError } from '../../ts/base/peer-error.js'
import { COHERENCE_TYPES, type CoherenceMessage } from '../../ts/coherence/messages.js'
import { canonical } from '../../ts/coherence/inspect.js'
import { copyCoherence } from '../../ts/coherence/state.js'
import { HEAP_FIELDS } from '../../ts/heap/messages.js'
import { NAMES_FIELDS } from '../../ts/names/messages.js'
import { SYNC_FIELDS } from '../../ts/sync/messages.js'
import type { Effect } from '../../ts/node/effects.js'
import type { NodeEvent } from '../../ts/node/events.js'
import type { Message } from '../../ts/node/messages.js'
import type { ByteRange } from '../../ts/base/requests.js'
import { NO_NODE } from '../../ts/base/ids.js'
import { createNode, pageView } from '../../ts/node/state.js'
import { step } from '../../ts/node/step.js'
import { SEGMENT, createNodes } from '../../ts/sim/create-nodes.js'

const get: CoherenceMessage = {
  type: 'GetRead',
  segment: SEGMENT,
  page: 0,
  requester: 1,
  serial: 1,
  bytes: 'none',
  confirm: false,
}

t.test('step: no two rooms have a message of the same type', async (t) => {
  const types = [
    ...COHERENCE_TYPES,
    ...[HEAP_FIELDS, NAMES_FIELDS, SYNC_FIELDS].flatMap((fields) => Object.keys(fields)),
  ]
  t.equal(new Set(types).size, types.length)
})

t.test('step: a message to the node itself never leaves the step', async (t) => {
  const [node] = createNodes(1, 1, step)
  const effects: Effect[] = []
  step(node!, { is: 'fault', segment: SEGMENT, page: 0, access: 'read' }, effects)
  step(node!, { is: 'fault', segment: SEGMENT, page: 0, access: 'write' }, effects)
  t.strictSame(
    effects.map((effect) => (effect.do === 'Install' ? `${effect.access} ${effect.bytes}` : effect.do)),
    ['read zero', 'write kept'],
  )
  t.throws(() => step(node!, { is: 'message', from: 0, message: { ...get, requester: 0 } }, []), /left its step/)
})

t.test('step: a segment is made, used and gone through one step of names each', async (t) => {
  const node = createNode(0)
  const effects: Effect[] = []
  const create = {
    op: 'create',
    name: 'a',
    bytes: 8192,
    consistency: 'mrsw',
    manager: 'fixed',
    unit: 4096,
    home: NO_NODE,
    openOrCreate: false,
    uid: 0,
    gid: 0,
    mode: 0o600,
    nowMs: 1,
  } as const
  step(node, { is: 'request', ticket: 1, request: create }, effects)
  const made = effects.find((effect) => effect.do === 'SegmentMade')
  t.ok(made)
  const segment = made!.attributes.segment
  step(node, { is: 'fault', segment, page: 1, access: 'write' }, effects)
  t.equal(pageView(node, segment, 1)?.state, 'M')
  step(node, { is: 'request', ticket: 2, request: { op: 'alloc', segment, bytes: 100 } }, effects)
  t.match(effects.at(-1), { do: 'Answer', ticket: 2, answer: { is: 'block' } })
  step(node, { is: 'request', ticket: 3, request: { op: 'unlink', name: 'a', uid: 0 } }, effects)
  step(node, { is: 'let', segment }, effects)
  t.ok(effects.some((effect) => effect.do === 'SegmentGone'))
  t.equal(pageView(node, segment, 1), undefined)
  const late: Effect[] = []
  step(node, { is: 'joined', node: 1 }, [])
  step(node, { is: 'message', from: 1, message: { ...get, segment } }, late)
  t.strictSame(late, [], 'what is late about it is ignored')
  step(node, { is: 'fault', segment, page: 1, access: 'write' }, late)
  t.strictSame(late, [{ do: 'Poison', segment, page: 1 }], 'a thread that still faults on it must not wait')
})

t.test('step: a release that a process asks for is answered when others know, an acquire at once', async (t) => {
  const nodes = [createNode(0), createNode(1)]
  const queue: { from: number; to: number; message: Message }[] = []
  const run = (at: number, event: NodeEvent): Effect[] => {
    const effects: Effect[] = []
    step(nodes[at]!, event, effects)
    for (const effect of effects) if (effect.do === 'Send') queue.push({ ...effect, from: at })
    return effects.filter((effect) => effect.do === 'Answer' || effect.do === 'Refuse')
  }
  const settle = (): Effect[] => {
    const answers: Effect[] = []
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      answers.push(...run(next.to, { is: 'message', from: next.from, message: next.message }))
    }
    return answers
  }
  run(0, { is: 'joined', node: 1 })
  run(1, { is: 'joined', node: 0 })
  const model = { consistency: 'lrc', manager: 'fixed', unit: 4096, home: 1 } as const
  const owner = { uid: 0, gid: 0, mode: 0o600, nowMs: 1 }
  const create = { op: 'create', name: 'a', bytes: 8192, ...model, openOrCreate: false, ...owner } as const
  const made = [...run(0, { is: 'request', ticket: 1, request: create }), ...settle()]
  t.match(made, [{ answer: { is: 'segment' } }])
  const segment = 1
  const fault = (node: number, access: 'read' | 'write') => {
    run(node, { is: 'fault', segment, page: 1, access })
    settle()
  }
  fault(1, 'read')
  fault(0, 'write')
  t.equal(pageView(nodes[0]!, segment, 1)?.state, 'W')

  const ask = (op: 'acquire' | 'release', range?: ByteRange) =>
    run(0, { is: 'request', ticket: 2, request: { op, range } })
  const done = [{ do: 'Answer', ticket: 2, answer: { is: 'done' } }]
  t.same(ask('release', { segment, offset: 0, bytes: 4096 }), done, 'nothing was written there')
  t.same(ask('acquire', { segment, offset: 4095, bytes: 2 }), done)
  t.same(ask('release', { segment, offset: 4095, bytes: 2 }), [], 'this one waits')
  t.same(settle(), done)
  fault(0, 'write')
  t.same(ask('release'), [], 'everything')
  t.same(settle(), done)
  t.same(ask('acquire'), done)

  for (const [offset, bytes] of [
    [8192, 0],
    [8191, 2],
    [0, 8193],
  ] as const) {
    t.match(ask('release', { segment, offset, bytes }), [{ do: 'Refuse', error: 'BEYOND_END', detail: /8192 bytes/ }])
  }
  t.match(ask('acquire', { segment: 9, offset: 0, bytes: 0 }), [{ do: 'Refuse', error: 'NOT_FOUND' }])
})

t.test('step: what cannot be is the fault of the peer that sent it', async (t) => {
  const [node] = createNodes(2, 1, step)
  const before = canonical(node!.coherence)
  const wrong: [string, number, object][] = [
    ['a segment that was never made', 1, { ...get, segment: 99 }],
    ['a page beyond the segment', 1, { ...get, page: 1 }],
    ['a requester that is no node', 1, { ...get, requester: 0xffff }],
    ['on behalf of another', 1, { ...get, requester: 0 }],
    ['a sender that is no member', 5, { ...get, requester: 5 }],
    ['an unknown type', 1, { ...get, type: 'Gift' }],
    ['an acknowledgement of nothing', 1, { ...get, type: 'InvAck' }],
  ]
  for (const [name, from, message] of wrong) {
    t.throws(() => step(node!, { is: 'message', from, message: message as never }, []), PeerError, name)
  }
  t.equal(canonical(node!.coherence), before, 'and nothing has changed')
})

t.test('step: more requests than nodes cannot wait', async (t) => {
  const [home] = createNodes(4, 1, step)
  const from = (node: number, serial = 1) =>
    step(home!, { is: 'message', from: node, message: { ...get, requester: node, serial } }, [])
  from(1) // owns the fresh page
  from(2) // is served: node 1 is to send
  from(3) // waits
  t.throws(() => from(2, 2), PeerError)
  t.throws(() => from(3, 2), PeerError)
})

t.test('state: a copy is equal and its own', async (t) => {
  const [home] = createNodes(40, 2, step)
  const from = (node: number) => step(home!, { is: 'message', from: node, message: { ...get, requester: node } }, [])
  from(39)
  from(2)
  from(5)
  const copy = copyCoherence(home!.coherence)
  t.equal(canonical(copy), canonical(home!.coherence))
  from(3)
  t.not(canonical(copy), canonical(home!.coherence))
  t.strictSame(pageView({ ...home!, coherence: copy }, SEGMENT, 0)?.stalled, [5])
})

t.test('coherence: a thousand nodes share a page, then one writes', async (t) => {
  const count = 1024
  const nodes = createNodes(count, 1, step)
  const queue: { from: number; to: number; message: CoherenceMessage }[] = []
  const run = (at: number, event: Parameters<typeof step>[1]) => {
    const effects: Effect[] = []
    step(nodes[at]!, event, effects)
    for (const effect of effects) {
      if (effect.do === 'Send') queue.push({ from: at, to: effect.to, message: effect.message as CoherenceMessage })
      if (effect.do === 'Resume') run(at, { is: 'resume', segment: SEGMENT, page: 0 })
    }
  }
  const fault = (at: number, access: 'read' | 'write') => {
    run(at, { is: 'fault', segment: SEGMENT, page: 0, access })
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      run(next.to, { is: 'message', from: next.from, message: next.message })
    }
  }
  for (let node = 0; node < count; node++) fault(node, 'read')
  t.equal(pageView(nodes[0]!, SEGMENT, 0)?.copyset?.length, count)
  fault(700, 'write')
  t.match(pageView(nodes[0]!, SEGMENT, 0), { homeState: 'M', owner: 700, copyset: [700] })
  t.equal(nodes.filter((node) => pageView(node, SEGMENT, 0)?.access !== 'none').length, 1)
})
