/** The guards that protocols with homes have in common, about pages that are evicted. */
import { hasNode } from '../base/node-set.js'
import type { CoherenceMessage } from './messages.js'
import { homeOf, type Transaction } from './state.js'
import { blame, type Context } from './table.js'

/** A page whose home is lost has nowhere to go. */
export function evictEvent({ state, pages, page }: Context): 'Evict' | undefined {
  return hasNode(state.nodes, homeOf(pages, page)) ? 'Evict' : undefined
}

/** The home's word about a page that was put. */
export function wordEvent<T extends 'Drop' | 'Keep' | 'Take' | 'Here'>(
  context: Context,
  type: T,
  { requester }: CoherenceMessage,
): T {
  const { state, pages, page, from } = context
  if (from !== homeOf(pages, page)) throw blame(context, `${type} by a node that is not the home`)
  if (requester !== state.self) throw blame(context, `${type} for node ${requester}`)
  if (type === 'Here' && from !== state.self) throw blame(context, `${type} of another node`)
  return type
}

/** The page that was put, at its home. */
export function pageHomeEvent(
  context: Context,
  { type, serial, bytes }: CoherenceMessage,
  serving: Transaction | undefined,
): 'PageHome' {
  const taken = serving?.requester === context.from && serving.serial === serial && bytes === 'page'
  if (!taken) throw blame(context, `${type} that was not asked for`)
  return 'PageHome'
}
