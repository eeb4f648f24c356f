/** The runtime by itself: what it still remembers of processes that have ended, and what it ignores. */
import t from 'tap'
import { DEFAULT_MODEL } from '../../ts/base/consistency.js'
import { GshmError } from '../../ts/base/errors.js'
import { NO_NODE } from '../../ts/base/ids.js'
import type { Answer } from '../../ts/base/requests.js'
import { createNode } from '../../ts/node/state.js'
import { frameOf } from '../../ts/cluster/index.js'
import { LockLines } from '../../kmod-sim/lock-lines.js'
import { LockWords } from '../../kmod-sim/lock-words.js'
import { Reflexes } from '../../kmod-sim/reflexes.js'
import { Runtime, type RuntimeHost } from '../../kmod-sim/runtime.js'

/** No pager: none of what is done here has to do with pages. */
function started(host: Partial<RuntimeHost> = {}): Runtime {
  const runtime = new Runtime(createNode(0), {
    send: () => {},
    sent: () => {},
    fence: () => {},
    held: () => false,
    holds: () => false,
    segmentSized: () => {},
    segmentGone: () => {},
    spanQuery: () => {},
    lines: { introduce: () => {}, part: () => {} },
    pidOf: (process) => process,
    ...host,
  })
  runtime.pager = {} as typeof runtime.pager
  const words = new LockWords({
    exists: () => true,
    made: () => {},
    gone: () => {},
    says: (key) => runtime.submit({ is: 'word', key, held: false }),
  })
  t.teardown(() => words.close())
  runtime.words = words
  runtime.lockLines = new LockLines(0)
  t.teardown(() => runtime.lockLines.close())
  runtime.lockLines.host = {
    state: runtime.state,
    invite: () => Promise.reject(new Error('nobody is invited')),
    accept: () => Promise.reject(new Error('nobody is invited')),
    allowed: () => false,
    wordOf: (key, process) => words.wordOf(key, process),
    keep: (key, kept) => words.keep(key, kept),
    says: (key) => runtime.submit({ is: 'word', key, held: false }),
    warn: () => {},
  }
  runtime.reflexes = new Reflexes()
  runtime.reflexes.host = {
    isBusy: () => false,
    state: runtime.state,
    wordOf: (key, process) => words.wordOf(key, process),
    keepsShut: () => false,
    callerOf: () => undefined,
    socket: () => undefined,
    frameOf,
  }
  return runtime
}

t.test('requests of a process that has ended are forgotten, and nobody is told', async (t) => {
  const runtime = started()
  const told: string[] = []
  const settle = (who: string) => (outcome: unknown) => told.push(outcome instanceof GshmError ? outcome.message : who)
  runtime.request({ op: 'lock', key: '=l', process: 1, holder: 1, patient: true }, settle('one'))
  t.same(told, ['one'])
  runtime.request({ op: 'lock', key: '=l', process: 2, holder: 2, patient: true }, settle('two'))
  runtime.request({ op: 'lock', key: '=l', process: 3, holder: 3, patient: true }, settle('three'))
  runtime.request(
    { op: 'barrier', key: '=b', process: 2, count: 2, patient: true, shape: 'auto', direct: false },
    settle('two'),
  )
  t.equal(runtime.pending, 3)
  runtime.submit({ is: 'exit', process: 2, held: [], died: true })
  t.equal(runtime.pending, 1)
  runtime.submit({ is: 'exit', process: 1, held: [], died: true })
  t.same(told, ['one', 'three'])
  t.equal(runtime.pending, 0)
})

t.test('a process ends that has given a lock back, and not rung: whoever waits gets it', async (t) => {
  const runtime = started()
  const told: string[] = []
  const lock = (process: number) =>
    runtime.request({ op: 'lock', key: '=l', process, holder: process, patient: true }, () => told.push(`${process}`))
  lock(1)
  lock(2)
  t.same(told, ['1'])
  const word = runtime.words.wordOf('=l', 1)!
  t.equal(word.words.take(word.slot, word.process, 1), true, 'free, and shut, as by a process that is killed then')
  t.same(told, ['1'])
  runtime.submit({ is: 'exit', process: 1, held: [], died: true })
  t.same(told, ['1', '2'])
})

t.test('let: somebody who has opened the segment meanwhile keeps it', async (t) => {
  const gone: number[] = []
  const holders = new Set<string>()
  const runtime = started({ held: () => holders.size > 0, segmentGone: ({ segment }) => gone.push(segment) })
  const open = (outcome: Answer | GshmError) => {
    if (outcome instanceof GshmError || outcome.is !== 'segment') throw new Error('no segment')
    return outcome.attributes.segment
  }
  let segment = 0
  const model = { ...DEFAULT_MODEL, home: NO_NODE, openOrCreate: false, uid: 0, gid: 0, mode: 0o600, nowMs: 0 }
  runtime.request({ op: 'create', name: 's', bytes: 4096, ...model }, (outcome) => {
    segment = open(outcome)
    holders.add('creator')
  })
  runtime.request({ op: 'open', name: 's' }, (outcome) => {
    // Within the step that answers this open, the creator's last view goes, and then another has it.
    open(outcome)
    holders.delete('creator')
    runtime.submit({ is: 'let', segment })
    holders.add('opener')
  })
  runtime.request({ op: 'unlink', name: 's', uid: 0 }, () => {})
  t.same(gone, [], 'without a name, and held')
  holders.clear()
  runtime.submit({ is: 'let', segment })
  t.same(gone, [segment], 'until that one lets it go')
})
