/** Random orders at one barrier whose threads may meet directly: up to six nodes, a thread each, most of which stay
 * where they are. */
import { Prng } from '../../ts/base/prng.js'
import { OneBarrier, type Options } from './one-barrier.js'

/** @throws what is wrong */
function walk(seed: number): void {
  const prng = new Prng(seed)
  const warm = [0, 1, 2, 3, 4, 5].slice(prng.below(2), 3 + prng.below(4))
  const isStill = prng.chance(0.5)
  const times = [0, 1, 2, 3, 4, 5]
  const visits = warm.map((node) => times.map(() => (isStill || prng.chance(0.95) ? node : prng.pick(warm))))
  const counts = warm.map(() => times.map(() => warm.length))
  const budget = {
    quits: prng.below(2),
    exits: prng.below(3),
    losses: prng.below(2),
    destroys: prng.below(2),
    evictions: prng.below(2),
    wrecks: prng.below(3),
  }
  const given = Object.fromEntries(Object.entries(budget).filter(([, left]) => left > 0 && prng.chance(0.5)))
  const tries = prng.chance(0.1) ? [prng.below(warm.length)] : []
  const since = prng.pick(['offered', 'standing'] as const)
  const usual: Options = { warm, slow: [1, 4], tries, mortals: [prng.pick(warm)], direct: 1 + prng.below(2), since }
  const it = new OneBarrier(visits, counts, { ...usual, ...given })
  for (;;) {
    it.check()
    const moves = it.moves()
    if (moves.length === 0) break
    prng.pick(moves)()
  }
  it.end()
}

/** Of the walks of seeds 1, 2, ...: the first that goes wrong, and how. */
export function firstFailure(seeds: number): string | undefined {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      walk(seed)
    } catch (error) {
      return `seed ${seed}: ${(error as Error).stack}`
    }
  }
  return undefined
}
