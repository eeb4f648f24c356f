// The wire: every message comes back as it was; bytes that are no message end in PeerError and in
// nothing else; how the stream is cut does not matter.
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { UNIT_MAX } from '../../ts/base/consistency.js'
import { NODES_MAX, PAGE_SIZE } from '../../ts/base/ids.js'
import { PeerError } from '../../ts/base/peer-error.js'
import { COHERENCE_TYPES, type CoherenceMessage } from '../../ts/coherence/messages.js'
import type { Message } from '../../ts/node/messages.js'
import { Codec } from '../../ts/wire/codec.js'
import { isCoherence } from '../../ts/node/messages.js'
import { FRAME_MAX, HEADER_BYTES, writeU32 } from '../../ts/wire/layout.js'
import { FrameReader } from '../../ts/wire/reader.js'
import { NODE_ROOMS, nodeCodec } from '../../ts/wire/rooms.js'

interface Sent {
  message: Message
  payload: Uint8Array | undefined
}

const codec = nodeCodec()

const serial = fc.oneof(fc.nat(1000), fc.nat(2 ** 32 - 1))
const coherence: fc.Arbitrary<CoherenceMessage> = fc.constantFrom(...COHERENCE_TYPES).chain((type) =>
  fc.record<CoherenceMessage>({
    type: fc.constant(type),
    segment: fc.integer({ min: 1, max: 2 ** 20 - 1 }),
    page: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    requester: fc.nat(NODES_MAX - 1),
    serial,
    bytes: /^Page(Read|Write|Only|Home)$/.test(type) ? fc.constantFrom('page', 'zero', 'kept') : fc.constant('none'),
    confirm: /^(Fetch|PageRead|PageWrite)/.test(type) ? fc.boolean() : fc.constant(false),
  }),
)

const byKind = {
  string: fc.string({ unit: 'binary', maxLength: 60 }),
  number: fc.double({ noNaN: true, noDefaultInfinity: true }),
  boolean: fc.boolean(),
  numbers: fc.array(fc.maxSafeInteger(), { maxLength: 30 }),
  bigint: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
}
const others: fc.Arbitrary<Message>[] = NODE_ROOMS.flatMap(({ fields }) =>
  Object.entries(fields).map(([type, kinds]) =>
    fc.record({
      type: fc.constant(type),
      ...Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, byKind[kind]])),
    }),
  ),
) as unknown as fc.Arbitrary<Message>[]

const withPayload = (message: Message): fc.Arbitrary<Sent> =>
  fc.record({ message: fc.constant(message), payload: payloadOf(message) })
const sent: fc.Arbitrary<Sent> = fc.oneof(coherence, ...others).chain(withPayload)

function payloadOf(message: Message): fc.Arbitrary<Uint8Array | undefined> {
  if (message.type === 'Flush' || message.type === 'Notice') return fc.uint8Array({ maxLength: 300 })
  if (!isCoherence(message) || message.bytes !== 'page') return fc.constant(undefined)
  const patterned = (pages: number) => new Uint8Array(pages * PAGE_SIZE).map((_, i) => (i * 31 + (i >> 12)) % 251)
  return fc.constantFrom(1, 2, 3, UNIT_MAX / PAGE_SIZE).map(patterned)
}

function encode({ message, payload }: Sent): Uint8Array {
  const into = new Uint8Array(codec.bound(message, payload))
  return into.slice(0, codec.encode(message, payload, into, 0))
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

const plain = (one: Sent): Sent => ({ message: { ...one.message }, payload: one.payload })

/** What a reader makes of the chunks, and the PeerError that ended it; any other error escapes. */
function read(chunks: readonly Uint8Array[]): { got: Sent[]; error?: PeerError } {
  const reader = new FrameReader(codec)
  const got: Sent[] = []
  try {
    for (const chunk of chunks) {
      reader.push(chunk, (message, payload) => got.push({ message, payload: payload?.slice() }))
    }
  } catch (error) {
    if (!(error instanceof PeerError)) throw error
    return { got, error }
  }
  return { got }
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.slice(at[i], end))
}

t.test('wire: every message comes back as it was sent', async (t) => {
  for (const arbitrary of [sent, ...others.map((other) => other.chain(withPayload))]) {
    fc.assert(
      fc.property(arbitrary, (one) => isDeepStrictEqual(read([encode(one)]), { got: [plain(one)] })),
      { numRuns: 50 },
    )
  }
  t.pass('the same message, field by field, and the same payload')
})

t.test('wire: the messages of an eviction have these numbers, 24 bytes, and no page with them', async (t) => {
  const rest = { segment: 1, page: 2, requester: 3, serial: 4, bytes: 'none', confirm: false } as const
  for (const [type, number] of Object.entries({ Put: 15, Drop: 16, Keep: 17, Take: 18, Here: 19 })) {
    const frame = encode({ message: { type: type as CoherenceMessage['type'], ...rest }, payload: undefined })
    t.equal(frame.length, 24)
    t.equal(frame[4], number, type)
    for (const octet of [1, 2, 3, 4, 8]) {
      frame[5] = octet // a page, zeros, the copy that is there; Done is awaited; nobody has the page
      t.ok(read([frame]).error, `${type} with ${octet}`)
    }
  }
})

t.test('wire: where the stream is cut does not matter', async (t) => {
  fc.assert(
    fc.property(fc.array(sent, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (all, places) => {
      const bytes = join(all.map(encode))
      return isDeepStrictEqual(read(cut(bytes, places)), { got: all.map(plain) })
    }),
  )
  const one: Sent = {
    message: {
      type: 'PageRead',
      segment: 1,
      page: 2,
      requester: 3,
      serial: 2 ** 31 + 5,
      bytes: 'page',
      confirm: false,
    },
    payload: new Uint8Array(PAGE_SIZE).map((_, i) => i % 251),
  }
  t.strictSame(read(Array.from(encode(one), (byte) => Uint8Array.of(byte))), { got: [one] }, 'byte by byte')
})

t.test('wire: any bytes are messages or a PeerError', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      read([bytes])
    }),
  )
  // with a right length, so that the decoders behind the header are reached
  fc.assert(
    fc.property(fc.nat(255), fc.uint8Array({ minLength: 4, maxLength: 120 }), (type, rest) => {
      const bytes = new Uint8Array(4 + rest.length)
      bytes.set(rest, 4)
      writeU32(bytes, 0, bytes.length)
      bytes[4] = type
      if (bytes.length >= HEADER_BYTES) read([bytes])
    }),
    { numRuns: 3000 },
  )
  t.pass('no other exception')
})

t.test('wire: a changed byte or a cut frame is a message or a PeerError', async (t) => {
  fc.assert(
    fc.property(fc.array(sent, { minLength: 1, maxLength: 3 }), fc.nat(), fc.nat(255), (all, place, value) => {
      const bytes = join(all.map(encode))
      bytes[place % Math.min(bytes.length, 200)] = value
      const { got } = read([bytes])
      for (const one of got) encode(one) // whatever was accepted has the declared shape
    }),
    { numRuns: 1000 },
  )
  fc.assert(
    fc.property(sent, fc.nat(), (one, place) => {
      const whole = encode(one)
      const bytes = whole.slice(0, place % whole.length)
      const { got, error } = read([bytes])
      if (got.length > 0 || error) throw new Error('half a frame is not yet anything')
      // The same bytes as a whole frame: always refused, for no message is another one's beginning, but of a unit the
      // first pages, which the segment tells from all of them (kmod-sim/runtime.ts).
      if (bytes.length < HEADER_BYTES || (bytes.length > 24 && bytes.length % PAGE_SIZE === 24)) return
      writeU32(bytes, 0, bytes.length)
      if (!read([bytes]).error) throw new Error('a shortened message was accepted')
    }),
  )
  t.pass('no other exception')
})

function refused(t: Test, bytes: Uint8Array, what: RegExp): void {
  t.match(read([bytes]).error?.message, what)
}

t.test('wire: what is refused, and how it is called', async (t) => {
  const page: Sent = {
    message: { type: 'PageRead', segment: 1, page: 2, requester: 3, serial: 4, bytes: 'page', confirm: false },
    payload: new Uint8Array(PAGE_SIZE),
  }
  const ask: Sent = { message: { type: 'OpenAsk', ticket: 1, name: 'abc' }, payload: undefined }
  const changed = (one: Sent, change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = encode(one)
    change(bytes)
    return bytes
  }
  refused(
    t,
    changed(ask, (b) => writeU32(b, 0, FRAME_MAX + 1)),
    /frame of 8388609 bytes/,
  )
  refused(
    t,
    changed(ask, (b) => writeU32(b, 0, 3)),
    /frame of 3 bytes/,
  )
  refused(
    t,
    changed(ask, (b) => (b[4] = 255)),
    /unknown message 255/,
  )
  refused(
    t,
    changed(ask, (b) => (b[5] = 1)),
    /OpenAsk with a header/,
  )
  refused(
    t,
    changed(ask, (b) => b.fill(255, 8, 16)),
    /not finite/,
  )
  refused(
    t,
    changed(ask, (b) => b.fill(255, 16, 18)),
    /text of 65535 bytes/,
  )
  refused(
    t,
    changed(ask, (b) => (b[16] = 4)),
    /cut short/,
  )
  refused(
    t,
    changed(ask, (b) => (b[16] = 2)),
    /trailing/,
  )
  refused(
    t,
    changed(ask, (b) => (b[19] = 0xc0)),
    /UTF-8/,
  )
  refused(
    t,
    changed(page, (b) => (b[5] = 0)),
    /PageRead with bytes none/,
  )
  refused(
    t,
    changed(page, (b) => (b[5] = 2)),
    /PageRead of 4120 bytes/,
  )
  for (const length of [PAGE_SIZE - 1, PAGE_SIZE + 1, UNIT_MAX + 1, UNIT_MAX + PAGE_SIZE]) {
    const bytes = new Uint8Array(24 + length)
    bytes.set(encode(page).subarray(0, 24))
    writeU32(bytes, 0, bytes.length)
    refused(t, bytes, new RegExp(`PageRead of ${24 + length} bytes`))
  }
  refused(
    t,
    changed(page, (b) => (b[4] = 1)),
    /GetRead with bytes page/,
  )
  refused(
    t,
    changed(page, (b) => (b[7] = 255)),
    /for node/,
  )
  refused(
    t,
    changed(page, (b) => (b[8] = 0)),
    /for segment 0/,
  )
  refused(
    t,
    changed(page, (b) => (b[23] = 255)),
    /serial beyond/,
  )
  const long = changed(
    { message: { type: 'OpenAsk', ticket: 1, name: 'é'.repeat(2000) }, payload: undefined },
    () => {},
  )
  t.equal(read([long]).got.length, 1, 'text of 4000 bytes is fine')
})

t.test('wire: after a PeerError nothing is delivered, and the caller may stop in mid-chunk', async (t) => {
  const good = encode({ message: { type: 'SegmentKnown', segment: 7 }, payload: undefined })
  const bad = Uint8Array.of(9, 0, 0, 0, 31, 0, 0, 0, 0)
  const { got, error } = read([join([good, bad, good]), good])
  t.equal(got.length, 1)
  t.ok(error)
  const reader = new FrameReader(codec)
  let taken = 0
  const take = (): void => {
    taken++
    reader.stop()
  }
  reader.push(join([good, good]), take)
  reader.push(good, take)
  t.equal(taken, 1)
})

t.test('wire: our own mistakes are assertions', async (t) => {
  const into = new Uint8Array(FRAME_MAX)
  const put = (message: unknown, payload?: Uint8Array) => codec.encode(message as Message, payload, into, 0)
  const get = { type: 'GetRead', segment: 1, page: 0, requester: 0, serial: 0, bytes: 'none', confirm: false }
  const wrong = { name: 'AssertionError' }
  t.throws(() => put({ type: 'Nothing' }), wrong)
  t.throws(() => put(get, new Uint8Array(PAGE_SIZE)), wrong)
  t.throws(() => put({ ...get, type: 'PageRead', bytes: 'page' }), wrong)
  t.throws(() => put({ ...get, type: 'PageRead', bytes: 'page' }, new Uint8Array(5)), wrong)
  t.throws(() => put({ ...get, requester: NODES_MAX }), wrong)
  t.throws(() => put({ type: 'OpenAsk', ticket: NaN, name: '' }), wrong)
  t.throws(() => put({ type: 'OpenAsk', ticket: 1, name: 'x'.repeat(5000) }), wrong)
  t.throws(() => new Codec([...NODE_ROOMS, ...NODE_ROOMS]), wrong)
})
