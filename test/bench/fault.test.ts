/** The fault benchmark: that what it measures is what it says. Never how long it takes. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import type { Cost } from '../../bench/fault-cost.js'
import { budgetsOf, modelsAsked, nameOf, type BenchModel, type Kind } from '../../bench/fault-models.js'
import type { Placement } from '../../bench/fault-placement.js'
import type { Round } from '../../bench/fault-round.js'
import { failuresOf } from '../../bench/fault-whole.js'
import { compiled } from '../../ts/launch/paths.js'

const all = modelsAsked() as readonly BenchModel[]

t.test('every model, on real nodes: each touched page is one fault, in the messages that it may take', async (t) => {
  const args = [compiled('bench/fault-placement.js'), '25', '1', ...all.map(nameOf)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { models, failures, usP50 } = JSON.parse(stdout) as Placement
  t.same(failures, [])
  for (const model of all) {
    const figures = models[nameOf(model)] ?? {}
    const messages = Object.entries(figures).map(([kind, figure]) => [kind, figure.messages])
    t.same(Object.fromEntries(messages), budgetsOf(model), nameOf(model))
  }
  t.same(usP50?.remote3, models['mrsw/fixed']?.remote3?.p50Us, 'mrsw/fixed stands by itself too')
})

t.test('which models: all, those that have what is asked for, or one that both options name', async (t) => {
  const names = (...asked: Parameters<typeof modelsAsked>) => {
    const found = modelsAsked(...asked)
    return typeof found === 'string' ? found : found.map(nameOf)
  }
  t.same(names(), ['srsw/fixed', 'mrsw/fixed', 'mrsw/central', 'mrsw/dynamic', 'lrc/fixed'])
  t.same(names('mrsw'), ['mrsw/fixed', 'mrsw/central', 'mrsw/dynamic'])
  t.same(names(undefined, 'fixed'), ['srsw/fixed', 'mrsw/fixed', 'lrc/fixed'])
  t.same(names('lrc', 'central'), ['lrc/central'])
  t.match(names('lrc', 'dynamic'), /only consistency 'mrsw' can have it/)
})

t.test('a round that is not whole is told, and why', async (t) => {
  const model: BenchModel = { consistency: 'lrc', manager: 'fixed' }
  const pages = 3
  const whole = (): Round =>
    Object.fromEntries(
      Object.entries(budgetsOf(model)).map(([kind, budget]) => {
        const faults = kind === 'acquire' ? 0 : pages
        return [kind, { us: [1, 2, 3], faults, served: faults, messages: budget * pages }]
      }),
    )
  t.same(failuresOf(model, whole(), 1, pages), [])
  const cases: [Kind, Partial<Cost>, string][] = [
    ['local', { us: [1, 2] }, '2 samples of 3'],
    ['local', { us: [1, 0, 2] }, 'a sample that is no time'],
    ['upgrade', { faults: 4 }, 'the kernel counts 4 faults, not 3'],
    ['acquire', { served: 1 }, 'the daemons count 1 faults, not 0'],
    ['release3', { messages: 13 }, '13 messages, not 4 for each of 3 pages'],
  ]
  for (const [kind, wrong, why] of cases) {
    const round = whole()
    Object.assign(round[kind]!, wrong)
    t.same(failuresOf(model, round, 2, pages), [`lrc/fixed ${kind}, round 2: ${why}`])
  }
  const round = whole()
  delete round.remote2
  t.same(failuresOf(model, round, 1, pages), ['lrc/fixed remote2, round 1: was not measured'])
})
