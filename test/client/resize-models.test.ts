/** Segments that grow and shrink on several nodes, in each consistency. */
import t from 'tap'
import { segments } from '../../ts/client/inspect.js'
import type { Probe } from '../support/probe.js'
import { P, page, sharing } from '../support/sharing.js'

const MODELS = ['consistency=srsw', 'consistency=mrsw', 'consistency=mrsw manager=dynamic', 'consistency=lrc']

for (const model of MODELS) {
  t.test(`${model}: grows, shrinks and grows on three nodes; what was beyond is zeros then`, async (t) => {
    const { cluster, probes, at, healthy } = await sharing(t, 3, 4, 16, model)
    const [a, b, c] = probes as [Probe, Probe, Probe]
    for (const [n, p] of probes.entries()) {
      t.equal(await p.ok('size', 0), BigInt(4 * P))
      t.equal(await p.ok('maxSize', 0), BigInt(16 * P))
      t.same(await p.send('get', page(at[n], 4)), { is: 'sigbus' }, 'beyond the end')
      t.same(await p.send('put', page(at[n], 15), 1), { is: 'sigbus' })
      t.same(await p.send('get', page(at[n], 4)), { is: 'sigbus' }, 'and again')
    }
    await b.ok('resize', 0, 12 * P)
    for (const [n, p] of probes.entries()) {
      t.equal(await p.ok('size', 0), BigInt(12 * P))
      for (let i = 4 + n; i < 12; i += 3) await p.ok('put', page(at[n], i), 100 + i)
      t.same(await p.send('get', page(at[n], 12)), { is: 'sigbus' }, 'still beyond')
      await p.ok('release', 0, 0, 0)
    }
    for (const [n, p] of probes.entries()) {
      await p.ok('acquire', 0, 0, 0)
      for (let i = 4; i < 12; i++) t.equal(await p.ok('get', page(at[n], i)), BigInt(100 + i), `page ${i} on ${n}`)
    }
    for (const [n, p] of probes.entries()) await p.ok('put', page(at[n], n), 7 + n)
    await c.ok('resize', 0, 6 * P)
    for (const [n, p] of probes.entries()) {
      t.equal(await p.ok('size', 0), BigInt(6 * P))
      t.same(await p.send('get', page(at[n], 6)), { is: 'sigbus' }, 'beyond the end now')
    }
    await a.ok('resize', 0, 16 * P)
    for (const [n, p] of probes.entries()) {
      await p.ok('acquire', 0, 0, 0)
      for (let i = 6; i < 16; i++) t.equal(await p.ok('get', page(at[n], i)), 0n, `page ${i} on ${n} is zeros`)
      t.equal(await p.ok('get', page(at[n], 5)), 105n, 'what was below the end has stayed')
    }
    healthy()
    t.match(segments(cluster.socket(1)), [{ bytes: 16 * P, maxBytes: 16 * P }])
  })

  t.test(`${model}: threads that go on beyond the end while it grows get there, and lose nothing`, async (t) => {
    const { probes, at, healthy } = await sharing(t, 2, 1, 64, model)
    const insisting = [1, 20, 40, 63].flatMap((i) =>
      probes.map(async (p, n) => p.thread('insist', page(at[n], i) + BigInt(8 * n), 500 + i)),
    )
    for (let pages = 2; pages <= 64; pages++) await probes[pages % 2]!.ok('resize', 0, pages * P)
    for (const one of insisting) t.same(await one, { is: 'ok', text: '0x0' }, 'zeros, then its own')
    for (const p of probes) await p.ok('release', 0, 0, 0)
    for (const [n, p] of probes.entries()) {
      await p.ok('acquire', 0, 0, 0)
      for (const i of [1, 20, 40, 63])
        for (const of of [0, 1]) t.equal(await p.ok('get', page(at[n], i) + BigInt(8 * of)), BigInt(500 + i))
    }
    healthy()
  })

  t.test(`${model}: pages in transit while it shrinks: nobody hangs, is fenced, or sees old bytes`, async (t) => {
    const { probes, at, healthy } = await sharing(t, 3, 8, 8, model)
    for (let round = 1; round <= 8; round++) {
      // Threads of all nodes on the same pages, until those are gone.
      const busy = probes.flatMap((p, n) => [5, 6, 7].map((i) => p.thread('increment', page(at[n], i), 5)))
      await Promise.all(probes.map((p, n) => p.ok('put', page(at[n], n), round)))
      await probes[round % 3]!.ok('resize', 0, 5 * P)
      for (const one of busy) t.same(await one, { is: 'sigbus' })
      await probes[(round + 1) % 3]!.ok('resize', 0, 8 * P)
      for (const [n, p] of probes.entries())
        for (const i of [5, 6, 7]) t.equal(await p.ok('get', page(at[n], i)), 0n, `round ${round} node ${n} page ${i}`)
      await Promise.all(probes.map((p) => p.ok('release', 0, 0, 0)))
      await Promise.all(probes.map((p) => p.ok('acquire', 0, 0, 0)))
    }
    for (const [n, p] of probes.entries()) t.equal(await p.ok('get', page(at[n], n)), 8n)
    healthy()
  })
}
