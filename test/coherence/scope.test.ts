// lrc: acquires and releases of a range of pages, and what they leave alone.
import t from 'tap'
import { segmentGone } from '../../ts/coherence/state.js'
import type { EdgeName, PageRange } from '../../ts/base/effects.js'
import type { Access, NodeId, Page } from '../../ts/base/ids.js'
import type { Effect } from '../../ts/node/effects.js'
import type { NodeEvent } from '../../ts/node/events.js'
import { engine, pageView } from '../../ts/node/state.js'
import { step } from '../../ts/node/step.js'
import { SEGMENT, createNodes } from '../../ts/sim/create-nodes.js'

type Effects = Parameters<typeof engine.acquire>[1]

const WRITER = 1
const READER = 2
const NOBODY: EdgeName = { of: 'nobody', number: 0 }
const range = (first: Page, last = first, segment = SEGMENT): PageRange => ({ segment, first, last })

/** Three nodes and nine pages; links deliver when they are told to. */
class Cluster {
  readonly nodes = createNodes(3, 9, step, 'lrc')
  readonly queue: { from: NodeId; to: NodeId; message: Extract<NodeEvent, { is: 'message' }>['message'] }[] = []
  /** Tickets of releases that are over. */
  readonly over: number[] = []

  /** Both have the pages to read, their home is node 0; the writer has written to them since. */
  static shared(...pages: Page[]): Cluster {
    const cluster = new Cluster()
    for (const page of pages) {
      cluster.fault(0, page, 'read')
      cluster.fault(READER, page, 'read')
      cluster.fault(WRITER, page, 'write')
    }
    return cluster
  }

  fault(node: NodeId, page: Page, access: Access): void {
    this.event(node, { is: 'fault', segment: SEGMENT, page, access })
    this.settle()
  }

  event(node: NodeId, event: NodeEvent): void {
    const effects: Effect[] = []
    step(this.nodes[node]!, event, effects)
    this.take(node, effects)
  }

  /** As the effect that a room of ts/node asks for it by; gives what it does, without messages. */
  release(node: NodeId, edge: EdgeName, scope: PageRange): string[] {
    const effects: Effects = []
    engine.release(this.nodes[node]!.coherence, edge, effects, scope)
    return this.take(node, effects)
  }

  acquire(node: NodeId, scope: PageRange): string[] {
    const effects: Effects = []
    engine.acquire(this.nodes[node]!.coherence, effects, scope)
    return this.take(node, effects)
  }

  take(node: NodeId, effects: readonly Effect[]): string[] {
    const done: string[] = []
    for (const effect of effects) {
      if (effect.do === 'Send') this.queue.push({ from: node, to: effect.to, message: effect.message })
      else if (effect.do === 'Resume') this.event(node, { is: 'resume', segment: SEGMENT, page: effect.page })
      else if (effect.do === 'Answer') this.over.push(effect.ticket)
      else done.push('page' in effect ? `${effect.do} ${effect.page}` : effect.do)
    }
    return done
  }

  /** Delivers one message: its type and pages. */
  deliver(): string {
    const { from, to, message } = this.queue.shift()!
    this.event(to, { is: 'message', from, message })
    return `${message.type} ${'pages' in message ? message.pages.join() : ''}`.trim()
  }

  settle(): string[] {
    const delivered: string[] = []
    while (this.queue.length > 0) delivered.push(this.deliver())
    return delivered
  }

  states(node: NodeId, ...pages: Page[]): string {
    return pages.map((page) => pageView(this.nodes[node]!, SEGMENT, page)?.state).join(' ')
  }
}

t.test('scope: a release of some pages makes those known, and an acquire drops those', async (t) => {
  const cluster = Cluster.shared(0, 3, 6)
  t.equal(cluster.states(WRITER, 0, 3, 6), 'W W W')
  t.same(cluster.release(WRITER, { of: 'request', number: 7 }, range(1, 5)), ['Downgrade 3', 'Diff 3'])
  t.equal(cluster.states(WRITER, 0, 3, 6), 'W R W')
  t.match(cluster.settle(), ['Flush 3', 'Notice 3', 'NoticeAck', /^FlushAck/])
  t.same(cluster.over, [7])
  t.equal(cluster.states(READER, 0, 3, 6), 'R RS R')

  cluster.release(WRITER, NOBODY, range(6, 8))
  cluster.settle()
  t.same(cluster.acquire(READER, range(0, 2)), [], 'nothing is known of there')
  t.same(cluster.acquire(READER, range(3)), ['Punch 3'])
  t.equal(cluster.states(READER, 0, 3, 6), 'R I RS', 'what is noticed beyond stays')
  t.same(cluster.acquire(READER, range(0, 8)), ['Punch 6'])
  t.equal(cluster.queue.length, 0, 'clean pages go without a message')
})

t.test('scope: a release waits for an earlier flush of its pages, which are not dirty any more', async (t) => {
  const cluster = Cluster.shared(0)
  cluster.release(WRITER, NOBODY, range(0))
  t.same(cluster.release(WRITER, { of: 'request', number: 8 }, range(0)), [], 'nothing is left to flush')
  for (const type of ['Flush 0', 'Notice 0', 'NoticeAck']) {
    t.equal(cluster.deliver(), type)
    t.same(cluster.over, [], `not over after ${type}`)
  }
  cluster.settle()
  t.same(cluster.over, [8])
})

t.test('scope: what an acquire has flushed on its way is awaited by a release too', async (t) => {
  const cluster = Cluster.shared(0)
  cluster.fault(READER, 0, 'write')
  cluster.release(WRITER, NOBODY, range(0))
  cluster.settle()
  t.equal(cluster.states(READER, 0), 'WS', 'dirty, and noticed')
  t.same(cluster.acquire(READER, range(0)), ['Downgrade 0', 'Diff 0', 'Punch 0'])
  cluster.release(READER, { of: 'request', number: 9 }, range(0))
  t.same(cluster.over, [])
  cluster.settle()
  t.same(cluster.over, [9])
})

t.test('scope: of another segment, of none: over at once, and nothing is touched', async (t) => {
  const cluster = Cluster.shared(0, 3)
  t.same(cluster.release(WRITER, NOBODY, range(0, 8, SEGMENT + 1)), ['Released'])
  t.same(cluster.acquire(WRITER, range(0, 8, SEGMENT + 1)), [])
  t.equal(cluster.states(WRITER, 0, 3), 'W W')
  const [mrsw] = createNodes(1, 1, step, 'mrsw')
  step(mrsw!, { is: 'fault', segment: SEGMENT, page: 0, access: 'write' }, [])
  const effects: Effects = []
  engine.release(mrsw!.coherence, NOBODY, effects, range(0))
  engine.acquire(mrsw!.coherence, effects, range(0))
  t.same(effects, [{ do: 'Released', edge: NOBODY }], 'where every write is known at once')
})

t.test('edges: of a segment that has gone nothing is left to release or acquire', async (t) => {
  const cluster = Cluster.shared(0, 3)
  const { coherence } = cluster.nodes[WRITER]!
  t.equal(coherence.edges.dirty.get(SEGMENT)?.size, 2)
  segmentGone(coherence, SEGMENT)
  t.equal(coherence.edges.dirty.size, 0)
  t.same(cluster.release(WRITER, NOBODY, range(0, 8)), ['Released'])
})
