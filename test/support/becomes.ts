/** Waiting for what another process will bring about, without sleeping. */
import { locks } from '../../ts/client/inspect.js'
import { report } from '../../ts/cli/lock-report.js'

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

/** Waits until so many wait for locks, in all of the node's cluster. */
export async function lockWaiters(socket: string, wanted: number): Promise<void> {
  const now = () => report(locks(socket)).locks.reduce((sum, { waiters }) => sum + waiters.length, 0)
  const seen = await becomes(wanted, now)
  if (seen !== wanted) throw new Error(`${seen} wait for locks, not ${wanted}`)
}
