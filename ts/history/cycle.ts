/**
 * A short cycle in what could not be run. Of each thread the operations from its stuck one (its head)
 * to its end are left, and they are what is searched, backwards: every stuck operation has one before
 * it that is left too, so going back never ends and must come round.
 *
 * Going back within a thread ends at its head. So every set of operations left that is closed under
 * going back, and a smallest such set is strongly connected, has the heads of its threads in it: some
 * head is on a cycle. From each head the search goes back breadth first and stops when it reaches the
 * head's own thread again; an edge between threads costs one, going back in a thread nothing.
 */
import type { History } from './history.js'
import type { Edge, Step } from './violation.js'

/** An operation reached over an edge that is not po, to an operation of the thread entered by `from`. */
interface Hop {
  readonly line: number
  readonly edge: Edge
  readonly to: number
  readonly from: Hop | undefined
  readonly depth: number
}

export function findCycle(history: History, heads: Uint32Array): Step[] {
  const search = new Search(history, heads)
  let best: Hop | undefined
  for (const head of heads) {
    if (head === 0) continue
    const found = search.from(head, best?.depth ?? Infinity)
    if (found === undefined) continue
    best = found
    // Two hops are the least of a cycle in which threads meet. Many long searches are not worth the wait.
    if (best.depth <= 2 || search.visited > 10 * history.operations) break
  }
  if (best === undefined) throw new Error('a history that is stuck has a cycle')
  return stepsOf(history, best, heads)
}

class Search {
  visited = 0
  /** By version: an R that saw it; by R: the next that saw the same. Only operations left. */
  readonly #reader: Uint32Array
  readonly #nextReader: Uint32Array

  constructor(
    private readonly history: History,
    private readonly heads: Uint32Array,
  ) {
    this.#reader = new Uint32Array(history.versions + 1)
    this.#nextReader = new Uint32Array(history.operations + 1)
    for (let line = history.operations; line > 0; line--) {
      if (history.written[line] !== 0 || !this.#isLeft(line)) continue
      const version = history.read[line]!
      this.#nextReader[line] = this.#reader[version]!
      this.#reader[version] = line
    }
  }

  /** The last hop back into the head's thread, if there is one below `limit`. */
  from(head: number, limit: number): Hop | undefined {
    const { thread, next, read, written, writer } = this.history
    const home = thread[head]!
    // By thread: the last of its operations that has been reached; all before it have been too.
    const reached = new Map([[home, head]])
    const queue: Hop[] = []
    let found: Hop | undefined

    const hop = (line: number, edge: Edge, to: number, from: Hop | undefined) => {
      const entered = thread[line]!
      const next = { line, edge, to, from, depth: (from?.depth ?? 0) + 1 }
      if (entered === home) found ??= next
      else if (line > (reached.get(entered) ?? 0)) queue.push(next)
    }
    const before = (line: number, from: Hop | undefined) => {
      this.visited++
      const version = read[line]!
      const exchanges = written[line] !== 0
      const source = writer[version]!
      if (source !== 0 && this.#isLeft(source)) hop(source, exchanges ? 'ww' : 'wr', line, from)
      if (!exchanges) return
      for (let r = this.#reader[version]!; r !== 0; r = this.#nextReader[r]!) hop(r, 'rw', line, from)
    }

    before(head, undefined)
    for (let at = 0; found === undefined && at < queue.length; at++) {
      const from = queue[at]!
      if (from.depth + 1 >= limit) return undefined
      const entered = thread[from.line]!
      const known = reached.get(entered) ?? 0
      if (from.line <= known) continue
      reached.set(entered, from.line)
      let line = known === 0 ? this.heads[entered]! : next[known]!
      for (; line !== 0 && line <= from.line && found === undefined; line = next[line]!) before(line, from)
    }
    return found !== undefined && found.depth < limit ? found : undefined
  }

  #isLeft(line: number): boolean {
    const head = this.heads[this.history.thread[line]!]!
    return head !== 0 && line >= head
  }
}

/** From the head forwards: po to the last hop, the hop, po to the hop before, and so on to the head. */
function stepsOf(history: History, last: Hop, heads: Uint32Array): Step[] {
  const steps: Step[] = []
  const head = heads[history.thread[last.line]!]!
  if (head !== last.line) steps.push({ ...history.operation(head), edge: 'po' })
  for (let hop: Hop | undefined = last; hop !== undefined; hop = hop.from) {
    steps.push({ ...history.operation(hop.line), edge: hop.edge })
    const entry = hop.from?.line
    if (entry !== undefined && entry !== hop.to) steps.push({ ...history.operation(hop.to), edge: 'po' })
  }
  return steps
}
