/** Resizes among nodes, message by message: any order of links, losses at any point, messages that make no sense. */
import t from 'tap'
import { DEFAULT_MODEL } from '../../ts/base/consistency.js'
import { NO_NODE } from '../../ts/base/ids.js'
import { PeerError } from '../../ts/base/peer-error.js'
import { Prng } from '../../ts/base/prng.js'
import { createNode } from '../../ts/node/state.js'
import type { Effect } from '../../ts/node/effects.js'
import type { NodeEvent } from '../../ts/node/events.js'
import type { Message } from '../../ts/node/messages.js'
import { step } from '../../ts/node/step.js'

const P = 4096
const NODES = 3

/** Whole nodes, with links that are in order each; the test says which link delivers next. */
function cluster(maxPages = 16) {
  const states = Array.from({ length: NODES }, (_, node) => createNode(node))
  const links = new Map<string, Message[]>()
  const lost = new Set<number>()
  const outcomes = new Map<number, Effect>()
  let ticket = 0
  const run = (node: number, event: NodeEvent) => {
    const effects: Effect[] = []
    step(states[node]!, event, effects)
    for (const effect of effects) {
      if (effect.do === 'Answer' || effect.do === 'Refuse') outcomes.set(effect.ticket, effect)
      if (effect.do !== 'Send' || lost.has(effect.to)) continue
      const name = `${node} ${effect.to}`
      links.set(name, [...(links.get(name) ?? []), effect.message])
    }
  }
  for (const a of states) for (const b of states) if (a !== b) run(a.self, { is: 'joined', node: b.self })
  const busy = () => [...links].filter(([, queue]) => queue.length > 0).map(([name]) => name)
  const deliver = (name: string) => {
    const [from, to] = name.split(' ').map(Number) as [number, number]
    run(to, { is: 'message', from, message: links.get(name)!.shift()! })
  }
  const settle = () => {
    for (let next = busy()[0]; next !== undefined; next = busy()[0]) deliver(next)
  }
  const ask = (node: number, request: Extract<NodeEvent, { is: 'request' }>['request']) => {
    run(node, { is: 'request', ticket: ++ticket, request })
    return ticket
  }
  const lose = (node: number) => {
    lost.add(node)
    for (const name of [...links.keys()]) if (name.split(' ').includes(String(node))) links.delete(name)
    for (const { self } of states) if (!lost.has(self)) run(self, { is: 'lost', node })
  }
  const resize = (node: number, pages: number) => ask(node, { op: 'resize', segment: 1, bytes: pages * P })
  const made = ask(1, {
    op: 'create',
    name: 's',
    bytes: 4 * P,
    maxBytes: maxPages * P,
    ...DEFAULT_MODEL,
    home: NO_NODE,
    openOrCreate: false,
    uid: 0,
    gid: 0,
    mode: 0,
    nowMs: 0,
  })
  settle()
  t.match(outcomes.get(made), { do: 'Answer' })
  const sizes = () =>
    states.filter(({ self }) => !lost.has(self)).map(({ names }) => names.known.get(1)!.attributes.bytes / P)
  const limits = () =>
    states.filter(({ self }) => !lost.has(self)).map(({ coherence }) => coherence.segments.get(1)!.limit)
  return { states, run, ask, resize, busy, deliver, settle, lose, outcomes, sizes, limits }
}

t.test('any order of the links: the last one asked for is what every node has, and each is answered', async (t) => {
  for (let seed = 1; seed <= 200; seed++) {
    const { resize, busy, deliver, outcomes, sizes, limits, states } = cluster()
    const random = new Prng(seed)
    const asked = Array.from({ length: 6 }, () => resize(random.below(NODES), 1 + random.below(16)))
    for (let names = busy(); names.length > 0; names = busy()) deliver(names[random.below(names.length)]!)
    for (const ticket of asked) t.match(outcomes.get(ticket), { do: 'Answer', answer: { is: 'sized' } })
    const registered = states[0]!.names.registry!.segments.get(1)!.attributes.bytes / P
    t.same([sizes(), limits()], [Array(NODES).fill(registered), Array(NODES).fill(registered)], `seed ${seed}`)
  }
})

t.test('a node is lost at any point: those that live agree, and nobody waits', async (t) => {
  for (const node of [0, 1, 2]) {
    for (const pages of [2, 12]) {
      for (let after = 0; after < 30; after++) {
        const { resize, busy, deliver, settle, lose, outcomes, sizes } = cluster()
        const random = new Prng(after * 7 + pages)
        const asker = (node + 1) % NODES
        const ticket = resize(asker, pages)
        for (let i = 0; i < after && busy().length > 0; i++) deliver(busy()[random.below(busy().length)]!)
        lose(node)
        settle()
        t.ok(outcomes.has(ticket), `answered: ${node} lost after ${after}`)
        const left = new Set(sizes())
        // Without node 0 a growing may have ended on some nodes alone.
        if (node !== 0 || pages < 4) t.equal(left.size, 1, `node ${node} lost after ${after}: ${[...left].join()}`)
      }
    }
  }
})

t.test('what is on its way about pages beyond the end is ignored, also in lists of lrc', async (t) => {
  const { run, resize, settle, states } = cluster()
  t.match(states[2]!.coherence.segments.get(1), { pages: 16, limit: 4 })
  const about = { segment: 1, page: 5, requester: 1, serial: 1, bytes: 'none', confirm: false } as const
  run(2, { is: 'message', from: 1, message: { type: 'GetWrite', ...about } })
  t.equal(states[2]!.coherence.segments.get(1)!.home.count, 0)
  const wild = { ...about, page: 16 }
  t.throws(() => run(2, { is: 'message', from: 1, message: { type: 'GetWrite', ...wild } }), PeerError)
  resize(0, 8)
  settle()
  for (const page of [1, 6]) run(0, { is: 'fault', segment: 1, page, access: 'write' })
  settle()
  resize(0, 5)
  settle()
  for (const { coherence } of states) {
    const pages = coherence.segments.get(1)!
    t.same([pages.transactions.size, pages.stalled.size], [0, 0])
    t.ok(pages.copies.count + pages.home.count <= 2)
  }
})

t.test('messages that make no sense -> PeerError, and the size is as it was', async (t) => {
  const { run, states, sizes, resize, settle } = cluster()
  resize(0, 3)
  settle()
  const hostile: [to: number, from: number, Message][] = [
    [0, 1, { type: 'ResizeAsk', ticket: 1, segment: 1, bytes: 17 * P }],
    [0, 1, { type: 'ResizeAsk', ticket: 1, segment: 1, bytes: 100 }],
    [0, 1, { type: 'ResizeAsk', ticket: 1, segment: 1, bytes: 0 }],
    [0, 1, { type: 'ResizeAsk', ticket: 1, segment: 9, bytes: P }],
    [0, 1, { type: 'ResizeAsk', ticket: 1.5, segment: 1, bytes: P }],
    [0, 9, { type: 'ResizeAsk', ticket: 1, segment: 1, bytes: P }],
    [1, 0, { type: 'ResizeAsk', ticket: 1, segment: 1, bytes: P }],
    [0, 1, { type: 'SegmentSized', segment: 1, bytes: P }],
    [0, 1, { type: 'SegmentSized', segment: 9, bytes: P }],
    [0, 1, { type: 'ArenaDone', segment: 1, bytes: P, fits: true, used: 0 }],
    [1, 2, { type: 'SegmentGrow', segment: 1, bytes: 8 * P }],
    [1, 0, { type: 'SegmentGrow', segment: 1, bytes: 17 * P }],
    [1, 0, { type: 'SegmentGrow', segment: 1, bytes: 2 * P }],
    [1, 0, { type: 'SegmentGrow', segment: 9, bytes: 8 * P }],
    [1, 0, { type: 'SegmentGrown', segment: 1, bytes: 8 * P }],
    [1, 0, { type: 'SegmentShrink', segment: 1, bytes: 2 * P, round: 1, nodes: [0, 1] }],
    [1, 0, { type: 'SegmentShrink', segment: 1, bytes: 4 * P, round: 2, nodes: [0, 1] }],
    [1, 0, { type: 'SegmentShrink', segment: 1, bytes: 2 * P, round: 2, nodes: [-1] }],
    [1, 2, { type: 'SegmentShrunk', segment: 1, bytes: 2 * P, round: 0, nodes: [0, 1] }],
    [1, 2, { type: 'SegmentShrunk', segment: 1, bytes: 17 * P, round: 2, nodes: [0, 1] }],
    [1, 2, { type: 'SegmentShrunk', segment: 9, bytes: P, round: 2, nodes: [0, 1] }],
    [1, 2, { type: 'ArenaAsk', segment: 1, bytes: P }],
    [1, 0, { type: 'ArenaAsk', segment: 1, bytes: 100 }],
    [1, 0, { type: 'ResizeDone', ticket: 77, bytes: P }],
  ]
  const before = sizes()
  for (const [to, from, message] of hostile) {
    t.throws(() => run(to, { is: 'message', from, message }), PeerError, JSON.stringify(message))
  }
  t.same(sizes(), before)
  t.equal(states[0]!.names.registry!.segments.get(1)!.resizing, undefined)
  // What another node says of a shrinking that node 0 has not told of changes nothing while node 0 lives.
  run(1, {
    is: 'message',
    from: 2,
    message: { type: 'SegmentShrunk', segment: 1, bytes: P, round: 2, nodes: [0, 1, 2] },
  })
  t.same(sizes(), before)
})
