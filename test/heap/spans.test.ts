/** The spans of a segment's heap: who has them, as its home knows it. What is in them is pretended here. */
import t from 'tap'
import { PeerError } from '../../ts/base/peer-error.js'
import type { SegmentAttributes } from '../../ts/base/requests.js'
import { checkHeap } from '../../ts/heap/check.js'
import {
  createHeap,
  heapGone,
  heapLost,
  heapMade,
  heapMessage,
  heapReleased,
  heapRequest,
  spanBytes,
} from '../../ts/heap/index.js'
import type { HeapEffect, HeapRequest, HeapState, SpanQueryEffect } from '../../ts/heap/index.js'
import type { HeapMessage } from '../../ts/heap/messages.js'
import { Links } from '../support/links.js'

const SPAN = 4096
const BYTES = 64 * SPAN
const mrsw: SegmentAttributes = {
  segment: 1,
  name: 'one',
  bytes: BYTES,
  maxBytes: BYTES,
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

/** Three nodes; what the home asks of spans is collected, and answered by the test. */
function cluster(attributes = mrsw) {
  const asked: (SpanQueryEffect & { at: number })[] = []
  const edges: string[] = []
  const links = new Links<HeapState, HeapMessage, HeapEffect>(heapMessage, (at, effect) => {
    if (effect.do === 'SpanQuery') asked.push({ ...effect, at })
    else edges.push(`${at} ${effect.do}`)
  })
  for (const node of [0, 1, 2]) {
    links.world.states.set(node, createHeap(node))
    heapMade(links.state(node), attributes)
  }
  let ticket = 0
  const ask = (node: number, request: HeapRequest, known: SegmentAttributes | undefined = attributes) => {
    ticket++
    links.step(node, (state, effects) => heapRequest(state, known, ticket, request, effects))
    return ticket
  }
  const run = (node: number, request: HeapRequest) => {
    const asked = ask(node, request)
    links.settle()
    return asked
  }
  const lease = (node: number) => links.answer(run(node, { op: 'lease', segment: 1 }), 'block').offset
  /** The oldest question is answered, and these spans go back before. */
  const answer = (bytes: number, blocks: number, back: number[] = []) => {
    const { at, to, query } = asked.shift()!
    ask(at, { op: 'spans', segment: 1, back, answer: { to, query, bytes, blocks } })
  }
  const home = () => links.state(HOME).managed.get(1)!
  return { links, ask, run, lease, asked, answer, edges, home }
}

t.test('spans: a power of two, whole units, a small part of the segment; none where there is no room', async (t) => {
  const of = (bytes: number, unit = 4096) => spanBytes({ maxBytes: bytes, unit })
  t.equal(of(15 * 4096), 0)
  t.equal(of(16 * 4096), 4096)
  t.equal(of(2 ** 20), 4096)
  t.equal(of(2 ** 21), 8192)
  t.equal(of(2 ** 24), 65536)
  t.equal(of(2 ** 44), 65536)
  t.equal(of(2 ** 20, 65536), 65536)
  t.equal(of(2 ** 19, 65536), 0)
})

t.test('spans: each node gets its own, aligned; a heap that is full refuses, and takes them back', async (t) => {
  const { links, run, lease, home } = cluster()
  const got = [0, 1, 2, 0].map(lease)
  t.equal(new Set(got).size, 4)
  t.ok(got.every((offset) => offset % SPAN === 0))
  const rest = links.answer(run(0, { op: 'alloc', segment: 1, bytes: BYTES - 4 * SPAN }), 'block')
  t.equal(links.outcome(run(2, { op: 'lease', segment: 1 })), 'HEAP_FULL')
  t.equal(links.outcome(run(0, { op: 'spans', segment: 1, back: [got[0]!, got[3]!], answer: undefined })), 'done')
  t.same(
    [...home().leases.counts],
    [
      [1, 1],
      [2, 1],
    ],
  )
  t.equal(home().allocator!.usedBytes, rest.bytes + 2 * SPAN)
  checkHeap(home().allocator!)
})

t.test('spans: what is allocated is a sum over the nodes that have some', async (t) => {
  const { links, ask, run, lease, asked, answer } = cluster()
  run(0, { op: 'alloc', segment: 1, bytes: 5000 })
  for (const node of [0, 2]) lease(node)
  const stat = ask(2, { op: 'heapStat', segment: 1 })
  links.settle()
  t.same(
    asked.map(({ at, wish }) => [at, wish]),
    [
      [0, 'count'],
      [2, 'count'],
    ],
  )
  answer(640, 10)
  links.settle()
  t.equal(links.outcome(stat), 'pending')
  answer(48, 3)
  links.settle()
  t.same(links.answer(stat, 'heap'), { is: 'heap', bytes: 5008 + 688, blocks: 14 })
  t.equal(links.state(HOME).queries.size, 0)
})

t.test('spans: an allocation that does not fit waits for empty ones, and is refused when there are none', async (t) => {
  const { links, ask, lease, asked, answer } = cluster()
  const got = [0, 2].map(lease)
  const whole = ask(0, { op: 'alloc', segment: 1, bytes: BYTES })
  links.settle()
  t.same(
    asked.map(({ at, wish }) => [at, wish]),
    [
      [0, 'trim'],
      [2, 'trim'],
    ],
  )
  answer(0, 0, [got[0]!])
  answer(0, 0, [got[1]!])
  links.settle()
  t.match(links.answer(whole, 'block'), { offset: 0, bytes: BYTES })
  ask(0, { op: 'free', segment: 1, offset: 0 })
  links.settle()
  lease(2)
  const again = ask(2, { op: 'alloc', segment: 1, bytes: BYTES })
  links.settle()
  answer(16, 1)
  links.settle()
  t.match(links.world.outcomes.get(again), { error: 'HEAP_FULL', detail: /1 of them spans of small blocks/ })
})

t.test('spans: a block in one is freed, or found, by the node that has it', async (t) => {
  const { links, ask, lease, asked, answer, edges } = cluster()
  const span = lease(2)
  edges.length = 0
  const freed = ask(0, { op: 'free', segment: 1, offset: span + 64 })
  links.settle()
  t.match(asked, [{ at: 2, to: HOME, wish: 'free', offset: span + 64 }])
  t.same(edges, ['2 Acquire'], 'what who freed it has written is seen there before it is used again')
  answer(64, 1)
  links.settle()
  t.equal(links.outcome(freed), 'done')
  const twice = ask(0, { op: 'free', segment: 1, offset: span })
  links.settle()
  answer(0, 0)
  links.settle()
  t.equal(links.outcome(twice), 'NOT_ALLOCATED', 'a span is no block')
  const moved = ask(0, { op: 'realloc', segment: 1, offset: span + 64, bytes: 100 })
  links.settle()
  t.match(asked, [{ wish: 'look' }])
  answer(64, 1)
  links.settle()
  t.match(links.answer(moved, 'block'), { bytes: 112, oldBytes: 64 })
  const stays = ask(0, { op: 'realloc', segment: 1, offset: span + 64, bytes: 40 })
  links.settle()
  answer(64, 1)
  links.settle()
  t.match(links.answer(stays, 'block'), { offset: span + 64, bytes: 64, oldBytes: 64 })
})

t.test('spans: a lost node keeps its own; who waits for its answer has one', async (t) => {
  const { links, ask, run, lease, asked } = cluster()
  const span = lease(2)
  const waits = [
    ask(0, { op: 'heapStat', segment: 1 }),
    ask(0, { op: 'alloc', segment: 1, bytes: BYTES }),
    ask(0, { op: 'free', segment: 1, offset: span }),
    ask(0, { op: 'realloc', segment: 1, offset: span, bytes: 8 }),
  ]
  links.settle()
  t.equal(asked.length, 4)
  links.lose(2, (state, effects) => heapLost(state, 2, effects))
  links.settle()
  t.same(links.answer(waits[0]!, 'heap'), { is: 'heap', bytes: SPAN, blocks: 1 })
  t.same(
    waits.slice(1).map((ticket) => links.outcome(ticket)),
    ['HEAP_FULL', 'NODE_LOST', 'NODE_LOST'],
  )
  t.equal(links.outcome(run(0, { op: 'free', segment: 1, offset: span + 16 })), 'NODE_LOST')
  t.same(links.answer(run(0, { op: 'heapStat', segment: 1 }), 'heap'), { is: 'heap', bytes: SPAN, blocks: 1 })
  t.not(lease(0), span)
})

t.test('lrc: what was written in a span is known before it goes back', async (t) => {
  const { links, ask, lease, edges, home } = cluster({ ...mrsw, consistency: 'lrc' })
  const span = lease(2)
  edges.length = 0
  const back = ask(2, { op: 'spans', segment: 1, back: [span], answer: undefined })
  links.settle()
  t.same(edges, ['2 Release'])
  t.equal(home().leases.spans.size, 1)
  links.step(2, (state, effects) => heapReleased(state, back, effects))
  links.settle()
  t.equal(home().leases.spans.size, 0)
  t.equal(links.outcome(back), 'done')
})

t.test('spans: a segment that goes meanwhile -> NOT_FOUND, and its home is answered all the same', async (t) => {
  const { links, ask, lease, asked } = cluster()
  lease(2)
  const stat = ask(0, { op: 'heapStat', segment: 1 })
  links.settle()
  const { to, query } = asked.shift()!
  heapGone(links.state(HOME), 1)
  ask(2, { op: 'spans', segment: 1, back: [], answer: { to, query, bytes: 0, blocks: 0 } }, undefined)
  links.settle()
  t.equal(links.outcome(stat), 'NOT_FOUND')
  t.equal(links.state(HOME).queries.size, 0)
})

t.test('spans: messages that make no sense -> PeerError, and the heap is as it was', async (t) => {
  const { links, ask, lease, asked } = cluster()
  const [own, foreign] = [lease(0), lease(2)]
  ask(0, { op: 'heapStat', segment: 1 })
  links.settle()
  const { query } = asked[0]!
  const before = structuredClone(links.state(HOME))
  const block = { type: 'HeapBlock', offset: 100 * 16, bytes: SPAN, oldBytes: 0 } as const
  const pending = ask(2, { op: 'lease', segment: 1 })
  const hostile: [number, number, HeapMessage][] = [
    [HOME, 0, { type: 'SpanBack', segment: 1, offset: foreign }],
    [HOME, 0, { type: 'SpanBack', segment: 1, offset: own + 16 }],
    [HOME, 0, { type: 'SpanBack', segment: 9, offset: own }],
    [HOME, 0, { type: 'SpanAnswer', query: query + 1, bytes: 0, blocks: 0 }],
    [HOME, 1, { type: 'SpanAnswer', query, bytes: 0, blocks: 0 }],
    [HOME, 0, { type: 'SpanAnswer', query, bytes: -1, blocks: 0 }],
    [HOME, 0, { type: 'SpanAnswer', query, bytes: 0, blocks: 0.5 }],
    [HOME, 0, { type: 'AllocAsk', ticket: 1, segment: 1, bytes: 16, align: 3, home: 0 }],
    [HOME, 0, { type: 'AllocAsk', ticket: 1, segment: 1, bytes: 16, align: 0, home: 0 }],
    [HOME, 0, { type: 'AllocAsk', ticket: 1, segment: 1, bytes: 16, align: 1, home: 3 }],
    [HOME, 0, { type: 'AllocAsk', ticket: 1, segment: 1, bytes: 5000, align: 1, home: 1 }],
    [HOME, 0, { type: 'AllocAsk', ticket: 1, segment: 1, bytes: 16, align: 8192, home: 1 }],
    [2, HOME, { type: 'SpanQuery', query: 1, segment: 1, wish: 'toString', offset: 0 }],
    [2, HOME, { type: 'SpanQuery', query: 1, segment: 1, wish: 'free', offset: -1 }],
    [2, HOME, { ...block, ticket: pending }],
    [2, HOME, { ...block, ticket: pending, offset: 0, bytes: 2 * SPAN }],
  ]
  for (const [node, from, message] of hostile) {
    const act = () => links.step(node, (state, effects) => heapMessage(state, from, message, effects))
    t.throws(act, PeerError, JSON.stringify(message))
  }
  t.same(links.state(HOME), before)
  t.equal(links.outcome(pending), 'pending')
})
