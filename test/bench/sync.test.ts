/** The benchmark of synchronisation: that what it measures is what it says. Never how long it takes. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { figureOf, medians, wrongWith, type RoundCost } from '../../bench/figures.js'
import { SYNC_AIMS, SYNC_KINDS } from '../../bench/sync-kinds.js'
import type { SyncPlacement } from '../../bench/sync-placement.js'
import { compiled } from '../../ts/launch/paths.js'

t.test('on real nodes: every sample is there, in the messages that it may take', async (t) => {
  const args = [compiled('bench/sync-placement.js'), '30', '1', ...SYNC_KINDS]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { failures, kinds, floorUs, relockCalls } = JSON.parse(stdout) as SyncPlacement
  t.same(failures, [])
  t.equal(relockCalls, 0)
  t.same(Object.keys(kinds), SYNC_KINDS)
  for (const kind of SYNC_KINDS) {
    const { messages, more = 0 } = SYNC_AIMS[kind]
    const beyond = kinds[kind]!.messages - messages
    t.ok(beyond >= 0 && beyond <= more, `${kind}: ${kinds[kind]!.messages} messages`)
    t.equal(kinds[kind]?.floorUs, floorUs[SYNC_AIMS[kind].floor], kind)
  }
})

t.test('a round that is not whole is told, and why', async (t) => {
  const whole: RoundCost = { us: [1, 2, 3], operations: 300, messages: 600 }
  t.same(wrongWith(whole, 3, 2), [])
  t.same(wrongWith({ ...whole, us: [1, 2] }, 3, 2), ['2 samples of 3'])
  t.same(wrongWith({ ...whole, us: [1, 0, 2] }, 3, 2), ['a sample that is no time'])
  t.same(wrongWith({ ...whole, messages: 900 }, 3, 2, 1), [])
  t.same(wrongWith({ ...whole, messages: 901 }, 3, 2, 1), ['901 messages, not 2 to 3 for each of 300'])
  t.same(wrongWith({ ...whole, messages: 601 }, 3, 2), ['601 messages, not 2 for each of 300'])
})

t.test('a figure is the median of the rounds, held against its floor', async (t) => {
  const rounds = [
    [1, 5, 9],
    [2, 4, 60],
    [6, 6, 6],
  ].map((us) => ({ us, operations: 3, messages: 6 }))
  const figure = figureOf(rounds, 2, 3)
  t.match(figure, { p50Us: 5, spreadUs: { median: 5, min: 4, max: 6 }, ratio: 2.5, messages: 2, target: 3, met: true })
  t.match(figureOf(rounds, 1, 3), { ratio: 5, met: false })
  t.notOk('met' in figureOf(rounds, 1, undefined))
  t.same(
    medians([
      { a: 1, b: 9 },
      { a: 3, b: 7 },
      { a: 2, b: 8 },
    ]),
    { a: 2, b: 8 },
  )
})
