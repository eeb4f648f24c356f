/** The little statistics that benchmarks need. */

/** The q-quantile (0 to 1) of unsorted samples, nearest rank. */
export function quantile(samples: readonly number[], q: number): number {
  if (samples.length === 0) throw new RangeError('quantile of nothing')
  const sorted = Float64Array.from(samples).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5)
}

/** The median with the spread around it: what one figure of several rounds is. */
export function spread(samples: readonly number[]): { median: number; min: number; max: number } {
  return { median: median(samples), min: Math.min(...samples), max: Math.max(...samples) }
}
