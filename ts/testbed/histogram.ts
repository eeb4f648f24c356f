/**
 * Latencies as counts: sixteen buckets for each power of two of nanoseconds, so that a percentile is
 * right within 6 % and a worker's million samples are one short list. native/testbed/histogram.h and
 * the workers count in the same buckets.
 */
const SUB_BITS = 4
const SUB = 1 << SUB_BITS

/** [bucket, count] pairs, in any order. */
export type Histogram = readonly (readonly [number, number])[]

/** Whole nanoseconds up to 2^53. */
export function bucketOf(ns: number): number {
  const value = Math.max(ns, SUB)
  const exponent = Math.floor(Math.log2(value))
  const sub = Math.floor(value / 2 ** (exponent - SUB_BITS)) - SUB
  return exponent * SUB + sub
}

/** The middle of the bucket. */
export function nsOf(bucket: number): number {
  const exponent = Math.floor(bucket / SUB)
  return (SUB + (bucket % SUB) + 0.5) * 2 ** (exponent - SUB_BITS)
}

export function merge(histograms: readonly Histogram[]): Map<number, number> {
  const sum = new Map<number, number>()
  for (const [bucket, count] of histograms.flat()) sum.set(bucket, (sum.get(bucket) ?? 0) + count)
  return sum
}

/** Microseconds below which the share `p` (0..1) of the samples lies; 0 when there is none. */
export function percentileUs(counts: ReadonlyMap<number, number>, p: number): number {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  let seen = 0
  for (const [bucket, count] of [...counts].sort(([a], [b]) => a - b)) {
    seen += count
    if (seen >= p * total) return Number((nsOf(bucket) / 1000).toFixed(1))
  }
  return 0
}
