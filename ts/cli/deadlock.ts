/**
 * Deadlocks among the cluster's locks: cycles in the graph of who waits for whom (Holt 1972).
 *
 * Nodes tell what is there at different moments, so a cycle may be of what never was at once. One that is
 * found twice, with the same waits, was there in between: who waits cannot give back what it holds.
 *
 * Every asynchronous lock() of a process is a holder of its own, and nobody knows which of them are one task. So they
 * count as one party, and a cycle with one of them is only possible.
 */
import type { LockReport, Party, Waiter } from './lock-report.js'

/** Somebody waits for a lock that somebody else holds. */
export interface Wait {
  readonly waiter: Waiter
  readonly kind: LockReport['kind']
  readonly key: string
  readonly holder: Party
}

export interface Deadlock {
  /** False: some of these are asynchronous, and may be different tasks. */
  readonly sure: boolean
  /** Who holds what one waits for is the next one's waiter; the last's is the first's. */
  readonly waits: readonly Wait[]
}

/** Of each group of parties that wait for each other one cycle at least. */
export function deadlocks(locks: readonly LockReport[]): Deadlock[] {
  const graph = waitsBy(locks)
  const found = new Map<string, Deadlock>()
  const done = new Set<string>()
  for (const start of graph.keys()) {
    const path: { party: string; waits: readonly Wait[]; next: number; taken: Wait | undefined }[] = []
    const onPath = new Map<string, number>()
    const enter = (party: string): void => {
      onPath.set(party, path.length)
      path.push({ party, waits: graph.get(party) ?? [], next: 0, taken: undefined })
    }
    if (!done.has(start)) enter(start)
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const wait = top.waits[top.next++]
      if (wait === undefined) {
        path.pop()
        onPath.delete(top.party)
        done.add(top.party)
        continue
      }
      top.taken = wait
      const party = nameOf(wait.holder)
      const at = onPath.get(party)
      if (at !== undefined)
        add(
          found,
          path.slice(at).map(({ taken }) => taken!),
        )
      else if (!done.has(party)) enter(party)
    }
  }
  return [...found.values()]
}

/** Those of `before` that are there still. */
export function lasting(before: readonly Deadlock[], now: readonly Deadlock[]): Deadlock[] {
  const names = new Set(before.map(({ waits }) => cycleName(waits)))
  return now.filter(({ waits }) => names.has(cycleName(waits)))
}

/** 'process 7 on node 0, thread 8' */
export function partyText({ node, pid, thread, async }: Party): string {
  return `process ${pid} on node ${node}, ${async ? `asynchronous holder ${thread}` : `thread ${thread}`}`
}

function waitsBy(locks: readonly LockReport[]): Map<string, Wait[]> {
  const graph = new Map<string, Wait[]>()
  for (const { kind, key, holder, waiters } of locks) {
    if (holder === null) continue
    for (const waiter of waiters) {
      // Tasks of one process that want the same lock are nothing special.
      if (waiter.async && nameOf(waiter) === nameOf(holder)) continue
      const those = graph.get(nameOf(waiter)) ?? []
      graph.set(nameOf(waiter), [...those, { waiter, kind, key, holder }])
    }
  }
  return graph
}

function add(found: Map<string, Deadlock>, cycle: readonly Wait[]): void {
  const first = cycle.map(waitName).reduce((least, name, at, all) => (name < all[least]! ? at : least), 0)
  const waits = [...cycle.slice(first), ...cycle.slice(0, first)]
  const sure = waits.every(({ waiter }) => !waiter.async)
  found.set(cycleName(waits), { sure, waits })
}

function nameOf({ node, pid, thread, async }: Party): string {
  return `${node}/${pid}/${async ? 'async' : thread}`
}

/** No two waits are called the same: a node never uses a ticket again. */
function waitName({ waiter, kind, key }: Wait): string {
  return `${waiter.node}/${waiter.ticket}/${kind} ${key}`
}

function cycleName(waits: readonly Wait[]): string {
  return waits.map(waitName).join(', ')
}
