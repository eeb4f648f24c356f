/** The Strassen benchmark: that what it measures is what it says. Never how long it takes. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import type { StrassenBenchmark } from '../../bench/strassen.js'
import { compiled } from '../../ts/launch/paths.js'

t.test('on real nodes: every product is right, and the figures are of the rounds', async (t) => {
  const call = [compiled('bench/main.js'), 'strassen', '--size', '128', '--rounds', '2', '--json']
  const { stdout } = await promisify(execFile)(process.execPath, call)
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as StrassenBenchmark
  t.match(result, { ok: true, size: 128, rounds: 2 })
  t.equal(result.perRound.length, 2)
  const faster = result.perRound.filter(({ oneSeconds, twoSeconds }) => twoSeconds < oneSeconds)
  t.same([result.wins, result.met], [faster.length, faster.length === 2])
  t.same(
    [result.twoSeconds.min, result.twoSeconds.max],
    result.perRound.map(({ twoSeconds }) => twoSeconds).sort((a, b) => a - b),
  )
  t.equal(result.ratio, result.twoSeconds.median / result.oneSeconds.median)
})

t.test('a size that is no power of two is refused', async (t) => {
  const call = [compiled('bench/main.js'), 'strassen', '--size', '100']
  await t.rejects(promisify(execFile)(process.execPath, call), { code: 1, stderr: /--size 100: a power of two/ })
})
