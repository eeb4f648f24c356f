/** Fetching ahead: what is asked for after which fault, as tables and by counting the faults of real processes. */
import t, { type Test } from 'tap'
import type { Access } from '../../ts/base/ids.js'
import { status } from '../../ts/client/inspect.js'
import { FaultAhead, STREAMS_MAX } from '../../kmod-sim/fault-ahead.js'
import { becomes } from '../support/becomes.js'
import { startCluster } from '../support/cluster.js'
import { Probe } from '../support/probe.js'
import { TRAPPED } from '../support/trap.js'

const P = 4096

/** What is asked for after each fault, as [first, end); '' nothing. L: a fault that needs no other node. */
function asked(faults: string, most = 8): string {
  const ahead = new FaultAhead()
  return faults
    .split(' ')
    .map((fault) => {
      const [, process, access, page, local] = /^([a-v]?)(w?)(\d+)(L?)$/.exec(fault)!
      const kind: Access = access === 'w' ? 'write' : 'read'
      const got = ahead.after(process!.charCodeAt(0) || 0, 1, Number(page), kind, local === '', most)
      return got === undefined ? '-' : `${got.first}..${got.end}`
    })
    .join(' ')
}

t.test('asks for more as faults follow each other, up to the bound, and at each mark', async (t) => {
  t.equal(asked('1 2 3L 7L 15L 23L'), '- 3..7 7..15 15..23 23..31 31..39')
  t.equal(asked('1 2 3 7 15'), '- 3..7 7..15 15..23 23..31', 'marks that have not come yet')
  t.equal(asked('1 2 7'), '- 3..7 8..16', 'the mark was passed by')
  t.equal(asked('1 2 3', 2), '- 3..5 5..7', 'a low bound')
})

t.test('stores: begins with one, and asks for a quarter', async (t) => {
  t.equal(asked('w1 w2 w3L w4L w6L w10L w14L', 16), '- 3..4 4..6 6..10 10..14 14..18 18..22')
  t.equal(asked('w1 w2 w3', 2), '- 3..4 4..5')
})

t.test('asks for nothing where faults do not follow each other, or need no other node', async (t) => {
  t.equal(asked('1 3 5 7'), '- - - -')
  t.equal(asked('4 3 2 1'), '- - - -')
  t.equal(asked('1L 2L 3L'), '- - -')
  t.equal(asked('1 2L'), '- 3..7', 'the mark was here already')
  t.equal(asked('1 2 3', 0), '- - -', '--fetch-ahead 0')
  t.equal(asked('1 w2'), '- -', 'another access')
  t.equal(asked('a1 b2'), '- -', 'another process')
})

t.test('knows several sequences at once, and forgets the one that stands still longest', async (t) => {
  t.equal(asked('1 101 2 102 3 103'), '- - 3..7 103..107 7..15 107..115')
  const others = Array.from({ length: STREAMS_MAX - 1 }, (_, i) => 1000 * (i + 1))
  const after = (more: number[]) =>
    asked(['1', ...others, ...more, '2'].join(' '))
      .split(' ')
      .at(-1)
  t.equal(after([]), '3..7')
  t.equal(after([999_999]), '-')
})

async function twoNodes(t: Test, options: { fetchAhead?: number; memory?: number } = {}) {
  const cluster = await startCluster(t, 2, options)
  const probe = async (node: number) => {
    const started = await Probe.start(cluster.socket(node))
    t.teardown(() => started.kill())
    return started
  }
  const [home, other] = [await probe(0), await probe(1)]
  const faults = () => status(cluster.socket(1)).faults
  const map = (which: Probe, segment: bigint) => which.ok('map', segment, 0, 0, 0)
  return { cluster, home, other, faults, map }
}

const PAGES = 64

/** Reads or writes the pages in that order; gives what was read. */
async function go(probe: Probe, at: bigint, pages: readonly number[], write = false): Promise<number[]> {
  const seen: number[] = []
  for (const page of pages) {
    if (write) await probe.ok('put', at + BigInt(page * P), 1000 + page)
    else seen.push(Number(await probe.ok('get', at + BigInt(page * P))))
  }
  return seen
}

const upward = Array.from({ length: PAGES }, (_, page) => page)
const values = upward.map((page) => 1000 + page)

for (const model of ['mrsw', 'dynamic', 'srsw', 'lrc']) {
  t.test(`${model}: who goes through another node's pages waits for few of them`, async (t) => {
    const { cluster, home, other, faults, map } = await twoNodes(t)
    const segment = await home.ok(
      'createWith',
      'ahead',
      PAGES * P,
      0,
      model === 'dynamic' ? 'manager=dynamic' : `consistency=${model}`,
    )
    await go(home, await map(home, segment), upward, true)
    if (model === 'lrc') await home.ok('release', segment, 0, 0)
    const opened = await other.ok('open', 'ahead', 0)
    const at = await map(other, opened)
    if (model === 'lrc') await other.ok('acquire', opened, 0, 0)
    t.same(await go(other, at, [0, 1]), values.slice(0, 2))
    // The second has asked for four more. A home's master copies, under lrc, are frames, too, and tell nothing.
    if (model !== 'lrc') {
      const frames = () => status(cluster.socket(1)).frameBytes / P
      t.equal(await becomes(6, frames), 6, 'they have come')
      t.same(await go(other, at, [2]), values.slice(2, 3))
      const before = faults().read
      t.same(await go(other, at, [3, 4, 5]), values.slice(3, 6))
      // A process that traps its own faults asks for each page, which has come.
      t.equal(faults().read - before, TRAPPED ? 3 : 0, 'but for the marked one they are mapped')
    }
    t.same(await go(other, at, upward), values)
    const { ahead } = faults()
    t.ok(ahead >= PAGES - 4, `${ahead} of ${PAGES} were fetched ahead`)
  })
}

t.test('the same with stores: each node has them, and nothing is lost', async (t) => {
  const { home, other, faults, map } = await twoNodes(t)
  const segment = await home.ok('create', 'ahead', PAGES * P, 0)
  const seen = await map(home, segment)
  const at = await map(other, await other.ok('open', 'ahead', 0))
  await go(other, at, upward, true)
  const { ahead } = faults()
  t.ok(ahead >= PAGES / 2 - 4, `${ahead} were fetched ahead`)
  t.same(await go(home, seen, upward), values)
})

t.test(
  'pages in another order, --fetch-ahead 0, and the end of a view: nothing is fetched that was not asked for',
  async (t) => {
    const { home, other, faults, map } = await twoNodes(t)
    const at = await map(home, await home.ok('create', 'ahead', PAGES * P, 0))
    await go(home, at, upward, true)
    const segment = await other.ok('open', 'ahead', 0)
    const whole = await map(other, segment)
    t.same(await go(other, whole, [...upward].reverse()), [...values].reverse())
    t.equal(faults().ahead, 0)
    const short = await other.ok('map', segment, 0, 0, 4 * P)
    t.same(await go(other, short, [0, 1, 2, 3]), values.slice(0, 4))

    const none = await twoNodes(t, { fetchAhead: 0 })
    const there = await none.map(none.home, await none.home.ok('create', 'ahead', PAGES * P, 0))
    await go(none.home, there, upward, true)
    const before = none.faults().remote
    t.same(await go(none.other, await none.map(none.other, await none.other.ok('open', 'ahead', 0)), upward), values)
    t.equal(none.faults().ahead, 0)
    t.equal(none.faults().remote - before, PAGES)
  },
)

t.test('memory that is used up stops it: no page has to leave for one that nobody has asked for', async (t) => {
  const { cluster, home, other, faults, map } = await twoNodes(t, { memory: 16 * P })
  const segment = await home.ok('create', 'ahead', 12 * P, 0)
  await go(home, await map(home, segment), upward.slice(0, 12), true)
  const at = await map(other, await other.ok('open', 'ahead', 0))
  t.same(await go(other, at, upward.slice(0, 12)), values.slice(0, 12))
  t.ok(faults().ahead > 0)
  t.equal(status(cluster.socket(1)).refused, 0)
  t.ok(status(cluster.socket(1)).frameBytes <= 16 * P)
})

for (const model of ['srsw', 'mrsw', 'dynamic']) {
  t.test(
    `${model}: processes that go through the same pages and take them from each other: every addition counts`,
    async (t) => {
      const { cluster, home, other, faults, map } = await twoNodes(t)
      const third = await Probe.start(cluster.socket(1))
      t.teardown(() => third.kill())
      const option = model === 'dynamic' ? 'manager=dynamic' : `consistency=${model}`
      const segment = await home.ok('createWith', 'ahead', PAGES * P, 0, option)
      const at = await map(home, segment)
      const others = await Promise.all([other, third].map(async (one) => map(one, await one.ok('open', 'ahead', 0))))
      const sweep = (one: Probe, from: bigint) => one.ok('sweep', from, PAGES, 20)
      await Promise.all([sweep(home, at), sweep(other, others[0]!), sweep(third, others[1]!)])
      t.same(
        await go(home, at, upward),
        upward.map(() => 60),
      )
      t.ok(faults().ahead > 0)
    },
  )
}
