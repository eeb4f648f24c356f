/** The runtime by itself: what it still remembers of processes that have ended. */
import t from 'tap'
import { GshmError } from '../../ts/base/errors.js'
import { createNode } from '../../ts/node/state.js'
import type { Pager } from '../../kmod-sim/pager.js'
import { Runtime } from '../../kmod-sim/runtime.js'

function started(): Runtime {
  const runtime = new Runtime(createNode(0), {
    send: () => {},
    fence: () => {},
    held: () => false,
    holds: () => false,
    segmentGone: () => {},
  })
  runtime.pager = {} as Pager
  return runtime
}

t.test('requests of a process that has ended are forgotten, and nobody is told', async (t) => {
  const runtime = started()
  const told: string[] = []
  const settle = (who: string) => (outcome: unknown) => told.push(outcome instanceof GshmError ? outcome.message : who)
  runtime.request({ op: 'lock', key: '=l', process: 1, holder: '1' }, settle('one'))
  t.same(told, ['one'])
  runtime.request({ op: 'lock', key: '=l', process: 2, holder: '2' }, settle('two'))
  runtime.request({ op: 'lock', key: '=l', process: 3, holder: '3' }, settle('three'))
  runtime.request({ op: 'barrier', key: '=b', process: 2, count: 2 }, settle('two'))
  t.equal(runtime.pending, 3)
  runtime.submit({ is: 'exit', process: 2 })
  t.equal(runtime.pending, 1)
  runtime.submit({ is: 'exit', process: 1 })
  t.same(told, ['one', 'three'])
  t.equal(runtime.pending, 0)
})
