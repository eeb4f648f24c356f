/** The stream benchmark: that what it measures is what it says. Never how long it takes. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { STREAM_AIMS, STREAM_KINDS } from '../../bench/stream-kinds.js'
import type { StreamPlacement } from '../../bench/stream-placement.js'
import { built, compiled } from '../../ts/launch/paths.js'

const run = promisify(execFile)

t.test(
  'on real nodes: every word is right, and only what is read in order and not alone is fetched ahead',
  async (t) => {
    const { stdout } = await run(process.execPath, [compiled('bench/stream-placement.js'), '1', '1'])
    const { failures, kinds, floors, times } = JSON.parse(stdout) as StreamPlacement
    t.same(failures, [])
    t.same(Object.keys(kinds), STREAM_KINDS)
    for (const kind of STREAM_KINDS) {
      const { bytes, bytesPerSecond, ratio, faults } = kinds[kind]
      const { alone = false, pass, unit } = STREAM_AIMS[kind]
      t.equal(bytes, 2 ** 20, kind)
      t.equal(ratio, bytesPerSecond.median / floors.tcp, kind)
      const each = (faults * unit) / 4096
      if (alone || pass === 'random') t.equal(each, 1, `${kind}: a fault for each unit`)
      else t.ok(each <= 0.5, `${kind}: ${each} faults for each unit`)
    }
    t.equal(times.ratio, kinds.sequential.bytesPerSecond.median / kinds.pageAtATime.bytesPerSecond.median)
  },
)

t.test('bad input: a size that is no power of two, and a pass beyond the segment', async (t) => {
  const call = [compiled('bench/main.js'), 'stream', '--mebibytes', '100']
  await t.rejects(run(process.execPath, call), { code: 1, stderr: /--mebibytes 100: a power of two/ })
  await t.rejects(run(built('stream_floors'), ['0']), { code: 2, stderr: /usage: stream_floors MEBIBYTES/ })
  await t.rejects(run(built('stream_worker'), []), { code: 2, stderr: /usage: stream_worker/ })
})
