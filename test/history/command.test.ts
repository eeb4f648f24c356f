// `gshm check` as a user runs it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compiled } from '../../ts/launch/paths.js'
import { runProgram } from '../support/program.js'

const check = (args: readonly string[], input = '') =>
  runProgram(undefined, compiled('ts/cli/main.js'), ['check', ...args], { input })
const lastLine = (text: string) => JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')

const GOOD = '0 X 0 0 1\n1 R 0 0\n1 R 0 1\n'
const BAD = '0 X 0 0 1\n1 R 0 1\n1 R 0 0\n'

t.test('check: a file, for people and as JSON', async (t) => {
  const file = join(t.testdir(), 'history')
  writeFileSync(file, GOOD)
  t.match(await check([file]), { status: 0, stdout: /^3 operations .*\nSequentially consistent\.\n$/, stderr: '' })
  const { status, stdout } = await check([file, '--json'])
  t.equal(status, 0)
  t.match(lastLine(stdout), { ok: true, operations: 3, threads: 2, locations: 1, seconds: Number })
  t.same(Object.keys(lastLine(stdout)).join(), 'ok,operations,threads,locations,seconds')
})

t.test('check: standard input, with a violation', async (t) => {
  t.match(await check(['-'], BAD), { status: 1, stdout: /Not sequentially consistent[^]*line 3  1 R 0 0    rw/ })
  const { status, stdout } = await check(['-', '--json'], BAD)
  t.equal(status, 1)
  t.strictSame(lastLine(stdout).violation, {
    kind: 'cycle',
    steps: [
      { line: 1, thread: 0, location: 0, read: 0, written: 1, edge: 'wr' },
      { line: 2, thread: 1, location: 0, read: 1, edge: 'po' },
      { line: 3, thread: 1, location: 0, read: 0, edge: 'rw' },
    ],
  })
})

t.test('check: what cannot be read, and what is no history, is one error', async (t) => {
  const dir = t.testdir()
  for (const [args, input, message] of [
    [['-'], BAD.slice(0, -1), /line 3 of the history: it is cut off/],
    [['-'], '', /the history has no operation/],
    [[join(dir, 'absent')], '', /absent cannot be read: ENOENT/],
    [[dir], '', /cannot be read: EISDIR/],
    [[], '', /missing required argument 'file'/],
  ] as const) {
    const { status, stdout, stderr } = await check([...args, '--json'], input)
    t.equal(status, 1)
    t.match(stderr, message)
    t.match(stderr, /^gshm: ERR_GSHM_INVALID: [^\n]*\n$/)
    t.match(lastLine(stdout), { ok: false, error: { code: 'ERR_GSHM_INVALID', message } })
  }
})
