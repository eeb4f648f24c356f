/** The heap benchmark: that what it measures is what it says. Never how long it takes. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { HEAP_AIMS, HEAP_KINDS } from '../../bench/heap-kinds.js'
import type { HeapPlacement } from '../../bench/heap-placement.js'
import { compiled } from '../../ts/launch/paths.js'

t.test('on real nodes: every sample is there, and small blocks ask nobody', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [compiled('bench/heap-placement.js'), '2', '1'])
  const { failures, kinds, floorUs, smallCalls } = JSON.parse(stdout) as HeapPlacement
  t.same(failures, [])
  t.equal(smallCalls, 0)
  t.same(Object.keys(kinds), HEAP_KINDS)
  for (const kind of HEAP_KINDS) t.equal(kinds[kind].floorUs, floorUs[HEAP_AIMS[kind].pass], kind)
})

t.test('several parts in one call: one JSON object, with each by its name', async (t) => {
  const call = [compiled('bench/main.js'), 'sync', 'heap', '--count', '2', '--rounds', '1', '--json']
  const { stdout } = await promisify(execFile)(process.execPath, call)
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, { ok: boolean }>
  t.same(Object.keys(result), ['ok', 'sync', 'heap'])
  t.same([result.ok, result.sync!.ok, result.heap!.ok], [true, true, true])
})
