/** `gshm locks`: every lock of the cluster, who holds it and who waits, and whether some wait for each other. */
import { command } from './command.js'
import { deadlocks, lasting, partyText, type Deadlock } from './deadlock.js'
import { CLUSTER_OPTION, localNodes, type ClusterOption } from './local-nodes.js'
import { report, type LockReport, type LocksReport, type Percentiles } from './lock-report.js'
import { counted } from './parse.js'
import { table } from './table.js'

/** Lines for people; --json and --all give every lock. */
const LINES = 40

export const locksCommand = () =>
  command<ClusterOption & { all?: boolean }>(
    'locks',
    'the mutexes of the cluster: who holds them, who waits, deadlocks (docs/JSON.md has the columns)',
    async (say, options) => {
      const { cluster, nodes } = await localNodes(options)
      const { socket } = nodes[0]!
      const { locks } = await import('../client/inspect.js')
      const { found, ...told } = look(() => report(locks(socket)))
      const all = [...told.locks].sort((a, b) => b.waiters.length - a.waiters.length || b.acquisitions - a.acquisitions)
      const shown = options.all === true ? all : all.slice(0, LINES)
      if (all.length === 0) say.print(`nobody has used a lock of cluster '${cluster}'`)
      else say.print(lines(shown))
      if (shown.length < all.length) say.print(`... ${all.length - shown.length} more: --all shows them`)
      for (const { kind, key, waiters } of shown) {
        for (const { waitedUs, ...waiter } of waiters) {
          say.print(`${partyText(waiter)} has waited ${seconds(waitedUs)} for ${kind} ${key}`)
        }
      }
      if (told.untoldLocks > 0) say.print(`${counted(told.untoldLocks, 'lock')} more that are less used`)
      if (told.silent.length > 0) say.print(`no answer from node ${told.silent.join(', ')}`)
      for (const deadlock of found) say.print(text(deadlock))
      const ok = told.silent.length === 0 && !found.some(({ sure }) => sure)
      return { ok, cluster, ...told, locks: all, deadlocks: found }
    },
  )
    .option(...CLUSTER_OPTION)
    .option('-a, --all', `every lock (default: the first ${LINES})`)
    .addHelpText(
      'after',
      `
Waits are those of whoever had to ask its node's daemon. Holds are sampled: of locks that are had without asking,
one in 256. Percentiles are the upper ends of powers of two. A deadlock makes the exit status 1.`,
    )

/** A deadlock is one that is seen twice (deadlock.ts). */
function look(tell: () => LocksReport): LocksReport & { found: Deadlock[] } {
  const first = tell()
  const suspected = deadlocks(first.locks)
  if (suspected.length === 0) return { ...first, found: [] }
  const second = tell()
  return { ...second, found: lasting(suspected, deadlocks(second.locks)) }
}

function lines(shown: readonly LockReport[]): string {
  return table(
    ['lock', 'node', 'holder', 'acquired', 'by word', 'hand-overs', 'waiters', 'wait p50', 'p99', 'hold p50', 'p99'],
    shown.map((lock) => [
      lock.kind === 'name' ? lock.key : `${lock.kind} ${lock.key}`,
      lock.node ?? '-',
      lock.holder === null ? '-' : `${lock.holder.pid}/${lock.holder.async ? 'async ' : ''}${lock.holder.thread}`,
      lock.acquisitions,
      lock.localReacquisitions,
      lock.handOvers,
      lock.waiters.length,
      ...micros(lock.waitUs),
      ...micros(lock.holdUs),
    ]),
  )
}

function micros({ p50, p99 }: Percentiles): string[] {
  return [p50, p99].map((us) => (us === null ? '-' : `${us < 10 ? us.toFixed(2) : Math.round(us)} us`))
}

function seconds(us: number): string {
  return `${(us / 1e6).toFixed(3)} s`
}

function text({ sure, waits }: Deadlock): string {
  const steps = waits.map(
    ({ waiter, kind, key, holder }) => `  ${partyText(waiter)} waits for ${kind} ${key}, held by ${partyText(holder)}`,
  )
  return [sure ? 'DEADLOCK:' : 'POSSIBLE DEADLOCK (asynchronous holders may be different tasks):', ...steps].join('\n')
}
