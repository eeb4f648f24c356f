// What a fault costs in messages between nodes, by protocol, an eviction, a barrier; what a page costs in a directory.
import t from 'tap'
import type { ProtocolName } from '../../ts/base/consistency.js'
import type { Access, NodeId } from '../../ts/base/ids.js'
import { directoryBytes, touchedPages } from '../../ts/node/state.js'
import { isCoherence } from '../../ts/node/messages.js'
import { step } from '../../ts/node/step.js'
import type { Effect } from '../../ts/node/effects.js'
import type { NodeEvent } from '../../ts/node/events.js'
import { SEGMENT, createNodes } from '../../ts/sim/create-nodes.js'

class Cluster {
  readonly nodes
  #queue: { from: NodeId; to: NodeId; message: Extract<NodeEvent, { is: 'message' }>['message'] }[] = []

  constructor(protocol: ProtocolName, count: number, pages = 1) {
    this.nodes = createNodes(count, pages, step, protocol)
  }

  /** The messages of one fault, as 'GetRead PageRead:page'. */
  fault(node: NodeId, access: Access, page = 0): string {
    this.#step(node, { is: 'fault', segment: SEGMENT, page, access })
    return this.#settle()
  }

  /** The messages of page 0's eviction. */
  evict(node: NodeId): string {
    this.#step(node, { is: 'evict', segment: SEGMENT, page: 0 })
    return this.#settle()
  }

  /** The messages of a release of all that the node has written. */
  release(node: NodeId): string {
    this.#step(node, { is: 'request', ticket: 1, request: { op: 'release', range: undefined } })
    return this.#settle()
  }

  /** It sees what others have made known. */
  acquire(node: NodeId): void {
    this.#step(node, { is: 'request', ticket: 1, request: { op: 'acquire', range: undefined } })
  }

  /** The messages of one episode of a barrier for so many threads on each node, which come in turn. */
  barrier(threads: number): string {
    const count = threads * this.nodes.length
    for (let ticket = 0; ticket < count; ticket++) {
      const request = {
        op: 'barrier',
        key: 'b',
        process: ticket,
        count,
        patient: true,
        shape: 'auto',
        direct: false,
      } as const
      this.#step(ticket % this.nodes.length, { is: 'request', ticket, request })
    }
    return this.#settle()
  }

  #settle(): string {
    const sent: string[] = []
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { from, to, message } = next
      const bytes = isCoherence(message) && message.bytes !== 'none' ? `:${message.bytes}` : ''
      sent.push(`${message.type}${bytes}`)
      this.#step(to, { is: 'message', from, message })
    }
    return sent.join(' ')
  }

  #step(at: NodeId, event: NodeEvent): void {
    const effects: Effect[] = []
    step(this.nodes[at]!, event, effects)
    for (const effect of effects) {
      if (effect.do === 'Send') this.#queue.push({ from: at, to: effect.to, message: effect.message })
      if (effect.do === 'Resume') this.#step(at, { is: 'resume', segment: SEGMENT, page: effect.page })
    }
  }
}

/** Faults and evictions in order, each with its messages; page 0, whose home or first owner is node 0. */
const BUDGETS: Partial<Record<ProtocolName, [NodeId, Access | 'evict', string][]>> = {
  srsw: [
    [0, 'read', ''],
    [1, 'write', 'GetWrite PageWrite:page'],
    [0, 'read', 'FetchWrite PageWrite:page'],
    [2, 'read', 'GetWrite PageWrite:page'],
    [3, 'read', 'GetWrite FetchWrite PageWrite:page Done'],
    [3, 'evict', 'Put Take PageHome:page'],
  ],
  mrsw: [
    [0, 'write', ''],
    [1, 'read', 'GetRead PageRead:page'],
    [0, 'write', 'Inv InvAck'],
    [2, 'write', 'GetWrite PageWrite:page'],
    [3, 'read', 'GetRead FetchRead PageRead:page Done'],
    [3, 'write', 'GetWrite Inv InvAck PageWrite:kept'],
    [1, 'write', 'GetWrite FetchWrite PageWrite:page Done'],
    [1, 'evict', 'Put Take PageHome:page'],
    [1, 'read', 'GetRead PageRead:page'],
    [1, 'evict', 'Put Drop InvAck'],
    [1, 'read', 'GetRead PageRead:page'],
    [0, 'evict', ''],
  ],
  'mrsw-dynamic': [
    [0, 'write', ''],
    [1, 'read', 'GetRead PageRead:page'],
    [0, 'write', 'Inv InvAck'],
    [2, 'write', 'GetWrite PageWrite:page'],
    [3, 'read', 'GetRead GetRead PageRead:page'],
    [3, 'write', 'GetWrite PageWrite:kept'],
    [2, 'read', 'GetRead PageRead:page'],
    [0, 'read', 'GetRead GetRead PageRead:page'],
    [2, 'write', 'GetWrite Inv InvAck PageWrite:kept'],
    [0, 'read', 'GetRead PageRead:page'],
    [0, 'evict', ''],
    [2, 'evict', 'Put GetWrite PageWrite:page'],
    [3, 'read', 'GetRead GetRead PageRead:page'],
    [0, 'evict', 'Put GetWrite PageWrite:kept'],
  ],
}

for (const [protocol, faults] of Object.entries(BUDGETS)) {
  t.test(`budget: ${protocol}: no fault and no eviction takes more messages than it must`, async (t) => {
    const cluster = new Cluster(protocol as ProtocolName, 4)
    for (const [node, what, messages] of faults) {
      const sent = what === 'evict' ? cluster.evict(node) : cluster.fault(node, what)
      t.equal(sent, messages, `${what} at node ${node}`)
    }
  })
}

for (const nodes of [2, 3, 4]) {
  t.test(
    `budget: a barrier of ${nodes} nodes with five threads each: 2(N-1) messages, from the second episode on`,
    async (t) => {
      const others = nodes - 1
      const each = (type: string, times: number) => Array<string>(times * others).fill(type)
      for (const protocol of ['mrsw', 'lrc'] as const) {
        const cluster = new Cluster(protocol, nodes)
        t.equal(cluster.barrier(5), [...each('BarrierArrive', 5), ...each('BarrierGo', 1)].join(' '), 'the first')
        for (let episode = 2; episode < 5; episode++) {
          t.equal(cluster.barrier(5), [...each('BarrierArrive', 1), ...each('BarrierGo', 1)].join(' '))
        }
      }
    },
  )
}

t.test('budget: mrsw-dynamic: a request takes N-1 hops at most, and has made the next ones shorter', async (t) => {
  const count = 64
  const cluster = new Cluster('mrsw-dynamic', count)
  for (let node = 1; node < count; node++) {
    // A hint is turned only by what passes: each writer learns of the one before by way of node 0.
    t.ok(cluster.fault(node, 'write').split(' ').length <= 3)
  }
  // By now node n's hint is n + 1: the longest way there is.
  const hops = cluster.fault(1, 'write').split(' ').slice(0, -1)
  t.strictSame(hops, Array(count - 2).fill('GetWrite'), 'from 1 to 63')
  t.ok(hops.length <= count - 1)
  t.equal(cluster.fault(32, 'write'), 'GetWrite PageWrite:page', 'those that forwarded it know who has it')
})

t.test('budget: mrsw-dynamic: at most 32 bytes a touched page on a node', async (t) => {
  const pages = 300_000
  for (const stride of [1, 3, 10]) {
    const { nodes } = new Cluster('mrsw-dynamic', 1, pages)
    for (let page = 0; page < pages; page += stride) {
      step(nodes[0]!, { is: 'fault', segment: SEGMENT, page, access: 'write' }, [])
    }
    const each = directoryBytes(nodes[0]!) / touchedPages(nodes[0]!)
    t.ok(each <= 32, `every ${stride}. page: ${each.toFixed(1)} bytes`)
  }
})

t.test('budget: lrc: who touches a page first has it at home, for one request', async (t) => {
  for (const access of ['read', 'write'] as const) {
    const cluster = new Cluster('lrc', 4)
    const get = access === 'read' ? 'GetRead' : 'GetWrite'
    t.equal(cluster.fault(1, access), `${get} PageOnly:zero`, `first touch to ${access}`)
    t.equal(cluster.fault(1, 'write'), '', 'written')
    t.equal(cluster.release(1), '', 'released')
    t.equal(cluster.fault(2, 'read'), 'GetRead Moved GetRead PageRead:page', 'somebody else asks')
    t.equal(cluster.fault(1, 'write'), '', 'written again')
    t.equal(cluster.release(1), 'Notice NoticeAck', 'released')
  }
})

t.test(
  'budget: lrc: a page goes to its only writer, for which a release costs nothing from the third on',
  async (t) => {
    const cluster = new Cluster('lrc', 4)
    t.equal(cluster.fault(0, 'read'), '', 'its home is node 0, which reads it')
    t.equal(cluster.fault(1, 'write'), 'GetWrite PageWrite:page')
    t.equal(cluster.release(1), 'Flush FlushAck', 'the first')
    t.equal(cluster.fault(1, 'write'), '')
    t.equal(cluster.release(1), 'Flush FlushAck', 'the second')
    for (let release = 3; release < 6; release++) {
      t.equal(cluster.fault(1, 'write'), '')
      t.equal(cluster.release(1), '')
    }
    t.equal(cluster.fault(0, 'read'), 'GetRead PageRead:page', 'node 0 knows where it is')
  },
)

t.test('budget: lrc: a page that others read goes to its only writer too, and needs no diffs there', async (t) => {
  const cluster = new Cluster('lrc', 4)
  cluster.fault(0, 'read')
  cluster.fault(1, 'write')
  for (const messages of ['Flush Notice NoticeAck FlushAck', 'Flush Notice NoticeAck FlushAck', 'Notice NoticeAck']) {
    cluster.fault(2, 'read')
    cluster.acquire(2)
    cluster.fault(2, 'read')
    cluster.fault(1, 'write')
    t.equal(cluster.release(1), messages)
  }
})

t.test('budget: lrc: at most 64 bytes a touched page on a node, its home here or elsewhere', async (t) => {
  const pages = 100_000
  for (const stride of [1, 3, 10]) {
    const { nodes } = new Cluster('lrc', 1, pages)
    for (let page = 0; page < pages; page += stride) {
      step(nodes[0]!, { is: 'fault', segment: SEGMENT, page, access: 'write' }, [])
    }
    const each = directoryBytes(nodes[0]!) / touchedPages(nodes[0]!)
    t.ok(each <= 64, `every ${stride}. page: ${each.toFixed(1)} bytes`)
  }
})
