/** Waiting for what another process will bring about, without sleeping. */

/** Asks `now()` again and again until it gives `wanted`, 20 s at most; gives what it gave last. */
export async function becomes<T>(wanted: T, now: () => T): Promise<T> {
  const end = performance.now() + 20_000
  let last = now()
  while (JSON.stringify(last) !== JSON.stringify(wanted) && performance.now() < end) {
    await new Promise((resolve) => setImmediate(resolve))
    last = now()
  }
  return last
}
