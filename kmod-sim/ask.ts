/** The engine's answer to a local request, awaited. */
import { AssertionError } from '../ts/base/assert.js'
import { GshmError } from '../ts/base/errors.js'
import type { Answer, LocalRequest, SegmentStat } from '../ts/base/requests.js'
import type { Caller } from './reflexes.js'

/** Gives the request's ticket. `caller`: whom a reflex may answer first. */
export type Ask = (request: LocalRequest, settle: (outcome: Answer | GshmError) => void, caller?: Caller) => number

/** An answer of another kind than the request calls for is the engine's fault, not the client's. */
export function expect<K extends Answer['is']>(answer: Answer, is: K): Extract<Answer, { is: K }> {
  if (answer.is !== is) throw new AssertionError(`expected an answer '${is}', got '${answer.is}'`)
  return answer as Extract<Answer, { is: K }>
}

/** The answer of kind `is`; rejects with what the request was refused for. */
export function answered<K extends Answer['is']>(
  ask: Ask,
  request: LocalRequest,
  is: K,
): Promise<Extract<Answer, { is: K }>> {
  return new Promise((resolve, reject) =>
    ask(request, (outcome) => {
      if (outcome instanceof GshmError) reject(outcome)
      else resolve(expect(outcome, is))
    }),
  )
}

/** The stat with what only the heap's node knows. Rejects with NODE_LOST. */
export async function statWithHeap(ask: Ask, stat: SegmentStat): Promise<SegmentStat> {
  const { bytes, blocks } = await answered(ask, { op: 'heapStat', segment: stat.segment }, 'heap')
  return { ...stat, heapBytes: bytes, heapBlocks: blocks }
}
