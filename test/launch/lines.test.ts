/** Lines: whole ones, as bytes, and no more of them than whoever takes them can bear. */
import { Readable, Writable } from 'node:stream'
import t from 'tap'
import { lineWriter } from '../../ts/cli/line-writer.js'
import { Lines } from '../../ts/launch/lines.js'

/** What a process writes, in these pieces. */
function pieces(...texts: string[]): Readable {
  return Readable.from(
    texts.map((text) => Buffer.from(text)),
    { objectMode: false },
  )
}

function linesOf(from: Readable): Promise<string[]> {
  const lines: string[] = []
  new Lines(from, (line) => void lines.push(line.toString()))
  return new Promise((resolve) => from.once('close', () => resolve(lines)))
}

t.test('lines: whole ones, whatever pieces they come in; the last may have no end', async (t) => {
  t.same(await linesOf(pieces('a\nb', 'c\n', '\nd\r\n', 'e')), ['a', 'bc', '', 'd\r', 'e'])
  t.same(await linesOf(pieces('a\n')), ['a'])
  t.same(await linesOf(pieces()), [])
  const long = await linesOf(pieces('x'.repeat(100_000), 'y'.repeat(100_000), '\nz\n'))
  t.equal(long.at(-1), 'z')
  t.equal(long.slice(0, -1).join('').length, 200_000, 'one without an end is not kept whole')
  t.ok(long.length > 2)
})

t.test('lines: nothing more is read while the last is being taken', async (t) => {
  const from = new Readable({ read() {} })
  const lines: string[] = []
  let taken = () => {}
  const output = new Lines(from, (line) => {
    lines.push(String(line))
    return line.length > 1 ? new Promise((resolve) => (taken = resolve)) : undefined
  })
  const next = () => new Promise((resolve) => setImmediate(resolve))
  from.push('a\nbb\nc\n')
  await next()
  t.same(lines, ['a', 'bb', 'c'], 'what has been read is given')
  t.ok(output.waits)
  from.push('d\n')
  await next()
  t.same(lines, ['a', 'bb', 'c'])
  taken()
  await next()
  t.same(lines, ['a', 'bb', 'c', 'd'])
  t.notOk(output.waits)
})

t.test('a slow reader of ours makes whoever writes wait, and one that has gone does not', async (t) => {
  let read: (() => void) | undefined
  const to = new Writable({ highWaterMark: 4, write: (_bytes, _encoding, done) => void (read = done) })
  const write = lineWriter(to)
  const first = write('[0] ', Buffer.from('abc'))
  const second = write('[1] ', Buffer.from('d'))
  t.equal(first, second, 'they wait for the same')
  while (read !== undefined) {
    const now = read
    read = undefined
    now()
    await new Promise((resolve) => setImmediate(resolve))
  }
  await first
  const third = write('', Buffer.from('efgh'))
  to.destroy(new Error('gone'))
  await third
  t.equal(write('', Buffer.from('ijkl')), undefined)
})
