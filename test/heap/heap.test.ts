import t from 'tap'
import { PeerError } from '../../ts/base/peer-error.js'
import type { SegmentAttributes } from '../../ts/base/requests.js'
import {
  createHeap,
  heapGone,
  heapLost,
  heapMade,
  heapMessage,
  heapRequest,
  type HeapRequest,
  type HeapState,
} from '../../ts/heap/index.js'
import type { HeapMessage } from '../../ts/heap/messages.js'
import { Links } from '../support/links.js'

const attributes: SegmentAttributes = {
  segment: 1,
  name: 'one',
  bytes: 8192,
  maxBytes: 8192,
  consistency: 'mrsw',
  manager: 'fixed',
  unit: 4096,
  homes: [0, 1],
  uid: 0,
  gid: 0,
  mode: 0o600,
  createdMs: 0,
}
/** homes[1 % 2] */
const HOME = 1

/** Three nodes that know segment 1; the third is no home. */
function cluster() {
  const links = new Links<HeapState, HeapMessage>(heapMessage)
  for (const node of [0, 1, 2]) {
    links.world.states.set(node, createHeap(node))
    heapMade(links.state(node), attributes)
  }
  let ticket = 0
  const ask = (node: number, request: HeapRequest) => {
    ticket++
    links.step(node, (state, effects) => heapRequest(state, attributes, ticket, request, effects))
    return ticket
  }
  const run = (node: number, request: HeapRequest) => {
    const asked = ask(node, request)
    links.settle()
    return asked
  }
  return { links, ask, run }
}

t.test('heap: a block allocated on one node is resized on another and freed on a third', async (t) => {
  const { links, run } = cluster()
  const { offset, bytes } = links.answer(run(2, { op: 'alloc', segment: 1, bytes: 100 }), 'block')
  t.equal(bytes, 112)
  t.same(links.answer(run(0, { op: 'realloc', segment: 1, offset, bytes: 200 }), 'block'), {
    is: 'block',
    offset,
    bytes: 208,
    oldBytes: 112,
  })
  t.same(links.answer(run(2, { op: 'heapStat', segment: 1 }), 'heap'), { is: 'heap', bytes: 208, blocks: 1 })
  t.equal(links.outcome(run(HOME, { op: 'free', segment: 1, offset })), 'done')
  t.same(links.answer(run(0, { op: 'heapStat', segment: 1 }), 'heap'), { is: 'heap', bytes: 0, blocks: 0 })
})

t.test("heap: the home's own requests need no message", async (t) => {
  const { links, ask } = cluster()
  t.equal(links.outcome(ask(HOME, { op: 'alloc', segment: 1, bytes: 1 })), 'block')
  t.equal(links.world.sent, 0)
})

t.test('heap: bad requests get their error, and name the size of the segment', async (t) => {
  const { links, run } = cluster()
  const { offset } = links.answer(run(0, { op: 'alloc', segment: 1, bytes: 64 }), 'block')
  t.equal(links.outcome(run(0, { op: 'alloc', segment: 1, bytes: 0 })), 'INVALID')
  t.equal(links.outcome(run(0, { op: 'alloc', segment: 1, bytes: -5 })), 'INVALID')
  t.equal(links.outcome(run(0, { op: 'alloc', segment: 1, bytes: 1.5 })), 'INVALID')
  t.equal(links.outcome(run(0, { op: 'realloc', segment: 1, offset, bytes: 0 })), 'INVALID')
  const large = run(0, { op: 'alloc', segment: 1, bytes: 8193 })
  t.match(links.world.outcomes.get(large), {
    error: 'HEAP_FULL',
    detail: 'allocation of 8193 bytes does not fit in segment of 8192 bytes',
  })
  const full = run(0, { op: 'alloc', segment: 1, bytes: 8192 })
  t.match(links.world.outcomes.get(full), {
    error: 'HEAP_FULL',
    detail: 'allocation of 8192 bytes does not fit in segment of 8192 bytes (64 allocated in 1 blocks)',
  })
  t.equal(links.outcome(run(2, { op: 'free', segment: 1, offset: offset + 16 })), 'NOT_ALLOCATED')
  t.equal(links.outcome(run(2, { op: 'free', segment: 1, offset: 8192 })), 'NOT_ALLOCATED')
  t.equal(links.outcome(run(2, { op: 'free', segment: 1, offset: -16 })), 'NOT_ALLOCATED')
  t.equal(links.outcome(run(2, { op: 'free', segment: 1, offset: 0.5 })), 'INVALID')
  t.equal(links.outcome(run(2, { op: 'realloc', segment: 1, offset: 32, bytes: 8 })), 'NOT_ALLOCATED')
  t.equal(links.outcome(run(2, { op: 'free', segment: 1, offset })), 'done')
  t.equal(links.outcome(run(0, { op: 'free', segment: 1, offset })), 'NOT_ALLOCATED')
})

t.test('heap: a request for a segment that nobody knows -> NOT_FOUND', async (t) => {
  const { links } = cluster()
  links.step(0, (state, effects) => heapRequest(state, undefined, 9, { op: 'heapStat', segment: 7 }, effects))
  t.equal(links.outcome(9), 'NOT_FOUND')
})

t.test("heap: the heap's node is lost -> pending and later requests NODE_LOST", async (t) => {
  const { links, ask } = cluster()
  const pending = ask(0, { op: 'alloc', segment: 1, bytes: 1 })
  links.lose(HOME, (state, effects) => heapLost(state, HOME, effects))
  t.equal(links.outcome(pending), 'NODE_LOST')
  t.equal(links.outcome(ask(2, { op: 'free', segment: 1, offset: 0 })), 'NODE_LOST')
})

t.test('heap: another node is lost -> what it allocated stays, nobody else notices', async (t) => {
  const { links, run, ask } = cluster()
  const { offset } = links.answer(run(2, { op: 'alloc', segment: 1, bytes: 16 }), 'block')
  const pending = ask(0, { op: 'free', segment: 1, offset })
  links.lose(2, (state, effects) => heapLost(state, 2, effects))
  links.settle()
  t.equal(links.outcome(pending), 'done')
})

t.test('heap: a request that a dropped segment has overtaken -> NOT_FOUND, and no heap comes back', async (t) => {
  const { links, ask } = cluster()
  const late = ask(2, { op: 'alloc', segment: 1, bytes: 16 })
  heapGone(links.state(HOME), 1)
  links.settle()
  t.equal(links.outcome(late), 'NOT_FOUND')
  t.equal(links.state(HOME).managed.size, 0)
})

t.test('heap: messages that make no sense -> PeerError, and the heap is as it was', async (t) => {
  const { links, run, ask } = cluster()
  run(0, { op: 'alloc', segment: 1, bytes: 16 })
  const pending = ask(0, { op: 'heapStat', segment: 1 })
  const before = structuredClone(links.state(HOME))
  const hostile: [number, number, HeapMessage][] = [
    [HOME, 0, { type: 'AllocAsk', ticket: 1, segment: 1, bytes: 0, align: 1, home: 0 }],
    [HOME, 0, { type: 'AllocAsk', ticket: 1, segment: 1, bytes: 8193, align: 1, home: 0 }],
    [HOME, 0, { type: 'AllocAsk', ticket: 1, segment: 1, bytes: 0.5, align: 1, home: 0 }],
    [HOME, 0, { type: 'AllocAsk', ticket: -1, segment: 1, bytes: 16, align: 1, home: 0 }],
    [HOME, 0, { type: 'AllocAsk', ticket: 1, segment: 2, bytes: 16, align: 1, home: 0 }],
    [HOME, 0, { type: 'AllocAsk', ticket: 1, segment: 0.5, bytes: 16, align: 1, home: 0 }],
    [HOME, 0, { type: 'ReallocAsk', ticket: 1, segment: 1, offset: -16, bytes: 16 }],
    [HOME, 0, { type: 'FreeAsk', ticket: 1, segment: 1, offset: Number.MAX_VALUE }],
    [HOME, 0, { type: 'FreeDone', ticket: 1 }],
    [0, HOME, { type: 'FreeDone', ticket: pending }],
    [0, 2, { type: 'HeapStatAnswer', ticket: pending, bytes: 0, blocks: 0 }],
    [0, HOME, { type: 'HeapRefused', ticket: pending, error: 'OK', detail: '' }],
    [0, HOME, { type: 'HeapRefused', ticket: pending, error: 'toString', detail: '' }],
  ]
  for (const [node, from, message] of hostile) {
    const act = () => links.step(node, (state, effects) => heapMessage(state, from, message, effects))
    t.throws(act, PeerError, JSON.stringify(message))
  }
  t.same(links.state(HOME), before)
  links.settle()
  t.equal(links.outcome(pending), 'heap')
})

t.test('heap: an answer with a block beyond the segment -> PeerError, and the request is still pending', async (t) => {
  const { links, ask } = cluster()
  const pending = ask(0, { op: 'alloc', segment: 1, bytes: 16 })
  const message = { type: 'HeapBlock', ticket: pending, offset: 8192, bytes: 16, oldBytes: 0 } as const
  t.throws(() => links.step(0, (state, effects) => heapMessage(state, HOME, message, effects)), PeerError)
  t.equal(links.outcome(pending), 'pending')
})
