/** Node 0's list of all segments, in messages of bounded size. */
import type { NamesMessage } from './messages.js'
import type { Registered, Registry } from './registry.js'

const PART = 256

type ListPart = Extract<NamesMessage, { readonly type: 'ListPart' }>

/** Segments in creation are left out: not every node knows them. At least one part, the last so marked. */
export function listParts(registry: Registry, ticket: number): ListPart[] {
  const all = [...registry.segments.values()].filter((registered) => registered.settled)
  const parts: ListPart[] = []
  for (let from = 0; from === 0 || from < all.length; from += PART) {
    parts.push(partOf(ticket, all.slice(from, from + PART), from + PART >= all.length))
  }
  return parts
}

function partOf(ticket: number, some: readonly Registered[], last: boolean): ListPart {
  return {
    type: 'ListPart',
    ticket,
    segments: some.map(({ attributes }) => attributes.segment),
    linked: some.map(({ linked }) => (linked ? 1 : 0)),
    holders: some.map(({ grants }) => grants.size),
    last,
  }
}
