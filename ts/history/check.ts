/**
 * Is a history sequentially consistent? Exactly, and in time linear in its length.
 *
 * It is if its operations have one total order that keeps every thread's order and in which every
 * operation sees the version that was written last. Where the order of a location's versions is not
 * known the question is NP-complete, where it is known polynomial (P. B. Gibbons and E. Korach,
 * "Testing shared memories", SIAM J. Comput. 26, 1997). Here it is known, and this graph answers it:
 *
 *   po  an operation -> the next one of its thread
 *   wr  who wrote a version -> every R that saw it
 *   ww  who wrote a version -> who overwrote it
 *   rw  every R that saw a version -> who overwrote it
 *
 * Each edge holds in every such total order: po by definition; wr, for nobody sees what is not yet
 * written; ww, for the exchange that overwrites a version has seen it; rw, for an R after the next
 * write would have seen that one, or a later one. So a cycle excludes such an order. Conversely,
 * without a cycle every topological order is one: ww puts a location's versions in their order, wr
 * and rw put each R between the version that it saw and the next; so it sees the last.
 *
 * A topological order is found by running the history: memory holds one version of each location, a
 * thread goes on while its next operation finds there the version that it saw, and an exchange also
 * waits for the last R of the version that it overwrites. That is Kahn's algorithm with the incoming
 * edges of only the threads' next operations: a topological order exists exactly if all run to the
 * end. A thread waits at most twice for an operation, and each operation runs once.
 */
import { findCycle } from './cycle.js'
import type { History } from './history.js'
import type { Violation } from './violation.js'

/** The history's violation, undefined if it has none. Throws INVALID for what is no history. */
export function check(history: History): Violation | undefined {
  history.complete()
  // Exchanges of one version: whichever comes second overwrote another version than it saw.
  if (history.doubled !== undefined) {
    const { first, second } = history.doubled
    return { kind: 'atomicity', steps: [{ ...history.operation(first) }, { ...history.operation(second) }] }
  }
  const stuck = run(history)
  return stuck === undefined ? undefined : { kind: 'cycle', steps: findCycle(history, stuck) }
}

/** By thread: the operation that cannot run, 0 where all have; undefined if all of all threads have. */
function run(history: History): Uint32Array | undefined {
  const { threads, read, written, next, overwriter } = history
  const heads = history.first.slice(0, threads + 1)
  const current = history.initial.slice(0, history.locations + 1)
  const readersLeft = history.readers.slice(0, history.versions + 1)
  // By version: the first thread that waits for it to be current, or for its readers; then by thread.
  const waiting = new Uint32Array(history.versions + 1)
  const nextWaiting = new Uint32Array(threads + 1)
  const ready = Array.from({ length: threads }, (_, i) => threads - i)
  let left = history.operations

  const wake = (version: number) => {
    for (let thread = waiting[version]!; thread !== 0; thread = nextWaiting[thread]!) ready.push(thread)
    waiting[version] = 0
  }

  for (let thread = ready.pop(); thread !== undefined; thread = ready.pop()) {
    for (let line = heads[thread]!; line !== 0; line = heads[thread] = next[line]!) {
      const version = read[line]!
      const after = written[line]!
      const location = history.locationOf(version)
      if (current[location] !== version || (after !== 0 && readersLeft[version] !== 0)) {
        nextWaiting[thread] = waiting[version]!
        waiting[version] = thread
        break
      }
      left--
      if (after !== 0) {
        current[location] = after
        wake(after)
      } else if (--readersLeft[version]! === 0 && overwriter[version] !== 0) {
        wake(version)
      }
    }
  }
  return left === 0 ? undefined : heads
}
