import t from 'tap'
import { freshRun } from '../../kmod-sim/fresh-run.js'

/** A span of pages 16 to 31. */
const span = (here: number, fresh: (page: number) => boolean = () => true) => ({
  first: 16,
  end: 32,
  writable: (page: number) => page < here,
  fresh: (page: number) => page >= here && fresh(page),
})

t.test('fresh run: as many pages as are here in front, to the span’s end', async (t) => {
  const runs: [number, number][] = []
  for (let page = 16; page < 32; page += runs.at(-1)![1]) runs.push([page, freshRun(page, span(page))])
  t.same(runs, [
    [16, 1],
    [17, 2],
    [19, 4],
    [23, 8],
    [31, 1],
  ])
})

t.test('fresh run: it ends at a page that somebody has touched, and begins at none', async (t) => {
  t.equal(
    freshRun(
      24,
      span(24, (page) => page !== 27),
    ),
    3,
  )
  t.equal(
    freshRun(
      24,
      span(24, (page) => page !== 24),
    ),
    1,
  )
  t.equal(freshRun(25, span(24)), 1, 'the page in front is not here')
})
