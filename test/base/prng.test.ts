import t from 'tap'
import { Prng } from '../../ts/base/prng.js'

t.test('prng: a seed gives the same numbers always', async (t) => {
  const draw = (seed: number) =>
    Array.from(
      { length: 4 },
      (
        (prng) => () =>
          prng.next()
      )(new Prng(seed)),
    )
  t.strictSame(draw(1), draw(1))
  t.notSame(draw(1), draw(2))
  t.notSame(draw(1), draw(1 + 2 ** 32))
  t.strictSame(draw(42), [2887583565, 2293090523, 2716497665, 1424808046], 'on every machine')
})

t.test('prng: below and chance are about even', async (t) => {
  const prng = new Prng(7)
  const seen = [0, 0, 0, 0, 0]
  for (let i = 0; i < 50_000; i++) seen[prng.below(5)]!++
  for (const count of seen) t.ok(Math.abs(count - 10_000) < 500, `${count}`)
  let hits = 0
  for (let i = 0; i < 10_000; i++) if (prng.chance(0.25)) hits++
  t.ok(Math.abs(hits - 2500) < 250, `${hits}`)
  t.throws(() => prng.pick([]), RangeError)
})
