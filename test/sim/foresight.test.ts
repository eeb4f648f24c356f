/** What is foreseen of locks (ts/sync/foresight.ts) is what the engine then does, at every step of random runs. */
import t from 'tap'
import type { Effect } from '../../ts/node/effects.js'
import type { NodeEvent } from '../../ts/node/events.js'
import { step } from '../../ts/node/step.js'
import { areEdgesIdle, type NodeState } from '../../ts/node/state.js'
import { walk } from '../../ts/sim/walk.js'
import { foreseen, type Foreseen } from '../../ts/sync/index.js'

/** What each node has prepared, by key: found after every step for the locks that it has changed, and kept until then. */
const prepared = new WeakMap<NodeState, Map<string, Foreseen>>()

/** What was prepared for just this event; undefined: nothing was, or an edge of release consistency is due. */
function expected(state: NodeState, event: NodeEvent): Foreseen | undefined {
  if (!areEdgesIdle(state)) return undefined
  if (event.is === 'word' && !event.held) {
    const what = prepared.get(state)?.get(event.key)
    return what?.on === 'freed' ? what : undefined
  }
  if (event.is !== 'message' || event.message.type !== 'TokenPass') return undefined
  const { type, key, turn, ownerDied } = event.message
  const what = prepared.get(state)?.get(key)
  const is = what !== undefined && what.on !== 'freed' && JSON.stringify(what.on)
  return is === JSON.stringify({ type, key, turn, ownerDied }) ? what : undefined
}

function prepare(state: NodeState): void {
  let those = prepared.get(state)
  if (those === undefined) prepared.set(state, (those = new Map()))
  for (const key of state.sync.changed) {
    const what = foreseen(state.sync, key)
    if (what === undefined) those.delete(key)
    else those.set(key, what)
  }
}

function isDone(what: Foreseen, effects: readonly Effect[]): boolean {
  if (what.do === 'pass') {
    const { to, message } = what
    return effects.some((one) => JSON.stringify(one) === JSON.stringify({ do: 'Send', to, message }))
  }
  const { key, process, holder, ticket } = what.claim
  const lend = { do: 'Lend', key, process, holder, shut: what.shut }
  const answer = { do: 'Answer', ticket, answer: { is: 'locked', ownerDied: false } }
  return [lend, answer].every((wanted) => effects.some((one) => JSON.stringify(one) === JSON.stringify(wanted)))
}

t.test(
  'foresight: in 1500 random runs with locks, losses and evictions nothing else happens than was foreseen',
  async (t) => {
    const met = { pass: 0, lendFreed: 0, lendPass: 0 }
    const wrong: string[] = []
    for (let seed = 1; seed <= 1500; seed++) {
      walk({
        seed,
        protocol: 'lrc',
        step: (state, event, effects) => {
          const what = expected(state, event)
          step(state, event, effects)
          prepare(state)
          if (what === undefined) return
          if (what.do === 'pass') met.pass++
          else if (what.on === 'freed') met.lendFreed++
          else met.lendPass++
          if (!isDone(what, effects)) wrong.push(`seed ${seed}: ${JSON.stringify({ event, what, effects })}`)
        },
      })
    }
    t.same(wrong.slice(0, 3), [])
    for (const [kind, times] of Object.entries(met)) t.ok(times > 50, `${kind}: ${times} times`)
  },
)
