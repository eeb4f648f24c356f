/**
 * Writes under an oracle. One that no frame, twin or message has any more can never be read again: the oracle
 * forgets it. The others are called 1, 2, 3 by what the oracle knows of them, so that neither what is over
 * nor the order of what does not concern each other makes a new state. 0 stays what a page begins with.
 */
import type { Oracle } from './oracle.js'
import { PLACES_MAX, readPlace, writePlace } from './places.js'
import type { Renaming } from './renumber.js'
import { copyNode, type InFlight, type Payload, type SimNode } from './sim-node.js'

/** What each is called from now on. */
export type Names = ReadonlyMap<number, number>

const WRITES_MAX = 28

/** The writes that a node or a link has, as bits. */
export function writesAt({ kernel, payload, copied, diffs }: SimNode): number {
  let writes = copied === undefined ? 0 : writesIn(copied)
  for (const bytes of kernel.frames) writes |= writesIn(bytes)
  for (const bytes of kernel.twins) writes |= writesIn(bytes)
  return writes | writesOf(payload) | writesOf(diffs)
}

export function writesOn(link: readonly InFlight[]): number {
  return link.reduce((writes, { payload }) => writes | writesOf(payload), 0)
}

export function namesOf(writes: number, oracle: Oracle): Names {
  const all = Array.from({ length: WRITES_MAX }, (_, at) => at + 1).filter((write) => (writes >>> write) & 1)
  const standings = new Map(all.map((write) => [write, oracle.standing(write)]))
  all.sort((a, b) => compare(standings.get(a)!, standings.get(b)!) || a - b)
  return new Map([[0, 0], ...all.map((write, at): [number, number] => [write, at + 1])])
}

export function renameJudged(names: Names): Renaming {
  const bytes = (old: number) => {
    let now = old
    for (let place = 0; place < PLACES_MAX && old >= 0; place++) {
      now = writePlace(now, place, names.get(readPlace(old, place))!)
    }
    return now
  }
  const renamed = (payload: Payload): Payload => {
    if (typeof payload !== 'object') return payload === undefined ? undefined : bytes(payload)
    return payload.map((diff) => diff.map(({ place, write }) => ({ place, write: names.get(write)! })))
  }
  return {
    name: `judged ${[...names].join(' ')}`,
    node(old) {
      if (writesAt(old) === 0) return old
      const node = copyNode(old, 'kernel', true)
      const { frames, twins } = node.kernel
      frames.forEach((old, page) => (frames[page] = bytes(old)))
      twins.forEach((old, page) => (twins[page] = bytes(old)))
      if (node.copied !== undefined) node.copied = bytes(node.copied)
      node.payload = renamed(node.payload)
      node.diffs = renamed(node.diffs) as typeof node.diffs
      return node
    },
    link(link) {
      if (writesOn(link) === 0) return link
      return link.map(({ message, payload }) => ({ message, payload: renamed(payload) }))
    },
  }
}

function writesOf(payload: Payload): number {
  if (payload === undefined) return 0
  if (typeof payload === 'number') return writesIn(payload)
  return payload.flat().reduce((writes, { write }) => writes | bit(write), 0)
}

function writesIn(bytes: number): number {
  let writes = 0
  for (let place = 0; place < PLACES_MAX && bytes >= 0; place++) writes |= bit(readPlace(bytes, place))
  return writes
}

function bit(write: number): number {
  if (write > WRITES_MAX) throw new Error('a World has more writes at a time than the explorer can name')
  return write === 0 ? 0 : 1 << write
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}
