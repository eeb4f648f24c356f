import t from 'tap'
import type { ProtocolName } from '../../ts/base/consistency.js'
import { NO_NODE } from '../../ts/base/ids.js'
import { PeerError } from '../../ts/base/peer-error.js'
import type { NamesEffect } from '../../ts/names/effects.js'
import {
  attributesOf,
  createNames,
  namesJoined,
  namesLet,
  namesLost,
  namesMessage,
  namesRequest,
  type NamesRequest,
  type NamesState,
} from '../../ts/names/index.js'
import type { NamesMessage } from '../../ts/names/messages.js'
import { Links, type Extra } from '../support/links.js'

const MRSW: ReadonlySet<ProtocolName> = new Set(['mrsw'])

/** `nodes` nodes that have joined in order. `made` and `gone` tell "node:segment". */
function cluster(nodes: number, protocols: (node: number) => ReadonlySet<ProtocolName> = () => MRSW) {
  const made: string[] = []
  const gone: string[] = []
  const links = new Links<NamesState, NamesMessage, NamesEffect>(namesMessage, (node, effect: Extra<NamesEffect>) => {
    if (effect.do === 'SegmentMade') made.push(`${node}:${effect.attributes.segment}`)
    else if (effect.do === 'SegmentGone') gone.push(`${node}:${effect.segment}`)
  })
  let ticket = 0
  const join = (node: number) => {
    links.world.states.set(node, createNames(node, protocols(node)))
    if (node > 0) links.step(0, (state, effects) => namesJoined(state, node, effects))
  }
  const ask = (node: number, request: NamesRequest) => {
    ticket++
    links.step(node, (state, effects) => namesRequest(state, ticket, request, effects))
    return ticket
  }
  const run = (node: number, request: NamesRequest) => {
    const asked = ask(node, request)
    links.settle()
    return asked
  }
  const letGo = (node: number, segment: number) => links.step(node, (state, fx) => namesLet(state, segment, fx))
  const lose = (node: number) => links.lose(node, (state, effects) => namesLost(state, node, effects))
  for (let node = 0; node < nodes; node++) join(node)
  return { links, made, gone, join, ask, run, letGo, lose }
}

const MODEL = { consistency: 'mrsw', manager: 'fixed', unit: 4096, home: NO_NODE }

function create(name: string, bytes = 4096, openOrCreate = false, uid = 1000): NamesRequest {
  return { op: 'create', name, bytes, ...MODEL, openOrCreate, uid, gid: 100, mode: 0o640, nowMs: 1234 }
}
function createWith(name: string, model: Partial<typeof MODEL>, openOrCreate = false): NamesRequest {
  return { ...create(name, 4096, openOrCreate), ...model }
}

t.test('create: every node knows the segment before it is answered', async (t) => {
  const { links, ask, made } = cluster(3)
  const ticket = ask(2, create('a', 5000))
  links.deliver(2, 0)
  links.deliver(0, 1)
  links.deliver(0, 2)
  links.deliver(1, 0)
  t.equal(links.outcome(ticket), 'pending', 'node 2 has not said so yet')
  links.settle()
  t.same(made.sort(), ['0:1', '1:1', '2:1'])
  t.match(links.answer(ticket, 'segment').attributes, {
    segment: 1,
    name: 'a',
    bytes: 8192,
    consistency: 'mrsw',
    manager: 'fixed',
    unit: 4096,
    uid: 1000,
    gid: 100,
    mode: 0o640,
    createdMs: 1234,
  })
  t.same(attributesOf(links.state(1), 1), links.answer(ticket, 'segment').attributes)
  t.equal(links.state(1).highest, 1)
})

t.test('create: on the only node there is, no message is needed', async (t) => {
  const { links, ask } = cluster(1)
  t.equal(links.outcome(ask(0, create('a'))), 'segment')
})

t.test('create: homes are all members, and first pages and heaps spread over them (N=2..5)', async (t) => {
  for (const nodes of [2, 3, 4, 5]) {
    const { links, run } = cluster(nodes)
    const first = new Map<number, number>()
    const heaps = new Map<number, number>()
    for (let i = 1; i <= nodes * nodes * 2; i++) {
      const { homes, segment } = links.answer(run(0, create(`s${i}`)), 'segment').attributes
      t.same([...homes].sort(), [0, 1, 2, 3, 4].slice(0, nodes))
      const heap = homes[segment % nodes] as number
      first.set(homes[0] as number, (first.get(homes[0] as number) ?? 0) + 1)
      heaps.set(heap, (heaps.get(heap) ?? 0) + 1)
    }
    t.equal(first.size, nodes)
    t.equal(heaps.size, nodes)
    t.ok(Math.max(...first.values()) <= 2 * Math.min(...first.values()), `first pages ${[...first.values()]}`)
    t.ok(Math.max(...heaps.values()) <= 2 * Math.min(...heaps.values()), `heaps ${[...heaps.values()]}`)
  }
})

t.test('create: exclusive -> EXISTS; openOrCreate opens the same size, else SIZE_MISMATCH', async (t) => {
  const { links, run } = cluster(2)
  run(0, create('a', 8000))
  t.equal(links.outcome(run(1, create('a', 8000))), 'EXISTS')
  t.equal(links.answer(run(1, create('a', 8192, true)), 'segment').attributes.segment, 1)
  t.equal(links.outcome(run(1, create('a', 4096, true))), 'SIZE_MISMATCH')
  t.equal(links.answer(run(1, create('b', 4096, true)), 'segment').attributes.segment, 2)
})

t.test('create: the model is chosen, and known on every node', async (t) => {
  const { links, run } = cluster(3, () => new Set(['srsw', 'mrsw', 'mrsw-dynamic', 'lrc']))
  const made = (name: string, model: Partial<typeof MODEL>) => {
    const { segment } = links.answer(run(2, createWith(name, model)), 'segment').attributes
    const { consistency, manager, unit, homes } = attributesOf(links.state(1), segment)!
    return [consistency, manager, unit, [...homes].sort()]
  }
  t.same(made('a', {}), ['mrsw', 'fixed', 4096, [0, 1, 2]])
  t.same(made('b', { consistency: 'srsw' }), ['srsw', 'fixed', 4096, [0, 1, 2]])
  t.same(made('c', { consistency: 'lrc', manager: 'central' }), ['lrc', 'central', 4096, [0]], 'node 0 by default')
  t.same(made('d', { manager: 'central', home: 2 }), ['mrsw', 'central', 4096, [2]])
  t.same(made('e', { manager: 'dynamic' }), ['mrsw', 'dynamic', 4096, [0, 1, 2]])
  t.same(made('f', { home: 1 }), ['mrsw', 'fixed', 4096, [1]])
  t.same(made('g', { unit: 65536 }), ['mrsw', 'fixed', 65536, [0, 1, 2]])
})

t.test('create: what is no model -> INVALID, and the text names the option', async (t) => {
  const { links, run, lose } = cluster(3)
  lose(2)
  const refused = (model: Partial<typeof MODEL>, text: RegExp) => {
    const ticket = run(1, createWith('a', model))
    t.equal(links.outcome(ticket), 'INVALID', JSON.stringify(model))
    t.match(links.refusal(ticket), text)
  }
  refused({ consistency: 'none' }, /^consistency is 'none': .*'srsw', 'mrsw' or 'lrc'/)
  refused({ consistency: '' }, /^consistency is ''/)
  refused({ manager: 'none' }, /^manager is 'none': .*'central', 'fixed' or 'dynamic'/)
  refused({ consistency: 'lrc', manager: 'dynamic' }, /^manager is 'dynamic': .*'lrc'/)
  for (const unit of [0, -4096, 2048, 4097, 6144, 131_072, NaN, Infinity]) {
    refused({ unit }, new RegExp(`^unit is ${unit}: .*power of two`))
  }
  for (const home of [-1, 1024, 1.5, NaN]) refused({ home }, new RegExp(`^home is ${home}: .*number of a node`))
  refused({ home: 7 }, /^home is 7: .*nodes are 0, 1$/)
  refused({ home: 2 }, /^home is 2: /)
})

t.test('create: a model that this build has no tables for -> UNSUPPORTED, asked or serialised here', async (t) => {
  for (const knows of [0, 1]) {
    const { links, run } = cluster(2, (node) => (node === knows ? new Set<ProtocolName>(['mrsw', 'lrc']) : MRSW))
    const lrc = run(1, createWith('a', { consistency: 'lrc' }))
    t.equal(links.outcome(lrc), 'UNSUPPORTED')
    t.match(links.refusal(lrc), /consistency 'lrc' with manager 'fixed'.* only mrsw$/)
    t.equal(links.outcome(run(1, { op: 'open', name: 'a' })), 'NOT_FOUND')
  }
})

t.test('create: openOrCreate with another option -> OPTION_MISMATCH; a home that is left out is any', async (t) => {
  const { links, run } = cluster(3, () => new Set(['srsw', 'mrsw', 'mrsw-dynamic', 'lrc']))
  run(0, createWith('a', { consistency: 'srsw', home: 2 }))
  run(0, createWith('all', {}))
  const again = (name: string, model: Partial<typeof MODEL>) => run(1, createWith(name, model, true))
  t.equal(links.outcome(again('a', { consistency: 'srsw', home: 2 })), 'segment')
  t.equal(links.outcome(again('a', { consistency: 'srsw' })), 'segment')
  t.equal(links.outcome(again('all', {})), 'segment')
  const cases: [string, Partial<typeof MODEL>, RegExp][] = [
    ['a', {}, /'a' has consistency srsw, not mrsw/],
    ['a', { consistency: 'srsw', manager: 'central' }, /'a' has manager fixed, not central/],
    ['a', { consistency: 'srsw', home: 1 }, /'a' has home 2, not 1/],
    ['all', { home: 1 }, /'all' has home .*, not 1/],
    ['all', { manager: 'dynamic' }, /'all' has manager fixed, not dynamic/],
  ]
  for (const [name, model, text] of cases) {
    const ticket = again(name, model)
    t.equal(links.outcome(ticket), 'OPTION_MISMATCH', JSON.stringify(model))
    t.match(links.refusal(ticket), text)
  }
})

t.test('create: two nodes at once with openOrCreate get one segment; without, one gets EXISTS', async (t) => {
  const { links, ask } = cluster(3)
  const both = [ask(1, create('a', 1, true)), ask(2, create('a', 1, true))]
  const one = [ask(1, create('b')), ask(2, create('b'))]
  links.settle()
  t.same(
    both.map((ticket) => links.answer(ticket, 'segment').attributes.segment),
    [1, 1],
  )
  t.same(one.map((ticket) => links.outcome(ticket)).sort(), ['EXISTS', 'segment'])
})

t.test('create: names of 1 to 63 bytes of UTF-8 without slash or control characters', async (t) => {
  const { links, run } = cluster(1)
  for (const name of ['a', 'x'.repeat(63), 'é'.repeat(31), 'a b', '.', '日本']) {
    t.equal(links.outcome(run(0, create(name))), 'segment', JSON.stringify(name))
  }
  for (const name of ['x'.repeat(64), 'é'.repeat(32), '日'.repeat(22)]) {
    t.equal(links.outcome(run(0, create(name))), 'NAME_TOO_LONG', JSON.stringify(name))
    t.equal(links.outcome(run(0, { op: 'open', name })), 'NAME_TOO_LONG')
  }
  for (const name of ['', 'a/b', 'a\n', '\0', '\x7f', '\x9b', '\ud800']) {
    t.equal(links.outcome(run(0, create(name))), 'NAME_INVALID', JSON.stringify(name))
    t.equal(links.outcome(run(0, { op: 'stat', name })), 'NAME_INVALID')
  }
})

t.test('create: sizes from 1 to 2^44, rounded up to pages; else INVALID', async (t) => {
  const { links, run } = cluster(1)
  t.equal(links.answer(run(0, create('a', 1)), 'segment').attributes.bytes, 4096)
  t.equal(links.answer(run(0, create('b', 2 ** 44)), 'segment').attributes.bytes, 2 ** 44)
  for (const bytes of [0, -1, 1.5, NaN, Infinity, 2 ** 44 + 1]) {
    t.equal(links.outcome(run(0, create('c', bytes))), 'INVALID', String(bytes))
  }
})

t.test('create: segment numbers are never used twice, and run out with LIMIT', async (t) => {
  const { links, run, letGo } = cluster(1)
  run(0, create('a'))
  run(0, { op: 'unlink', name: 'a', uid: 0 })
  letGo(0, 1)
  t.equal(links.answer(run(0, create('a')), 'segment').attributes.segment, 2)
  const { registry } = links.state(0)
  if (registry !== undefined) registry.next = 2 ** 20 - 1
  t.equal(links.answer(run(0, create('b')), 'segment').attributes.segment, 2 ** 20 - 1)
  t.equal(links.outcome(run(0, create('c'))), 'LIMIT')
})

t.test('create: a node that is lost before it has said that it knows counts as told', async (t) => {
  const { links, ask, lose } = cluster(3)
  const ticket = ask(1, create('a'))
  links.deliver(1, 0)
  links.deliver(0, 1)
  links.deliver(1, 0)
  t.equal(links.outcome(ticket), 'pending')
  lose(2)
  links.settle()
  t.equal(links.outcome(ticket), 'segment')
})

t.test('create: its node is lost on the way -> the segment stays, linked and unheld', async (t) => {
  const { links, ask, run, lose } = cluster(3)
  ask(1, create('a'))
  links.deliver(1, 0)
  lose(1)
  links.settle()
  t.match(links.answer(run(2, { op: 'stat', name: 'a' }), 'stat').stat, { linked: true, holders: 0 })
})

t.test('join: a node that joins hears of every segment, those in creation included', async (t) => {
  const { links, run, ask, join, made } = cluster(2)
  run(0, create('a'))
  run(0, create('b'))
  run(0, { op: 'unlink', name: 'b', uid: 0 })
  const creation = ask(1, create('c'))
  links.deliver(1, 0)
  join(2)
  links.deliver(0, 1)
  links.deliver(1, 0)
  t.equal(links.outcome(creation), 'pending', 'node 2 is waited for')
  links.settle()
  t.equal(links.outcome(creation), 'segment')
  t.same(
    made.filter((one) => one.startsWith('2:')),
    ['2:1', '2:2', '2:3'],
  )
  t.same(attributesOf(links.state(2), 3)?.homes.length, 2, 'a node that joined later is no home')
  t.same(
    [...links.state(2).known.values()].map(({ attributes }) => attributes.name),
    ['a', 'b', 'c'],
  )
  t.equal(links.outcome(run(2, { op: 'open', name: 'c' })), 'segment')
})

t.test('join: a segment dropped before the new node says that it knows it', async (t) => {
  const { links, run, join, letGo, gone } = cluster(1)
  run(0, create('a'))
  run(0, { op: 'unlink', name: 'a', uid: 0 })
  join(1)
  letGo(0, 1)
  links.settle()
  t.same(gone.sort(), ['0:1', '1:1'])
})

t.test('open, stat, unlink: no such name -> NOT_FOUND', async (t) => {
  const { links, run } = cluster(2)
  t.equal(links.outcome(run(1, { op: 'open', name: 'a' })), 'NOT_FOUND')
  t.equal(links.outcome(run(1, { op: 'stat', name: 'a' })), 'NOT_FOUND')
  t.equal(links.outcome(run(1, { op: 'unlink', name: 'a', uid: 0 })), 'NOT_FOUND')
})

t.test('requests that name a segment in creation wait for it, in order', async (t) => {
  const { links, ask } = cluster(2)
  const created = ask(0, create('a'))
  const rest = [
    ask(0, { op: 'stat', name: 'a' }),
    ask(0, { op: 'unlink', name: 'a', uid: 1000 }),
    ask(0, create('a', 8192)),
    ask(0, { op: 'open', name: 'a' }),
  ]
  t.same(
    [created, ...rest].map((ticket) => links.outcome(ticket)),
    Array(5).fill('pending'),
  )
  t.same(links.answer(ask(0, { op: 'list' }), 'list').segments, [], 'nor is it listed yet')
  links.settle()
  t.equal(links.answer(rest[0] as number, 'stat').stat.segment, 1)
  t.equal(links.outcome(rest[1] as number), 'done')
  t.match(links.answer(rest[2] as number, 'segment').attributes, { segment: 2, bytes: 8192 })
  t.equal(links.answer(rest[3] as number, 'segment').attributes.segment, 2)
})

t.test('unlink: by its owner or root, else ACCESS', async (t) => {
  const { links, run } = cluster(2)
  run(0, create('a'))
  t.equal(links.outcome(run(1, { op: 'unlink', name: 'a', uid: 1001 })), 'ACCESS')
  t.equal(links.outcome(run(1, { op: 'unlink', name: 'a', uid: 1000 })), 'done')
  run(0, create('a'))
  t.equal(links.outcome(run(1, { op: 'unlink', name: 'a', uid: 0 })), 'done')
})

t.test('unlink: the name goes, the memory stays until the last node lets it go (N=3)', async (t) => {
  const { links, run, letGo, gone } = cluster(3)
  run(1, create('a'))
  run(2, { op: 'open', name: 'a' })
  run(0, { op: 'unlink', name: 'a', uid: 0 })
  t.equal(links.outcome(run(0, { op: 'open', name: 'a' })), 'NOT_FOUND')
  t.match(links.answer(run(0, { op: 'list' }), 'list').segments, [{ segment: 1, linked: false, holders: 2 }])
  letGo(1, 1)
  links.settle()
  t.same(gone, [])
  letGo(2, 1)
  links.settle()
  t.same(gone.sort(), ['0:1', '1:1', '2:1'])
  t.equal(attributesOf(links.state(1), 1), undefined)
  t.equal(links.state(1).highest, 1)
  t.same(links.answer(run(1, { op: 'list' }), 'list').segments, [])
})

t.test('unlink: held nowhere -> gone at once; linked and held nowhere -> stays', async (t) => {
  const { links, run, letGo, gone } = cluster(2)
  run(1, create('a'))
  letGo(1, 1)
  letGo(1, 1)
  links.settle()
  t.same(gone, [])
  t.equal(links.answer(run(0, { op: 'stat', name: 'a' }), 'stat').stat.holders, 0)
  run(0, { op: 'unlink', name: 'a', uid: 0 })
  t.same(gone.sort(), ['0:1', '1:1'])
})

t.test('loss: a lost holder no longer holds', async (t) => {
  const { links, run, lose, gone } = cluster(3)
  run(1, create('a'))
  run(0, { op: 'unlink', name: 'a', uid: 0 })
  lose(1)
  links.settle()
  t.same(gone.sort(), ['0:1', '2:1'])
})

t.test('loss: node 0 -> pending and later requests NODE_LOST, attributes stay', async (t) => {
  const { links, run, ask, letGo, lose } = cluster(3)
  run(1, create('a'))
  const pending = [ask(1, { op: 'open', name: 'a' }), ask(2, { op: 'list' })]
  lose(0)
  pending.push(ask(1, create('b')), ask(2, { op: 'list' }))
  t.same(
    pending.map((ticket) => links.outcome(ticket)),
    Array(4).fill('NODE_LOST'),
  )
  letGo(1, 1)
  t.equal(attributesOf(links.state(2), 1)?.name, 'a')
})

t.test('list: any node, any number of segments (N=600)', async (t) => {
  const { links, run } = cluster(2)
  for (let i = 0; i < 600; i++) run(0, create(`s${i}`))
  const all = links.answer(run(1, { op: 'list' }), 'list').segments
  t.equal(all.length, 600)
  t.match(all[599], { name: 's599', segment: 600, linked: true, holders: 1, heapBytes: 0, heapBlocks: 0 })
})

t.test('messages that make no sense -> PeerError, and names are as they were', async (t) => {
  const { links, run, ask } = cluster(2)
  run(1, create('a'))
  const pending = ask(1, { op: 'open', name: 'a' })
  const stat = ask(1, { op: 'stat', name: 'a' })
  const list = ask(1, { op: 'list' })
  const made = { ...attributesOf(links.state(1), 1), type: 'SegmentNew' } as NamesMessage & { type: 'SegmentNew' }
  const before = structuredClone([links.state(0), links.state(1)])
  const rest = { name: 'b', bytes: 4096, maxBytes: 4096, ...MODEL, openOrCreate: false, uid: 0, gid: 0 } as const
  const asked = { type: 'CreateAsk', ticket: 1, ...rest } as const
  const hostile: [to: number, from: number, NamesMessage][] = [
    [0, 1, { ...asked, mode: 0, nowMs: -1 }],
    [0, 1, { ...asked, mode: 0, nowMs: 0, bytes: 4097, maxBytes: 8192 }],
    [0, 1, { ...asked, mode: 0, nowMs: 0, bytes: 0 }],
    [0, 1, { ...asked, mode: 0, nowMs: 0, name: 'a/b' }],
    [0, 1, { ...asked, mode: 0, nowMs: 0, consistency: 'none' }],
    [0, 1, { ...asked, mode: 0, nowMs: 0, manager: 'none' }],
    [0, 1, { ...asked, mode: 0, nowMs: 0, consistency: 'lrc', manager: 'dynamic' }],
    [0, 1, { ...asked, mode: 0, nowMs: 0, unit: 4097 }],
    [0, 1, { ...asked, mode: 0, nowMs: 0, unit: 131_072 }],
    [0, 1, { ...asked, mode: 0, nowMs: 0, home: -1 }],
    [0, 1, { type: 'OpenAsk', ticket: 1.5, name: 'a' }],
    [0, 9, { type: 'OpenAsk', ticket: 1, name: 'a' }],
    [1, 0, { type: 'OpenAsk', ticket: 1, name: 'a' }],
    [0, 1, { type: 'SegmentKnown', segment: 1 }],
    [0, 1, { type: 'SegmentKnown', segment: 2 }],
    [0, 1, { type: 'SegmentLet', segment: 1, grants: 2 }],
    [0, 1, { type: 'SegmentLet', segment: 1, grants: 0 }],
    [0, 1, { type: 'SegmentLet', segment: 7, grants: 1 }],
    [0, 1, { type: 'SegmentDrop', segment: 1 }],
    [1, 0, { type: 'SegmentDrop', segment: 1 }],
    [1, 0, { type: 'SegmentDrop', segment: 2 }],
    [1, 0, made],
    [1, 0, { ...made, segment: 2 ** 20 }],
    [1, 0, { ...made, segment: 2, homes: [] }],
    [1, 0, { ...made, segment: 2, homes: [1, 1] }],
    [1, 0, { ...made, segment: 2, homes: [1024] }],
    [1, 0, { ...made, segment: 2, bytes: 100 }],
    [1, 0, { ...made, segment: 2, consistency: 'none' as 'mrsw' }],
    [1, 0, { ...made, segment: 2, manager: 'none' as 'fixed' }],
    [1, 0, { ...made, segment: 2, manager: 'central' }],
    [1, 0, { ...made, segment: 2, consistency: 'lrc' }],
    [1, 0, { ...made, segment: 2, unit: 131_072 }],
    [1, 0, { ...made, segment: 2, unit: 5000 }],
    [1, 0, { type: 'SegmentGrant', ticket: pending, segment: 2 }],
    [1, 0, { type: 'SegmentGrant', ticket: stat, segment: 1 }],
    [1, 0, { type: 'UnlinkDone', ticket: 99 }],
    [1, 0, { type: 'StatAnswer', ticket: stat, segment: 1, linked: true, holders: -1 }],
    [1, 0, { type: 'ListPart', ticket: list, segments: [1], linked: [], holders: [1], last: true }],
    [1, 0, { type: 'ListPart', ticket: list, segments: [5], linked: [1], holders: [1], last: true }],
    [1, 0, { type: 'NamesRefused', ticket: pending, error: 'OK', detail: '' }],
  ]
  for (const [to, from, message] of hostile) {
    const act = () => links.step(to, (state, effects) => namesMessage(state, from, message, effects))
    t.throws(act, PeerError, JSON.stringify(message))
  }
  t.same([links.state(0), links.state(1)], before)
  links.settle()
  t.equal(links.outcome(pending), 'segment')
})
