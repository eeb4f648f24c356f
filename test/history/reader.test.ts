import fc from 'fast-check'
import t from 'tap'
import { Prng } from '../../ts/base/prng.js'
import { History, Reader } from '../../ts/history/index.js'
import { lineOf } from '../../ts/history/violation.js'
import { judge, smallHistory, textOf } from '../support/history.js'

t.test('fields: spaces in any number, and a written value of R that is absent or a dash', async (t) => {
  for (const text of ['0 R 8 0\n', '0 R 8 0 -\n', '  0   R 8 0  \n', '0 R 8 0 \n'])
    t.equal(judge(text), undefined, text)
  t.equal(judge('4294967296 X 9007199254740991 0 9007199254740991\n'), undefined, 'numbers up to 2^53 - 1')
})

t.test('what is no history is refused in one line that has the number of the line', async (t) => {
  const good = '0 X 8 0 1\n0 R 8 1\n'
  for (const [text, message] of [
    ['', /^the history has no operation$/],
    ['\n', /^line 1 .*it is empty$/],
    [`${good}\n`, /^line 3 .*it is empty$/],
    [`${good}0\n`, /^line 3 .*R or X is missing$/],
    [`${good}0 R\n`, /^line 3 .*the location is missing$/],
    [`${good}0 R 8\n`, /^line 3 .*the value read is missing$/],
    [`${good}0 X 8 1\n`, /^line 3 .*the value written is missing$/],
    [`${good}0 X 8 1 -\n`, /^line 3 .*the value written is missing$/],
    [`${good}0 R 8 1 2\n`, /^line 3 .*R writes no value$/],
    [`${good}0 X 8 1 2 3\n`, /^line 3 .*more than five fields$/],
    [`${good}0 X 8 1 2 3 x\n`, /^line 3 .*more than five fields$/],
    [`${good}R 0 8 1\n`, /^line 3 .*the thread is wanted, not 'R'$/],
    [`${good}0 0 8 1\n`, /^line 3 .*R or X is wanted, not '0'$/],
    [`${good}0 - 8 1\n`, /^line 3 .*R or X is wanted, not '-'$/],
    [`${good}0 R - 1\n`, /^line 3 .*the location is wanted, not '-'$/],
    [`${good}0 W 8 1\n`, /^line 3 .*'W' in R or X$/],
    [`${good}-1 R 8 1\n`, /^line 3 .*'1' in the thread$/],
    [`${good}0 R 8 0x1\n`, /^line 3 .*'x' in the value read$/],
    [`${good}0 RX 8 1\n`, /^line 3 .*'X' in R or X$/],
    [`${good}0\tR 8 1\n`, /^line 3 .*byte 9 in the thread$/],
    ['0 R 8 0\r\n', /^line 1 .*byte 13 in the value read$/],
    [`${good}0 R 8 9007199254740992\n`, /^line 3 .*the value read is greater than 2\^53 - 1$/],
    [`${good}0 R 8 ${'9'.repeat(400)}\n`, /^line 3 .*the value read is greater than 2\^53 - 1$/],
    [`${good}0 R 8 1`, /^line 3 .*cut off/],
    [`${good}0`, /^line 3 .*cut off/],
    [`${good}0 X 8 1 1\n`, /^line 3 .*it wrote 1, which line 1 had written there$/],
    [`${good}0 X 8 1 0\n`, /^line 3 .*it wrote 0, the value that locations begin with$/],
    [`0 R 8 7\n${good}`, /^line 1 .*it read 7, which nobody wrote there$/],
    [`${good}0 X 8 7 8\n`, /^line 3 .*it read 7, which nobody wrote there$/],
    [`${good}0 R 16 1\n`, /^line 3 .*it read 1, which nobody wrote there$/],
  ] as const) {
    for (const piece of [1, 1000]) t.throws(() => judge(text, piece), { code: 'ERR_GSHM_INVALID', message }, text)
  }
})

t.test('a malformed history is no violation: what is wrong with the file comes first', async (t) => {
  t.throws(() => judge('0 X 8 0 1\n1 X 8 0 2\n1 R 8 7\n'), { message: /^line 3 / })
})

t.test('what is read is what was written, in whatever pieces', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0 }), fc.integer({ min: 1, max: 40 }), (seed, piece) => {
      const ops = smallHistory(new Prng(seed))
      const history = new History()
      const reader = new Reader(history)
      const bytes = Buffer.from(textOf(ops))
      for (let at = 0; at < bytes.length; at += piece) reader.feed(bytes.subarray(at, at + piece))
      reader.end()
      const again = ops.map((_, i) => history.operation(i + 1))
      return again.map(lineOf).join('\n') + '\n' === textOf(ops)
    }),
  )
})
