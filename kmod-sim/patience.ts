/**
 * How long the pager waits for a process whose memory it cannot protect (EAGAIN). That ends when the
 * process's own thread has gone on after its event was read, which is up to the scheduler too: on a
 * busy machine a thread of low priority is runnable for seconds and does not run. Such time is not
 * held against its process. What is: the time in which no thread was kept waiting for a processor.
 *
 * The pager waits inside a step, so the event loop stands still, and no ping goes out. So all
 * starvation together may cost STARVED_MS of one turn of the loop: the last ping was at most a second
 * old then, and silence of 4 s is a loss (ts/cluster/heartbeat.ts).
 */
import { readdirSync, readFileSync } from 'node:fs'

export const PROTECT_MS = 100
/** The same for a process that has to do it itself (native/abi/trap.h). */
export const SILENT_MS = 1000
export const STARVED_MS = 2000
/** So long the daemon waits for a process that it has killed. */
export const KILL_MS = 500
/** Between two looks at the threads. A tick, after which the kernel has counted, is 10 ms at most. */
const LOOK_MS = 20

/** By thread: nanoseconds on a processor so far; runnable threads only. */
export type Runnable = ReadonlyMap<string, string>

export class Patience {
  /** Of this turn of the loop. */
  #starvedMs = 0

  constructor(
    private readonly look: (pid: number) => Runnable = runnable,
    private readonly clock = () => performance.now(),
    private readonly afterTurn: (then: () => void) => void = setImmediate,
  ) {}

  /** Begins to wait for the process; the function says whether to go on. */
  with(pid: number, patienceMs = PROTECT_MS): () => boolean {
    let lookedMs = this.clock()
    let before: Runnable | undefined
    let leftMs = patienceMs
    return () => {
      const elapsedMs = this.clock() - lookedMs
      if (elapsedMs < LOOK_MS) return true
      lookedMs += elapsedMs
      const now = this.look(pid)
      if (!isStarved(before, now) || !this.#excuses(elapsedMs)) leftMs -= elapsedMs
      before = now
      return leftMs > 0
    }
  }

  #excuses(ms: number): boolean {
    if (this.#starvedMs === 0) this.afterTurn(() => (this.#starvedMs = 0))
    this.#starvedMs += ms
    return this.#starvedMs <= STARVED_MS
  }
}

/** A thread was runnable at both looks, and has not run in between. */
function isStarved(before: Runnable | undefined, now: Runnable): boolean {
  for (const [thread, ran] of now) if (before?.get(thread) === ran) return true
  return false
}

/** What /proc says; nothing of a process that is gone, or that is not known yet (pid 0). */
function runnable(pid: number): Runnable {
  const found = new Map<string, string>()
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const about = `/proc/${pid}/task/${thread}`
      const stat = readFileSync(`${about}/stat`, 'latin1')
      if (stat[stat.lastIndexOf(')') + 2] !== 'R') continue
      found.set(thread, readFileSync(`${about}/schedstat`, 'latin1').split(' ')[0]!)
    }
  } catch {
    // A thread has ended meanwhile: those that were seen before it do.
  }
  return found
}

const PAUSE_MS = 0.1
const PAUSE = new Int32Array(new SharedArrayBuffer(4)) // never changes: waiting on it is a pause

/** Blocks, so that somebody else's thread can go on. */
export function pause(ms: number): void {
  Atomics.wait(PAUSE, 0, 0, ms)
}

/** Blocks until it is so, or that many milliseconds have passed. */
export function waitUntil(isSo: () => boolean, atMostMs: number): void {
  const end = performance.now() + atMostMs
  while (!isSo() && performance.now() < end) pause(PAUSE_MS)
}
